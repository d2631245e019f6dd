#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# remount,ro and back: through the helper, through mount.fuse3's way of calling,
# and by the system call alone.  Read-only, the image is clean though the daemon
# runs, and stays so when it is killed.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace mke2fs e2fsck mount umount user

make_image 32M -I 256
helpers_in_sbin
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

is_now() {
	grep -q " $mnt fuse.daxfuse $1[, ]" /proc/self/mounts ||
		fail "not $1: $(grep "$mnt" /proc/self/mounts)"
}

# Kill the daemon; what it leaves is clean.
kill_is_clean() {
	local pid
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	must umount -l "$mnt"
	wait_released
	check_image
}

# to WAY ro|rw
to() {
	case $1 in
	helper)	must mount -o "remount,$2" "$mnt" ;;
	fuse3)	must "$DAXFUSE" "$img" "$mnt" -o "$2,dev,suid,remount,relatime,user_id=0,group_id=0,default_permissions,allow_other" ;;
	kernel)	must mount -i -o "remount,$2" "$mnt" ;;
	esac
	is_now "$2"
}

# The superblock says clean, within 20 s (at once, but for the system call).
says_clean() {
	local i
	for ((i = 0; i < 400; i++)); do
		[ "$(od -An -tu2 -j 1082 -N 2 "$img" | tr -d ' ')" = 1 ] && return 0
		[ "${1:-}" != now ] || fail "not marked clean at once"
		sleep 0.05
	done
	fail "not marked clean"
}

for way in helper fuse3 kernel; do
	must mount -t fuse.daxfuse -o strictatime "$img" "$mnt"
	must cp "$DAXFUSE" "$mnt/file-$way"
	exec 5<"$mnt/file-$way"
	to $way ro
	[ $way = kernel ] || now=now
	says_clean "${now:-}"
	now=
	must cmp "$DAXFUSE" "$mnt/file-$way"
	must_fail touch "$mnt/more"
	must_say 'Read-only file system'
	# reading changes nothing
	sum=$(cksum <"$img")
	must cat "$mnt/file-$way" >/dev/null
	must ls "$mnt" >/dev/null
	must stat "$mnt/lost+found" >/dev/null
	must_be "$(cksum <"$img")" "$sum" "$way: the image changed"
	exec 5<&-
	# and back, and once more
	to $way rw
	must touch "$mnt/again"
	must_be "$(od -An -tu2 -j 1082 -N 2 "$img" | tr -d ' ')" 0 "state"
	to $way ro
	says_clean
	kill_is_clean
done

# writers, and an unlinked file that is open
must mount -t fuse.daxfuse -o nosuid,noexec "$img" "$mnt"
exec 5>"$mnt/writer"
must_fail mount -o remount,ro "$mnt"
must_be "$status" 32
must_say "daxfuse: $mnt is busy: files are open for writing in it, or open and unlinked (\`fuser -vm $mnt\` shows by whom)"
is_now rw
echo still >&5 || fail "the writer cannot write any more"
exec 5>&-
must_be "$(cat "$mnt/writer")" still
exec 5<"$mnt/writer"
must rm "$mnt/writer"
must_fail mount -o remount,ro "$mnt"
must_be "$status" 32
is_now rw
exec 5<&-
# what is not named stays
to helper ro
grep -q " $mnt fuse.daxfuse ro,nosuid.*noexec" /proc/self/mounts ||
	fail "$(grep "$mnt" /proc/self/mounts)"
must umount "$mnt"
wait_released

# a quiet filesystem is clean although it is writable
mount_image
must touch "$mnt/quiet"
says_clean
is_now rw
kill_is_clean

# not what was mounted read-only; not for others; not elsewhere
mount_image ro
must_fail mount -o remount,rw "$mnt"
must_be "$status" 32
must_say "daxfuse: $mnt was mounted read-only, or became so after an error: unmount it and mount it again"
is_now ro
unmount_image
mount_image
must_fail as_user "$DAXFUSE" "$img" "$mnt" -o remount,ro
must_be "$status" 32
must_be "$out" "daxfuse: $mnt: only root can remount"
must_fail "$DAXFUSE" "$img" "$tmp" -o remount,ro
must_be "$status" 32
must_be "$out" "daxfuse: $tmp: no daxfuse is mounted there"
is_now rw
done_ok
