#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# storm.py - operations on a directory, each acknowledged in a ledger that lies
# elsewhere; and the check that whatever was acknowledged is there.
#
#	storm.py run DIR LEDGER SEED	until the filesystem is gone
#	storm.py check DIR LEDGER
#
# The ledger: "B N op..." before, "E N" behind an operation.  The last one may be
# begun and not ended: then it happened or not; bytes of an append up to any
# point.

import os
import random
import sys


def data(n, length):
    return bytes((n * 7 + i) % 251 + 1 for i in range(length))


def choose(rnd, state, n):
    """The next operation on what is there."""
    files = sorted(p for p in state if state[p] is not None)
    dirs = [''] + sorted(p for p in state if state[p] is None)
    empty = [d for d in dirs[1:] if not any(p.startswith(d + '/')
                                            for p in state)]
    new = os.path.join(rnd.choice(dirs), '%s%d' % ('n' * rnd.randint(1, 60), n))
    k = rnd.randint(0, 9)
    if len(files) > 300:
        return ['unlink', rnd.choice(files)]
    if k <= 3 or not files:
        return ['creat', new]
    if k == 4:
        return ['mkdir', new]
    if k == 5 and empty:
        return ['rmdir', rnd.choice(empty)]
    if k == 6:
        return ['unlink', rnd.choice(files)]
    if k == 7:
        return ['rename', rnd.choice(files),
                new if rnd.randint(0, 1) else rnd.choice(files)]
    return ['append', rnd.choice(files), str(rnd.randint(1, 9000))]


def simulate(state, n, op):
    kind = op[0]
    if kind == 'creat':
        state[op[1]] = b''
    elif kind == 'mkdir':
        state[op[1]] = None
    elif kind in ('rmdir', 'unlink'):
        del state[op[1]]
    elif kind == 'rename':
        moved = state[op[1]]
        if op[1] != op[2]:
            del state[op[1]]
        state[op[2]] = moved
    else:
        state[op[1]] += data(n, int(op[2]))


def perform(top, n, op):
    path = os.path.join(top, op[1])
    kind = op[0]
    if kind == 'creat':
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    elif kind == 'mkdir':
        os.mkdir(path)
    elif kind == 'rmdir':
        os.rmdir(path)
    elif kind == 'unlink':
        os.unlink(path)
    elif kind == 'rename':
        os.rename(path, os.path.join(top, op[2]))
    else:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            if os.write(fd, data(n, int(op[2]))) != int(op[2]):
                raise OSError('short write')
        finally:
            os.close(fd)


def read_ledger(name):
    """The state that was acknowledged, and what was begun behind it."""
    state, begun, last = {}, None, -1
    with open(name) as f:
        for line in f:
            if not line.endswith('\n'):
                break
            word = line.split()
            if word[0] == 'B':
                begun = (int(word[1]), word[2:])
                last = begun[0]
            else:
                simulate(state, *begun)
                begun = None
    return state, begun, last


def run(top, ledger, seed):
    rnd = random.Random(seed)
    state, _, n = read_ledger(ledger) if os.path.exists(ledger) else ({}, 0, -1)
    with open(ledger, 'a', buffering=1) as f:
        while True:
            n += 1
            op = choose(rnd, state, n)
            f.write('B %d %s\n' % (n, ' '.join(op)))
            try:
                perform(top, n, op)
            except OSError:
                return
            f.write('E %d\n' % n)
            simulate(state, n, op)


def what_is_there(top):
    state = {}
    for base, dirs, files in os.walk(top):
        rel = os.path.relpath(base, top)
        rel = '' if rel == '.' else rel + '/'
        for d in dirs:
            state[rel + d] = None
        for name in files:
            with open(os.path.join(base, name), 'rb') as f:
                state[rel + name] = f.read()
    return state


def is_part(before, after, op, got):
    """Of an append any part may be there."""
    if op[0] != 'append':
        return False
    part = got.get(op[1])
    rest = {k: v for k, v in got.items() if k != op[1]}
    return (part is not None and len(part) >= len(before[op[1]]) and
            after[op[1]].startswith(part) and
            rest == {k: v for k, v in before.items() if k != op[1]})


def check(top, ledger):
    before, begun, _ = read_ledger(ledger)
    got = what_is_there(top)
    after = dict(before)
    if begun:
        simulate(after, *begun)
    if got == after or (begun and is_part(before, after, begun[1], got)):
        ended = True
    elif got == before:
        ended = False
    else:
        for p in sorted(set(before) | set(got)):
            if before.get(p, 0) != got.get(p, 0):
                print('%s: expected %s, got %s' % (p, *(
                    'nothing' if p not in s else 'a directory'
                    if s[p] is None else '%d bytes' % len(s[p])
                    for s in (before, got))))
        print('begun last: %s' % (begun,))
        return 1
    # What was begun is now known: write it down for the next round.
    if begun:
        with open(ledger) as f:
            lines = f.read().split('\n')
        lines = [x for x in lines if x]
        with open(ledger, 'w') as f:
            f.write('\n'.join(lines[:-1]) + '\n')
            if ended:
                f.write(settled(before, begun, got))
    return 0


def settled(before, begun, got):
    n, op = begun
    if op[0] == 'append':
        length = len(got[op[1]]) - len(before[op[1]])
        op = ['append', op[1], str(length)]
        if length == 0:
            return ''
    return 'B %d %s\nE %d\n' % (n, ' '.join(op), n)


def main():
    if sys.argv[1] == 'run':
        run(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return 0
    return check(sys.argv[2], sys.argv[3])


sys.exit(main())
