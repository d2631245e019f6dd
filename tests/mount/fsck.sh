#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fsck.daxfuse: the log first, then e2fsck, with e2fsck's options and statuses.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs sha256sum

check() {
	status=0
	out=$("$FSCK" "$@" 2>&1 </dev/null) || status=$?
}

make_tmp
img=$tmp/image
must "$MKFS" -q "$img" 160M
check -p "$img"
must_be "$status" 0 "$out"
must_say "$img: clean"
check -fn "$img"
must_be "$status" 0 "$out"
must_say 'Pass 5'

# A killed daemon: what it left is finished as a mount would, orphans too.
mount_image
must mkdir "$mnt/d"
for i in $(seq 30); do
	head -c $((i * 1000)) /dev/urandom >"$mnt/d/$i" || fail "write"
done
(cd "$mnt" && find . -type f -exec sha256sum {} +) >"$tmp/sums"
must dd if=/dev/zero of="$mnt/gone" bs=1M count=8 status=none
exec 5<"$mnt/gone"
must rm "$mnt/gone"
pid=$(daemon_pid) || fail "no daemon"
must kill -KILL "$pid"
wait_gone "$pid"
exec 5<&-
must umount -l "$mnt"
wait_released
must cp "$img" "$tmp/crashed"

# -n changes nothing, whatever it finds.
check -n "$img"
must_say 'recovered'
must cmp "$img" "$tmp/crashed"
check -p "$img"
must_be "$status" 0 "$out"
must_be "$(printf '%s\n' "$out" | grep -c recovered)" 1 "$out"
must_say "$img: clean"
check_image
mount_image
(cd "$mnt" && must sha256sum --quiet -c "$tmp/sums") || exit 1
unmount_image

# Killed while nothing was going on, and so marked clean: the same.
mount_image
must rm "$mnt/d/1"
is_clean() {
	"$DAXFUSE_IMAGE" -o ro --run "$img" -- dumpe2fs -h {} 2>/dev/null |
		grep -q '^Filesystem state: *clean'
}
wait_for is_clean
pid=$(daemon_pid) || fail "no daemon"
must kill -KILL "$pid"
wait_gone "$pid"
must umount -l "$mnt"
wait_released
check -p "$img"
must_be "$status" 0 "$out"
must_say "$img: clean"
check_image
mount_image
[ ! -e "$mnt/d/1" ] || fail "it is back"
unmount_image

# Damage: e2fsck's statuses, and the options as they are given.
must debugfs -w -R 'set_inode_field /d links_count 9' "$img" 2>/dev/null
check -fn "$img"
must_be "$status" 4 "$out"
check -fp "$img"
must_be "$status" 1 "$out"
check_image
must debugfs -w -R 'clri /d' "$img" 2>/dev/null
check -f -p "$img"
must_be "$((status & 4))" 4 "$out"
check -fy "$img"
must_be "$((status & 1))" 1 "$out"
check -f -C 0 -y "$img"
must_be "$status" 0 "$out"
must_say '100.0%'
mount_image
must_be "$(ls "$mnt/lost+found" | wc -l)" 29
unmount_image

# A superblock that is gone, and the copy that is not.
must dd if=/dev/zero of="$img" bs=1024 seek=1 count=1 conv=notrunc status=none
check -fy -b 32768 "$img"
must_be "$((status & ~1))" 0 "$out"
must debugfs -R 'ls /lost+found' "$img" >/dev/null 2>&1
check_image

# In use, or nothing there, or nonsense.
mount_image
check -p "$img"
must_be "$status" 8 "$out"
must_say 'mounted on'
echo live >"$mnt/live"
check -n "$img"
must_say 'is mounted'
unmount_image
check -p "$tmp/none"
must_be "$status" 8 "$out"
must_say "$tmp/none"
check -p
must_be "$status" 16 "$out"
check -! "$img"
must_be "$status" 16 "$out"
done_ok
