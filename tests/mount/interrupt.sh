#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Interrupted while it waits for the image the command ends with status 8 and
# leaves nothing behind; what the system refuses is status 2.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace mke2fs e2fsck

make_image 16M
mount_image
# held by a daemon that has no mount any more, but a file open
exec 5>"$mnt/open"
must umount -l "$mnt"
for sig in INT TERM; do
	for flag in "" -f; do
		# not ignored, as the shell has it for a command behind "&"
		"$python" -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' \
			"$DAXFUSE" "$img" "$mnt" $flag 5>&- 2>"$tmp/said" &
		pid=$!
		for ((i = 0; i < 600; i++)); do
			# it has its signal descriptor and waits in poll
			ls -l "/proc/$pid/fd" 2>/dev/null | grep -q signalfd && break
			sleep 0.02
		done
		must kill -"$sig" "$pid"
		status=0
		wait "$pid" || status=$?
		must_be "$status" 8 "SIG$sig $flag"
		must_be "$(cat "$tmp/said")" "daxfuse: interrupted"
		! is_mounted || fail "mounted"
	done
done
exec 5>&-
wait_released
check_image

# no room for one more descriptor
must_fail sh -c "ulimit -n 4; exec $DAXFUSE $img $mnt"
must_be "$status" 2
must_be "$out" "daxfuse: fork: Too many open files"
done_ok
