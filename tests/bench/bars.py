# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to be reached, and whether it was."""
import fnmatch
import math

DATA = ("rand * 4k direct*", "rand * 4k cold*", "rand write 4k*",
        "seq read *", "write 4k + fsync", "append 512 + fsync")
META = ("create*", "list + stat*", "stat cold*", "rename*", "unlink*",
        "untar", "tar cold", "rm -r", "sqlite*")

# (rows, peer, the one that it is held against, at least)
PEERS = (
    (DATA, "dax", "null", 0.90),
    (DATA, "dax-always", "null-always", 0.90),
    (("seq write *",), "dax", "null", 0.80),
    (("seq write *",), "dax-always", "null-always", 0.80),
    (META, "dax", "null", 0.85),
    (("*",), "null", "null-libfuse", 0.95),
    (("rand read 4k direct",), "dax", "fuse2fs", 1.0),
    (("rand write 4k direct",), "dax", "fuse2fs", 1.6),
    (("rand read 4k direct 4 threads",), "dax", "fuse2fs", 2),
    (("rand write 4k direct 4 threads",), "dax", "fuse2fs", 4),
    (("write 4k + fsync",), "dax", "fuse2fs", 1.3),
    (("append 512 + fsync",), "dax", "fuse2fs", 1.8),
    (("sqlite*",), "dax", "fuse2fs", 1.5),
    (("create*",), "dax", "fuse2fs", 3.6),
    (("rename*",), "dax", "fuse2fs", 5.5),
    (("unlink*",), "dax", "fuse2fs", 3),
    (("list + stat*",), "dax", "fuse2fs", 20),
    (("stat cold*",), "dax", "fuse2fs", 5),
    (("untar",), "dax", "fuse2fs", 1.9),
    (("tar cold",), "dax", "fuse2fs", 2.8),
    (("rm -r",), "dax", "fuse2fs", 3.4),
    (("seq read * direct",), "dax", "fuse2fs", 3),
    (("seq write * direct",), "dax", "fuse2fs", 2.3),
    (("rand read 4k direct",), "dax", "ext2-loop", 1.4),
    (("rand write 4k direct",), "dax", "ext2-loop", 1.3),
    (("rand read 4k direct 4 threads",), "dax", "ext2-loop", 1.4),
    (("rand write 4k direct 4 threads",), "dax", "ext2-loop", 1.0),
    (("write 4k + fsync",), "dax", "ext2-loop", 1.4),
    (("append 512 + fsync",), "dax", "ext2-loop", 3.5),
    (("seq read * direct",), "dax", "ext2-loop", 1.2),
    (("sqlite*",), "dax", "ext2-loop", 0.5),
    (("*",), "dax", "memfs_ll", 1.0),
    (("*",), "dax", "passthrough_hp", 1.0),
    # what takes at most 1.1 times as long
    (("write 4k + fsync", "create in 100", "rename in 100", "truncate"),
     "dax-1t", "dax-1g-sparse", 1 / 1.1),
)

# One peer's rows: (peer, row, the row that it is held against, at least)
ROWS = tuple((peer, "fresh 1M" + how, "overwrite 1M" + how, 0.8)
             for peer in ("dax", "dax-always") for how in ("", " direct")) + (
    # at most 1.5 times as long
    ("dax", "stat cold in 1000000", "stat cold in 1000", 1 / 1.5),
)

# (peer, the one that it is held against, geometric mean of all rows)
MEANS = (("null", "null-libfuse", 1.3),)


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def verdicts(res):
    """Each as (what, reached, bar); reached may be better by noise alone."""
    for globs, peer, other, bar in PEERS:
        for row in res.rows:
            got = res.ratio(row, peer, other)
            if got is not None and any(fnmatch.fnmatch(row, g)
                                       for g in globs):
                yield "%s, %s : %s" % (row, peer, other), got, bar
    for peer, row, other, bar in ROWS:
        a, b = res.median(row, peer), res.median(other, peer)
        if a and b:
            yield "%s : %s, %s" % (row, other, peer), a / b, bar
    for peer, other, bar in MEANS:
        all_rows = [res.ratio(r, peer, other) for r in res.rows]
        all_rows = [r for r in all_rows if r]
        if all_rows:
            yield ("geometric mean of %d rows, %s : %s" %
                   (len(all_rows), peer, other), geometric(all_rows), bar)


def text(res):
    lines, met, total = [], 0, 0
    for what, got, bar in verdicts(res):
        total += 1
        if got >= bar:
            met += 1
        else:
            lines.append("  %-58s %5.2f, to be %.2f" % (what, got, bar))
    if not total:
        return ""
    return "bars: %d of %d are met; missed:\n%s\n" % (
        met, total, "\n".join(lines) or "  none")
