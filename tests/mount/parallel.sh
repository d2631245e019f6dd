#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many at once, with one worker and with many: nothing hangs, nothing is lost.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 128M
for opts in workers=1 workers=2,dax=always workers=16 dirsync,sync; do
	mount_image "$opts"
	pids=
	for i in $(seq 8); do
		(
			d=$mnt/dir$i
			mkdir "$d" || exit 1
			for j in $(seq 30); do
				echo "$i $j" >"$d/f$j" || exit 1
				cp "$0" "$d/c$j" || exit 1
				mv "$d/f$j" "$mnt/m-$i-$j" || exit 1
				ls "$mnt" >/dev/null || exit 1
				cmp "$0" "$d/c$j" || exit 1
				rm "$d/c$j" || exit 1
			done
			rmdir "$d"
		) &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || fail "a process failed, $opts"
	done
	must_be "$(ls "$mnt" | grep -c '^m-')" 240 "files, $opts"
	for i in 1 8; do
		must_be "$(cat "$mnt/m-$i-30")" "$i 30"
	done
	must rm "$mnt"/m-*
	unmount_image
	check_image
done
done_ok
