#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# -o writeback: the page cache keeps what is written until fsync, close or a
# while later.  Contents, sizes and times are the same, and nothing is lost by
# umount, SIGTERM or a full filesystem.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck chattr

make_image 64M -I 256
mount_image writeback
must dd if=/dev/urandom of="$tmp/src" bs=1M count=8 status=none

must cp -p "$tmp/src" "$mnt/copy"
must cmp "$tmp/src" "$mnt/copy"
must_be "$(stat -c %y "$mnt/copy")" "$(stat -c %y "$tmp/src")" "mtime"
touch -d '2001-02-03 04:05:06.789 UTC' "$mnt/copy"
must "$python" - "$mnt" "$tmp/src" <<'PY'
import ctypes, mmap, os, sys, threading
mnt, src = sys.argv[1], open(sys.argv[2], "rb").read()
# parts of pages, through a descriptor that may not read
path = mnt + "/parts"
fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
os.write(fd, src[:100000])
os.fsync(fd)
os.close(fd)
fd = os.open(path, os.O_WRONLY)
for off in (1, 4095, 50000, 99990):
    os.pwrite(fd, b"#" * 20, off)
assert os.stat(path).st_size == 100010, os.stat(path).st_size
os.close(fd)
want = bytearray(src[:100000] + bytes(10))
for off in (1, 4095, 50000, 99990):
    want[off:off + 20] = b"#" * 20
assert open(path, "rb").read() == bytes(want), "parts"
# appenders, none overwrites another's
path = mnt + "/log"
def append(c):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    for _ in range(500):
        os.write(fd, c * 37)
    os.close(fd)
threads = [threading.Thread(target=append, args=(c,)) for c in (b"a", b"b", b"c")]
for t in threads: t.start()
for t in threads: t.join()
data = open(path, "rb").read()
assert len(data) == 3 * 500 * 37, len(data)
for i in range(0, len(data), 37):
    assert data[i:i + 37] == data[i:i + 1] * 37, i
# a mapping and write(2) see each other; holes; truncation of dirty pages
path = mnt + "/mixed"
fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
os.ftruncate(fd, 1 << 20)
m = mmap.mmap(fd, 1 << 20)
m[5000:5005] = b"pages"
os.pwrite(fd, b"write", 5005)
assert m[5000:5010] == b"pageswrite" and os.pread(fd, 10, 5000) == b"pageswrite"
os.pwrite(fd, src[:300000], 600000)
os.ftruncate(fd, 700001)
os.ftruncate(fd, 800000)
got = os.pread(fd, 800000, 0)
assert got[600000:700001] == src[:100001] and got[700001:] == bytes(99999)
m.close()
os.close(fd)
PY
must_be "$(TZ=UTC stat -c %y "$mnt/copy")" '2001-02-03 04:05:06.789000000 +0000'
unmount_image
check_image
mount_image ro
must cmp "$tmp/src" "$mnt/copy"
must_be "$(TZ=UTC stat -c %y "$mnt/copy")" '2001-02-03 04:05:06.789000000 +0000'
must_be "$(stat -c %s "$mnt/parts" "$mnt/log" "$mnt/mixed" | tr '\n' ' ')" '100010 55500 800000 '
unmount_image

# what is not here yet is data, no hole: cp would leave it out
mount_image writeback
must "$python" - "$mnt/fresh" <<'PY'
import os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR, 0o644)
os.pwrite(fd, b"data", 1 << 20)
assert os.lseek(fd, 0, os.SEEK_DATA) <= 1 << 20
assert os.lseek(fd, 1 << 20, os.SEEK_DATA) == 1 << 20
PY
# what was written before chattr, and its times, are written back after it
for flag in a i; do
	echo old >"$mnt/flag-$flag"
	must "$python" - "$mnt/flag-$flag" $flag <<'PY'
import os, subprocess, sys
path, flag = sys.argv[1:]
fd = os.open(path, os.O_WRONLY | os.O_APPEND)
os.write(fd, b"before\n")
subprocess.run(["chattr", "+" + flag, path], check=True)
if flag == "a":
    os.write(fd, b"after\n")
    os.utime(path)
os.fsync(fd)
os.close(fd)
PY
	must sync -f "$mnt"
	must chattr -$flag "$mnt/flag-$flag"
done
unmount_image
mount_image ro
must_be "$(tr '\n' ' ' <"$mnt/flag-a")" 'old before after '
must_be "$(tr '\n' ' ' <"$mnt/flag-i")" 'old before '
unmount_image

# dirty pages, and SIGTERM or umount; nothing was synced
for how in term umount; do
	mount_image writeback
	must dd if="$tmp/src" of="$mnt/dirty-$how" bs=1M status=none
	if [ $how = term ]; then
		pid=$(daemon_pid) || fail "no daemon"
		must kill -TERM "$pid"
		wait_gone "$pid"
	else
		must umount "$mnt"
	fi
	wait_released
	check_image
	mount_image
	must cmp "$tmp/src" "$mnt/dirty-$how"
	unmount_image
done

# full: writing goes on, the error comes at fsync
mount_image writeback
must_fail dd if=/dev/zero of="$mnt/full" bs=1M count=100 conv=fsync
must_say 'No space left'
must rm "$mnt/full"
must cmp "$tmp/src" "$mnt/copy"
done_ok
