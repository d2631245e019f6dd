#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real dax device: no read, no write, only a mapping of whole 2 MiB pages.
# Mounted, written, mounted again; e2fsck has a look at a copy.
here=$(dirname "$(realpath "$0")")
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	exec "$here/run-in-guest.sh" -m devdax -d "$here/.." \
		-d "$(dirname "$DAXFUSE")" -d "$TEST_POISON_DIR" "$0" \
		"$(realpath "$DAXFUSE")" "$TEST_POISON_DIR"
fi
DAXFUSE=$1
. "$here/../mount/functions.sh"
dev=/dev/dax0.0

[ -c $dev ] || fail "no $dev: $(ls /sys/bus/nd/devices /sys/bus/dax/devices)"
must_fail mke2fs -q -F $dev
make_image 64M -b 4096
must "$here/daxcopy.py" in "$img" $dev >"$tmp/size"
[ "$(cat "$tmp/size")" -ge 67108864 ] || fail "small: $(cat "$tmp/size")"
copy=$img img=$dev

mount_image sizelimit=64m
must dd if=/dev/urandom of="$tmp/data" bs=1M count=3 status=none
must cp "$tmp/data" "$mnt/file"
must mkdir "$mnt/dir"
for i in 1 2 3 4 5; do echo "$i" >"$mnt/dir/$i"; done
must mv "$mnt/dir/3" "$mnt/three"
must dd if="$tmp/data" of="$mnt/dir/1" bs=4096 count=1 conv=fsync status=none
must cmp "$tmp/data" "$mnt/file"
must truncate -s 1000000 "$mnt/file"
must_fail "$DAXFUSE" $dev "$tmp"
must_say 'in use'
unmount_image

mount_image ro
must cmp -n 1000000 "$tmp/data" "$mnt/file"
must cmp -n 4096 "$tmp/data" "$mnt/dir/1"
must_be "$(cat "$mnt/three" "$mnt/dir/5")" "3
5"
must_fail touch "$mnt/new"
unmount_image
must "$here/daxcopy.py" out $dev "$copy" 67108864
img=$copy
check_image

# Real poison, which a machine has to be thrown away for.
DAXFUSE_TEST_POISON=1 must "$2/test_poison"
exit 0
