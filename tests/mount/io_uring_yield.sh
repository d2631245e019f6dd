#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# io_uring_yield.sh - a worker of a ring that gives way to its client takes nothing
# from a client that computes, and is an ordinary task when nothing is asked.
. "$(dirname "$0")/functions.sh"
requires root fuse python3 chrt
allow_uring Y

nobody_yields() {
	local t
	for t in /proc/"$1"/task/*; do
		chrt -p "${t##*/}" | grep -q 'policy: SCHED_OTHER$' || return 1
	done
}

make_image 32M
mount_image io_uring
pid=$(daemon_pid) || fail "no daemon"
must "$python" "$(dirname "$0")/serve_and_compute.py" "$mnt/f" "$pid"
wait_for nobody_yields "$pid"

# Several at once, and an end in the middle of it.
pids=
for i in 1 2 3 4; do
	"$python" "$(dirname "$0")/serve_and_compute.py" "$mnt/f$i" "$pid" \
		>/dev/null 2>&1 &
	pids="$pids $!"
done
must dd if=/dev/zero of="$mnt/data" bs=4k count=2000 oflag=dsync status=none
kill $pids
wait $pids
unmount_image
done_ok
