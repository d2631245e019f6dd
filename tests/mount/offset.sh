#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# offset= and sizelimit=, by either name: the filesystem in the middle of a file.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 16M
fs=$img
img=$tmp/disk
must truncate -s 24M "$img"
must dd if="$fs" of="$img" bs=1M seek=4 conv=notrunc,sparse status=none
printf 'front' | must dd of="$img" conv=notrunc status=none
printf 'back' | must dd of="$img" bs=1M seek=20 conv=notrunc status=none

mount_image offset=4m,sizelimit=16m
echo one >"$mnt/file"
unmount_image
mount_image img_offset=4194304,img_size=16384k
must_be "$(cat "$mnt/file")" one
echo two >"$mnt/file"
unmount_image

# what lies around it was not touched
must_be "$(head -c 5 "$img")" front
must_be "$(tail -c +$((20 * 1048576 + 1)) "$img" | head -c 4)" back

must_fail "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
must_fail "$DAXFUSE" "$img" "$mnt" -o offset=4m,sizelimit=8m
must_be "$status" 32
must_fail "$DAXFUSE" "$img" "$mnt" -o offset=25m
must_be "$status" 32

must dd if="$img" of="$fs" bs=1M skip=4 count=16 status=none
check_image "$fs"
must_be "$(debugfs -R 'cat /file' "$fs" 2>/dev/null)" two
img=
done_ok
