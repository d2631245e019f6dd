# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as a picture: for each row, how fast the others are when
daxfuse is 1, on a logarithmic axis."""
import fnmatch
import math
from xml.sax.saxutils import escape

import machine
from bars import BUSY, FEW, matches
from results import number

BASE = "dax"
# peer: (colour, shape, what it is); the first is drawn on top
SHOWN = {
    "dax-devfuse": ("#1d1d1d", "diamond", "daxfuse over /dev/fuse, where FUSE "
                    "over io_uring is not allowed"),
    "fuse2fs": ("#d1495b", "dot", "fuse2fs: the same image over FUSE, as "
                "distributions have it"),
    "ext2-loop": ("#2a6fbb", "square", "the kernel's ext2 on a loop device "
                  "over the same memory"),
    "null": ("#3c9d6b", "ring", "a FUSE server that does nothing, over the "
             "faster transport: the most that FUSE allows"),
    "tmpfs": ("#9a9a9a", "tick", "tmpfs: what the memory can do without any "
              "of it"),
}
# title: globs of rows
PARTS = (
    ("Large reads and writes", ("seq *", "append 1M*", "fresh 1M*",
                                "overwrite 1M*")),
    ("4 KiB at random", ("rand *", "mmap *")),
    ("Durable small writes", ("*fsync", "append 4k", "fill holes 4k",
                              "truncate", "sqlite*")),
    ("Names", ("* in 100", "* in 10000", "* in 200000")),
    ("A source tree (/usr/include)", ("untar", "tar cold", "rm -r")),
)
LEFT, RIGHT, LINE, WIDTH = 262, 118, 18, 1000
LOW, HIGH = 1 / 256, 64
INK, FAINT = "#1d1d1d", "#6b6b6b"


def at(ratio):
    part = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def label(x, y, text, anchor="start", size=12, colour=INK, bold=False):
    return ('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" '
            'fill="%s"%s>%s</text>' % (
                x, y, anchor, size, colour,
                ' font-weight="bold"' if bold else "", escape(text)))


def mark(x, y, colour, shape, title=""):
    inside = "<title>%s</title>" % escape(title) if title else ""
    if shape == "square":
        return ('<rect x="%.1f" y="%.1f" width="8" height="8" fill="%s">%s'
                '</rect>' % (x - 4, y - 4, colour, inside))
    if shape == "diamond":
        return ('<path d="M%.1f %.1f l5.5 5.5 l-5.5 5.5 l-5.5 -5.5 z" '
                'fill="#fff" stroke="%s" stroke-width="1.8">%s</path>' % (
                    x, y - 5.5, colour, inside))
    if shape == "tick":
        return ('<rect x="%.1f" y="%.1f" width="3" height="11" fill="%s">%s'
                '</rect>' % (x - 1.5, y - 5.5, colour, inside))
    hollow = shape == "ring"
    return ('<circle cx="%.1f" cy="%.1f" r="4.5" fill="%s" stroke="%s" '
            'stroke-width="2">%s</circle>' % (
                x, y, "#fff" if hollow else colour, colour, inside))


def grid(top, bottom):
    out, r = [], LOW
    while r <= HIGH:
        x, main = at(r), r == 1
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s" '
                   'stroke-width="%s"/>' % (x, top, x, bottom,
                                            INK if main else "#e4e4e4",
                                            2 if main else 1))
        if math.log2(r) % 2 == 0 or main:
            name = "%gx" % r if r >= 1 else "1/%gx" % (1 / r)
            out.append(label(x, top - 6, name, "middle", 11,
                             INK if main else FAINT, main))
        r *= 2
    return out


def legend(peers, y):
    out = ['<line x1="16" y1="%d" x2="16" y2="%d" stroke="%s" '
           'stroke-width="2"/>' % (y - 8, y + 4, INK),
           label(28, y + 2, "daxfuse, as mounted by default (1x); its own "
                 "figure stands at the right of each line")]
    for p in peers:
        y += 18
        out += [mark(16, y - 2, *SHOWN[p][:2]), label(28, y + 2, SHOWN[p][2])]
    return out, y


def one_row(res, row, peers, y):
    base = res.median(row, BASE)
    out = [label(LEFT - 10, y + 4, row, "end"),
           label(WIDTH - RIGHT + 10, y + 4, "%s %s" % (
               number(base), res.units[row]), size=11)]
    slow = res.median(row, "fuse2fs")
    if slow:
        a, b = sorted((at(slow / base), at(1)))
        out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="7" '
                   'fill="%s" fill-opacity="0.16"/>' % (
                       a, y - 3.5, b - a, SHOWN["fuse2fs"][0]))
    for p in reversed(peers):
        v = max((res.median(row, x) or 0) for x in (p, p + "-uring"))
        if v:
            out.append(mark(at(v / base), y, *SHOWN[p][:2], "%s: %s %s" % (
                p, number(v), res.units[row])))
    return out


def parts(res):
    """(title, rows), the rest in the last one."""
    left = [r for r in res.rows if res.median(r, BASE) and
            not r.startswith(BUSY) and not matches(r, FEW)]
    for title, globs in PARTS:
        mine = [r for r in left if any(fnmatch.fnmatch(r, g) for g in globs)]
        left = [r for r in left if r not in mine]
        if mine:
            yield title, mine
    if left:
        yield "More", left


def svg(kept):
    res = kept.res
    peers = [p for p in SHOWN if p in res.peers]
    out, y = legend(peers, 74)
    top = y + 44
    y = top
    body = []
    for title, mine in parts(res):
        y += 26
        body.append(label(16, y - 4, title, size=13, bold=True))
        for row in mine:
            y += LINE
            body += one_row(res, row, peers, y - LINE / 2 + 4)
        y += 2
    height = y + 40
    head = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif">'
            % (WIDTH, height, WIDTH, height),
            '<rect width="100%" height="100%" fill="#fff"/>',
            label(16, 28, "How fast others are where daxfuse is 1", size=19,
                  bold=True),
            label(16, 48, "Left of the black line: slower than daxfuse; right: "
                  "faster. Each step of the grid is a factor of two.",
                  size=12, colour=FAINT),
            label(16, height - 14, "%s; %s. Medians of %s." % (
                kept.machine.get("daxfuse", "daxfuse"),
                machine.line(kept.machine), res.depth()), size=11,
                colour=FAINT)]
    return "\n".join(head + out + grid(top, y + 4) + body +
                     ["</svg>"]) + "\n"
