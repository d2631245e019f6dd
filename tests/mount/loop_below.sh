#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A loop device over an image that a daxfuse has is refused, and its partitions,
# with who has it and where; a daxfuse that ends is waited for; the other way
# round the image is refused.
. "$(dirname "$0")/functions.sh"
requires root fuse loop losetup mke2fs e2fsck

make_image 16M
loop=$(losetup -f --show "$img") || skip loop "no loop device to be had"
defer losetup -d "$loop"
must mkdir "$tmp/other"
defer give_up_mount "$tmp/other"

mount_image
for opts in rw ro; do
	must_fail "$DAXFUSE" -o "$opts" "$loop" "$tmp/other"
	must_be "$status" 32
	must_say "$img below $loop is in use by process $(daemon_pid), mounted on $mnt"
done
echo x >"$mnt/file"
must umount "$mnt"
must "$DAXFUSE" "$loop" "$tmp/other"
must_be "$(cat "$tmp/other/file")" x
must_fail "$DAXFUSE" "$img" "$mnt"
must_say "through $loop"
must umount "$tmp/other"
must flock -w 60 "$loop" true

# readers do not mind each other
mount_image ro
must "$DAXFUSE" -o ro "$loop" "$tmp/other"
must_be "$(cat "$tmp/other/file")" x
must umount "$tmp/other"
must flock -w 60 "$loop" true
done_ok
