# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the table: what is done, in what unit, in what order.

Rows that need one another (create before rename before unlink) make a chain,
which a peer goes through as a whole before the next peer's turn.
"""
import json
import os
import resource
import shutil
import sys
import time

from peers import Failed, MIB, run, used_by
from results import Sample

HERE = os.path.dirname(os.path.abspath(__file__))


class Row:
    def __init__(self, name, do, unit="k/s", cold=False, seek=0):
        self.name = name
        self.do = do
        self.unit = unit
        self.cold = cold        # drop what the kernel knows first
        self.seek = seek        # names among which each is looked for

    def is_for(self, peer):
        """One that reads them all each time would take for ever."""
        return (not peer.seeks or self.seek <= 20000) and peer.wants(
            self.name)

    def measure(self, peer, seed):
        if self.cold:
            peer.cold()
            peer.rest()
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
                    ("-s", conf.file_mib, "-t",
                     conf.seconds * peer.share) + args)
    return do


def count_of(conf, peer, n):
    """Operations in directories of @n names."""
    return conf.count // 10 if peer.seeks and n > 1000 else conf.count


def names(conf, row, n):
    def do(peer, seed):
        return load(conf, row, peer.meta, peer.servers(), seed,
                    ("-N", n, "-n", count_of(conf, peer, n)))
    return do


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
    """What fio says of the same work, to hold benchload against: of buffers
    that it does not change each time, blocks that may come again, no clock read
    beside each operation."""
    def do(peer, seed):
        said = run("fio", "--name=x", "--directory=" + peer.data,
                   "--filename=big", "--rw=" + rw, "--bs=%d" % block,
                   "--size=%dm" % conf.file_mib, "--direct=1",
                   "--ioengine=psync", "--scramble_buffers=0",
                   "--norandommap=1", "--gtod_reduce=1", "--numjobs=%d" % jobs, "--thread",
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
        through("append 1M", "append", mb, "-s", big),
        through("fresh 1M", "fresh", mb, "-s", big),
        through("overwrite 1M", "overwrite", mb, "-s", big),
        through("overwrite 1M cold", "overwrite-cold", mb, "-s", big),
        through("append 1M direct", "append", mb, "-s", big, "-O"),
        through("fresh 1M direct", "fresh", mb, "-s", big, "-O"),
        through("overwrite 1M direct", "overwrite", mb, "-s", big, "-O"),
        rate("append 4k", "append", "-s", min(big, 8)),
        rate("fill holes 4k", "holes", "-s", min(big, 8)),
        rate("truncate", "truncate"),
    ]


def name_chain(conf, n):
    def row(name, what, cold=False):
        return Row("%s in %d" % (name, n),
                   names(conf, what, n), cold=cold, seek=n)
    return [
        row("create", "create"),
        row("first lookup", "first", cold=True),
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
        if any(r.name in wanted and r.is_for(peer)
               for r in name_chain(conf, n)):
            load(conf, "fill-names", peer.meta, [], 1,
                 ("-N", n, "-n", count_of(conf, peer, n)))


def make_tree_tar(conf):
    conf.tree_tar = os.path.join(conf.tmp, "tree.tar")
    if not os.path.isdir(conf.tree):
        raise Failed("%s: no such directory (--tree)" % conf.tree)
    run("tar", "-cf", conf.tree_tar, "-C", conf.tree, ".")


def tidy(peer):
    """Take away what a chain that was cut left."""
    for d in (peer.data, peer.meta):
        shutil.rmtree(d + "/tree", ignore_errors=True)
