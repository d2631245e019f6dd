#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The raw view on a file: bytes in and out, the size fixed, the lock a mount's.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 64M
view=$tmp/view
must touch "$view"
defer give_up_view "$view"
must_fail "$DAXFUSE_IMAGE" "$img" "$tmp/none"
must_say 'touch'
must_fail "$DAXFUSE_IMAGE" "$img" "$tmp"
must_say 'no regular file'
must_fail "$DAXFUSE_IMAGE" -o nonsense "$img" "$view"
must_say 'nonsense'
must "$DAXFUSE_IMAGE" "$img" "$view"
must_be "$(stat -c '%s %a %F' "$view")" "67108864 600 regular file"
must cmp "$img" "$view"
must_fail "$DAXFUSE" "$img" "$tmp"
must_say 'in use'
must_fail "$DAXFUSE_IMAGE" "$img" "$view"
must_say 'in use'
must_fail mke2fs -q -F "$img"

# What is written is in the image: in the middle of words, at the end, over it.
must dd if=/dev/urandom of="$tmp/data" bs=1000 count=999 status=none
must dd if="$tmp/data" of="$view" bs=777 seek=31 conv=notrunc,fsync status=none
must cmp -i 0:$((777 * 31)) -n 999000 "$tmp/data" "$img"
must cmp -n $((777 * 31)) "$img" "$view"
must_fail dd if="$tmp/data" of="$view" bs=1M seek=64 count=1 conv=notrunc
must_say 'No space left'
must_be "$(stat -c %s "$view")" 67108864

# A program that cuts a file takes what it then leaves out for zeros.
must_fail truncate -s 0 "$view"
must_say 'not permitted'
must_fail sh -c ": >'$view'"
must_fail cp "$tmp/data" "$view"
must cmp "$img" "$view"

# Zeros by range; a hole only if asked for.
must fallocate -z -o 30000 -l 300000 "$view"
must cmp -n 300000 -i 30000:0 "$view" /dev/zero
must cmp -i 330000:$((330000 - 777 * 31)) -n 600000 "$img" "$tmp/data"
must_fail fallocate -p -o 330000 -l 4096 "$view"
must_say 'unsupported'
must umount "$view"
wait_released
must_be "$(stat -c %s "$view")" 0 "the file below"

must "$DAXFUSE_IMAGE" -o discard "$img" "$view"
must fallocate -p -o 330001 -l 4096 "$view"
must cmp -n 4096 -i 330001:0 "$view" /dev/zero
must cmp -i 334097:$((334097 - 777 * 31)) -n 1000 "$img" "$tmp/data"
must umount "$view"
wait_released

# Of a part, as text and read-only.
must "$DAXFUSE_IMAGE" -o ro,offset=32k,sizelimit=1m "$img" "$view"
must_be "$(stat -c '%s %a' "$view")" "1048576 400"
must cmp -i 32768:0 -n 1048576 "$img" "$view"
must_fail dd if=/dev/zero of="$view" bs=1 count=1 conv=notrunc
must_say 'Read-only'
must umount "$view"
wait_released

# SIGTERM takes the view away, from nobody who has it open.
"$DAXFUSE_IMAGE" -f "$img" "$view" &
pid=$!
wait_view "$view"
exec 5<>"$view"
must kill -TERM "$pid"
wait_no_view "$view"
must_be "$(dd bs=1 skip=1080 count=2 status=none <&5 | od -An -tx1)" " 53 ef"
exec 5>&-
must wait "$pid"

# Tools that know nothing of it.
must "$DAXFUSE_IMAGE" "$img" "$view"
must mke2fs -q -F -t ext2 -b 4096 "$view"
check_image "$view"
must tune2fs -L shown "$view" >/dev/null
must_be "$(dumpe2fs -h "$view" 2>/dev/null | sed -n 's/.*volume name: *//p')" shown
if [ -e /dev/loop-control ]; then
	must mkdir "$tmp/loop"
	must mount -t ext2 -o loop "$view" "$tmp/loop"
	defer eval "umount -l '$tmp/loop' 2>/dev/null"
	must cp "$tmp/data" "$tmp/loop/data"
	must umount "$tmp/loop"
	must_be "$(debugfs -R 'stat /data' "$view" 2>/dev/null |
		sed -n 's/.*User:.*Size: //p')" 999000
fi
must umount "$view"
wait_released
done_ok
