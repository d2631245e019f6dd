#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGTERM and SIGINT unmount, write everything back and exit 0.  A mount in use
# refuses the first one and is detached by the second.  None comes too early or
# too often; SIGHUP means nothing in the background.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 64M
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

# Mounted, and past the moment from which on a signal is no interruption (status
# 8): it is confined then.  A build with a sanitizer is not: by its time.
settling=0
is_settled() {
	grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status" ||
		[ $((++settling)) -ge 40 ]
}

# start: in the foreground, as our child, to see its status
start() {
	local i
	"$DAXFUSE" -f "$img" "$mnt" 2>"$tmp/said" &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		is_mounted && is_settled && return 0
		kill -0 "$pid" 2>/dev/null || fail "it ended at once"
		sleep 0.05
	done
	fail "not mounted in time"
}

for sig in TERM INT; do
	start
	must cp "$DAXFUSE" "$mnt/file-$sig"
	must kill -"$sig" "$pid"
	wait "$pid" || fail "status $? after SIG$sig"
	! is_mounted || fail "still mounted after SIG$sig"
	check_image
done

# wait_said TEXT: the daemon says it
wait_said() {
	local i
	for ((i = 0; i < 600; i++)); do
		grep -q -- "$1" "$tmp/said" && return 0
		sleep 0.02
	done
	fail "expected \"$1\" in: $(cat "$tmp/said")"
}

# an open file: the first signal is refused, and it goes on
for sig in TERM INT; do
	start
	exec 5>"$mnt/open"
	echo data >&5
	must kill -"$sig" "$pid"
	wait_said "^daxfuse: $mnt: in use (EBUSY), goes on; a second signal detaches it$"
	is_mounted || fail "SIG$sig unmounted what is in use"
	echo more >&5 || fail "it does not serve any more"
	must_be "$(wc -l <"$mnt/open")" 2
	must kill -"$sig" "$pid"
	wait "$pid" || fail "status $? with an open file"
	exec 5>&-
	! is_mounted || fail "still mounted"
	check_image
done
# in use at the first signal only: the second one finds it idle
start
exec 5<"$mnt/open"
must kill -TERM "$pid"
wait_said 'in use'
exec 5<&-
must kill -TERM "$pid"
wait "$pid" || fail "status $?"
! grep -q detached "$tmp/said" || fail "detached what was idle"
check_image

# dirty pages of a shared mapping are written
start
must dd if=/dev/zero of="$mnt/mapped" bs=64k count=1 status=none
must "$python" - "$mnt/mapped" "$pid" "$tmp/said" <<'PY'
import mmap, os, signal, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 65536)
m[0:5] = b"dirty"
m[60000:60005] = b"pages"
os.kill(int(sys.argv[2]), signal.SIGTERM)
while "in use" not in open(sys.argv[3]).read():
    time.sleep(0.02)
os.kill(int(sys.argv[2]), signal.SIGTERM)
while True:
    try:
        os.stat(sys.argv[1])
    except OSError:
        break
PY
wait "$pid" || fail "status $? with a dirty mapping"
check_image

# a storm of signals while it flushes
start
must dd if=/dev/urandom of="$mnt/big" bs=1M count=16 status=none
while kill -TERM "$pid" 2>/dev/null; do :; done
wait "$pid" || fail "status $? in a storm of signals"
check_image

# three of them 50 ms apart; umount and then one
start
must dd if=/dev/urandom of="$mnt/big" bs=1M count=16 conv=notrunc status=none
kill -TERM "$pid"; sleep 0.05; kill -TERM "$pid" 2>/dev/null
sleep 0.05; kill -TERM "$pid" 2>/dev/null
wait "$pid" || fail "status $? after three signals"
check_image
start
must dd if=/dev/urandom of="$mnt/big" bs=1M count=16 conv=notrunc status=none
must umount "$mnt"
kill -TERM "$pid" 2>/dev/null
wait "$pid" || fail "status $? after umount and a signal"
check_image

# the terminal goes away: a daemon does not mind, a program in front of it does
mount_image
pid=$(daemon_pid) || fail "no daemon"
must kill -HUP "$pid"
must kill -HUP "$pid"
must touch "$mnt/after"
must [ "$(daemon_pid)" = "$pid" ]
is_mounted || fail "SIGHUP unmounted it"
unmount_image
start
must kill -HUP "$pid"
wait "$pid" || fail "status $? after SIGHUP"
check_image

mount_image
must_be "$(head -n 1 "$mnt/open")" data
must_be "$(head -c 5 "$mnt/mapped")" dirty
must_be "$(tail -c +60001 "$mnt/mapped" | head -c 5)" pages
must cmp "$DAXFUSE" "$mnt/file-TERM"
must cmp "$DAXFUSE" "$mnt/file-INT"
done_ok
