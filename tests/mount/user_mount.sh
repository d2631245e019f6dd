#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A user mounts their own image, alone; SIGTERM unmounts it cleanly.
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
as_user sh -c "echo mine >$mnt/file" || fail "the user cannot write"
must_be "$(as_user stat -c %u "$mnt/file")" "$user_id"
must_fail ls "$mnt"
pid=$(daemon_pid) || fail "no daemon"

# The daemon is confined as root's is.  Its keeper has no right to begin with, but
# must be able to start fusermount3, which is setuid.
of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
read -r keeper _ <"/proc/$pid/task/$pid/children"
must_be "$(of "$pid" NoNewPrivs) $(of "$pid" Seccomp)" "1 ${WITH_SECCOMP:-2}"
must_be "$(of "$pid" CapEff) $(of "$keeper" CapPrm) $(of "$keeper" CapEff)" \
	"0000000000000000 0000000000000000 0000000000000000"
must_be "$(of "$keeper" Uid | cut -f1-3)" "$user_id	$user_id	$user_id"
must_be "$(of "$keeper" NoNewPrivs)" 0 "fusermount3 could not unmount"
must_be "$(sed -n 's/^Max core file size *\([0-9]*\) .*/\1/p' "/proc/$keeper/limits")" 0
must_be "$(stat -c %u "/proc/$keeper/mem")" 0 "its user's programs could trace it"
ls -l "/proc/$keeper/fd" | grep -q "$img" && fail "the keeper has the image open"
must kill -TERM "$pid"
wait_gone "$pid"
! is_mounted || fail "still mounted after SIGTERM"
check_image

# in use: the first signal is refused, the next detaches it through fusermount3
must as_user_suid "$DAXFUSE" "$img" "$mnt"
pid=$(daemon_pid) || fail "no daemon"
as_user sh -c "exec 5>$mnt/open; echo x >&5 || exit 1
	while grep -q ' $mnt fuse' /proc/self/mounts; do
		kill -TERM $pid; sleep 0.1
	done" || fail "cannot write"
wait_gone "$pid"
! is_mounted || fail "still mounted after SIGTERM, busy"
check_image

must as_user_suid "$DAXFUSE" "$img" "$mnt"
must_be "$(as_user cat "$mnt/file")" mine
must_be "$(as_user cat "$mnt/open")" x
must as_user_suid fusermount3 -u "$mnt"
wait_released
done_ok
