#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What no lock shows: mounts by the kernel through a loop device, of it or of a
# partition, swap.  A loop device that nobody uses is no obstacle.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace loop mke2fs e2fsck losetup

make_image 16M
mnt=$tmp/mnt
must mkdir "$mnt" "$tmp/kernel"
defer give_up_mount "$mnt"

loop=$(losetup --show -f "$img" 2>&1) || skip loop "no free loop device: $loop"
defer losetup -d "$loop"
mount_image
unmount_image
check_image

mount -t ext2 "$loop" "$tmp/kernel" 2>/dev/null ||
	mount -t ext4 "$loop" "$tmp/kernel" 2>/dev/null ||
	skip ext2 "the kernel has no ext2"
defer umount -l "$tmp/kernel"
must_fail "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
must_be "$out" "daxfuse: $img is in use: mounted on $tmp/kernel through $loop; \`umount $tmp/kernel\` first"
must_fail "$DAXFUSE" "$loop" "$mnt"
must_be "$status" 32
case $out in
"daxfuse: $loop is in use: mounted on $tmp/kernel, type ext"[24]"; \`umount $tmp/kernel\` first") ;;
*)	fail "$out" ;;
esac
# mounted where we do not see it: the kernel knows that somebody has it
must_fail unshare --mount sh -c "umount $tmp/kernel && exec $DAXFUSE $img $mnt"
must_be "$status" 32
must_be "$out" "daxfuse: $img is in use through $loop (\`lsblk $loop\` shows by what)"
must umount "$tmp/kernel"
check_image
mount_image
done_ok
