#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# auto_unmount: a killed daemon leaves no dead mount behind, root's or a
# user's; without it the mount stays.
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

# after_kill RUN... : mounted by RUN, the daemon is killed
after_kill() {
	local pid i
	must "$@" "$img" "$mnt"
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	for ((i = 0; i < 200; i++)); do
		is_mounted || return 0
		[ $# -gt 2 ] || return 0
		sleep 0.05
	done
	fail "still mounted: $*"
}
after_kill "$DAXFUSE" -o auto_unmount
! is_mounted || fail "root's mount is dead and still there"
after_kill as_user_suid "$DAXFUSE" -o auto_unmount
! is_mounted || fail "a user's mount is dead and still there"

# an orderly end is one as always
must "$DAXFUSE" -o auto_unmount "$img" "$mnt"
must touch "$mnt/file"
done_ok
