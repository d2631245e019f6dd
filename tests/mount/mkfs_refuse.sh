#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What mkfs.daxfuse does not do, says why, and leaves alone.
. "$(dirname "$0")/functions.sh"
requires root fuse user mke2fs e2fsck

make_image 64M
refuses() {
	local said=$1
	shift
	must_fail "$MKFS" "$@" </dev/null
	must_be $status 1
	must_say "$said"
}

# In use: a mount, a view, a loop mount.
mount_image
refuses 'mounted on' -F "$img"
unmount_image
"$DAXFUSE_IMAGE" --run "$img" -- sh -c "cd '$tmp'; touch go
	while [ -e go ]; do sleep 0.02; done" &
pid=$!
wait_for test -e "$tmp/go"
refuses 'in use' -F "$img"
must rm "$tmp/go"
must wait $pid
if [ -e /dev/loop-control ]; then
	must mkdir "$tmp/loop"
	must mount -t ext2 -o loop "$img" "$tmp/loop"
	defer eval "umount -l '$tmp/loop' 2>/dev/null"
	refuses 'mounted on' -F "$img"
	must umount "$tmp/loop"
fi
check_image

# Sizes and options.
refuses 'K, M, G or T' "$tmp/new" 1024
refuses 'K, M, G or T' "$tmp/new" 10X
refuses 'has only' -F "$img" 65M
refuses "cannot open $tmp/new" "$tmp/new"
refuses 'directory' "$tmp"
refuses 'journal' -F -j "$img"
refuses '-S' -F -S "$img"
refuses 'unknown option' -F -Y "$img"
refuses 'name a device'
: >"$tmp/empty"
refuses 'is empty' "$tmp/empty" 64M
refuses 'dax device' -F /dev/null
refuses 'mke2fs failed' -O nonsense "$tmp/new" 64M
[ ! -e "$tmp/new" ] || fail "a file was left"
check_image

# A full host: nothing is left of the file.
must mkdir "$tmp/small"
must mount -t tmpfs -o size=8m none "$tmp/small"
defer umount -l "$tmp/small"
refuses '--sparse' "$tmp/small/new" 64M
[ ! -e "$tmp/small/new" ] || fail "a file was left"

# A user's own: the root directory is his.
user_fuse
must mkdir "$tmp/home"
must chown $user_id:$user_id "$tmp/home"
if as_user unshare --user --mount true 2>/dev/null; then
	must as_user "$MKFS" -q "$tmp/home/image" 32M
	must_be "$(debugfs -R 'stat /' "$tmp/home/image" 2>/dev/null |
		sed -n 's/^User: *\([0-9]*\).*/\1/p')" $user_id
	check_image "$tmp/home/image"
	must_fail as_user "$MKFS" -q -F "$img"
	must_say 'read-only for you'
fi
done_ok
