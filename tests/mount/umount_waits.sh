#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# umount(8) returns when the image is free and clean, not before: by directory
# and by source, with and without options of user space, however it was mounted;
# and leaves no line in its table.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace mke2fs e2fsck mount umount

make_image 64M
helpers_in_sbin
# a table of our own
must mkdir -p /run/mount "$tmp/run"
must mount --bind "$tmp/run" /run/mount
defer umount -l /run/mount
mnt="$tmp/a mount"
must mkdir "$mnt"
defer umount -l "$mnt"

# umount_is_done [ARG...]: what is left to write takes a while
umount_is_done() {
	must dd if=/dev/urandom of="$mnt/data" bs=1M count=24 status=none
	must umount "$@"
	must flock -n -x "$img" true
	must_be "$(od -An -tu2 -j 1082 -N 2 "$img" | tr -d ' ')" 1 "state"
	must_be "$(grep -c . /run/mount/utab)" 0 "lines left in utab"
}

for options in rw durability=fsync,x-test.a=b granularity=page; do
	must mount -t fuse.daxfuse -o "$options" "$img" "$mnt"
	must_be "$(grep -c "TARGET=.*a\\\\040mount" /run/mount/utab)" 1 "$options"
	umount_is_done "$mnt"
	must "$DAXFUSE" -o "$options" "$img" "$mnt"
	umount_is_done "$img"
done
check_image

# after a crash the line is there already, and does for the next mount
must "$DAXFUSE" "$img" "$mnt"
pid=$(daemon_pid) || fail "no daemon"
must kill -KILL "$pid"
wait_gone "$pid"
wait_released
must "$DAXFUSE" "$img" "$mnt"
must_be "$(grep -c . /run/mount/utab)" 1 "lines"
umount_is_done "$mnt"
done_ok
