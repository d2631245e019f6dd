#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An image that was not cleanly unmounted is mounted read-only with one
# sentence; read-write by force, or after e2fsck.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs

make_image 16M
must debugfs -w -R 'set_super_value state 0' "$img" 2>/dev/null
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

is_now() {
	grep -q " $mnt fuse.daxfuse $1," /proc/self/mounts ||
		fail "not $1: $(grep "$mnt" /proc/self/mounts)"
}

out=$("$DAXFUSE" "$img" "$mnt" 2>&1) || fail "status $?: $out"
must_say 'mounted read-only'
must_be "$(printf '%s\n' "$out" | wc -l)" 1 "lines"
is_now ro
unmount_image

mount_image force
is_now rw
must touch "$mnt/file"
unmount_image
# force does not make it clean
out=$("$DAXFUSE" "$img" "$mnt" 2>&1) || fail "status $?: $out"
must_say 'mounted read-only'
unmount_image

e2fsck -fy "$img" >/dev/null 2>&1
out=$("$DAXFUSE" "$img" "$mnt" 2>&1) || fail "status $?: $out"
must_say 'made a redo log of 256 KiB (inode 5)'
must_be "$(printf '%s\n' "$out" | wc -l)" 1 "lines"
is_now rw
unmount_image
out=$("$DAXFUSE" "$img" "$mnt" 2>&1) || fail "status $?: $out"
must_be "$out" ''
done_ok
