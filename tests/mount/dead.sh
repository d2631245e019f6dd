#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A dead mount of the same image is detached and mounted anew, one of another
# image is named; so is a mount point that is missing or no directory.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace mke2fs e2fsck

kill_daemon() {
	local pid
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	wait_released
}

# remount ARG...: $out is what it says beside the recovery
remount() {
	out=$("$DAXFUSE" "$@" 2>&1) || fail "status $?: $out"
	out=$(printf '%s\n' "$out" | grep -v ': it was not unmounted: recovered')
	must_be "$out" "daxfuse: $mnt: detached a mount of $img whose daemon is gone"
}

make_image 16M
mount_image
must touch "$mnt/kept"
must ls -l "$mnt" >"$tmp/listing"
kill_daemon
# attributes may still be cached, so that it does not even look dead
remount "$img" "$mnt"
must_be "$(grep -c " $mnt " /proc/self/mounts)" 1 "mounts there"
must [ -e "$mnt/kept" ]

# the name given in another way
kill_daemon
must mkdir "$tmp/there"
must ln -s mnt "$tmp/link"
cd "$tmp" || fail "cd"
remount "$img" link/
cd / || fail "cd"
kill_daemon
first=$img
img=$tmp/image2
must cp --sparse=always "$first" "$img"
must_fail "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
out=$(printf '%s\n' "$out" | tail -n 1)
must_be "$out" "daxfuse: mount point $mnt: a mount of $first is there whose program is gone: \`umount -l $mnt\` removes it"
must umount -l "$mnt"

# elsewhere a dead mount is no obstacle
img=$first
must "$DAXFUSE" "$img" "$tmp/there"
defer give_up_mount "$tmp/there"
kill_daemon
mount_image
must umount -l "$tmp/there"
unmount_image

must_fail "$DAXFUSE" "$img" "$tmp/none/at/all"
must_be "$status" 32
must_be "$out" "daxfuse: mount point $tmp/none/at/all does not exist: \`mkdir -p $tmp/none/at/all\` makes it"
must_fail "$DAXFUSE" "$img" "$tmp/listing"
must_be "$status" 32
must_be "$out" "daxfuse: mount point $tmp/listing is not a directory"
done_ok
