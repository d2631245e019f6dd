#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a command as a terminal would and press Ctrl-C.

usage: interrupt.py PATTERN|after:SECONDS COMMAND...

SIGINT goes to the whole process group when a line of output matches PATTERN, or
so long after the start.
Exit status: the command's; 128 + N if signal N ended it; 99 if the pattern
never came.
"""
import os
import re
import signal
import subprocess
import sys
import threading

pattern, command = re.compile(sys.argv[1]), sys.argv[2:]
signal.signal(signal.SIGINT, signal.SIG_DFL)
proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                        start_new_session=True)
seen = False
if sys.argv[1].startswith("after:"):
    seen = True
    timer = threading.Timer(float(sys.argv[1][6:]),
                            lambda: proc.poll() is None and
                            os.killpg(proc.pid, signal.SIGINT))
    timer.start()
for line in proc.stdout:
    if not seen and pattern.search(line):
        seen = True
        os.killpg(proc.pid, signal.SIGINT)
status = proc.wait()
if sys.argv[1].startswith("after:"):
    timer.cancel()
if not seen:
    sys.exit(99)
sys.exit(128 - status if status < 0 else status)
