# SPDX-License-Identifier: GPL-2.0-or-later
"""What the figures were measured on."""
import os
import re
import shutil
import subprocess
import time


def said(*argv):
    """The first line that a program says, on either channel."""
    if shutil.which(argv[0]) is None:
        return ""
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    return p.stdout.strip().split("\n")[0]


def version(*argv):
    m = re.search(r"\d+(\.\d+)+", said(*argv))
    return m.group(0) if m else "?"


def field(path, name):
    with open(path) as f:
        for line in f:
            if line.startswith(name):
                return " ".join(line.split(":", 1)[1].split())
    return "?"


def distribution():
    try:
        with open("/etc/os-release") as f:
            for line in f:
                if line.startswith("PRETTY_NAME="):
                    return line.split("=", 1)[1].strip().strip('"')
    except OSError:
        pass
    return "?"


def uring():
    try:
        with open("/sys/module/fuse/parameters/enable_uring") as f:
            return "on" if f.read().strip() == "Y" else "off"
    except OSError:
        return "not in this kernel"


def describe(conf, top):
    u = os.uname()
    kib = int(field("/proc/meminfo", "MemTotal").split()[0])
    flags = field("/proc/cpuinfo", "flags").split()
    daxfuse = said(conf.daxfuse, "--version")
    commit = said("git", "-C", top, "describe", "--always", "--dirty")
    if os.path.isdir(os.path.join(top, ".git")) and commit:
        daxfuse += ", " + commit
    return {
        "cpu": field("/proc/cpuinfo", "model name"),
        "cpus": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in flags,
        "memory_gib": round(kib / (1 << 20)),
        "kernel": "%s %s" % (u.sysname, u.release),
        "fuse_uring": uring(),
        "system": distribution(),
        "daxfuse": daxfuse,
        "libfuse": version("fusermount3", "--version"),
        "e2fsprogs": version("mke2fs", "-V"),
        "sqlite": version("sqlite3", "--version"),
        "fio": version("fio", "--version") if conf.fio else "not used",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def line(m):
    """All that in a line."""
    if not m:
        return "an unknown machine"
    return "%d x %s%s, %d GiB, %s" % (
        m["cpus"], m["cpu"], " (virtual machine)" if m["virtual"] else "",
        m["memory_gib"], m["kernel"])
