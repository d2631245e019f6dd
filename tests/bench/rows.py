# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the table: what is done, in what unit, in what order.

Rows that need one another (create before rename before unlink) make a chain,
which a peer goes through as a whole before the next peer's turn.
"""
import json
import os
import resource
import shutil
import subprocess
import sys
import time

from peers import Failed, MIB, run

HERE = os.path.dirname(os.path.abspath(__file__))


class Sample:
    """One measurement: a value in the row's unit, and what it cost."""

    def __init__(self, ops, seconds, client=(0, 0), server=(0, 0)):
        self.ops = ops
        self.seconds = seconds
        self.client_cpu, self.client_switches = client
        self.server_cpu, self.server_switches = server
        self.value = None


class Row:
    def __init__(self, name, do, unit="k/s", cold=False, skip=()):
        self.name = name
        self.do = do
        self.unit = unit
        self.cold = cold        # drop what the kernel knows first
        self.skip = skip        # peers for which this takes far too long

    lower_is_better = False

    def measure(self, peer, seed):
        if self.cold:
            peer.cold()
        s = self.do(peer, seed)
        s.value = self.value(s)
        return s

    def value(self, s):
        if self.unit == "k/s":
            return s.ops / s.seconds / 1e3
        if self.unit == "1/s":
            return s.ops / s.seconds
        raise ValueError(self.unit)


class Throughput(Row):
    """Its operations are blocks of so many bytes."""

    def __init__(self, name, do, block, **kw):
        super().__init__(name, do, "MB/s", **kw)
        self.block = block

    def value(self, s):
        return s.ops * self.block / s.seconds / 1e6


def load(conf, row, directory, servers, seed, args):
    argv = [os.path.join(conf.bin, "benchload"), row, directory, "-r",
            str(seed), *[str(a) for a in args]]
    for pid in servers:
        argv += ["-P", pid]
    f = run(*argv).split()
    return Sample(int(f[0]), float(f[1]), (float(f[2]), int(f[3])),
                  (float(f[4]), int(f[5])))


def data(conf, row, *args):
    def do(peer, seed):
        return load(conf, row, peer.data, peer.servers(), seed,
                    ("-s", conf.file_mib, "-t", conf.seconds) + args)
    return do


def names(conf, row, n, count):
    def do(peer, seed):
        return load(conf, row, peer.meta, peer.servers(), seed,
                    ("-N", n, "-n", count))
    return do


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


def timed(peer, argv, ops=None, **kw):
    """Run a program, which is the operation, or prints how many it did."""
    server = used_by(peer.servers())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    said = run(*argv, **kw)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    server = [b - a for a, b in zip(server, used_by(peer.servers()))]
    if ops is None:
        ops, seconds = int(said.split()[0]), float(said.split()[1])
    return Sample(ops, seconds, (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw -
        before.ru_nivcsw), server)


def sqlite(conf, journal):
    def do(peer, seed):
        return timed(peer, [sys.executable, os.path.join(
            HERE, "load_sqlite.py"), peer.meta, journal, str(conf.seconds)])
    return do


def untar(conf):
    def do(peer, seed):
        os.mkdir(peer.meta + "/tree")
        return timed(peer, ["tar", "-xf", conf.tree_tar, "-C",
                            peer.meta + "/tree"], 1)
    return do


def tar(conf):
    def do(peer, seed):
        # tar(1) reads nothing for an archive that is /dev/null
        out = os.path.join(conf.tmp, "out.tar")
        s = timed(peer, ["tar", "-cf", out, "-C", peer.meta, "tree"], 1)
        os.unlink(out)
        return s
    return do


def rm_tree(conf):
    def do(peer, seed):
        return timed(peer, ["rm", "-r", peer.meta + "/tree"], 1)
    return do


def fio(conf, rw, block, jobs):
    """What fio says of the same work, to hold benchload against."""
    def do(peer, seed):
        said = run("fio", "--name=x", "--directory=" + peer.data,
                   "--filename=big", "--rw=" + rw, "--bs=%d" % block,
                   "--size=%dm" % conf.file_mib, "--direct=1",
                   "--ioengine=psync", "--numjobs=%d" % jobs, "--thread",
                   "--time_based", "--runtime=%dms" %
                   max(1, round(conf.seconds * 1000)), "--group_reporting",
                   "--randseed=%d" % seed, "--output-format=json")
        # warnings come before it
        job = json.loads(said[said.index("{"):])["jobs"][0]
        d = job["read" if "read" in rw else "write"]
        cpu = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] / 1e3
        return Sample(d["total_ios"], d["total_ios"] / d["iops"],
                      (cpu, job["ctx"]))
    return do


def fio_chains(conf):
    if not conf.fio:
        return []
    mb = 1 << 20
    return [
        [Throughput("fio seq read 1M direct", fio(conf, "read", mb, 1), mb)],
        [Throughput("fio seq write 1M direct", fio(conf, "write", mb, 1), mb)],
        [Row("fio rand read 4k direct", fio(conf, "randread", 4096, 1))],
        [Row("fio rand write 4k direct", fio(conf, "randwrite", 4096, 1))],
        [Row("fio rand read 4k direct 4 threads",
             fio(conf, "randread", 4096, 4))],
        [Row("fio rand write 4k direct 4 threads",
             fio(conf, "randwrite", 4096, 4))],
    ]


# fuse2fs looks for a name by reading the whole directory
SLOW = ("fuse2fs",)


def data_chains(conf):
    kb, mb = 128 << 10, 1 << 20

    def through(name, row, block, *args, **kw):
        return [Throughput(name, data(conf, row, "-b", block, *args), block,
                           **kw)]

    def rate(name, row, *args):
        return [Row(name, data(conf, row, *args))]

    big = min(conf.file_mib, 64)
    return [
        through("seq read 1M direct", "seq-read", mb, "-O"),
        through("seq write 1M direct", "seq-write", mb, "-O"),
        through("seq read 128k direct", "seq-read", kb, "-O"),
        through("seq write 128k direct", "seq-write", kb, "-O"),
        through("seq read 1M cold buffered", "read-once", mb),
        through("seq read 128k cold buffered", "read-once", kb),
        through("seq write 1M buffered", "seq-write", mb),
        through("seq write 128k buffered", "seq-write", kb),
        rate("rand read 4k direct", "rand-read", "-O"),
        rate("rand write 4k direct", "rand-write", "-O"),
        rate("rand read 4k direct 4 threads", "rand-read", "-O", "-j", 4),
        rate("rand write 4k direct 4 threads", "rand-write", "-O", "-j", 4),
        rate("rand read 4k cold", "rand-read", "-c"),
        rate("rand write 4k", "rand-write"),
        rate("rand read 4k cold 4 threads", "rand-read", "-c", "-j", 4),
        rate("rand write 4k 4 threads", "rand-write", "-j", 4),
        rate("write 4k + fsync", "write-fsync"),
        rate("append 512 + fsync", "append-fsync", "-b", 512),
        rate("mmap read", "mmap-read"),
        rate("mmap write + msync", "mmap-write"),
        through("fresh 1M", "grow", mb, "-s", big),
        through("overwrite 1M", "overwrite", mb, "-s", big),
        through("fresh 1M direct", "grow", mb, "-s", big, "-O"),
        through("overwrite 1M direct", "overwrite", mb, "-s", big, "-O"),
        rate("append 4k", "grow", "-s", min(big, 8)),
        rate("fill holes 4k", "holes", "-s", min(big, 8)),
        rate("truncate", "truncate"),
    ]


def name_chain(conf, n):
    def row(name, what, cold=False):
        return Row("%s in %d" % (name, n),
                   names(conf, what, n, conf.count), cold=cold,
                   skip=SLOW if n > 20000 else ())
    return [
        row("create", "create"),
        row("stat cold", "stat-cold", cold=True),
        row("stat warm", "stat-warm"),
        row("list + stat cold", "list", cold=True),
        row("rename", "rename"),
        row("unlink", "unlink"),
    ]


def tree_chain(conf):
    return [
        Row("untar", untar(conf), "1/s"),
        Row("tar cold", tar(conf), "1/s", cold=True),
        Row("rm -r", rm_tree(conf), "1/s"),
    ]


def chains(conf):
    """All of them, in the order of the table."""
    rest = [[Row("sqlite rollback journal", sqlite(conf, "delete"), "1/s")],
            [Row("sqlite WAL", sqlite(conf, "wal"), "1/s")]]
    rest += [name_chain(conf, n) for n in conf.names]
    return (data_chains(conf) + fio_chains(conf) + rest +
            [tree_chain(conf)])


def prepare(conf, peer, wanted):
    """What must be there before the first row: @wanted are their names."""
    load(conf, "fill", peer.data, [], 1, ("-s", conf.file_mib, "-b", MIB))
    for n in conf.names:
        mine = [r for r in name_chain(conf, n) if r.name in wanted]
        if mine and peer.name not in mine[0].skip:
            load(conf, "fill-names", peer.meta, [], 1, ("-N", n))


def make_tree_tar(conf):
    conf.tree_tar = os.path.join(conf.tmp, "tree.tar")
    if not os.path.isdir(conf.tree):
        raise Failed("%s: no such directory (--tree)" % conf.tree)
    run("tar", "-cf", conf.tree_tar, "-C", conf.tree, ".")


def tidy(peer):
    """Take away what a chain that was cut left."""
    for d in (peer.data, peer.meta):
        shutil.rmtree(d + "/tree", ignore_errors=True)
