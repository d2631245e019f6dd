# SPDX-License-Identifier: GPL-2.0-or-later
"""serve_and_compute.py FILE PID - the daemon PID takes no CPU from its client.

One request after the other by one client, which computes then without asking
for anything: what the daemon uses meanwhile is counted, and is next to nothing.
"""

import glob, os, sys, time
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
def daemon():
    return sum(int(open(f).read().split()[0])
               for f in glob.glob("/proc/%s/task/*/schedstat" % sys.argv[2]))
for turn in range(2):
    for i in range(3000):
        os.pwrite(fd, b"x" * 100, i)
        os.fsync(fd)
    before, start = daemon(), time.thread_time_ns()
    while time.thread_time_ns() - start < 100000000:
        pass
    used = daemon() - before
    if used > 15000000:
        sys.exit("the daemon used %d ms while its client computed 100 ms" %
                 (used / 1000000))
