#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Flags that libfuse does not know are set on the mount, and are seen there;
# nosymfollow is kept by the kernel, and refused where it cannot be.
. "$(dirname "$0")/functions.sh"
requires root user fuse fusermount3 mke2fs e2fsck

make_tmp
user_fuse
make_image 16M -E root_owner="$user_id:$user_id"
# flags_are OPTIONS WANTED
flags_are() {
	mount_image "$1"
	must_be "$(awk -v m="$mnt" '$5 == m { print $6 }' /proc/self/mountinfo)" \
		"$2" "mounted with $1"
	unmount_image
}
flags_are rw rw,relatime
flags_are relatime,lazytime rw,relatime
flags_are noatime rw,noatime
flags_are strictatime rw
flags_are nodiratime,nodev,nosuid,noexec,ro \
	ro,nosuid,nodev,noexec,nodiratime,relatime
flags_are nosymfollow,noatime,nodev rw,nodev,noatime,nosymfollow
flags_are nosymfollow,symfollow rw,relatime

mount_image nosymfollow
echo x >"$mnt/file"
must ln -s file "$mnt/link"
must_be "$(readlink "$mnt/link")" file
must_fail cat "$mnt/link"
must_say 'symbolic links'
unmount_image

# a user has no such right, but the times are the daemon's
must chown "$user_id" "$img" "$mnt"
must_fail as_user_suid "$DAXFUSE" -o nosymfollow "$img" "$mnt"
must_be "$status" 32
must_say 'option nosymfollow cannot be used: only root can have it set'
! is_mounted || fail "mounted without nosymfollow"
wait_released
must as_user_suid "$DAXFUSE" -o noatime "$img" "$mnt"
must as_user touch "$mnt/new"
must as_user_suid fusermount3 -u "$mnt"
wait_released
done_ok
