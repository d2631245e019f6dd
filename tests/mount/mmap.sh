#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared and private mappings, with the page cache and without it.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 32M
for dax in never always; do
	mount_image "dax=$dax"
	out=$("$python" - "$mnt/file" "$dax" <<'PY' 2>&1
import mmap, os, sys
path, dax = sys.argv[1:3]
fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
os.write(fd, b"x" * 100000)
p = mmap.mmap(fd, 100000, flags=mmap.MAP_PRIVATE)
p[0:7] = b"private"
assert os.pread(fd, 7, 0) == b"x" * 7
try:
    m = mmap.mmap(fd, 100000)
except OSError as e:
    if dax == "always" and e.errno == 19:
        print("skip: the kernel maps no files opened for direct I/O")
        sys.exit(0)
    raise
assert m[99990:100000] == b"x" * 10
m[50000:50006] = b"shared"
m.flush()
assert os.pread(fd, 6, 50000) == b"shared"
os.pwrite(fd, b"written", 70000)
m2 = mmap.mmap(fd, 100000)
assert m2[70000:70007] == b"written"
m[10:14] = b"late"
m.close()
os.close(fd)
PY
	) || fail "dax=$dax: $out"
	unmount_image
	mount_image
	case $out in
	skip*)	echo "$out" ;;
	*)	must_be "$(head -c 50006 "$mnt/file" | tail -c 6)" shared
		must_be "$(head -c 14 "$mnt/file" | tail -c 4)" late ;;
	esac
	unmount_image
done
done_ok
