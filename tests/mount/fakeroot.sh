#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fakeroot: a user does in their image what only root may, and nothing of it
# gives a privilege outside.
. "$(dirname "$0")/functions.sh"
requires root user fuse fusermount3 mke2fs e2fsck

make_tmp
user_fuse
make_image 16M
must chown "$user_id" "$img"
mnt=$tmp/mnt
must mkdir "$mnt"
must chown "$user_id" "$mnt"
defer give_up_mount "$mnt"

# the root directory is root's
must as_user_suid "$DAXFUSE" "$img" "$mnt"
must_fail as_user touch "$mnt/file"
must as_user_suid fusermount3 -u "$mnt"
wait_released

must as_user_suid "$DAXFUSE" -o fakeroot,acl "$img" "$mnt"
must as_user touch "$mnt/file"
must_be "$(as_user stat -c %u "$mnt/file")" "$user_id"
must as_user chmod 4755 "$mnt"
must as_user chown 0:5 "$mnt/file"
must as_user chmod 000 "$mnt/file"
must as_user sh -c "echo secret >$mnt/file"
must_be "$(as_user cat "$mnt/file")" secret
must as_user chmod 2600 "$mnt/file"
must_be "$(as_user stat -c %u:%g:%a "$mnt/file")" 0:5:2600
must as_user rm -rf "$mnt/lost+found"
must as_user mkdir "$mnt/lost+found"
must as_user_suid fusermount3 -u "$mnt"
wait_released

# root's: everybody is root inside, and nothing inside is privileged outside
mount_image fakeroot,suid,dev
grep -q " $mnt fuse.daxfuse rw,nosuid,nodev" /proc/self/mounts ||
	fail "$(grep " $mnt " /proc/self/mounts)"
must as_user sh -c "echo more >>$mnt/file"
must cp /usr/bin/id "$mnt/id"
must as_user chown 0 "$mnt/id"
must as_user chmod 4755 "$mnt/id"
must_be "$(as_user "$mnt/id" -u)" "$user_id" 'id of a setuid program'
done_ok
