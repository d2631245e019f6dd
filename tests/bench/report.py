# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as text: tables, ratios, costs."""
from results import number

# (peer, the one that it is held against)
PAIRS = (("dax-devfuse", "null"), ("dax-uring", "null-uring"),
         ("dax-always", "null-always"),
         ("dax-always-uring", "null-always-uring"), ("dax", "fuse2fs"),
         ("dax", "ext2-loop"), ("null", "null-libfuse"),
         ("null-uring", "null-libfuse-uring"), ("null", "null-durable"))


def align(lines):
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(x) for x in col) for col in zip(*lines)]
    out = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(line[1:], widths[1:])]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def pairs_of(res):
    return [p for p in PAIRS if p[0] in res.peers and p[1] in res.peers]


def table(res, peers):
    lines = [["", "unit"] + list(peers)]
    for row in res.rows:
        lines.append([row, res.units[row]] +
                     [number(res.median(row, p)) for p in peers])
    return lines


def ratios(res, title, ratio):
    """@ratio: a method of Results."""
    pairs = pairs_of(res)
    lines = [[title] + ["%s : %s" % p for p in pairs]]
    for row in res.rows:
        cells = [ratio(row, a, b) for a, b in pairs]
        if any(c is not None for c in cells):
            lines.append([row] + ["-" if c is None else "%.2f" % c
                                  for c in cells])
    return lines if len(lines) > 1 and pairs else []


def cost(res, row, peer):
    if not res.of(row, peer):
        return "-"
    f = lambda field: res.per_op(row, peer, field)
    return "%s + %s, %s" % (
        number(f("client_cpu") * 1e6), number(f("server_cpu") * 1e6),
        number(f("client_switches") + f("server_switches")))


def costs(res, peers):
    """Microseconds of CPU (client + server) and context switches an
    operation."""
    lines = [["CPU us (client + server), context switches per operation"] +
             list(peers)]
    for row in res.rows:
        lines.append([row] + [cost(res, row, p) for p in peers])
    return lines


MOUNTS = ("mounting", "peer", "ms", "memory KiB", "a group, bytes")


def mounts(rows):
    lines = [list(MOUNTS)]
    for f in rows:
        lines.append([f["image"], f["peer"], "%.1f" % float(f["ms"]),
                      "%d" % (float(f["memory"]) / 1024),
                      f["group_bytes"] and "%.0f" % float(f["group_bytes"])])
    return lines


INPROC = ("operation", "us", "us_median", "bytes", "fences", "lines", "bar",
          "us_p99")


def inproc(rows):
    """A table for each kind of image."""
    tables = {}
    for f in rows:
        t = tables.setdefault(f["image"], [
            ["in process, " + f["image"], "us", "median", "bytes", "fences",
             "lines", "bar", "99 % below"]])
        cells = [f[x] for x in INPROC]
        if f["bar"] != "-" and float(f["us"]) > float(f["bar"]):
            cells[6] += " missed"
        t.append(cells)
    return list(tables.values())


def memory(rows):
    return "memory of the servers at the end, KiB: " + ", ".join(
        "%s %s" % (f["peer"], f["kib"]) for f in rows)


def text(all_of, bars_text):
    """@all_of: what a run left (load.Kept)."""
    res, parts = all_of.res, []
    if res.rows:
        parts.append(align(table(res, res.peers)))
        for title, how in (("", res.ratio), ("by CPU time", res.cpu_ratio),
                           ("at equal context switches", res.same_ratio)):
            lines = ratios(res, title, how)
            if lines:
                parts.append(align(lines))
        parts.append(align(costs(res, res.peers)))
    if all_of.memory:
        parts.append(memory(all_of.memory))
    if bars_text:
        parts.append(bars_text)
    if all_of.mounts:
        parts.append(align(mounts(all_of.mounts)))
    parts += [align(t) for t in inproc(all_of.inproc)]
    if all_of.locks:
        parts.append(all_of.locks)
    return "\n\n".join(parts) + "\n"
