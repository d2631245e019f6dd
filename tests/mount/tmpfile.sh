#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# O_TMPFILE: unnamed files that vanish, or are linked into place.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 16M
mount_image
before=$(stat -f -c '%f %d' "$mnt")
out=$("$python" - "$mnt" <<'PY' 2>&1
import os, sys
d = sys.argv[1]
os.umask(0o027)
try:
    fd = os.open(d, os.O_TMPFILE | os.O_RDWR, 0o666)
except OSError as e:
    if e.errno == 95:
        print("skip: the kernel has no O_TMPFILE on FUSE")
        sys.exit(0)
    raise
assert os.fstat(fd).st_nlink == 0
assert os.fstat(fd).st_mode & 0o7777 == 0o640, oct(os.fstat(fd).st_mode)
os.write(fd, b"x" * 100000)
assert os.pread(fd, 10, 99990) == b"x" * 10
assert os.listdir(d) == ["lost+found"], os.listdir(d)
other = os.open(d, os.O_TMPFILE | os.O_WRONLY | os.O_EXCL, 0o600)
os.write(other, b"never seen")
os.link("/proc/self/fd/%d" % fd, d + "/named", src_dir_fd=other)
assert os.fstat(fd).st_nlink == 1
assert os.stat(d + "/named").st_size == 100000
os.close(fd)
os.close(other)
PY
) || fail "$out"
case $out in
skip*)	skip tmpfile "$out" ;;
esac
must_be "$(wc -c <"$mnt/named")" 100000
must rm "$mnt/named"
# forgetting is asynchronous
for _ in $(seq 100); do
	[ "$(stat -f -c '%f %d' "$mnt")" != "$before" ] || break
	sleep 0.05
done
must_be "$(stat -f -c '%f %d' "$mnt")" "$before" "free blocks and inodes"
done_ok
