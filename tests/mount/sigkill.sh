#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A killed daemon loses nothing that returned, and the next mount repairs.
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

# the next mount repairs it: read-write, with all that returned
mount_image
grep -q " $mnt fuse.daxfuse rw" /proc/self/mounts || fail "not read-write"
(cd "$mnt" && must sha256sum --quiet -c "$tmp/sums") || exit 1
must_be "$(readlink "$mnt/sub/link")" target
must_be "$(ls "$mnt/lost+found")" ''
done_ok
