#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mounted image is refused to a second writer, to e2fsck and to mke2fs.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 32M
mount_image
must mkdir "$tmp/second"
must_fail "$DAXFUSE" "$img" "$tmp/second"
must_be "$status" 32
must_say 'in use'
must_fail "$DAXFUSE" "$img" "$tmp/second" -o ro
must_be "$status" 32
must ln -s image "$tmp/link"
must_fail "$DAXFUSE" "$tmp/link" "$tmp/second"
must_be "$status" 32
# the mount's source is the real path, by which other tools know
grep -q "^$img $mnt fuse.daxfuse rw" /proc/self/mounts ||
	fail "$(grep daxfuse /proc/self/mounts)"
must_fail e2fsck -fy "$img"
must_say 'is mounted'
must_fail mke2fs -q -t ext2 "$img"
must_say 'is mounted'
unmount_image

# readers share
mount_image ro
must "$DAXFUSE" "$tmp/link" "$tmp/second" -o ro
defer give_up_mount "$tmp/second"
must ls "$tmp/second/lost+found"
must mkdir "$tmp/third"
must_fail "$DAXFUSE" "$img" "$tmp/third"
must_be "$status" 32
must umount "$tmp/second"
done_ok
