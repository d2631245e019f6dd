#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Add up what the tests of a `meson test` run printed.

usage: tally.py BUILD_DIR

Real test cases are counted, not programs: Check's summary line, our suites'
`N passed, N failed, N skipped`, and one case for a script that prints neither.
A script is skipped by status 77; a suite's line `skip NAME: reason` gives the
reason of one case.  Prints a line a group, every skip with its reason, the end
of what a failed program said, and last the totals.  Exit status: 1 if
anything failed.
"""
import json
import os
import re
import sys

CHECK = re.compile(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)")
OURS = re.compile(r"^(?:\S+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
SKIP = re.compile(r"^skip (.+)$", re.M)


def count(test):
    """(passed, failed, skipped, [reasons]) of one meson test."""
    out = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    name = test["name"]
    reasons = [f"{name}: {r}" for r in SKIP.findall(out)]
    ok = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        said = [l for l in out.strip().splitlines() if l.strip()]
        return 0, 0, 1, reasons or [f"{name}: {said[-1] if said else 'no reason given'}"]
    passed = failed = skipped = 0
    checks = CHECK.findall(out)
    ours = OURS.findall(out)
    for total, failures, errors in checks:
        passed += int(total) - int(failures) - int(errors)
        failed += int(failures) + int(errors)
    if ours:
        p, f, s = ours[-1]
        passed, failed, skipped = passed + int(p), failed + int(f), skipped + int(s or 0)
    if not checks and not ours:
        passed = int(ok)
    if not ok and failed == 0:
        failed = 1
    return passed, failed, skipped, reasons


def main(build):
    groups, reasons, broken = {}, [], []
    path = os.path.join(build, "meson-logs", "testlog.json")
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            suite = test["name"].split(" / ")[0].split(":")[-1]
            p, f, s, why = count(test)
            g = groups.setdefault(suite, [0, 0, 0, 0.0])
            g[0] += p
            g[1] += f
            g[2] += s
            g[3] += test.get("duration", 0)
            reasons += why
            if f:
                broken.append(test)
    for test in broken:
        print(f"---- {test['name']}: {test['result']}")
        out = (test.get("stdout") or "") + (test.get("stderr") or "")
        print("\n".join(out.rstrip().splitlines()[-60:]))
    for reason in reasons:
        print(f"skipped: {reason}")
    for suite, (p, f, s, t) in sorted(groups.items()):
        print(f"{suite:<12} {p:6} passed {f:4} failed {s:4} skipped  {t:6.1f} s")
    total = [sum(g[i] for g in groups.values()) for i in range(3)]
    print(*total, file=open(os.path.join(build, "tally.txt"), "w"))
    return total[1] != 0 or not total[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
