#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mount(8) without our helpers: mount.fuse3 and a shell call daxfuse, which is
# found in the shell's own path; the type fuse.daxfuse and the old daxfuse#.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/mount8_functions.sh"
requires root user fuse fusermount3 mount.fuse3 mke2fs e2fsck namespace mount \
	umount

make_image 16M
user_fuse
own_system
own_user

count() {
	grep -c " fuse.daxfuse " /proc/self/mounts
}
shown() {
	local want=$1
	shift
	must mount -t fuse.daxfuse "$@" "$img" "$mnt"
	must_be "$(flags)" "$want" "mount $*"
	must umount "$mnt"
	wait_released
}

shown rw,relatime
shown ro,relatime -r
shown rw,relatime -s -n
shown rw,nosuid,nodev,noexec,relatime -o user
shown rw,nodev,relatime -o users,exec,suid
shown rw,nosuid,nodev,relatime -o owner,group
shown rw,noatime -o nofail,_netdev,x-a.b=c,X-d,comment=e,noatime,lazytime
shown rw,noexec,relatime -o 'fscontext="a:b:c,d",noexec'
must_fail mount -t fuse.daxfuse -o nosuch "$img" "$mnt"
must_be "$status" 1
must_fail mount -t fuse.daxfuse "$tmp/nowhere" "$mnt"
must_be "$status" 32
must mount -t fuse.daxfuse -o 'fsname=a\,b' "$img" "$mnt"
grep -q "^a,b $mnt fuse.daxfuse" /proc/self/mounts ||
	fail "$(grep " $mnt " /proc/self/mounts)"
must umount "$mnt"
wait_released

# mount.fuse3 changes the user itself, and leaves root's groups
must chown "$user_id" "$img" "$mnt"
must mount -t fuse.daxfuse -o "setuid=$user" "$img" "$mnt"
must_be "$(flags)" rw,nosuid,nodev,relatime
must umount "$mnt"
wait_released

must chown 0:0 "$img" "$mnt"
# mount.fuse3 opens the connection, with the options of the command line
must mount -t fuse.daxfuse -o drop_privileges "$img" "$mnt"
must_be "$(daemon_ids | sed 's/.* //')" 0000000000000000 'capabilities'
must touch "$mnt/by_root"
must umount "$mnt"
wait_released
must_fail mount -t fuse.daxfuse -o drop_privileges,noacl "$img" "$mnt"
must_be "$status" 32
must_say 'nobody would check permissions'
! is_mounted || must umount "$mnt"
wait_released

# daxfuse#: mount -a does not know it again, and is answered well
fstab "daxfuse#$img $mnt fuse noatime 0 0"
must mount -a
must_be "$(flags)" rw,noatime
must touch "$mnt/file"
out=$(mount -a 2>&1) || fail "the second mount -a: $out"
must_be "$out" ''
must_be "$(count)" 1 'mounts after the second mount -a'
must test -e "$mnt/file"
must umount "$mnt"
wait_released
fstab "daxfuse#$img $mnt fuse ro 0 0"
must mount -a
must mount -a
must_be "$(count)" 1 'read-only mounts after the second mount -a'
# elsewhere it is a mistake
must mkdir "$tmp/elsewhere"
fstab "daxfuse#$img $tmp/elsewhere fuse defaults 0 0"
must_fail mount -a
must_say 'in use'
must umount "$mnt"
wait_released

# the option that would let it pass is taken away before
fstab "$tmp/nowhere $mnt fuse.daxfuse nofail 0 0"
must_fail mount -a
must_say nowhere

# ... and a shell is not mount(8)
must "$DAXFUSE" "$img" "$mnt"
must_fail sh -c '"$@"; exit $?' sh "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
must umount "$mnt"
wait_released

# a user, by `user'
must chown "$user_id" "$img" "$mnt"
fstab "$img $mnt fuse.daxfuse user,noauto 0 0"
must as_user_suid mount "$mnt"
must_be "$(flags)" rw,nosuid,nodev,noexec,relatime
must as_user_suid umount "$mnt"
wait_released

# nothing but the system's own path is searched
must rm "$own/daxfuse"
must_fail env PATH="$PATH:$(dirname "$DAXFUSE")" mount -t fuse.daxfuse "$img" \
	"$mnt"
must_be "$status" 127
must_say 'daxfuse: not found'
done_ok
