# SPDX-License-Identifier: GPL-2.0-or-later
"""What is not work on a mounted peer: mounting, memory, the library alone."""
import os
import re
import statistics
import subprocess
import time

from peers import CSUM, Failed, is_mounted, run
from report import INPROC

# (name, size, inodes): the second one is sparse
MOUNTS = (("1 GiB", "1G", 65536), ("1 TiB, sparse", "1T", 1048576))
TINY = (("128 MiB", "128M", 8192), ("8 GiB, sparse", "8G", 8192))


# ---- mounting ----

def groups(img):
    """The block groups, from what dumpe2fs says."""
    said = run("dumpe2fs", "-h", img)
    get = lambda what: int(re.search(what + r":\s+(\d+)", said).group(1))
    return -(-get("Block count") // get("Blocks per group"))


def rss_anon(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    raise Failed("process %d has no RssAnon" % pid)


def daemon_of(img):
    """The process that has the image open."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fds = os.listdir("/proc/%s/fd" % pid)
            if any(os.readlink("/proc/%s/fd/%s" % (pid, fd)) == img
                   for fd in fds):
                return int(pid)
        except OSError:
            continue
    raise Failed("nobody has %s open" % img)


def unmount(mnt, pid):
    run("umount", mnt)
    for _ in range(3000):
        if pid is None or not os.path.exists("/proc/%d" % pid):
            return
        time.sleep(0.01)
    raise Failed("the server of %s does not end" % mnt)


def mount_once(argv, img, mnt):
    """Milliseconds until it is mounted, and its memory, bytes."""
    fuse = argv[0] != "mount"
    start = time.monotonic()
    run(*argv)
    while not is_mounted(mnt):
        time.sleep(0.0005)
    taken = (time.monotonic() - start) * 1e3
    pid = daemon_of(img) if fuse else None
    memory = rss_anon(pid) if fuse else 0
    unmount(mnt, pid)
    return taken, memory


def mounts(conf):
    """How long mounting takes, and what a mounted one needs: table rows."""
    found = []
    mnt = os.path.join(conf.tmp, "mnt")
    img = os.path.join(conf.tmp, "mount.img")
    os.makedirs(mnt, exist_ok=True)
    base = {}
    for name, size, inodes in TINY if conf.smoke else MOUNTS:
        run("truncate", "-s", size, img)
        run("mke2fs", "-q", "-F", "-t", "ext2", "-m", "0", "-b", "4096", "-N",
            str(inodes), img)
        n = groups(img)
        for peer, argv in (("dax", [conf.daxfuse, img, mnt]),
                           ("ext2-loop", ["mount", "-o", "loop", img, mnt])):
            got = [mount_once(argv, img, mnt) for _ in range(conf.rounds)]
            ms = statistics.median(g[0] for g in got)
            memory = statistics.median(g[1] for g in got)
            base.setdefault(peer, (memory, n))
            more = ""
            if n != base[peer][1] and memory:
                # what the program needs anyway is not the groups'
                more = "%.0f" % ((memory - base[peer][0]) /
                                 (n - base[peer][1]))
            found.append({"image": name, "peer": peer, "ms": "%.3g" % ms,
                          "memory": "%d" % memory, "group_bytes": more})
        os.unlink(img)
    return found


# ---- the library alone ----

def make_image(conf, img, features):
    run("truncate", "-s", "%dM" % conf.inproc_mib, img)
    run("mke2fs", "-q", "-F", "-t", "ext2", "-m", "0", "-b", "4096",
        "-N", str(conf.inproc_names + 20000), *features, img)
    run("fallocate", "-l", "%dM" % conf.inproc_mib, img)


def locks(conf):
    """Text: how long the metadata lock is held."""
    img = os.path.join(conf.tmp, "inproc.img")
    raw = os.path.join(conf.tmp, "inproc.raw")
    make_image(conf, img, ())
    text = run(os.path.join(conf.bin, "benchinproc"), "-l", "-N",
               str(conf.inproc_names), img, raw)
    run("e2fsck", "-fn", img)
    os.unlink(img)
    os.unlink(raw)
    return text


KINDS = (("ext2", (), ()), ("metadata_csum", CSUM, ("-c",)))


def library(conf):
    """What operations cost without FUSE: table rows."""
    img = os.path.join(conf.tmp, "inproc.img")
    raw = os.path.join(conf.tmp, "inproc.raw")
    rows = []
    for kind, features, args in KINDS:
        make_image(conf, img, features)
        p = subprocess.run(
            [os.path.join(conf.bin, "benchinproc"), *args, "-n",
             str(2 * conf.rounds), "-N", str(conf.inproc_names), img, raw],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if p.returncode != 0:
            raise Failed(p.stderr.strip())
        for line in p.stdout.splitlines():
            rows.append(dict(zip(INPROC, line.split("\t")), image=kind))
        run("e2fsck", "-fn", img)
        os.unlink(img)
    os.unlink(raw)
    return rows
