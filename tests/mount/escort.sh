#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# escort.sh - a worker that follows its client to the client's CPU takes none from
# a client that computes, is itself again when nothing is asked of it, and never
# uses a CPU that it was not given.
. "$(dirname "$0")/functions.sh"
requires root fuse python3 taskset chrt

# No thread of process $1 yields, or runs on other CPUs than those of mask $2.
is_itself() {
	local t
	for t in /proc/"$1"/task/*; do
		chrt -p "${t##*/}" | grep -q 'policy: SCHED_OTHER$' || return 1
		[ "$(taskset -p "${t##*/}" | sed 's/.*: //')" = "$2" ] || return 1
	done
}

mask_of() {
	taskset -p "$1" | sed 's/.*: //'
}

serve_and_compute() {
	"$python" "$(dirname "$0")/serve_and_compute.py" "$mnt/f" "$1"
}

write_many() {
	"$python" -c '
import os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
for i in range(10000):
    os.pwrite(fd, b"x" * 100, i)' "$1"
}

make_image 32M
mount_image workers=2,no_io_uring
pid=$(daemon_pid) || fail "no daemon"
mask=$(mask_of "$pid")

must serve_and_compute "$pid"
wait_for is_itself "$pid" "$mask"

# Two clients at once, and others that come and go: all get on.
write_many "$mnt/c1" &
one=$!
write_many "$mnt/c2" &
two=$!
while kill -0 "$one" 2>/dev/null; do
	must ls -l "$mnt" >/dev/null
done
must wait "$one"
must wait "$two"
must_be "$(stat -c %s "$mnt/c1" "$mnt/c2" | sort -u)" 10099
wait_for is_itself "$pid" "$mask"

# It is given one CPU meanwhile: it stays there.
for t in /proc/"$pid"/task/*; do
	must taskset -p 1 "${t##*/}" >/dev/null
done
must serve_and_compute "$pid"
wait_for is_itself "$pid" "$(mask_of "$pid")"
must_be "$((0x$(mask_of "$pid")))" 1
unmount_image

# And an unmount while it escorts.
mount_image workers=2,no_io_uring
write_many "$mnt/c1"
done_ok
