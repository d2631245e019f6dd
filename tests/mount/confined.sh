#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# confined.sh - a mounted daemon has no capability, no way to get one, and a
# filter of system calls, in every thread; its keeper has what unmounting takes.
# `noconfine` leaves them.  A daemon with its keeper gone still ends cleanly.
. "$(dirname "$0")/functions.sh"
requires root fuse

# field PID NAME: of /proc/PID/status, of all threads, each value once
field() {
	sed -n "s/^$2:[[:space:]]*//p" /proc/"$1"/task/*/status | sort -u
}

make_image 32M
mount_image workers=3,noconfine
pid=$(daemon_pid) || fail "no daemon"
must_be "$(field "$pid" NoNewPrivs)" 0 "with noconfine"
must_be "$(field "$pid" Seccomp)" 0 "with noconfine"
unmount_image

mount_image workers=3,no_io_uring
pid=$(daemon_pid) || fail "no daemon"
if [ "$(field "$pid" NoNewPrivs)" = 0 ]; then
	echo "a build with a sanitizer is not confined"
	exit 77
fi
must_be "$(ls "/proc/$pid/task" | wc -l)" 6 \
	"main, three workers, their watch, background"
for cap in CapEff CapPrm; do
	must_be "$(field "$pid" $cap)" "$(kept_caps "$pid")" "$cap"
done
for cap in CapInh CapAmb; do
	must_be "$(field "$pid" $cap)" 0000000000000000 "$cap"
done
must_be "$(field "$pid" NoNewPrivs)" 1
must_be "$(field "$pid" Seccomp)" "${WITH_SECCOMP:-2}"
must_be "$(sed -n 's/^Max core file size *\([0-9]*\) .*/\1/p' "/proc/$pid/limits")" 0

keeper=$(cat "/proc/$pid/task/$pid/children")
keeper=${keeper%% *}
[ -d "/proc/$keeper" ] || fail "no keeper"
must_be "$(field "$keeper" CapPrm)" 0000000000200004 "CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH"
must_be "$(field "$keeper" NoNewPrivs)" 1
must_be "$(field "$keeper" Seccomp)" "${WITH_SECCOMP:-2}"
ls -l "/proc/$keeper/fd" | grep -q "$img" && fail "the keeper has the image open"

# What is asked of the keeper: a caller's groups.  One may keep setgid on a file
# of a group that one is in by /proc only.
must touch "$mnt/f"
must chown 65534:4242 "$mnt/f"
must setpriv --reuid=65534 --regid=65534 --groups 4242 chmod 2755 "$mnt/f"
must_be "$(stat -c %a "$mnt/f")" 2755 "in the group"
must setpriv --reuid=65534 --regid=65534 --clear-groups chmod 2755 "$mnt/f"
must_be "$(stat -c %a "$mnt/f")" 755 "not in the group"

# Work, then an end by signal: the keeper unmounts.
must dd if=/dev/zero of="$mnt/data" bs=1M count=8 conv=fsync status=none
must kill -TERM "$pid"
wait_gone "$pid"
wait_gone "$keeper"
! is_mounted || fail "still mounted after SIGTERM"
check_image

# In use: the second signal detaches it.
mount_image
pid=$(daemon_pid)
exec 3>"$mnt/open"
term_busy "$pid"
wait_gone "$pid"
exec 3>&-
check_image

# A signal to all of its group does not take the keeper first.
mount_image
pid=$(daemon_pid)
read -r keeper _ <"/proc/$pid/task/$pid/children"
must kill -TERM "$keeper"
must kill -INT "$keeper"
must kill -TERM "$pid"
wait_gone "$pid"
! is_mounted || fail "still mounted after SIGTERM to both"

# Killed, the keeper ends with it, and the next mount recovers, although the log
# was written by a confined daemon, for the superblock's new feature as well.
make_image 32M -O ^large_file
mount_image granularity=page
must truncate -s 3G "$mnt/large"
must sync "$mnt/large"
pid=$(daemon_pid)
read -r keeper _ <"/proc/$pid/task/$pid/children"
must kill -KILL "$pid"
wait_gone "$keeper"
must umount "$mnt"
mount_image granularity=page
must touch "$mnt/writable"

done_ok
