#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A killed daemon loses no data of writes that returned.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck sha256sum

make_image 64M
mount_image
for i in $(seq 40); do
	head -c $((i * 7919)) /dev/urandom >"$mnt/f$i" || fail "write $i"
done
must mkdir "$mnt/sub"
must mv "$mnt"/f1? "$mnt/sub"
must ln -s target "$mnt/sub/link"
(cd "$mnt" && find . -type f | sort | xargs sha256sum) >"$tmp/sums"
must_be "$(wc -l <"$tmp/sums")" 40
pid=$(daemon_pid) || fail "no daemon"
must kill -KILL "$pid"
wait_gone "$pid"
must_fail ls "$mnt"
must umount -l "$mnt"
wait_released

# it is not clean: read-only without e2fsck, with all the data
out=$("$DAXFUSE" "$img" "$mnt" 2>&1) || fail "status $?: $out"
must_say 'mounted read-only'
grep -q " $mnt fuse.daxfuse ro" /proc/self/mounts || fail "not mounted read-only"
(cd "$mnt" && must sha256sum --quiet -c "$tmp/sums") || exit 1
unmount_image

e2fsck -fy "$img" >"$tmp/e2fsck" 2>&1
[ $? -le 1 ] || fail "e2fsck -fy: $(cat "$tmp/e2fsck")"
mount_image
(cd "$mnt" && must sha256sum --quiet -c "$tmp/sums") || exit 1
must_be "$(readlink "$mnt/sub/link")" target
must_be "$(ls "$mnt/lost+found")" ''
done_ok
