# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as a picture: for each row, how fast the others are when the
first peer is 1, on a logarithmic axis."""
import math
import os
from xml.sax.saxutils import escape

COLOURS = ("#000000", "#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd",
           "#8c564b", "#e377c2", "#17becf", "#7f7f7f", "#bcbd22", "#aec7e8")
LEFT, RIGHT, TOP, LINE, WIDTH = 250, 90, 96, 17, 980
LOW, HIGH = 1 / 64, 64


def machine():
    """What the figures were measured on, in a line."""
    cpu = "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = " ".join(line.split(":", 1)[1].split())
                break
    u = os.uname()
    return "%d x %s, %s %s" % (len(os.sched_getaffinity(0)), cpu, u.sysname,
                               u.release)


def at(ratio):
    ratio = min(max(ratio, LOW), HIGH)
    part = math.log(ratio / LOW) / math.log(HIGH / LOW)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def label(x, y, text, anchor="start", size=11, colour="#222"):
    return ('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" '
            'fill="%s">%s</text>' % (x, y, anchor, size, colour,
                                     escape(text)))


def axis(height):
    out, r = [], LOW
    while r <= HIGH:
        x = at(r)
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>' %
                   (x, TOP - 8, x, height - 20, "#888" if r == 1 else "#ddd"))
        name = "%g" % r if r >= 1 else "1/%g" % (1 / r)
        out.append(label(x, TOP - 12, name, "middle", 10, "#666"))
        r *= 2
    return out


def legend(peers):
    out, x, y = [], LEFT, 44
    for i, p in enumerate(peers):
        out.append('<circle cx="%d" cy="%d" r="4" fill="%s"/>' %
                   (x, y, COLOURS[i % len(COLOURS)]))
        out.append(label(x + 8, y + 4, p))
        x += 110
        if x > WIDTH - 110:
            x, y = LEFT, y + 16
    return out


def svg(res, peers, number):
    """@number formats a value; the first of @peers is held against the
    others."""
    rows = [r for r in res.rows if res.median(r, peers[0])]
    height = TOP + LINE * len(rows) + 24
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif">' % (WIDTH, height),
           '<rect width="100%" height="100%" fill="#fff"/>',
           label(8, 20, "speed, where that of %s is 1 (further right is "
                 "faster)" % peers[0], size=14),
           label(8, height - 6, machine(), size=10, colour="#666")]
    out += legend(peers) + axis(height)
    for i, row in enumerate(rows):
        y = TOP + LINE * i + LINE / 2
        base = res.median(row, peers[0])
        out.append(label(LEFT - 8, y + 4, row, "end"))
        out.append(label(WIDTH - RIGHT + 8, y + 4, "%s %s" % (
            number(base), res.units[row]), size=10, colour="#666"))
        for k, p in reversed(list(enumerate(peers))):
            v = res.median(row, p)
            if v:
                out.append('<circle cx="%.1f" cy="%.1f" r="4" fill="%s" '
                           'fill-opacity="0.85"><title>%s: %s</title>'
                           '</circle>' % (
                               at(v / base), y, COLOURS[k % len(COLOURS)],
                               escape(p), escape(number(v))))
    out.append("</svg>")
    return "\n".join(out) + "\n"
