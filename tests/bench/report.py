# SPDX-License-Identifier: GPL-2.0-or-later
"""Results: medians, the table with its ratios, CSV."""
import csv
import statistics


class Results:
    """Samples by row and peer, in the order in which they came."""

    def __init__(self):
        self.rows = []          # names
        self.units = {}
        self.samples = {}       # (row, peer): [Sample]

    def add(self, row, peer, sample):
        if row.name not in self.units:
            self.units[row.name] = row.unit
            self.rows.append(row.name)
        self.samples.setdefault((row.name, peer), []).append(sample)

    def median(self, row, peer):
        s = self.samples.get((row, peer))
        return statistics.median(x.value for x in s) if s else None

    def ratio(self, row, peer, other):
        """The median of the rounds' ratios: peers of one round met the same
        machine."""
        a = self.samples.get((row, peer), [])
        b = self.samples.get((row, other), [])
        pairs = [x.value / y.value for x, y in zip(a, b) if y.value]
        return statistics.median(pairs) if pairs else None

    def per_op(self, row, peer, field):
        s = self.samples[(row, peer)]
        return statistics.median(getattr(x, field) / x.ops for x in s)


def number(v):
    if v is None:
        return "-"
    if v >= 1000:
        return "%d" % round(v)
    return "%.3g" % v


def align(lines):
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(x) for x in col) for col in zip(*lines)]
    out = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(line[1:], widths[1:])]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def table(res, peers):
    lines = [["", "unit"] + list(peers)]
    for row in res.rows:
        lines.append([row, res.units[row]] +
                     [number(res.median(row, p)) for p in peers])
    return align(lines)


def ratios(res, pairs):
    """@pairs: (peer, the one that it is held against)."""
    lines = [[""] + ["%s : %s" % p for p in pairs]]
    for row in res.rows:
        cells = [res.ratio(row, a, b) for a, b in pairs]
        if any(c is not None for c in cells):
            lines.append([row] + ["-" if c is None else "%.2f" % c
                                  for c in cells])
    return align(lines)


def cpu_ratios(res, pairs):
    """The same of CPU time: steadier where other work runs; waiting for the
    other side is not in it."""
    def cost(row, p):
        return (res.per_op(row, p, "client_cpu") +
                res.per_op(row, p, "server_cpu"))
    lines = [["by CPU time"] + ["%s : %s" % p for p in pairs]]
    for row in res.rows:
        cells = []
        for a, b in pairs:
            have = (row, a) in res.samples and (row, b) in res.samples
            cells.append("%.2f" % (cost(row, b) / cost(row, a))
                         if have and cost(row, a) > 0 else "-")
        lines.append([row] + cells)
    return align(lines)


def costs(res, peers):
    """Microseconds of CPU (client + server) and context switches an
    operation."""
    lines = [["CPU us (client + server), context switches per operation"] +
             list(peers)]
    for row in res.rows:
        cells = []
        for p in peers:
            if (row, p) not in res.samples:
                cells.append("-")
                continue
            f = lambda field: res.per_op(row, p, field)
            cells.append("%s + %s, %s" % (
                number(f("client_cpu") * 1e6), number(f("server_cpu") * 1e6),
                number(f("client_switches") + f("server_switches"))))
        lines.append([row] + cells)
    return align(lines)


FIELDS = ("ops", "seconds", "client_cpu", "client_switches", "server_cpu",
          "server_switches")


INPROC = ("image", "operation", "us", "us_median", "bytes", "fences", "lines",
          "bar", "us_p99")


def write_inproc(rows, path):
    with open(path, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(INPROC)
        w.writerows(rows)


def write_csv(res, path):
    """Every sample, so that others can judge the noise."""
    with open(path, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(("row", "unit", "peer", "round", "value") + FIELDS)
        for (row, peer), samples in res.samples.items():
            for i, s in enumerate(samples):
                w.writerow([row, res.units[row], peer, i, "%.6g" % s.value] +
                           ["%.9g" % getattr(s, x) for x in FIELDS])
