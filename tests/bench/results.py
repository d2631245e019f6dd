# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples and what follows from them: medians, ratios, files."""
import csv
import json
import os
import statistics

FIELDS = ("ops", "seconds", "client_cpu", "client_switches", "server_cpu",
          "server_switches")
# two samples whose context switches an operation differ by less: the workers
# of both slept, or of none
SAME = 0.15


class Sample:
    """One measurement: a value in the row's unit, and what it cost."""

    def __init__(self, ops, seconds, client=(0, 0), server=(0, 0)):
        self.ops = ops
        self.seconds = seconds
        self.client_cpu, self.client_switches = client
        self.server_cpu, self.server_switches = server
        self.value = None

    def cpu(self):
        return (self.client_cpu + self.server_cpu) / self.ops

    def switches(self):
        return (self.client_switches + self.server_switches) / self.ops


class Results:
    """Samples by row and peer, and of each by round."""

    def __init__(self):
        self.rows = []          # names
        self.peers = []
        self.units = {}
        self.samples = {}       # (row, peer): {round: Sample}
        self.rounds = 0         # the next one's number

    def add(self, row, unit, peer, number, sample):
        if row not in self.units:
            self.units[row] = unit
            self.rows.append(row)
        if peer not in self.peers:
            self.peers.append(peer)
        self.samples.setdefault((row, peer), {})[number] = sample
        self.rounds = max(self.rounds, number + 1)

    def depth(self):
        """Of how many rounds the medians are, as text."""
        n = max(map(len, self.samples.values()), default=0)
        return "%d round%s" % (n, "" if n == 1 else "s")

    def of(self, row, peer):
        return list(self.samples.get((row, peer), {}).values())

    def median(self, row, peer):
        s = self.of(row, peer)
        return statistics.median(x.value for x in s) if s else None

    def spread(self, row, peer):
        """The least and the most."""
        v = [x.value for x in self.of(row, peer)]
        return (min(v), max(v)) if v else None

    def per_op(self, row, peer, field):
        return statistics.median(getattr(x, field) / x.ops
                                 for x in self.of(row, peer))

    def _ratio(self, first, second, number):
        """Of two (row, peer): the median of the rounds' ratios, for those of
        one round met the same machine.  Without a common round, that of the
        medians."""
        a = self.samples.get(first, {})
        b = self.samples.get(second, {})
        if not a or not b:
            return None
        pairs = [number(a[r]) / number(b[r]) for r in a
                 if r in b and number(b[r]) > 0 and number(a[r]) > 0]
        if pairs:
            return statistics.median(pairs)
        mine, its = (statistics.median(map(number, x.values()))
                     for x in (a, b))
        return mine / its if mine > 0 and its > 0 else None

    def ratio(self, row, peer, other):
        return self._ratio((row, peer), (row, other), lambda s: s.value)

    def ratio_of_rows(self, peer, row, other):
        """Of one peer's rows, in the same unit."""
        return self._ratio((row, peer), (other, peer), lambda s: s.value)

    def cpu_ratio(self, row, peer, other):
        """The same of CPU time, client and server: waiting for the other
        side is not in it.  Above 1: @peer needs less."""
        got = self._ratio((row, peer), (row, other), Sample.cpu)
        return 1 / got if got else None

    def same_ratio(self, row, peer, other):
        """The ratio of the medians of those samples of both for which the
        workers slept as often: what is left is the work."""
        a, b = self.of(row, peer), self.of(row, other)
        pairs = [x.value / y.value for x in a for y in b
                 if abs(x.switches() - y.switches()) <=
                 SAME * max(x.switches(), y.switches(), 0.1)]
        return statistics.median(pairs) if pairs else None


def number(v):
    if v is None:
        return "-"
    if v >= 1000:
        return "%d" % round(v)
    return "%.3g" % v


# ---- files ----

HEAD = ("row", "unit", "peer", "round", "value") + FIELDS


def replace(path, write):
    """All of it or what was there."""
    with open(path + ".new", "w", newline="") as f:
        write(f)
    os.rename(path + ".new", path)


def write_table(path, head, rows):
    def write(f):
        w = csv.writer(f, lineterminator="\n")
        w.writerow(head)
        w.writerows(rows)
    replace(path, write)


def read_table(path):
    """Each line as a dict; none if there is no such file."""
    if not os.path.exists(path):
        return []
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def read_text(path):
    if not os.path.exists(path):
        return ""
    with open(path) as f:
        return f.read()


def write_json(path, what):
    replace(path, lambda f: f.write(json.dumps(what, indent=1) + "\n"))


def read_json(path):
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        return json.load(f)


def write_csv(res, path):
    """Every sample, so that others can judge the noise."""
    rows = []
    for row in res.rows:
        for peer in res.peers:
            for r, s in res.samples.get((row, peer), {}).items():
                rows.append([row, res.units[row], peer, r, "%.6g" % s.value] +
                            ["%.9g" % getattr(s, x) for x in FIELDS])
    write_table(path, HEAD, rows)


def read_csv(path):
    res = Results()
    for f in read_table(path):
        v = {x: float(f[x]) for x in FIELDS}
        s = Sample(v["ops"], v["seconds"],
                   (v["client_cpu"], v["client_switches"]),
                   (v["server_cpu"], v["server_switches"]))
        s.value = float(f["value"])
        res.add(f["row"], f["unit"], f["peer"], int(f["round"]), s)
    return res
