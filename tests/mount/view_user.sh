#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The raw view for an ordinary user: private in a user namespace, where he is
# who he was, and on a file of his through fusermount3.
. "$(dirname "$0")/functions.sh"
requires root fuse user mke2fs e2fsck fusermount3

make_image 16M
must chown $user_id:$user_id "$img"
user_fuse
as_user unshare --user --mount true 2>/dev/null ||
	skip namespace "users may not make user namespaces"
must_be "$(as_user "$DAXFUSE_IMAGE" --run "$img" -- id -u)" $user_id
must as_user "$DAXFUSE_IMAGE" --run "$img" -- e2fsck -fp {} >/dev/null
must as_user "$DAXFUSE_IMAGE" --run "$img" -- mke2fs -q -F -t ext2 -L mine {}
must_be "$(e2label "$img")" mine
status=0
as_user "$DAXFUSE_IMAGE" --run "$img" -- sh -c 'kill -9 $$' || status=$?
must_be $status 137
must flock -n "$img" true
must_fail grep daxfuse-image /proc/self/mounts

# Others' images stay others'.
must chown root:root "$img"
must chmod 600 "$img"
must_fail as_user "$DAXFUSE_IMAGE" --run "$img" -- cat {}
must_be $status 125
must_say 'Permission denied'
must chown $user_id:$user_id "$img"

view=$tmp/view
must touch "$view"
must chown $user_id:$user_id "$view"
defer give_up_view "$view"
must as_user_suid "$DAXFUSE_IMAGE" "$img" "$view"
must_be "$(as_user dd if="$view" bs=1 skip=1080 count=2 status=none |
	od -An -tx1)" " 53 ef"
must as_user_suid fusermount3 -u "$view"
wait_released
done_ok
