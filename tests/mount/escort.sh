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

# One request after the other by one client, which computes then without asking
# for anything: what the daemon uses meanwhile is counted, and is next to nothing.
serve_and_compute() {
	"$python" - "$mnt/f" "$1" <<'PY'
import glob, os, sys, time
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
def daemon():
    return sum(int(open(f).read().split()[0])
               for f in glob.glob("/proc/%s/task/*/schedstat" % sys.argv[2]))
for turn in range(2):
    for i in range(3000):
        os.pwrite(fd, b"x" * 100, i)
        os.fsync(fd)
    before, start = daemon(), time.thread_time_ns()
    while time.thread_time_ns() - start < 100000000:
        pass
    used = daemon() - before
    if used > 15000000:
        sys.exit("the daemon used %d ms while its client computed 100 ms" %
                 (used / 1000000))
PY
}

write_many() {
	"$python" -c '
import os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
for i in range(10000):
    os.pwrite(fd, b"x" * 100, i)' "$1"
}

make_image 32M
mount_image workers=2
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
mount_image workers=2
write_many "$mnt/c1"
done_ok
