#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the kernel may keep it does not ask for again, in each mode; the requests are
# counted with daxfuse-stat.  That what it keeps stays true is tests/posix's
# (t_cached.c, t_twice.c).  And a file that changes from page cache to device and
# back while it is open.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_tmp
cat >"$tmp/caches.py" <<'PY'
import fcntl, json, mmap, os, struct, subprocess, sys

stat, mnt, mode = sys.argv[1:4]
always, writeback = "always" in mode, "writeback" in mode
DAX = 0x8000


def count(ops, work):
    """How many requests of these kinds the work makes."""
    def now():
        said = subprocess.run([stat, "--json", mnt], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        o = json.loads(said)["operations"]
        return sum(o[k]["count"] for k in ops.split() if k in o)
    now()
    before = now()
    work()
    return now() - before


def expect(what, ops, most, work, least=0):
    # others may drop the caches of the whole machine meanwhile
    for _ in range(10):
        n = count(ops, work)
        if least <= n <= most:
            break
    else:
        sys.exit("%s: %s: %d, not %d to %d" % (mode, what, n, least, most))


def times(n, f, *args):
    def work():
        for _ in range(n):
            f(*args)
    return work


def path(name):
    return os.path.join(mnt, name)


def reopened(name, size=65536):
    fd = os.open(path(name), os.O_RDONLY)
    data = os.pread(fd, size, 0)
    os.close(fd)
    return data


def missing():
    assert not os.path.exists(path("missing"))


def cold():
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3")


def sequentially():
    with open(path("big"), "rb", buffering=0) as f:
        while f.read(4096):
            pass


def set_dax(fd, on):
    x = struct.pack("IIIII8x", DAX if on else 0, 0, 0, 0, 0)
    fcntl.ioctl(fd, 0x401c5820, x)


def write_big(flags):
    buf = mmap.mmap(-1, 4 << 20)
    buf[:] = b"b" * (4 << 20)
    fd = os.open(path("big"), os.O_CREAT | os.O_WRONLY | flags, 0o644)
    assert os.write(fd, buf) == 4 << 20
    os.fsync(fd)
    os.close(fd)


os.mkdir(path("d"))
for i in range(50):
    open(path("d/n%d" % i), "w").close()
with open(path("f"), "wb") as f:
    f.write(b"a" * 65536)
os.symlink("target", path("l"))

# entries, attributes, names that are not there
os.stat(path("f"))
# one: opening the root to ask for the figures may count as an access to it
expect("stat", "lookup getattr", 1, times(20, os.stat, path("f")))
missing()
expect("no such name", "lookup", 0, times(20, missing))
open(path("missing"), "w").close()
os.stat(path("missing"))
os.unlink(path("missing"))
expect("removed name", "lookup", 1, times(20, missing))
# symbolic links, directories
os.readlink(path("l"))
expect("readlink", "readlink", 0, times(10, os.readlink, path("l")))
cold()
expect("names and attributes in one", "lookup getattr", 3,
       lambda: [e.stat() for e in os.scandir(path("d"))])
expect("listing", "readdir readdirplus", 0, times(5, os.listdir, path("d")))
os.rename(path("d/n0"), path("d/m0"))
assert "m0" in os.listdir(path("d")) and "n0" not in os.listdir(path("d"))
# data: kept over a close, or asked for each time
reopened("f")
expect("read again", "read", 10 if always else 0, times(10, reopened, "f"),
       10 if always else 0)
if not writeback:
    expect("close", "flush", 0, times(10, reopened, "f"))
# who loses setuid is in the request
fd = os.open(path("f"), os.O_RDWR)
os.pwrite(fd, b"c", 0)
expect("small writes", "getxattr", 0, times(20, os.pwrite, fd, b"c", 1))
# large requests
if not writeback:
    expect("write of 4 MiB", "write", 5, lambda: write_big(0), 4)
expect("direct write of 4 MiB", "write", 5, lambda: write_big(os.O_DIRECT), 4)
if not always:
    cold()
    expect("reading ahead", "read", 64, sequentially, 1)

# The mode of a file is that of its first opener until nobody knows it any more.
if "never" not in mode and not always:
    set_dax(fd, True)
    other = os.open(path("f"), os.O_RDWR)
    os.pread(other, 100, 0)
    expect("still cached", "read", 0, times(10, os.pread, other, 100, 0))
    m = mmap.mmap(fd, 65536)
    m[100:105] = b"store"
    assert os.pread(other, 5, 100) == b"store"
    os.pwrite(other, b"write", 200)
    assert m[200:205] == b"write" and os.pread(fd, 5, 200) == b"write"
    m.close()
    os.close(fd)
    os.close(other)
    cold()
    fd = os.open(path("f"), os.O_RDWR)
    assert os.pread(fd, 5, 100) == b"store" and os.pread(fd, 5, 200) == b"write"
    expect("on the device", "read", 10, times(10, os.pread, fd, 100, 0), 10)
    set_dax(fd, False)
    os.pwrite(fd, b"again", 300)
    other = os.open(path("f"), os.O_RDWR)
    assert os.pread(other, 5, 300) == b"again"
    os.close(other)
    os.close(fd)
    cold()
    assert reopened("f")[100:305:100] == b"swa"
    expect("cached again", "read", 0, times(10, reopened, "f"))
PY

for mode in dax=inode dax=always dax=never dax=inode,writeback; do
	make_image 64M -I 256
	mount_image "$mode,no_io_uring"
	must "$python" "$tmp/caches.py" "$DAXFUSE_STAT" "$mnt" "$mode"
	unmount_image
	check_image
done
done_ok
