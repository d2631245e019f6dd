# SPDX-License-Identifier: GPL-2.0-or-later
"""The filesystems that are measured: how each is made, mounted, ended.

A peer has a directory for data rows and one for metadata rows, which are the
same but for the null servers, and processes that serve it.  All is below one
tmpfs: images are memory.
"""
import ctypes
import fnmatch
import mmap
import os
import shutil
import subprocess
import time

MS_REMOUNT = 32
MIB = 1 << 20


URING = "/sys/module/fuse/parameters/enable_uring"
# what is said where it was asked for and is not used
NO_URING = "mounted over /dev/fuse"


class Failed(Exception):
    """Something that the benchmark needs did not work; the text says what."""


class Absent(Exception):
    """A peer is not what it is called here; the text says why."""


def run(*argv, **kw):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, **kw)
    if p.returncode != 0:
        raise Failed("%s: status %d: %s" % (" ".join(argv), p.returncode,
                                            p.stdout.strip()))
    return p.stdout


def is_mounted(path):
    with open("/proc/self/mounts") as f:
        return any(line.split()[1] == path for line in f)


def remount(path):
    """A remount changes nothing here but drops the kernel's names."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(None, path.encode(), None, MS_REMOUNT, None) != 0:
        raise Failed("remount %s: %s" % (path, os.strerror(
            ctypes.get_errno())))


def used_by(pids):
    """CPU seconds and context switches of the threads of processes."""
    cpu = switches = 0
    for pid in pids:
        for task in os.listdir("/proc/%s/task" % pid):
            at = "/proc/%s/task/%s/" % (pid, task)
            with open(at + "schedstat") as f:
                cpu += int(f.read().split()[0]) / 1e9
            with open(at + "status") as f:
                switches += sum(int(s.split()[1]) for s in f
                                if "ctxt_switches" in s)
    return cpu, switches


class Peer:
    """What all have in common; a directory of the tmpfs by itself."""
    needs = ()          # programs
    may_fail = False    # a row that fails is left out
    fuse = False
    only = None         # globs of the rows that it is there for; None: all
    uring = False       # over io_uring
    seeks = False       # looks for a name by reading the whole directory
    forgets = False     # must be made to, before each chain of rows
    share = 1           # of the seconds of a measurement

    def __init__(self, name, conf):
        self.name = name
        self.conf = conf
        self.home = os.path.join(conf.tmp, name)
        self.data = self.meta = os.path.join(self.home, "mnt")
        self.procs = []
        self.failed = set()     # names of rows, where some may fail

    def wants(self, row):
        return self.only is None or any(fnmatch.fnmatch(row, g)
                                        for g in self.only)

    def missing(self):
        """What it needs and is not here; "" if nothing."""
        if self.uring and not os.path.exists(URING):
            return "no " + URING
        for p in self.needs:
            if shutil.which(p) is None:
                return "no program " + p
        return ""

    def start(self):
        os.makedirs(self.data)

    def stop(self):
        pass

    def check(self):
        """What is wrong with what is left on media; "" if nothing."""
        return ""

    def cold(self):
        """Drop the names and attributes that the kernel knows."""

    def servers(self):
        return [str(p.pid) for p in self.procs]

    def rest(self):
        """Until the servers do nothing: what the kernel forgets it tells
        them, and answers nobody waits for."""
        last, quiet = used_by(self.servers())[0], 0
        for _ in range(1000):
            time.sleep(0.002)
            now = used_by(self.servers())[0]
            quiet = quiet + 1 if now - last < 0.0002 else 0
            if quiet == 3:
                return
            last = now

    def memory(self):
        """Resident memory of its processes without the mapping, KiB."""
        total = 0
        for p in self.procs:
            with open("/proc/%d/status" % p.pid) as f:
                total += sum(int(s.split()[1]) for s in f
                             if s.startswith("RssAnon:"))
        return total

    # for those that are mounted

    def serve(self, argv, mnt):
        """Start a server that stays in the foreground; wait for its mount."""
        os.makedirs(mnt, exist_ok=True)
        log = open(os.path.join(self.home, "log"), "a")
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log)
        log.close()
        self.procs.append(p)
        for _ in range(3000):
            if is_mounted(mnt):
                os.statvfs(mnt)
                return self.check_transport()
            if p.poll() is not None:
                break
            time.sleep(0.01)
        with open(os.path.join(self.home, "log")) as f:
            raise Failed("%s: does not mount: %s" % (self.name,
                                                     f.read().strip()))

    def check_transport(self):
        with open(os.path.join(self.home, "log")) as f:
            said = f.read().strip()
        if self.uring and NO_URING in said:
            raise Absent(said)

    def unmount(self, mnt):
        if is_mounted(mnt):
            run("umount", mnt)

    def end_servers(self):
        for p in self.procs:
            try:
                status = p.wait(60)
            except subprocess.TimeoutExpired:
                p.kill()
                raise Failed("%s: the server does not end" % self.name)
            if status != 0:
                raise Failed("%s: the server ended with status %d" %
                             (self.name, status))
        self.procs = []


def touch(path):
    """fallocate(2) leaves the pages of a tmpfs to be zeroed by whom they
    fault first: 5 us each, once, which would be the first rounds' figures."""
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        for at in range(0, len(m), mmap.PAGESIZE):
            m[at] = m[at]


class Image(Peer):
    """A filesystem on an image, whose host memory is there beforehand."""
    needs = ("mke2fs", "e2fsck")
    features = ()
    size = None         # MiB; None: as asked for
    sparse = False

    def make_image(self):
        os.makedirs(self.data)
        size = self.size or self.conf.image_mib
        self.img = os.path.join(self.home, "image")
        run("truncate", "-s", "%dM" % size, self.img)
        run("mke2fs", "-q", "-F", "-t", "ext2", "-m", "0", "-b", "4096",
            *self.inodes(size), *self.features, self.img)
        if not self.sparse:
            run("fallocate", "-l", "%dM" % size, self.img)
            touch(self.img)

    def inodes(self, size):
        return ("-N", str(self.conf.inodes))

    def check(self):
        p = subprocess.run(["e2fsck", "-fn", self.img], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return "" if p.returncode == 0 else p.stdout.strip()


class Daxfuse(Image):
    fuse = True
    options = ""

    def start(self):
        self.make_image()
        argv = [self.conf.daxfuse, self.img, self.data, "-f"]
        if self.options:
            argv += ["-o", self.options]
        self.serve(argv, self.data)

    def stop(self):
        self.unmount(self.data)
        self.end_servers()

    def cold(self):
        remount(self.data)


class Fuse2fs(Daxfuse):
    seeks = True
    needs = ("mke2fs", "e2fsck", "fuse2fs")

    def start(self):
        self.make_image()
        self.serve(["fuse2fs", self.img, self.data, "-f"], self.data)


class Loop(Image):
    needs = ("mke2fs", "e2fsck", "losetup")

    def missing(self):
        if not os.path.exists("/dev/loop-control"):
            return "no loop devices"
        return super().missing()

    def start(self):
        self.make_image()
        run("mount", "-t", "ext2", "-o", "loop", self.img, self.data)

    def stop(self):
        self.unmount(self.data)

    def cold(self):
        run("sync", "-f", self.data)
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3")


class Null(Peer):
    """Our servers that do nothing: one for data, one for names."""
    fuse = True
    options = ()

    def executable(self):
        return os.path.join(self.conf.bin, "nullfuse")

    def start(self):
        self.data = os.path.join(self.home, "data")
        self.meta = os.path.join(self.home, "meta")
        os.makedirs(self.home)
        exe = self.executable()
        self.serve([exe, *self.options, "-s", str(self.conf.file_mib),
                    "data", self.data], self.data)
        self.serve([exe, *self.options, "meta", self.meta], self.meta)

    def stop(self):
        self.unmount(self.data)
        self.unmount(self.meta)
        self.end_servers()

    def cold(self):
        remount(self.meta)


class NullLibfuseUring(Null):
    uring = True

    def executable(self):
        return os.path.join(self.conf.bundled or self.conf.build, "tests",
                            "bench", "nullfuse")

    def missing(self):
        # without more arguments: says so, or how it is used
        said = subprocess.run([self.executable(), "-U"],
                              stderr=subprocess.PIPE, text=True).stderr
        if "no io_uring" in said:
            return said.strip() + " (--bundled)"
        return super().missing()


class Example(Peer):
    """One of libfuse's example programs, built by whoever wants it here."""
    fuse = True
    may_fail = True     # what it does not know is left out
    program = None
    arguments = ("-f",)

    def executable(self):
        return shutil.which(self.program, path=os.pathsep.join(
            filter(None, (self.conf.examples, os.environ["PATH"]))))

    def missing(self):
        if self.executable() is None:
            return "no program %s (--examples)" % self.program
        return ""

    def start(self):
        os.makedirs(self.home)
        self.serve([self.executable(), *self.arguments, self.data],
                   self.data)

    def stop(self):
        self.unmount(self.data)
        self.end_servers()

    def cold(self):
        remount(self.data)


class PassthroughHp(Example):
    """Over a directory of the tmpfs, without passing descriptors on."""
    program = "passthrough_hp"
    seeks = True        # no, but it has a descriptor for each inode
    forgets = True

    def start(self):
        source = os.path.join(self.home, "source")
        os.makedirs(source)
        self.arguments = ("--foreground", source)
        if "--nopassthrough" in subprocess.run(
                [self.executable(), "--help"], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True).stdout:
            self.arguments = ("--nopassthrough",) + self.arguments
        self.serve([self.executable(), *self.arguments, self.data],
                   self.data)


def allow_uring():
    """Have the kernel offer it.  Returns what undoes that."""
    with open(URING) as f:
        old = f.read()

    def put(what):
        with open(URING, "w") as f:
            f.write(what)
    put("Y")
    return lambda: put(old)


def kind(base, **attrs):
    return type(base.__name__, (base,), attrs)


CSUM = ("-O", "extent,metadata_csum,64bit", "-I", "256")
# rows for which it matters that the page cache is not used
DATA = ("fio *", "seq *", "rand *", "*fsync", "mmap *", "append *", "fresh *",
        "overwrite *", "fill *", "truncate")
# rows that change more than bytes which are there
CHANGES = ("append 4k", "append 512 *", "fill *", "truncate", "sqlite *",
           "write 4k + fsync", "* in 100", "* in 10000", "* in 200000", "untar",
           "tar cold", "rm -r")
# rows that are held against those of another size of the image
BY_SIZE = ("write 4k + fsync", "append 512 + fsync", "* in 100", "truncate")

# In the order of the table.
PEERS = {
    "dax": (Daxfuse, "daxfuse, as mounted by default: page cache, durable "
                     "writes, the transport that it chooses"),
    "dax-uring": (kind(Daxfuse, options="io_uring", uring=True),
                  "daxfuse over io_uring"),
    "dax-always-uring": (kind(Daxfuse, options="dax=always,io_uring",
                              uring=True, only=DATA),
                         "daxfuse over io_uring, dax=always"),
    "dax-devfuse": (kind(Daxfuse, options="no_io_uring"),
                    "daxfuse over /dev/fuse"),
    "dax-always": (kind(Daxfuse, options="dax=always,no_io_uring", only=DATA),
                   "daxfuse over /dev/fuse, dax=always"),
    "dax-fsync": (kind(Daxfuse, options="durability=fsync"),
                  "daxfuse, durability=fsync"),
    "dax-csum": (kind(Daxfuse, features=CSUM),
                 "daxfuse on an image with extents and metadata_csum"),
    "dax-1g-sparse": (kind(Daxfuse, sparse=True, size=1024, only=BY_SIZE),
                      "daxfuse on a sparse image of 1 GiB"),
    "dax-1t": (kind(Daxfuse, sparse=True, size=1 << 20, only=BY_SIZE),
               "daxfuse on a sparse image of 1 TiB"),
    "null": (Null, "null servers, our workers, /dev/fuse, page cache"),
    "null-always": (kind(Null, options=("-D",), only=DATA),
                    "null servers, our workers, /dev/fuse, direct I/O"),
    "null-libfuse": (kind(Null, options=("-L",)),
                     "null servers, libfuse's loop, page cache"),
    "null-always-libfuse": (kind(Null, options=("-D", "-L")),
                            "null servers, libfuse's loop, direct I/O"),
    "null-libfuse-uring": (kind(NullLibfuseUring, options=("-U",)),
                           "null servers, libfuse's io_uring, page cache"),
    "null-always-libfuse-uring": (
        kind(NullLibfuseUring, options=("-U", "-D")),
        "null servers, libfuse's io_uring, direct I/O"),
    "null-uring": (kind(Null, options=("-u",), uring=True),
                   "null servers over io_uring, page cache"),
    "null-always-uring": (kind(Null, options=("-u", "-D"), uring=True,
                               only=DATA),
                          "null servers over io_uring, direct I/O"),
    "null-durable": (kind(Null, options=("-p", "-x"), only=CHANGES),
                     "as null, with the stores, flushes and fences of "
                     "daxfuse's changes"),
    "null-durable-uring": (kind(Null, options=("-p", "-x", "-u"), uring=True,
                                only=CHANGES),
                           "the same over io_uring"),
    "null-1us": (kind(Null, options=("-w", "1000")),
                 "as null, and 1 us spent on each request"),
    "null-1us-uring": (kind(Null, options=("-w", "1000", "-u"), uring=True),
                       "the same over io_uring"),
    "null-drop": (kind(Null, options=("-x",)),
                  "as null, but what is written is dropped"),
    "fuse2fs": (Fuse2fs, "fuse2fs of e2fsprogs"),
    "ext2-loop": (Loop, "the kernel's ext2 on a loop device"),
    "passthrough_hp": (PassthroughHp, "libfuse's example, over the tmpfs"),
    "memfs_ll": (kind(Example, program="memfs_ll", seeks=True),
                 "libfuse's example"),
    "tmpfs": (kind(Peer, share=0.25), "the tmpfs that the images are on"),
}
