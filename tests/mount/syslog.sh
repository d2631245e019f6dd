#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# syslog.sh - in the background messages go to the system's log, with priorities,
# also after the log daemon was started again, and name no file of the filesystem;
# debugging messages by part of the program.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace

# A /dev of this test's own, since there may be no log here; what hides /dev/shm.
export DAXFUSE_TMPDIR=${TMPDIR:-/tmp}
make_image 32M
dev=$tmp/dev
must mkdir "$dev"
must mount -t tmpfs -o mode=755 none "$dev"
for node in 'null 1 3' 'zero 1 5' 'urandom 1 9' 'fuse 10 229'; do
	# shellcheck disable=SC2086
	set -- $node
	must mknod -m 666 "$dev/$1" c "$2" "$3"
done
must mkdir "$dev/shm"
must mount --bind "$dev" /dev
defer umount -l /dev "$dev"

# Write each datagram as a line to $tmp/log.
listen() {
	"$python" - "$tmp/log" <<-'PY' &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("/dev/log")
		out = open(sys.argv[1], "a")
		while True:
		    out.write(s.recv(4096).decode() + "\n")
		    out.flush()
	PY
	listener=$!
	local i
	for ((i = 0; i < 600; i++)); do
		[ ! -S /dev/log ] || return 0
		sleep 0.05
	done
	fail "no listener"
}
wait_log() {
	local i
	for ((i = 0; i < 600; i++)); do
		! grep -qE "$1" "$tmp/log" 2>/dev/null || return 0
		sleep 0.05
	done
	fail "no \"$1\" in the log: $(cat "$tmp/log")"
}
stop_listening() {
	kill "$listener"
	wait "$listener" 2>/dev/null
	rm -f /dev/log
}
defer stop_listening

listen
mount_image
pid=$(daemon_pid) || fail "no daemon"
must touch "$mnt/secretname"
must kill -USR1 "$pid"
# facility daemon (3), severity info (6); the time; name and pid
wait_log "^<30>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} daxfuse\[$pid\]: stat: .* transactions"
exec 3>"$mnt/secretname"
must kill -TERM "$pid"
wait_log "^<28>.* daxfuse\[$pid\]: .*in use"
exec 3>&-

# Nobody listens for a while: nothing waits for that.
stop_listening
must kill -USR1 "$pid"
must touch "$mnt/secretname2"
: >"$tmp/log"
listen
must kill -USR1 "$pid"
wait_log 'stat: .* transactions'
must cat "$tmp/log" >>"$tmp/all"
! grep -q secret "$tmp/log" || fail "a name in the log: $(cat "$tmp/log")"
unmount_image

# By part of the program, in the foreground.
must_fail "$DAXFUSE" -o debug_modules=txn:nonsense "$img" "$mnt"
must_say "debug_modules=txn:nonsense"
"$DAXFUSE" -f -o debug_modules=daemon "$img" "$mnt" 2>"$tmp/err" &
wait_mounted() {
	local i
	for ((i = 0; i < 600; i++)); do
		! is_mounted || return 0
		sleep 0.05
	done
	fail "not mounted: $(cat "$tmp/err")"
}
wait_mounted
must umount "$mnt"
wait $!
grep -q 'capabilities' "$tmp/err" || fail "no message of the daemon: $(cat "$tmp/err")"
! grep -q 'unique:' "$tmp/err" || fail "requests are logged: $(cat "$tmp/err")"
"$DAXFUSE" -f -o debug_modules=txn "$img" "$mnt" 2>"$tmp/err" &
wait_mounted
must umount "$mnt"
wait $!
! grep -q 'capabilities' "$tmp/err" || fail "a message of another part: $(cat "$tmp/err")"

# In a service's foreground, the journal is told the priorities.
: >"$tmp/err"
JOURNAL_STREAM=$(stat -c %d:%i "$tmp/err") "$DAXFUSE" -f -o debug_modules=daemon \
	"$img" "$mnt" 2>>"$tmp/err" &
wait_mounted
must umount "$mnt"
wait $!
grep -q '^<7>.*capabilities' "$tmp/err" || fail "no priority: $(cat "$tmp/err")"
done_ok
