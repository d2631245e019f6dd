#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGTERM and SIGINT unmount, write everything back and exit 0; also when files
# are open, and when the signal comes again and again.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 64M
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

# start: in the foreground, as our child, to see its status
start() {
	local i
	"$DAXFUSE" -f "$img" "$mnt" &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		is_mounted && return 0
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

# an open file and a directory somebody is in
start
exec 5>"$mnt/open"
echo data >&5
must kill -TERM "$pid"
wait "$pid" || fail "status $? with an open file"
exec 5>&-
! is_mounted || fail "still mounted"
check_image

# dirty pages of a shared mapping are written
start
must dd if=/dev/zero of="$mnt/mapped" bs=64k count=1 status=none
must "$python" - "$mnt/mapped" "$pid" <<'PY'
import mmap, os, signal, sys
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 65536)
m[0:5] = b"dirty"
m[60000:60005] = b"pages"
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

mount_image
must_be "$(cat "$mnt/open")" data
must_be "$(head -c 5 "$mnt/mapped")" dirty
must_be "$(tail -c +60001 "$mnt/mapped" | head -c 5)" pages
must cmp "$DAXFUSE" "$mnt/file-TERM"
must cmp "$DAXFUSE" "$mnt/file-INT"
done_ok
