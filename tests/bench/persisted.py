# SPDX-License-Identifier: GPL-2.0-or-later
"""What each row makes durable: daxfuse, and beside it the null server that is to
store, flush and fence as much (null_durable.c has the table).

One round, no times.  Of a row with several kinds of requests it is the sum, for
an operation of the row.
"""
import json
import os

from peers import Failed, run

WHAT = ("bytes", "of them non-temporal", "lines flushed", "fences")
KEYS = ("stored", "stored_nontemporal", "lines_flushed", "fences")

# Of these rows, whose operations are counted and not timed, null-durable has of
# each kind no more than daxfuse, and no less than this part; so the table in
# null_durable.c follows daxfuse.  The rest is for times: how many words of them
# change is up to the clock, and a rename stores little else.
AT_LEAST = {"append 4k": 0.66, "create in ": 0.66, "rename in ": 0.45,
            "unlink in ": 0.66}
AT_MOST = 1.02
DAXFUSE, FLOOR = "dax-devfuse", "null-durable"


def by_daxfuse(conf, peer):
    said = json.loads(run(os.path.join(conf.build, "tools", "daxfuse-stat"),
                          "-j", peer.data))
    # whatever group they are in
    flat = dict(said)
    for v in said.values():
        if isinstance(v, dict):
            flat.update(v)
    return [int(flat[k]) for k in KEYS]


def by_null(peer):
    both = [os.getxattr(m, "user.persisted").split()
            for m in (peer.data, peer.meta)]
    return [int(a) + int(b) for a, b in zip(*both)]


def so_far(conf, peer):
    # the last forgets are the row's, and what is freed for them: who asks for
    # the space waits for that
    peer.rest()
    os.statvfs(peer.meta)
    try:
        return by_null(peer)
    except OSError:
        return by_daxfuse(conf, peer)


def count(conf, wanted, up):
    """Go through the rows once.  Returns: {(row, peer's name): counts}."""
    got = {}
    for chain in wanted:
        for peer in up:
            if not all(row.is_for(peer) for row in chain):
                continue
            for row in chain:
                before = so_far(conf, peer)
                ops = row.measure(peer, 1).ops
                got[row.name, peer.name] = [
                    (b - a) / ops for a, b in zip(before,
                                                  so_far(conf, peer))]
    return got


def faults(got):
    """Where the table does not follow.  Returns: a line for each place."""
    bad = []
    for (row, name), floor in got.items():
        dax = got.get((row, DAXFUSE))
        part = [p for r, p in AT_LEAST.items() if row.startswith(r)]
        if name != FLOOR or dax is None or not part:
            continue
        bad += ["%s: %s: %s has %.1f, %s %.1f" % (row, what, FLOOR, f,
                                                  DAXFUSE, d)
                for what, f, d in zip(WHAT, floor, dax)
                if not part[0] * d <= f <= AT_MOST * d]
    return bad


def judge(got):
    bad = faults(got)
    if bad:
        raise Failed("the table in null_durable.c does not follow daxfuse: " +
                     "; ".join(bad))


def text(got, up):
    lines = ["made durable, an operation: " + ", ".join(WHAT)]
    for row in dict.fromkeys(row for row, _ in got):
        if all(n < 0.01 for p in up for n in got.get((row, p.name), [0])):
            continue
        lines.append("%-28s" % row + "   ".join(
            "%s %s" % (p.name, " ".join("%8.1f" % n for n in
                                        got[row, p.name]))
            for p in up if (row, p.name) in got))
    if len(lines) == 1:
        raise Failed("no row made anything durable")
    return "\n".join(lines)
