#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""load_sqlite.py DIRECTORY delete|wal SECONDS

Commits of one row each, every one synced in full.  Prints how many and the
seconds that they took; opening and making the database is not counted.
"""
import os
import sqlite3
import sys
import time


def main(directory, journal, seconds):
    path = os.path.join(directory, "commits.db")
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode=" + journal)
    db.execute("pragma synchronous=full")
    db.execute("create table t (id integer primary key, text text)")
    n, start = 0, time.monotonic()
    end = start + seconds
    while time.monotonic() < end:
        db.execute("insert into t (text) values (?)", ("x" * 100,))
        n += 1
    taken = time.monotonic() - start
    assert db.execute("select count(*) from t").fetchone() == (n,)
    db.close()
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    print(n, taken)


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
