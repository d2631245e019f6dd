# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to be reached, and whether it was."""
import fnmatch
import math

DATA = ("rand * 4k direct*", "rand * 4k cold*", "rand write 4k*",
        "seq read *", "write 4k + fsync", "append 512 + fsync")
META = ("create*", "list + stat*", "stat cold*", "rename*", "unlink*",
        "untar", "tar cold", "rm -r", "sqlite*")
# One request or a few: shown, not judged.
FEW = ("*first lookup*",)
# No change is made there, so none is to be made durable.
LOOKING = ("stat *", "list *", "tar cold")
BUSY = "busy: "     # what rows are called that were run beside others

# The same filesystem over each transport that there is.
BEST = ("dax", "dax-uring", "dax-devfuse")

# area: (rows, peer or peers of which the best counts, the one that it is held
# against, at least)
RATIOS = (
    ("daxfuse : a server that does nothing, both over /dev/fuse", (
        (DATA, "dax-devfuse", "null", 0.90),
        (("seq write *",), "dax-devfuse", "null", 0.80),
        (DATA, "dax-always", "null-always", 0.90),
        (("seq write *",), "dax-always", "null-always", 0.80),
        (META, "dax-devfuse", "null", 0.85),
    )),
    ("daxfuse : a server that does nothing, both over io_uring", (
        (DATA, "dax-uring", "null-uring", 0.90),
        (("seq write *",), "dax-uring", "null-uring", 0.80),
        (DATA, "dax-always-uring", "null-always-uring", 0.90),
        (("seq write *",), "dax-always-uring", "null-always-uring", 0.80),
        (META, "dax-uring", "null-uring", 0.85),
    )),
    ("our workers : libfuse's loop, the same server", (
        (("*",), "null", "null-libfuse", 0.95),
    )),
    ("daxfuse, best transport : fuse2fs", (
        (("rand read 4k direct",), BEST, "fuse2fs", 1.0),
        (("rand write 4k direct",), BEST, "fuse2fs", 1.6),
        (("rand read 4k direct 4 threads",), BEST, "fuse2fs", 2),
        (("rand write 4k direct 4 threads",), BEST, "fuse2fs", 4),
        (("write 4k + fsync",), BEST, "fuse2fs", 1.3),
        (("append 512 + fsync",), BEST, "fuse2fs", 1.8),
        (("sqlite*",), BEST, "fuse2fs", 1.5),
        (("create in *",), BEST, "fuse2fs", 3.6),
        (("rename in *",), BEST, "fuse2fs", 5.5),
        (("unlink in *",), BEST, "fuse2fs", 3),
        (("list + stat*",), BEST, "fuse2fs", 20),
        (("stat cold*",), BEST, "fuse2fs", 5),
        (("untar",), BEST, "fuse2fs", 1.9),
        (("tar cold",), BEST, "fuse2fs", 2.8),
        (("rm -r",), BEST, "fuse2fs", 3.4),
        (("seq read * direct",), BEST, "fuse2fs", 3),
        (("seq write * direct",), BEST, "fuse2fs", 2.3),
    )),
    ("daxfuse, best transport : the kernel's ext2 on a loop device", (
        (("rand read 4k direct",), BEST, "ext2-loop", 1.4),
        (("rand write 4k direct",), BEST, "ext2-loop", 1.3),
        (("rand read 4k direct 4 threads",), BEST, "ext2-loop", 1.4),
        (("rand write 4k direct 4 threads",), BEST, "ext2-loop", 1.0),
        (("write 4k + fsync",), BEST, "ext2-loop", 1.4),
        (("append 512 + fsync",), BEST, "ext2-loop", 3.5),
        (("seq read * direct",), BEST, "ext2-loop", 1.2),
        (("sqlite*",), BEST, "ext2-loop", 0.5),
    )),
    ("daxfuse : libfuse's examples", (
        (("*",), BEST, "memfs_ll", 1.0),
        (("*",), BEST, "passthrough_hp", 1.0),
    )),
    ("1 TiB sparse : 1 GiB sparse", (
        # at most 1.1 times as long
        (("write 4k + fsync", "append 512 + fsync", "create in 100",
          "rename in 100", "truncate"), "dax-1t", "dax-1g-sparse", 1 / 1.1),
    )),
)

# What a peer does not do: it is ahead for nothing.  memfs_ll answers no fsync.
LESS_WORK = {
    "memfs_ll": ("*fsync*", "*msync*", "sqlite*"),
}

# One peer's rows: (peer, row, the row that it is held against, at least)
ROWS = tuple((peer, what + " 1M" + how, "overwrite 1M" + how, 0.8)
             for peer in ("dax", "dax-always") for how in ("", " direct")
             for what in ("append", "fresh")) + (
    # at most 1.5 times as long
    ("dax", "stat cold in 1000000", "stat cold in 1000", 1 / 1.5),
)

# (peer, the one that it is held against, geometric mean of all rows)
MEANS = (("null", "null-libfuse", 1.3),
         ("null-uring", "null-libfuse", 1.3),
         ("dax", "dax-uring", 0.95),
         ("dax", "dax-devfuse", 0.95))

MOUNT_MS, GROUP_BYTES = 100, 128


class Verdict:
    """@got against @bar; with @most it is not to be above it."""

    def __init__(self, area, what, got, bar, most=False, unit=""):
        self.area, self.what = area, what
        self.got, self.bar = got, bar
        self.most, self.unit = most, unit
        self.cpu = self.same = None
        self.most_of = None     # what the transport allows

    def met(self):
        return self.got <= self.bar if self.most else self.got >= self.bar

    def beyond(self):
        """Would not even that which does nothing reach the bar?"""
        return self.most_of is not None and self.most_of < self.bar

    def is_ratio(self):
        return not self.unit


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def matches(row, globs):
    return any(fnmatch.fnmatch(row, g) for g in globs)


# What a peer cannot be ahead of: the first is to the second as daxfuse at its
# best.
CEILINGS = {
    "null": ("null-durable",),
    "null-uring": ("null-durable-uring",),
    "fuse2fs": ("null", "null-uring"),
    "ext2-loop": ("null", "null-uring"),
    "memfs_ll": ("null", "null-uring"),
    "passthrough_hp": ("null", "null-uring"),
}


def ceiling(res, row, other):
    """How far ahead a server would be that does nothing, or one that does
    nothing but make its changes durable; None if none was measured."""
    if other.startswith("null") and matches(row, LOOKING):
        return None
    return max((r for r in (res.ratio(row, p, other)
                            for p in CEILINGS.get(other, ())) if r),
               default=None)


def held_against(res, area, row, peers, other, bar):
    """The best of @peers, or None where nothing was measured."""
    best = None
    for p in peers:
        got = res.ratio(row, p, other)
        if got is not None and (best is None or got > best.got):
            best = Verdict(area, "%s, %s : %s" % (row, p, other), got, bar)
            best.cpu = res.cpu_ratio(row, p, other)
            best.same = res.same_ratio(row, p, other)
            best.most_of = ceiling(res, row, other)
    return best


def asks(res, row, peer):
    """Does it send requests at all?"""
    return bool(res.of(row, peer)) and res.per_op(
        row, peer, "server_cpu") * 1e6 >= 0.02


def of_peers(res):
    for area, bars in RATIOS:
        for globs, peers, other, bar in bars:
            peers = (peers,) if isinstance(peers, str) else peers
            for row in res.rows:
                if not matches(row, globs) or matches(
                        row, FEW + LESS_WORK.get(other, ())):
                    continue
                # only the loop is judged beside others
                if row.startswith(BUSY) and other != "null-libfuse":
                    continue
                if not any(asks(res, row, p) for p in peers):
                    continue
                v = held_against(res, area, row, peers, other, bar)
                if v is not None:
                    yield v


def of_rows(res):
    for peer, row, other, bar in ROWS:
        got = res.ratio_of_rows(peer, row, other)
        if not got:
            continue
        v = Verdict("one kind of work : another",
                    "%s : %s, %s" % (row, other, peer), got, bar)
        # what fills the page cache takes pages, which is the kernel's work
        v.most_of = res.ratio_of_rows(peer, other + " cold", other)
        yield v


def of_means(res):
    for peer, other, bar in MEANS:
        for busy in (False, True):
            got = [res.ratio(r, peer, other) for r in res.rows
                   if r.startswith(BUSY) == busy and asks(res, r, peer) and
                   not matches(r, FEW)]
            got = [r for r in got if r]
            if got:
                yield Verdict("geometric means", "%s%d rows, %s : %s" % (
                    BUSY if busy else "", len(got), peer, other),
                    geometric(got), bar)


def of_mounts(rows):
    for f in rows:
        if f["peer"] != "dax" or not f["group_bytes"]:
            continue
        yield Verdict("a sparse image of 1 TiB", "mount", float(f["ms"]),
                      MOUNT_MS, True, "ms")
        yield Verdict("a sparse image of 1 TiB", "memory, a block group",
                      float(f["group_bytes"]), GROUP_BYTES, True, "bytes")


def of_inproc(rows):
    for f in rows:
        if f["bar"] != "-":
            yield Verdict("in process", "%s, %s" % (f["operation"],
                                                    f["image"]),
                          float(f["us"]), float(f["bar"]), True, "us")


def verdicts(kept):
    """Of all that was measured (kept.Kept), in the order of the areas."""
    return (list(of_peers(kept.res)) + list(of_means(kept.res)) +
            list(of_rows(kept.res)) + list(of_mounts(kept.mounts)) +
            list(of_inproc(kept.inproc)))


def ratio(v):
    return "%6.2f" % v if v else "     -"


def text(verdicts_):
    if not verdicts_:
        return ""
    missed = [v for v in verdicts_ if not v.met()]
    lines = ["bars: %d of %d are met; missed (by CPU time; at equal context "
             "switches; what a server that does nothing reaches):" % (
                 len(verdicts_) - len(missed), len(verdicts_))]
    for v in missed:
        lines.append("  %-56s %6.2f, to be %s%.2f  %s %s %s%s" % (
            v.what, v.got, "at most " if v.most else "", v.bar,
            ratio(v.cpu), ratio(v.same), ratio(v.most_of),
            "  beyond it" if v.beyond() else ""))
    return "\n".join(lines if missed else lines + ["  none"])
