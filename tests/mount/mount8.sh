#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mount(8) with our helpers: its flags, the options that it adds, leaves and
# takes away, setuid= and drop_privileges, exit statuses.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/mount8_functions.sh"
requires root user fuse fusermount3 mke2fs e2fsck namespace mount umount \
	nsenter

make_image 16M
user_fuse
own_system helpers
own_user

mnt8() {
	must mount -t fuse.daxfuse "$@" "$img" "$mnt"
}
# shown FLAGS MOUNT_ARG...
shown() {
	local want=$1
	shift
	mnt8 "$@"
	must_be "$(flags)" "$want" "mount $*"
	must umount "$mnt"
	wait_released
}

# flags, and options of the kernel's and of mount(8)'s own
shown rw,relatime
shown ro,relatime -r
shown rw,relatime -s -o nosuch,nosuch=1
shown rw,relatime -n
shown rw,nosuid,nodev,noexec,relatime -o user
shown rw,nosuid,nodev,relatime -o users,exec
shown rw,nodev,relatime -o users,exec,suid
shown rw,nosuid,nodev,relatime -o owner,group
shown ro,nosuid,nodev,noexec,noatime \
	-o user,,ro,noatime,nofail,_netdev,defaults,noauto,X-a=b,x-c.d=e,comment=f
shown rw,relatime \
	-o relatime,lazytime,silent,iversion,mand,discard,barrier=0,data=ordered,commit=7
shown rw,sync,dirsync,nodiratime,relatime -o sync,dirsync,nodiratime
shown ro,relatime -o rw,errors=continue,ro,user_xattr,x-systemd.automount
shown rw,relatime -o private
shown rw,noexec,relatime -o 'fscontext="a:b:c,d",noexec'
out=$(mount -v -t fuse.daxfuse "$img" "$mnt" 2>&1) || fail "mount -v: $out"
must_say "daxfuse: $img mounted on $mnt"
must_fail mount -t fuse.daxfuse "$img" "$mnt"
must_be "$status" 32
must_say 'in use'
must umount "$mnt"
wait_released

# -f checks the line and does nothing
before=$(stat -c %Y "$img")
must mount -f -t fuse.daxfuse "$img" "$mnt"
must mount -f -t daxfuse -o nofail "$img" "$mnt"
! is_mounted || fail "mount -f mounted"
must_be "$(stat -c %Y "$img")" "$before"
must_fail mount -f -t fuse.daxfuse -o nosuch "$img" "$mnt"
must_be "$status" 1

# statuses
must_fail mount -t fuse.daxfuse -o nosuch "$img" "$mnt"
must_be "$status" 1
must_say 'unknown option "nosuch"'
must_fail mount -t fuse.daxfuse "$tmp/nowhere" "$mnt"
must_be "$status" 32
must mount -t fuse.daxfuse -o nofail "$tmp/nowhere" "$mnt"
! is_mounted || fail "something is mounted"
must truncate -s 1M "$tmp/blank"
must_fail mount -t fuse.daxfuse -o nofail "$tmp/blank" "$mnt"
must_be "$status" 32

# setuid=: the user with all of the user's groups, and none of root's
must chown "0:$user_group" "$img"
must chmod 660 "$img"
must chown "$user_id" "$mnt"
must_fail mount -t fuse.daxfuse -o setuid=nosuchuser "$img" "$mnt"
must_be "$status" 1
must_say 'setuid=nosuchuser: there is no such user'
must setpriv --groups 0,4,6 mount -t fuse.daxfuse -o "setuid=$user" "$img" "$mnt"
must_be "$(flags)" rw,nosuid,nodev,relatime
must_be "$(daemon_ids)" \
	"$user_id $user_id ($user_id $user_group) 0000000000000000"
must_be "$(stat -c %u "$mnt" 2>&1 | grep -c denied)" 1 'root is kept out'
must umount "$mnt"
wait_released
must_fail as_user "$DAXFUSE" -o setuid=root "$img" "$mnt"
must_be "$status" 1
must_say 'only root can become another user'

# drop_privileges: mounted as root mounts, served without a privilege
mnt8 -o drop_privileges,setuid=root
must_be "$(flags)" rw,relatime
# A build with a sanitizer cannot be confined.  Where root may not raise the
# limit of nice values, CAP_SYS_NICE is left: confined.sh says when.
case $(daemon_ids) in
"0 0 (0) $(kept_caps "$(daemon_pid)")") ;;
*)	nm -C "$DAXFUSE" 2>/dev/null | grep -qE '__(asan|tsan)_init' ||
		fail "the daemon is $(daemon_ids)" ;;
esac
must as_user stat "$mnt/lost+found" >/dev/null
must_fail as_user touch "$mnt/x"
must_say 'Permission denied'
must umount "$mnt"
wait_released
must_fail mount -t fuse.daxfuse -o drop_privileges,noconfine "$img" "$mnt"
must_be "$status" 1
must_say 'exclude each other'

# -N: the namespace is for the helpers to enter
unshare --mount --propagation private sleep 600 &
other=$!
defer kill "$other"
until [ "$(readlink /proc/$other/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]; do
	sleep 0.05
done
for _ in 1 2; do
	must mount -N "/proc/$other/ns/mnt" -t fuse.daxfuse -o x-test.a=b "$img" \
		"$mnt"
	! is_mounted || fail "mount -N mounted here"
	must nsenter -t "$other" -m test -d "$mnt/lost+found"
	must umount -N "/proc/$other/ns/mnt" "$mnt"
	wait_released
done

# offset= makes mount(8) take a loop device, img_offset= does not
must dd if="$img" of="$tmp/disk" bs=1M seek=1 conv=sparse status=none
must mount -t fuse.daxfuse -o img_offset=1m "$tmp/disk" "$mnt"
grep -q "^$tmp/disk $mnt fuse.daxfuse" /proc/self/mounts ||
	fail "$(grep " $mnt " /proc/self/mounts)"
must test -d "$mnt/lost+found"
must umount "$mnt"
must flock -w 60 "$tmp/disk" true
done_ok
