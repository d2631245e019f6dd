# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs have left in a directory, and what is written beside it."""
import os

import bars
import chart
import machine
import report
from results import (Results, read_csv, read_json, read_table, read_text,
                     replace, write_csv, write_json, write_table)

MOUNTS = ("image", "peer", "ms", "memory", "group_bytes")
INPROC = ("image",) + report.INPROC
MEMORY = ("peer", "kib")


class Kept:
    def __init__(self, out, fresh):
        """@fresh: forget what earlier runs have left."""
        self.out = out
        self.res = Results() if fresh else read_csv(self.path("bench.csv"))
        self.mounts, self.inproc, self.memory = ([] if fresh else read_table(
            self.path(f)) for f in ("mounts.csv", "inproc.csv", "memory.csv"))
        self.locks = "" if fresh else read_text(self.path("locks.txt"))
        self.machine = {} if fresh else read_json(self.path("machine.json"))

    def path(self, name):
        return os.path.join(self.out, name)

    def remember(self, peer, kib):
        self.memory = [f for f in self.memory if f["peer"] != peer]
        self.memory.append({"peer": peer, "kib": str(kib)})

    def write_data(self):
        """The figures: all that the rest can be made from again."""
        write_json(self.path("machine.json"), self.machine)
        if self.locks:
            replace(self.path("locks.txt"), lambda f: f.write(self.locks))
        if self.res.rows:
            write_csv(self.res, self.path("bench.csv"))
        for name, head, rows in (("mounts.csv", MOUNTS, self.mounts),
                                 ("inproc.csv", INPROC, self.inproc),
                                 ("memory.csv", MEMORY, self.memory)):
            if rows:
                write_table(self.path(name), head,
                            [[f[h] for h in head] for f in rows])

    def text(self):
        return "%s\n%s\n\n%s" % (
            machine.line(self.machine), self.res.depth(),
            report.text(self, bars.text(bars.verdicts(self))))

    def write(self):
        """Everything.  Returns the text."""
        self.write_data()
        text = self.text()
        replace(self.path("bench.txt"), lambda f: f.write(text))
        if self.res.rows:
            replace(self.path("bench.svg"), lambda f: f.write(chart.svg(self)))
        return text
