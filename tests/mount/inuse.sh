#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who else has the image: each by one sentence that says who and where; a daemon
# that is on its way out is waited for.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace mke2fs e2fsck flock

make_image 16M
mount_image
pid=$(daemon_pid) || fail "no daemon"
must mkdir "$tmp/second"
must_fail "$DAXFUSE" "$img" "$tmp/second"
must_be "$status" 32
must_be "$out" "daxfuse: $img is in use by process $pid (daxfuse), mounted on $mnt"
# from a namespace that does not see the mount
must_fail unshare --mount sh -c "umount $mnt && exec $DAXFUSE $img $tmp/second"
must_be "$status" 32
must_be "$out" "daxfuse: $img is in use by process $pid (daxfuse), mounted on $mnt (in another mount namespace)"

# its mount is gone, but it has a file open yet: on its way out
exec 5>"$mnt/open"
must umount -l "$mnt"
(sleep 1; exec 5>&-; sleep 100) &
closer=$!
defer kill "$closer"
exec 5>&-
must "$DAXFUSE" "$img" "$mnt"
! [ -d "/proc/$pid" ] || grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" ||
	fail "the first daemon still runs"
unmount_image
kill "$closer"

# another program's lock
flock -x "$img" sh -c 'echo $$ >"$1/locker"; exec sleep 100' - "$tmp" &
until [ -s "$tmp/locker" ]; do sleep 0.02; done
locker=$(cat "$tmp/locker")
defer kill "$locker"
must_fail "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
case $out in
"daxfuse: $img is in use by process "[0-9]*" (flock)"|\
"daxfuse: $img is in use by process "[0-9]*" (sleep)") ;;
*)	fail "$out" ;;
esac
kill "$locker"
wait
wait_released

# ro mounts share it; twice on one directory they do not stack
mount_image ro
must_fail "$DAXFUSE" "$img" "$mnt" -o ro
must_be "$status" 32
must_be "$out" "daxfuse: $img is already mounted on $mnt"
done_ok
