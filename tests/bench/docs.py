# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as documents: tests/bench/results, and the README's figures."""
import os
import re
import shutil

import bars
import chart
import report
from results import number, replace

FILES = ("bench.csv", "inproc.csv", "mounts.csv", "memory.csv", "locks.txt",
         "machine.json", "bench.svg")
BEGIN, END = "<!-- figures: tests/bench/run --docs -->", "<!-- end -->"


def grid(lines):
    """A table in Markdown: the first line is its head."""
    out = ["| " + " | ".join(lines[0]) + " |",
           "|---|" + "---:|" * (len(lines[0]) - 1)]
    out += ["| " + " | ".join(line) + " |" for line in lines[1:]]
    return "\n".join(out) + "\n"


def the_machine(m):
    lines = [["", ""],
             ["processor", "%d x %s%s" % (m["cpus"], m["cpu"], ", in a "
                                          "virtual machine" if m["virtual"]
                                          else "")],
             ["memory", "%d GiB" % m["memory_gib"]],
             ["kernel", "%s; fuse.enable_uring: %s" % (m["kernel"],
                                                       m["fuse_uring"])],
             ["system", m["system"]]]
    lines += [[x, m[x]] for x in ("daxfuse", "libfuse", "e2fsprogs", "sqlite",
                                  "fio", "date")]
    return grid(lines).replace("---:|\n", "---|\n", 1)


def outcome(v):
    if v.met():
        return "reached"
    return "missed, beyond the ceiling" if v.beyond() else "**missed**"


def the_bars(verdicts):
    areas, out = {}, []
    for v in verdicts:
        areas.setdefault(v.area, []).append(v)
    met = sum(v.met() for v in verdicts)
    beyond = sum(not v.met() and v.beyond() for v in verdicts)
    out.append("%d of %d are reached. Of the others %d are beyond what a "
               "server that does nothing reaches.\n" % (
                   met, len(verdicts), beyond))
    f = lambda x: "%.2f" % x if x else ""
    for area, mine in areas.items():
        lines = [["", "reached", "bar", "by CPU time",
                  "at equal context switches", "ceiling", ""]]
        for v in mine:
            unit = " " + v.unit if v.unit else ""
            lines.append([v.what, "%.2f%s" % (v.got, unit), "%s %.2f%s" % (
                "<=" if v.most else ">=", v.bar, unit), f(v.cpu), f(v.same),
                f(v.most_of), outcome(v)])
        if not mine[0].is_ratio():
            lines = [[x for i, x in enumerate(line) if i not in (3, 4, 5)]
                     for line in lines]
        out += ["### %s\n" % (area[0].upper() + area[1:]), grid(lines)]
    return "\n".join(out)


def times(res, row, peer, other):
    got = res.ratio(row, peer, other)
    return "%.1f" % got if got else "-"


TELLING = (
    ("4 KiB read at random, direct I/O", "rand read 4k direct"),
    ("4 KiB written and synced", "write 4k + fsync"),
    ("create, write 1 kB, close, among 10,000 names", "create in 10000"),
    ("unpack /usr/include", "untar"),
)
UNITS = {"k/s": "thousand a second", "1/s": "a second"}


def telling(kept):
    """A few lines for those who read no tables."""
    res = kept.res
    lines = [["", "daxfuse", "times fuse2fs", "times the kernel's ext2 on a "
              "loop device", "of a FUSE server that does nothing, over the "
              "faster transport"]]
    for name, row in TELLING:
        best = chart.BASE
        v = res.median(row, best)
        if not v:
            continue
        null = min((res.ratio(row, best, p) for p in ("null", "null-uring")
                    if res.of(row, p)), default=None)
        lines.append([name, "%s %s" % (number(v), UNITS.get(
            res.units[row], res.units[row])), times(res, row, best, "fuse2fs"),
            times(res, row, best, "ext2-loop"),
            "%.0f %%" % (100 * null) if null else "-"])
    out = [grid(lines)] if len(lines) > 1 else []
    for f in kept.mounts:
        if f["peer"] == chart.BASE and f["group_bytes"]:
            out.append("Mounting %s takes %.0f ms and %.0f KiB of memory.\n" %
                       (f["image"].replace(", ", " (") + ")" if "," in
                        f["image"] else f["image"], float(f["ms"]),
                        float(f["memory"]) / 1024))
    return "\n".join(out)


HEAD = """# Results

Made by `tests/bench/run` (HACKING.md, "Benchmark"), which wrote this file too. All
peers were mounted side by side, on images in one tmpfs whose memory was allocated
beforehand, client and server sharing the CPUs. Figures are medians of %s;
ratios are medians of the rounds' ratios. `bench.csv` has every sample. What a missed
bar is owed to is in [FLOORS.md](../FLOORS.md).

%s
In short:

%s
![how fast others are where daxfuse is 1](bench.svg)

## Bars

Ratios of speed, above 1 where daxfuse is faster. *By CPU time*: the same of the CPU
time of client and server together, which does not see who waits for whom. *At equal
context switches*: of those samples alone in which the workers of both slept as often;
it tells the work from the luck of the scheduler. *Ceiling*: what a server reaches in
the same place that does nothing at all; beside such a server, one that does nothing
but the stores, flushes and fences of daxfuse's changes (`null-durable`).

"""


def page(kept, verdicts):
    res = kept.res
    out = [HEAD % (res.depth(), the_machine(kept.machine), telling(kept)) +
           the_bars(verdicts)]
    out += ["## All rows\n", grid(report.table(res, res.peers))]
    lines = report.ratios(res, "", res.ratio)
    if lines:
        out += ["## Ratios\n", grid(lines)]
    out += ["## What an operation costs\n\nMicroseconds of CPU, client + "
            "server, and context switches of both.\n",
            grid([[""] + line[1:] if not i else line
                  for i, line in enumerate(report.costs(res, res.peers))])]
    if kept.mounts:
        out += ["## Mounting\n", grid(report.mounts(kept.mounts))]
    if kept.memory:
        out += ["## Memory of the servers after all that\n", grid(
            [["peer", "KiB"]] + [[f["peer"], f["kib"]] for f in
                                 kept.memory])]
    tables = report.inproc(kept.inproc)
    if tables:
        out.append("## In process\n\nThe library's operations without FUSE: "
                   "microseconds of thread CPU time (best and median of the "
                   "rounds), bytes persisted, fences, cache lines flushed, "
                   "and what 99 of 100 stay below.\n")
        out += [grid(t) for t in tables]
    if kept.locks:
        out.append("## The metadata lock\n\n```\n%s```\n" % kept.locks)
    return "\n".join(out)


def write(kept, top):
    """Also the README's lines between its two marks."""
    there = os.path.join(top, "tests", "bench", "results")
    os.makedirs(there, exist_ok=True)
    text = page(kept, bars.verdicts(kept))
    replace(os.path.join(there, "README.md"), lambda f: f.write(text))
    for name in FILES:
        if os.path.exists(kept.path(name)):
            shutil.copy(kept.path(name), os.path.join(there, name))
    path = os.path.join(top, "README.md")
    if not os.path.exists(path):
        return
    with open(path) as f:
        readme = f.read()
    new = re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda m:
                 BEGIN + "\n" + telling(kept) + END, readme, flags=re.S)
    if new != readme:
        replace(path, lambda f: f.write(new))
