#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mkfs.daxfuse: what it makes, and that everybody can mount it.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs

field() {
	dumpe2fs -h "$img" 2>/dev/null | sed -n "s/^$1: *//p"
}

make_tmp
img=$tmp/image
out=$("$MKFS" "$img" 256M 2>&1) || fail "status $?: $out"
must_say 'mke2fs -F -t ext2 -b 4096 -I 256 -m 1 -e remount-ro -E nodiscard'
must_be "$(stat -c %s "$img")" 268435456
[ $(($(stat -c %b "$img") * 512)) -ge 268435456 ] || fail "not allocated"
check_image
must_be "$(field 'Block size')" 4096
must_be "$(field 'Inode size' | tr -d '[:space:]')" 256
must_be "$(field 'Errors behavior')" 'Remount read-only'
must_be "$(field 'Filesystem state')" clean
must_be "$(field 'Reserved block count')" 655
case " $(field 'Filesystem features') " in
*has_journal*|*extent*|*flex_bg*) fail "features: $(field 'Filesystem features')" ;;
esac

# Of the aligned pieces of 2 MiB nearly all are free, for data.
left=$(dumpe2fs "$img" 2>/dev/null | sed -n 's/^  Free blocks: //p' |
	tr ',' '\n' | awk -F- 'NF == 2 {
		first = int(($1 + 511) / 512); last = int(($2 + 1) / 512)
		if (last > first) n += last - first
	} END { print n + 0 }')
[ "$left" -ge $((128 * 9 / 10)) ] || fail "only $left of 128 pieces of 2 MiB"

# The log is there, and used as it is.
must_be "$(debugfs -R 'stat <5>' "$img" 2>/dev/null |
	sed -n 's/.*User:.*Size: //p')" 524288
mount_image 2>"$tmp/said"
! grep -q 'redo log' "$tmp/said" || fail "a log again: $(cat "$tmp/said")"
must cp "$DAXFUSE" "$mnt/program"
must_be "$(stat -c '%u %a' "$mnt")" '0 755'
unmount_image
check_image

# The kernel's own driver mounts it.
if [ -e /dev/loop-control ]; then
	must mkdir "$tmp/loop"
	must mount -t ext2 -o loop "$img" "$tmp/loop"
	defer eval "umount -l '$tmp/loop' 2>/dev/null"
	must cmp "$DAXFUSE" "$tmp/loop/program"
	must umount "$tmp/loop"
	check_image
fi

# Options of mke2fs's, each instead of ours.
must "$MKFS" -q -F -L name -m 0 -b 1024 -E resize=1G "$img" 128M
must_be "$(field 'Filesystem volume name')" name
must_be "$(field 'Reserved block count')" 0
must_be "$(field 'Block size')" 1024
must_be "$(field 'Block count')" 131072
must_be "$(field 'Errors behavior')" 'Remount read-only'
mount_image
unmount_image
check_image
must "$MKFS" -q -F -t ext4 "$img"
case " $(field 'Filesystem features') " in
*has_journal*) fail "a journal" ;;
*extent*) ;;
*) fail "features: $(field 'Filesystem features')" ;;
esac
mount_image
must cp "$DAXFUSE" "$mnt/program"
unmount_image
check_image

# A new file with holes, as large as you like.
must rm "$img"
must "$MKFS" -q --sparse "$img" 1T
must_be "$(stat -c %s "$img")" 1099511627776
allocated=$(($(stat -c %b "$img") * 512))
[ $allocated -lt $((1024 * 1024 * 1024)) ] || fail "allocated $allocated bytes"
mount_image
must cp "$DAXFUSE" "$mnt/program"
unmount_image
must rm "$img"

# Nothing is made of a dry run.
must truncate -s 64M "$img"
must "$MKFS" -n "$img" >/dev/null
must cmp -n 67108864 "$img" /dev/zero
must "$MKFS" -q "$img"
done_ok
