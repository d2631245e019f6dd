#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the daemon is to the system: its name, however it was called; where that
# is allowed never chosen when memory runs out, and allocating without waiting
# for I/O; no core files, unless it debugs.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 16M
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"
must ln -s "$(readlink -f "$DAXFUSE")" "$tmp/mount.fuse.daxfuse"
caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
# CAP_SYS_RESOURCE, which both need
allowed=$(((16#$caps >> 24) & 1))
ulimit -c unlimited 2>/dev/null || ulimit -c "$(ulimit -H -c)"
core=$(awk '/^Max core file size/ { print $5 }' /proc/self/limits)

must "$tmp/mount.fuse.daxfuse" "$img" "$mnt"
pid=$(daemon_pid) || fail "no daemon"
must_be "$(cat "/proc/$pid/comm")" daxfuse
must_be "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0"
if [ "$allowed" = 1 ]; then
	must_be "$(cat "/proc/$pid/oom_score_adj")" -1000
	# PF_MEMALLOC_NOIO, in every thread
	for t in /proc/"$pid"/task/*; do
		flags=$(sed 's/.*) //' "$t/stat" | cut -d ' ' -f 7)
		must_be $(((flags >> 19) & 1)) 1 "$t"
	done
else
	must_be "$(cat "/proc/$pid/oom_score_adj")" "$(cat /proc/self/oom_score_adj)"
fi
unmount_image

"$DAXFUSE" -d "$img" "$mnt" >/dev/null 2>&1 &
child=$!
for ((i = 0; i < 500; i++)); do
	is_mounted && break
	sleep 0.02
done
must_be "$(awk '/^Max core file size/ { print $5 }' "/proc/$child/limits")" "$core"
must umount "$mnt"
wait "$child" || fail "status $?"
done_ok
