#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# io_uring_yield.sh - a worker of a ring that gives way to its client takes nothing
# from a client that computes, and is an ordinary task when nothing is asked.
. "$(dirname "$0")/functions.sh"
requires root fuse python3 chrt
allow_uring Y

# Those that are not ordinary tasks, of the daemon's own threads: the kernel's
# for io_uring (iou-...) are as who made them was at that moment, and idle.
who_yields() {
	local t
	for t in /proc/"$1"/task/*; do
		case $(cat "$t/comm" 2>&1) in
		iou-*) continue ;;
		esac
		echo "${t##*/} $(cat "$t/comm" 2>&1)" \
			"$(chrt -p "${t##*/}" 2>&1 | head -n 1)"
	done | grep -v 'policy: SCHED_OTHER$'
}
nobody_yields() {
	[ -z "$(who_yields "$1")" ]
}

make_image 32M
mount_image io_uring
pid=$(daemon_pid) || fail "no daemon"
must "$python" "$(dirname "$0")/serve_and_compute.py" "$mnt/f" "$pid"
for i in 1 2 3 4 5 6 7 8 9 10; do
	nobody_yields "$pid" && break
	sleep 1
done
must_be "$(who_yields "$pid")" ""

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
