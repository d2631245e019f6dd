#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An image that is truncated while it is mounted: EIO, never the daemon's death.
# One that is shorter than its superblock says is refused.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 32M
mount_image
must dd if=/dev/urandom of="$mnt/file" bs=1M count=20 status=none
unmount_image
must cp --sparse=always "$img" "$tmp/whole"
must truncate -s 16M "$img"
must_fail "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
must cp --sparse=always "$tmp/whole" "$img"

for opts in dax=never dax=always dax=always,mcsafe ro; do
	mount_image "$opts"
	pid=$(daemon_pid) || fail "no daemon"
	must dd if="$mnt/file" of=/dev/null bs=1M count=1 status=none
	must truncate -s 4M "$img"
	must_fail dd if="$mnt/file" of=/dev/null bs=1M skip=10
	must_say 'Input/output error'
	[ "$opts" = ro ] ||
		must_fail dd if=/dev/zero of="$mnt/file" bs=1M seek=12 count=1 \
			conv=notrunc
	ls -R "$mnt" >/dev/null 2>&1
	stat -f "$mnt" >/dev/null 2>&1
	must_be "$(daemon_pid)" "$pid" "the daemon, $opts"
	must umount "$mnt"
	wait_gone "$pid"
	must cp --sparse=always "$tmp/whole" "$img"
done
done_ok
