#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# io_uring_end.sh - mounts over io_uring that end: by umount, SIGTERM, SIGKILL, a
# connection that is cut; under load, and detached with files open.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

load_pids=

# Names, data, until it fails.
load() {
	local i
	load_pids=
	for i in 1 2 3; do
		while cp "$0" "$mnt/l$i" && mv "$mnt/l$i" "$mnt/m$i" &&
			cat "$mnt/m$i" >/dev/null; do :; done 2>/dev/null &
		load_pids="$load_pids $!"
	done
	wait_for [ -e "$mnt/m3" ]
}
end_load() {
	# shellcheck disable=SC2086
	kill $load_pids 2>/dev/null
	# shellcheck disable=SC2086
	wait $load_pids 2>/dev/null
}

make_image 64M
allow_uring Y

# What returned is there; the next mount repairs.
for i in 1 2 3; do
	mount_image io_uring
	load
	must cp "$0" "$mnt/kept$i"
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	end_load
	must_fail touch "$mnt/late"
	must umount -l "$mnt"
	wait_released
	mount_image io_uring
	must cmp "$0" "$mnt/kept$i"
	unmount_image
	check_image
done

# It dies a moment after its daemon: nobody who mounts at once sees it alive.
must mkdir "$tmp/there"
for i in 1 2 3; do
	mount_image io_uring
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	must "$DAXFUSE" "$img" "$tmp/there"
	must umount -l "$mnt"
	must umount "$tmp/there"
	wait_released
done

# In use: umount fails, and it goes on.
mount_image io_uring
load
must_fail umount "$mnt"
must_say "busy"
must cp "$0" "$mnt/still"
must cmp "$0" "$mnt/still"
# a second SIGTERM detaches it
pid=$(daemon_pid) || fail "no daemon"
exec 5>"$mnt/open"
term_busy "$pid"
wait_gone "$pid"
end_load
exec 5>&-
wait_released
check_image

# Detached: whoever has a file open goes on.
mount_image io_uring
exec 5<>"$mnt/open"
must umount -l "$mnt"
echo text >&5 || fail "write after umount -l"
must_be "$("$python" -c 'import os; print(os.pread(5, 9, 0))')" "b'text\\n'"
exec 5>&-
wait_released
check_image

# Cut by the kernel: all ends, and nothing is asked of us any more.
if [ -d /sys/fs/fuse/connections ]; then
	mountpoint -q /sys/fs/fuse/connections || {
		must mount -t fusectl none /sys/fs/fuse/connections
		defer umount /sys/fs/fuse/connections
	}
	mount_image io_uring
	dev=$(stat -c %d "$mnt/lost+found")
	load
	pid=$(daemon_pid) || fail "no daemon"
	echo 1 >"/sys/fs/fuse/connections/$dev/abort" || fail "abort"
	wait_gone "$pid"
	end_load
	! is_mounted || umount -l "$mnt"
	wait_released
	check_image
fi

# Dirty pages of a shared mapping, and SIGTERM.
mount_image io_uring,writeback
must "$python" - "$mnt/mapped" <<'END'
import mmap, sys
f = open(sys.argv[1], "w+b")
f.truncate(3 << 20)
m = mmap.mmap(f.fileno(), 3 << 20)
for i in range(0, 3 << 20, 4096):
    m[i:i + 4] = b"page"
END
pid=$(daemon_pid) || fail "no daemon"
must kill -TERM "$pid"
wait_gone "$pid"
check_image
mount_image
must_be "$(tr -d '\0' <"$mnt/mapped" | wc -c)" 3072 "bytes of the mapping"
done_ok
