#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A database at work on a filesystem; and how a file there can be mapped.

usage: mediawork.py run|verify DATABASE | mediawork.py map FILE
"""
import errno
import hashlib
import mmap
import os
import sqlite3
import sys

ROWS = 400


def row(n):
    return hashlib.sha256(b"%d" % n).hexdigest() * (1 + n % 40)


def run(path):
    """Each tenth row ends a transaction; a checkpoint now and then."""
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=full")
    db.execute("pragma wal_autocheckpoint=50")
    db.execute("create table t (n integer primary key, v text)")
    for n in range(ROWS):
        db.execute("insert into t values (?, ?)", (n, row(n)))
        if n % 10 == 9:
            db.commit()
        if n % 40 == 39:
            db.execute("update t set v = ? where n = ?", (row(-n), n))
            db.commit()
    db.close()


def verify(path):
    db = sqlite3.connect(path)
    if db.execute("pragma integrity_check").fetchone() != ("ok",):
        sys.exit("integrity_check")
    want = [(n, row(-n if n % 40 == 39 else n)) for n in range(ROWS)]
    if db.execute("select n, v from t order by n").fetchall() != want:
        sys.exit("other rows")
    db.close()


def map_both(path):
    data = b"word" * 4096
    with open(path, "wb+") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
        for name, flag in ("shared", mmap.MAP_SHARED), ("private", mmap.MAP_PRIVATE):
            try:
                m = mmap.mmap(f.fileno(), len(data), flag)
                said = "as written" if m[:] == data else "something else"
                m.close()
            except OSError as e:
                said = errno.errorcode[e.errno]
            print(f"{name}: {said}")


if __name__ == "__main__":
    {"run": run, "verify": verify, "map": map_both}[sys.argv[1]](sys.argv[2])
