#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whichever process of a private view is killed, and whenever: within a second
# nothing is left of it, neither mount nor lock.  20 times each.
. "$(dirname "$0")/functions.sh"
requires root fuse python3

make_tmp
img=$tmp/image
must truncate -s 64M "$img"
load="while :; do
	dd if={} of=/dev/null bs=256k count=64 status=none
	dd if=/dev/zero of={} bs=64k count=64 conv=notrunc status=none
	fallocate -z -l 64M {}
done"

"$python" - "$DAXFUSE_IMAGE" "$img" "$load" <<'PY' || fail "something was left"
import fcntl, os, random, signal, subprocess, sys, time

tool, image, load = sys.argv[1:]
seed = int(time.time())
print("seed", seed)
random.seed(seed)


def is_free():
    fd = os.open(image, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def mounts():
    """Processes that still see a view of this image."""
    seen = []
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/mountinfo") as f:
                if any("fuse.daxfuse-image" in line and image in line
                       for line in f):
                    seen.append(int(p))
        except OSError:
            pass
    return seen


def wait_for(what, limit):
    start = time.monotonic()
    while not what():
        if time.monotonic() - start > limit:
            return None
        time.sleep(0.002)
    return time.monotonic() - start


worst, late = 0.0, 0
for victim in ("server", "program", "its child"):
    for n in range(20):
        p = subprocess.Popen([tool, "--run", image, "--", "sh", "-c", load],
                             stderr=subprocess.DEVNULL)
        # any moment of its life, the first milliseconds too
        if victim == "server" and n % 4 == 0:
            time.sleep(random.random() * 0.01)
            target = p.pid
        else:
            assert wait_for(lambda: children(p.pid), 60) is not None
            time.sleep(random.random() * 0.15)
            program = children(p.pid)[0]
            target = {"server": p.pid, "program": program}.get(victim)
            if target is None:
                assert wait_for(lambda: children(program), 60) is not None
                target = (children(program) or [program])[0]
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if victim == "its child":
            # the program goes on; it ends when it is told to
            p.terminate()
        took = wait_for(is_free, 30)
        gone = wait_for(lambda: not mounts(), 30)
        if took is None or gone is None:
            print(victim, n, "lock", took, "mounts", gone, mounts())
            sys.exit(1)
        worst = max(worst, took, gone)
        late += max(took, gone) > 1
        if p.wait() == 0:
            print(victim, n, "status 0")
            sys.exit(1)
print(f"worst {worst * 1000:.0f} ms, {late} of 60 above 1 s")
# A busy machine may delay one or two.
sys.exit(late > 2)
PY
must_be "$("$DAXFUSE_IMAGE" --run "$img" -- stat -c %s {})" 67108864
exit 0
