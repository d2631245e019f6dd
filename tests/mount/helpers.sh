#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mount(8) and umount(8) with the helpers where they look for them: types, the
# options they add, -f, -s, fstab, and umount that waits for the daemon.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck namespace mount umount

make_image 64M
helpers_in_sbin
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

# A user space option is in utab, which makes umount(8) look for the type and so
# for the helper, which waits; otherwise it does neither, and a mount waits.
for type in fuse.daxfuse daxfuse; do
	must mount -t "$type" -o x-test.a=b "$img" "$mnt"
	grep -q "^$img $mnt fuse.daxfuse rw,relatime" /proc/self/mounts ||
		fail "$type: $(grep "$mnt" /proc/self/mounts)"
	must dd if=/dev/urandom of="$mnt/big" bs=1M count=32 status=none
	must umount "$mnt"
	must flock -n -x "$img" true
	check_image
	for _ in 1 2 3 4 5; do
		must mount -t "$type" "$img" "$mnt"
		must touch "$mnt/again"
		must umount "$mnt"
	done
	wait_released
	check_image
done

must mount -v -t fuse.daxfuse -o ro,user,nofail,_netdev,x-a.b=c "$img" "$mnt"
grep -q " $mnt fuse.daxfuse ro,nosuid,nodev,noexec" /proc/self/mounts ||
	fail "$(grep "$mnt" /proc/self/mounts)"
must umount "$mnt"
must mount -f -t fuse.daxfuse "$img" "$mnt"
! is_mounted || fail "mount -f mounted"
must_fail mount -t fuse.daxfuse -o nosuch "$img" "$mnt"
must_say nosuch
must_be "$status" 1
must mount -s -t fuse.daxfuse -o nosuch "$img" "$mnt"
must mkdir "$tmp/elsewhere"
must_fail mount -t fuse.daxfuse "$img" "$tmp/elsewhere"
must_be "$status" 32
must umount "$mnt"
wait_released

# fstab, with a blank in the name
must mkdir "$tmp/a dir"
must mv "$img" "$tmp/a dir/image"
img="$tmp/a dir/image"
printf '%s\n' "$tmp/a\\040dir/image $mnt fuse.daxfuse defaults,noatime 0 0" \
	>"$tmp/fstab"
must mount -o x-test.a=b -T "$tmp/fstab" "$mnt"
is_mounted || fail "not mounted by fstab"
must mount -T "$tmp/fstab" -a
must_be "$(grep -c " $mnt fuse.daxfuse " /proc/self/mounts)" 1 "mounts after -a"
must touch "$mnt/file"
must umount "$mnt"
must flock -n -x "$img" true
done_ok
