#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The examples of daxfuse-image(8): dump, restore, resize, move, look inside.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs resize2fs e2image

image() { "$DAXFUSE_IMAGE" "$@"; }

make_tmp
img=$tmp/dev
must "$MKFS" -q "$img" 64M
mount_image
must dd if=/dev/urandom of="$mnt/data" bs=1M count=5 status=none
must cp "$mnt/data" "$tmp/data"

# Look inside while it is mounted.
must_be "$(image -o ro --run "$img" -- debugfs -R 'cat /data' {} 2>/dev/null |
	cmp - "$tmp/data"; echo $?)" 0
image -o ro --run "$img" -- debugfs -R 'stat /data' {} 2>"$tmp/said" |
	grep -q 'Size: 5242880' || fail "stat: $(cat "$tmp/said")"
must_be "$(image -o ro --run "$img" -- dumpe2fs -h {} 2>/dev/null |
	sed -n 's/^Block size: *//p')" 4096
unmount_image

# Dump: a sparse copy, only the blocks in use, a compressed stream.
must image -o ro --run "$img" -- cp --sparse=always {} "$tmp/backup.img"
must cmp "$img" "$tmp/backup.img"
[ "$(stat -c %b "$tmp/backup.img")" -lt $((64 * 2048 / 2)) ] ||
	fail "the copy is not sparse"
must image -o ro --run "$img" -- e2image -ra {} "$tmp/used.img" 2>/dev/null
check_image "$tmp/used.img"
must_be "$(image -o ro --run "$img" -- gzip -c {} | zcat | cmp - "$img"; echo $?)" 0

# Restore.
must dd if=/dev/urandom of="$img" bs=1M count=64 conv=notrunc status=none
must image --run "$img" -- \
	dd if="$tmp/backup.img" of={} bs=4M conv=notrunc,fsync status=none
must cmp "$img" "$tmp/backup.img"
check_image
must image --run "$img" -- \
	dd if="$tmp/used.img" of={} bs=4M conv=notrunc,fsync status=none
mount_image
must cmp "$mnt/data" "$tmp/data"
unmount_image
check_image

# The namespace has grown: check, resize.
must truncate -s 160M "$img"
must "$FSCK" -fp "$img" >/dev/null
must image --run "$img" -- resize2fs {} >/dev/null 2>&1
must_be "$(dumpe2fs -h "$img" 2>/dev/null | sed -n 's/^Block count: *//p')" 40960
check_image
mount_image
must cmp "$mnt/data" "$tmp/data"
[ "$(stat -f -c %b "$mnt")" -gt $((40960 * 8 / 10)) ] || fail "no room"
must cp "$mnt/data" "$mnt/more"
unmount_image

# Smaller, and the device as large as it was.
must "$FSCK" -fp "$img" >/dev/null
must image --run "$img" -- resize2fs {} 100M >/dev/null 2>&1
must_be "$(dumpe2fs -h "$img" 2>/dev/null | sed -n 's/^Block count: *//p')" 25600
must_be "$(stat -c %s "$img")" $((160 * 1024 * 1024))
check_image
mount_image
must cmp "$mnt/data" "$tmp/data"
must cmp "$mnt/more" "$tmp/data"
unmount_image

# An existing ext4 image moves in, grows to the size, and moves out again.
must truncate -s 32M "$tmp/old.img"
must mke2fs -q -F -t ext4 -O ^has_journal -d "$(dirname "$0")" "$tmp/old.img"
must image --run "$img" -- \
	dd if="$tmp/old.img" of={} bs=4M conv=notrunc,fsync status=none
must "$FSCK" -fp "$img" >/dev/null
must image --run "$img" -- resize2fs {} >/dev/null 2>&1
mount_image
must cmp "$mnt/functions.sh" "$(dirname "$0")/functions.sh"
unmount_image
must image -o ro --run "$img" -- e2image -ra {} "$tmp/out.img" 2>/dev/null
check_image "$tmp/out.img"
must_be "$(debugfs -R 'cat /functions.sh' "$tmp/out.img" 2>/dev/null |
	cmp - "$(dirname "$0")/functions.sh"; echo $?)" 0
done_ok
