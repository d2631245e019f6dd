#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A plain user mounts a read-only image of root with ro; without ro the error
# says that.
. "$(dirname "$0")/functions.sh"
requires root user fuse fusermount3 mke2fs e2fsck

make_tmp
user_fuse
make_image 16M
mount_image
echo text >"$mnt/file"
must chmod 644 "$mnt/file"
unmount_image
must chmod 444 "$img"
must chown "$user_id" "$mnt"

must_fail as_user_suid "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
must_say '-o ro'
must_fail as_user_suid "$DAXFUSE" "$img" "$mnt" -o allow_other,ro
must_be "$status" 32

must as_user_suid "$DAXFUSE" "$img" "$mnt" -o ro
must_be "$(as_user cat "$mnt/file")" text
must_fail cat "$mnt/file"
must_say 'Permission denied'
grep -q " $mnt fuse.daxfuse ro,nosuid,nodev,.*user_id=$user_id" \
	/proc/self/mounts || fail "$(grep daxfuse /proc/self/mounts)"
must as_user_suid fusermount3 -u "$mnt"
wait_released
done_ok
