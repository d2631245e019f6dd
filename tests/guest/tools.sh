#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real dax device from blank memory on: mkfs, mount, fsck, and through the raw
# view dump, restore, a kernel loop mount, a look inside while it is mounted.
here=$(dirname "$(realpath "$0")")
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	exec "$here/run-in-guest.sh" -m devdax -s 64 -M loop -d "$here/.." \
		-d "$(dirname "$DAXFUSE")" -d "$(dirname "$MKFS")" "$0" \
		"$(realpath "$DAXFUSE")" "$(dirname "$(realpath "$MKFS")")"
fi
DAXFUSE=$1 MKFS=$2/mkfs.daxfuse FSCK=$2/fsck.daxfuse
DAXFUSE_IMAGE=$2/daxfuse-image
. "$here/../mount/functions.sh"
dev=/dev/dax0.0

make_tmp
image() { "$DAXFUSE_IMAGE" "$@"; }
check_dev() {
	image --run $dev -- "$BASH" -c '. "$1"; check_image "$2"' check \
		"$here/../mount/functions.sh" {} || fail "e2fsck: $?"
}

# Blank: nothing to ask about, and hardly anything to write.
must_fail mke2fs -q -F $dev
must_fail image -o ro --run $dev -- blkid -p {}
out=$("$MKFS" -L dax $dev 2>&1 </dev/null) || fail "status $?: $out"
must_say 'made a redo log'
must_say 'device-dax'
check_dev
must_be "$(image -o ro --run $dev -- blkid -p -o value -s LABEL {})" dax
must_fail "$MKFS" $dev </dev/null
must_say "ext2 data labelled 'dax'"

img=$dev
mount_image
must dd if=/dev/urandom of="$mnt/data" bs=1M count=3 status=none
must cp "$mnt/data" "$tmp/data"
must_fail "$MKFS" -F $dev
must_fail "$FSCK" -p $dev
must_be $status 8
must_fail image --run $dev -- true
must_say 'in use'
must_be "$(image -o ro --run $dev -- debugfs -R 'cat /data' {} 2>/dev/null |
	cmp - "$tmp/data"; echo $?)" 0
must_be "$(image -o ro --run $dev -- true 2>&1 | grep -c warning)" 1

# Killed: fsck finishes what a mount would.
pid=$(daemon_pid) || fail "no daemon"
must kill -KILL "$pid"
wait_gone "$pid"
must umount -l "$mnt"
out=$("$FSCK" -p $dev 2>&1) || fail "status $?: $out"
must_say 'recovered'
must_say 'dax: clean'
check_dev

# Another node of the same device is the same device.
must mknod "$tmp/node" c $(stat -c '0x%t 0x%T' $dev)
mount_image
must_fail image --run "$tmp/node" -- true
must_say 'in use'
unmount_image

# A view that is there for all: size, dump, restore, the kernel's ext2.
view=$tmp/view
must touch "$view"
defer give_up_view "$view"
must image $dev "$view"
size=$(cat /sys/bus/dax/devices/dax0.0/size)
must_be "$(stat -c %s "$view")" "$size"
must cp --sparse=always "$view" "$tmp/backup"
check_image "$tmp/backup"
must_be "$(debugfs -R 'cat /data' "$view" 2>/dev/null |
	cmp - "$tmp/data"; echo $?)" 0
if [ -e /dev/loop-control ]; then
	must mkdir "$tmp/loop"
	must mount -t ext2 -o loop "$view" "$tmp/loop"
	must cmp "$tmp/data" "$tmp/loop/data"
	echo kernel >"$tmp/loop/kernel" || fail "cannot write"
	must umount "$tmp/loop"
fi
must e2fsck -fp "$view" >/dev/null
must umount "$view"
view_is_gone() { image -o ro --run $dev -- true 2>"$tmp/said" && [ ! -s "$tmp/said" ]; }
wait_for view_is_gone
if [ -e /dev/loop-control ]; then
	mount_image
	must_be "$(cat "$mnt/kernel")" kernel
	unmount_image
fi
must image --run $dev -- fallocate -z -l "$size" {}
must_be "$(image -o ro --run $dev -- cmp -n "$size" {} /dev/zero; echo $?)" 0
must image --run $dev -- \
	dd if="$tmp/backup" of={} bs=4M conv=notrunc,fsync status=none
must "$FSCK" -fp $dev >/dev/null
mount_image
must cmp "$tmp/data" "$mnt/data"
unmount_image
check_dev
exit 0
