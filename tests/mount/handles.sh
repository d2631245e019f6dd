#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# File handles, as NFS servers use them: they open after the kernel forgot the
# inode and after a remount; those of a removed file, and forged ones, are stale.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_tmp
cat >"$tmp/handles.py" <<'PY' || exit 1
import ctypes, errno, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100

class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int),
                ("data", ctypes.c_ubyte * 128)]

def get(path):
    h, m = Handle(bytes=128), ctypes.c_int()
    if libc.name_to_handle_at(AT_FDCWD, path.encode(), ctypes.byref(h),
                              ctypes.byref(m), 0):
        raise OSError(ctypes.get_errno(), "name_to_handle_at")
    return (h.type, bytes(h.data[:h.bytes]))

def open_handle(mnt, h):
    x = Handle(bytes=len(h[1]), type=h[0])
    x.data[:len(h[1])] = h[1]
    d = os.open(mnt, os.O_RDONLY)
    fd = libc.open_by_handle_at(d, ctypes.byref(x), os.O_RDONLY)
    os.close(d)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return fd

mnt, cmd, store = sys.argv[1:4]
if cmd == "get":
    with open(store, "w") as f:
        f.write(repr({n: get(mnt + "/" + n)
                      for n in (".", "file", "dir", "dir/deep", "dir/deep/x")}))
else:
    handles = eval(open(store).read())
    if cmd == "open":
        for name, h in handles.items():
            fd = open_handle(mnt, h)
            want = os.stat(mnt + "/" + name)
            got = os.fstat(fd)
            assert (got.st_ino, got.st_mode) == (want.st_ino, want.st_mode), name
            if name == "file":
                assert os.read(fd, 100) == b"content\n"
            os.close(fd)
    elif cmd == "stale":
        for n in ("file", "dir/deep/x"):
            try:
                open_handle(mnt, handles[n])
                sys.exit(n + " was opened")
            except OSError as e:
                assert e.errno == errno.ESTALE, e
        t, data = handles["."]
        for node in (2, 3, 1 << 32 | 12, 1 << 63, 0, 0xffffffff):
            try:
                # nodeid is split in two words
                bad = struct.pack("III", node >> 32, node & 0xffffffff, 0)
                fd = open_handle(mnt, (t, bad + data[12:]))
                sys.exit("node %d was opened: %s" % (node, os.fstat(fd)))
            except OSError as e:
                assert e.errno in (errno.ESTALE, errno.EIO), (node, e)
PY

handles() {
	must "$python" "$tmp/handles.py" "$mnt" "$1" "$tmp/handles"
}

make_image 16M
mount_image
echo content >"$mnt/file"
must mkdir -p "$mnt/dir/deep"
must touch "$mnt/dir/deep/x"
handles get
handles open
echo 2 >/proc/sys/vm/drop_caches
handles open
unmount_image
mount_image
handles open
must rm -r "$mnt/dir/deep/x" "$mnt/file"
handles stale
unmount_image
mount_image
# the numbers are used again, by other files
must touch "$mnt/new1" "$mnt/new2"
handles stale
done_ok
