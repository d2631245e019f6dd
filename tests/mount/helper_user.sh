#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The umount helper, called by a user, unmounts through fusermount3 and waits;
# its own errors have mount(8)'s statuses.
. "$(dirname "$0")/functions.sh"
requires root user fuse fusermount3 mke2fs e2fsck

make_tmp
user_fuse
make_image 16M -E root_owner="$user_id:$user_id"
must chown "$user_id" "$img"
mnt=$tmp/mnt
must mkdir "$mnt"
must chown "$user_id" "$mnt"
defer give_up_mount "$mnt"

must as_user_suid "$DAXFUSE" "$img" "$mnt"
must as_user_suid "$UMOUNT_HELPER" "$mnt"
must flock -n -x "$img" true
! is_mounted || fail "still mounted"

must as_user_suid "$DAXFUSE" "$img" "$mnt"
as_user sh -c "exec 5>$mnt/open; echo \$\$; exec sleep 100" >"$tmp/said" &
until [ -s "$tmp/said" ]; do sleep 0.05; done
busy=$(cat "$tmp/said")
defer kill -KILL "$busy"
must_fail as_user_suid "$UMOUNT_HELPER" "$mnt"
must_be "$status" 32
must_fail "$UMOUNT_HELPER" "$mnt"
must_be "$status" 32
must_say 'busy'
must kill -KILL "$busy"
wait
must as_user_suid "$UMOUNT_HELPER" -v "$mnt/."
must_fail "$UMOUNT_HELPER" "$mnt"
must_be "$status" 32
must_say 'not mounted'
must_fail "$UMOUNT_HELPER"
must_be "$status" 1
done_ok
