#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Change a filesystem for ever, one acknowledged step after the other.

usage: powerload.py run DIR LAST SECS | powerload.py verify DIR LAST

Step N makes, writes, renames, links, cuts or removes files in a way that N alone
decides; `done N` is printed when all of its calls have returned.  verify demands
what steps 1 to LAST left, and of step LAST + 1 nothing, a part in the order of
its calls, or all.  run asks for the power to be cut SECS after its first step.
"""
import os
import sys

KEEP = 40           # files of older steps are removed


def content(n):
    return (b"%08d" % n) * (1 + n * 37 % 3000)


def calls(n):
    """What step N does, one call each."""
    new, name, link = f"new{n}", f"f{n}", f"l{n}"

    def create():
        with open(new, "wb") as f:
            f.write(content(n))
    yield create
    yield lambda: os.rename(new, name)
    if n % 3 == 0:
        yield lambda: os.link(name, link)
    if n % 5 == 0:
        yield lambda: os.truncate(name, len(content(n)) // 2)
    if n > KEEP:
        yield lambda: os.unlink(f"f{n - KEEP}")
        if (n - KEEP) % 3 == 0:
            yield lambda: os.unlink(f"l{n - KEEP}")


def state_after(n):
    """The names after N whole steps, and what is in them."""
    want = {}
    for i in range(max(1, n - KEEP + 1), n + 1):
        data = content(i)
        if i % 5 == 0:
            data = data[:len(data) // 2]
        want[f"f{i}"] = data
        if i % 3 == 0:
            want[f"l{i}"] = data
    return want


def read_all():
    have = {}
    for name in os.listdir("."):
        if name != "lost+found":
            with open(name, "rb") as f:
                have[name] = f.read()
    return have


def states_within(n):
    """All states that a cut in step N may leave."""
    now = state_after(n - 1)
    yield dict(now)
    new, name = f"new{n}", f"f{n}"
    whole = content(n)
    # the file, then its data: one write() of FUSE each 1 MiB at most
    for part in (b"", whole):
        yield {**now, new: part}
    now[name] = whole
    yield dict(now)
    if n % 3 == 0:
        now[f"l{n}"] = whole
        yield dict(now)
    if n % 5 == 0:
        now[name] = whole[:len(whole) // 2]
        if n % 3 == 0:
            now[f"l{n}"] = now[name]
        yield dict(now)
    if n > KEEP:
        now.pop(f"f{n - KEEP}", None)
        yield dict(now)
        now.pop(f"l{n - KEEP}", None)
        yield dict(now)


def verify(last):
    have = read_all()
    if have in [state_after(last), *states_within(last + 1)]:
        return 0
    want = state_after(last)
    for name in sorted(set(want) | set(have)):
        if want.get(name) != have.get(name):
            print(f"{name}: {len(have.get(name, b''))} bytes, "
                  f"wanted {len(want.get(name, b''))}"
                  f"{'' if name in have else ' (not there)'}")
    return 1


def clear_rest(last):
    """Take back what the step that was cut left: it is made anew."""
    have, want = set(read_all()), state_after(last)
    for name in have - set(want):
        os.unlink(name)
    for name, data in want.items():
        with open(name, "wb") as f:
            f.write(data)


def main(how, where, last, secs=None):
    os.chdir(where)
    n = int(last)
    if how == "verify":
        return verify(n)
    clear_rest(n)
    while True:
        n += 1
        for call in calls(n):
            call()
        print(f"done {n}", flush=True)
        if n == int(last) + 1:
            print(f"power-cut-after {secs}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
