#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Holes: made by lseek, found by SEEK_DATA and SEEK_HOLE, punched, filled,
# copied by cp --sparse and by copy_file_range.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck fallocate

make_image 64M
for dax in never always; do
	mount_image "dax=$dax"
	must "$python" - "$mnt/sparse" <<'PY'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
M = 1 << 20
os.pwrite(fd, b"a" * 65536, 10 * M)
os.pwrite(fd, b"b", 1000 * M)
os.ftruncate(fd, 2000 * M)
assert os.lseek(fd, 0, os.SEEK_DATA) == 10 * M
assert os.lseek(fd, 10 * M, os.SEEK_HOLE) == 10 * M + 65536
d = os.lseek(fd, 10 * M + 65536, os.SEEK_DATA)
assert d <= 1000 * M and 1000 * M - d < 4096, d
assert os.pread(fd, M, 500 * M) == bytes(M)
assert os.pread(fd, M, 10 * M) == b"a" * 65536 + bytes(M - 65536)
try:
    os.lseek(fd, 1001 * M, os.SEEK_DATA)
    raise SystemExit("data where there is none")
except OSError as e:
    assert e.errno == 6, e
assert os.fstat(fd).st_blocks * 512 < M, os.fstat(fd).st_blocks
os.close(fd)
PY
	must fallocate -p -o 10m -l 32k "$mnt/sparse"
	must "$python" - "$mnt/sparse" "$mnt/copy" <<'PY'
import os, sys
M = 1 << 20
fd = os.open(sys.argv[1], os.O_RDWR)
assert os.pread(fd, 65536, 10 * M) == bytes(32768) + b"a" * 32768
assert os.lseek(fd, 0, os.SEEK_DATA) == 10 * M + 32768
out = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
n = 0
while n < M:
    k = os.copy_file_range(fd, out, M - n, 10 * M + n, n)
    assert k > 0
    n += k
assert os.pread(out, 2 * M, 0) == os.pread(fd, M, 10 * M)
PY
	must cp --sparse=always "$mnt/sparse" "$tmp/sparse"
	must cmp "$mnt/sparse" "$tmp/sparse"
	must fallocate -z -o 0 -l 100k "$mnt/copy"
	must cmp -n 102400 "$mnt/copy" /dev/zero
	must rm "$mnt/sparse" "$mnt/copy"
	unmount_image
	check_image
done
done_ok
