#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A sparse image of 64 MiB on a tmpfs of 16 MiB: whoever writes gets ENOSPC, the
# daemon lives on, what was written is there, and the filesystem is whole.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck mount namespace

make_tmp
must mkdir "$tmp/small"
must mount -t tmpfs -o size=16m none "$tmp/small"
defer umount -l "$tmp/small"
img=$tmp/small/image
must truncate -s 64M "$img"
must mke2fs -q -F -t ext2 "$img"

for dax in never always; do
	mount_image "dax=$dax"
	pid=$(daemon_pid) || fail "no daemon"
	n=0
	while dd if=/dev/urandom of="$mnt/file$n" bs=64k count=16 \
		status=none 2>"$tmp/dd"; do
		n=$((n + 1))
		[ "$n" -lt 64 ] || fail "64 MiB were written into 16"
	done
	grep -q 'No space left on device' "$tmp/dd" || fail "$(cat "$tmp/dd")"
	must_fail dd if=/dev/urandom of="$mnt/more" bs=1M count=4
	must_say 'No space left'
	[ "$n" -ge 8 ] || fail "full after $n MiB"
	must_be "$(daemon_pid)" "$pid" "the daemon"
	must cat "$mnt"/file* >/dev/null
	unmount_image
	check_image
	mount_image "dax=$dax"
	must rm -f "$mnt"/file* "$mnt/more"
	unmount_image
	check_image
	# give the host its room back
	must fallocate -d "$img"
done

# reading the holes of the image's free space needs no room
mount_image
must dd if=/dev/zero of="$mnt/x" bs=1M count=2 status=none
done_ok
