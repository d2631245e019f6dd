#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A crash leaves an unlinked file of a TiB: the next mount does not wait for its
# blocks to be freed, and they are freed.  The time is printed, not judged.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck python3

for features in uninit_bg extents,flex_bg,metadata_csum; do
	make_image 1100G -b 4096 -m 0 -i 67108864 -E lazy_itable_init=1 \
		-O "$features,^resize_inode"
	mount_image
	free=$(stat -f -c %f "$mnt")
	must "$python" - "$mnt/big" <<'PY'
import os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, 1 << 40)
for i in range(8192):
	os.pwrite(fd, b'x' * 4096, (i << 27) + (i % 7 << 12))
os.close(fd)
PY
	exec 7<"$mnt/big"
	must rm "$mnt/big"
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	exec 7<&-
	must umount -l "$mnt"
	wait_released
	ms=$("$python" -c 'import subprocess, sys, time
t = time.monotonic()
subprocess.check_call(sys.argv[1:])
print(round((time.monotonic() - t) * 1000))' "$DAXFUSE" "$img" "$mnt") ||
		fail "mount after the crash"
	echo "$features: mounted in $ms ms"
	must touch "$mnt/usable"
	must rm "$mnt/usable"
	# the background finishes it
	for _ in $(seq 600); do
		[ "$(stat -f -c %f "$mnt")" = "$free" ] && break
		sleep 0.1
	done
	must_be "$(stat -f -c %f "$mnt")" "$free" "free blocks"
	unmount_image
	must_be "$(e2fsck -fn "$img" 2>/dev/null |
		sed '/^Pass /d;/: .* files .* blocks$/d')" '' e2fsck
done
done_ok
