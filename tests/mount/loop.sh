#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mount -o offset= makes a loop device, which is mounted as a block device and
# gone after umount; img_offset= reaches the program.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace loop mke2fs e2fsck mount umount losetup

make_image 16M
fs=$img
img=$tmp/disk
must truncate -s 24M "$img"
must dd if="$fs" of="$img" bs=1M seek=4 conv=notrunc,sparse status=none
helpers_in_sbin
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

out=$(mount -t fuse.daxfuse -o offset=4m "$img" "$mnt" 2>&1) || {
	losetup -f >/dev/null 2>&1 || skip loop "no free loop device: $out"
	fail "status $?: $out"
}
dev=$(awk -v m="$mnt" '$2 == m { print $1 }' /proc/self/mounts)
case $dev in
/dev/loop*) ;;
*)	fail "the source is $dev" ;;
esac
echo one >"$mnt/file"
# a block device is refused to others by the kernel
must mkdir "$tmp/second"
must_fail mount -t ext2 "$dev" "$tmp/second"
must umount "$mnt"
# the daemon is done when the device has no user
for _ in $(seq 100); do
	[ -n "$(losetup -j "$img")" ] || break
	sleep 0.05
done
must_be "$(losetup -j "$img")" '' "loop devices left"

must mount -t fuse.daxfuse -o img_offset=4m,img_size=16m "$img" "$mnt"
must_be "$(awk -v m="$mnt" '$2 == m { print $1 }' /proc/self/mounts)" "$img"
must_be "$(cat "$mnt/file")" one
must umount "$mnt"
wait_released
must dd if="$img" of="$fs" bs=1M skip=4 count=16 status=none
check_image "$fs"
img=
done_ok
