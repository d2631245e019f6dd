#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The superblock's default mount options and reserved ids count, and options
# overrule them; errors=continue, which mke2fs writes unasked, does not.
. "$(dirname "$0")/functions.sh"
requires root user fuse mke2fs e2fsck tune2fs debugfs setfacl setfattr

make_image 16M
must tune2fs -o ^acl,^user_xattr,bsdgroups "$img" >/dev/null
mount_image
must mkdir "$mnt/dir"
must chgrp 1234 "$mnt/dir"
must chmod 777 "$mnt" "$mnt/dir"
must_fail setfacl -m u:1234:r "$mnt/dir"
must_say 'not supported'
must_fail setfattr -n user.a -v x "$mnt/dir"
must_say 'not supported'
must as_user touch "$mnt/dir/file"
must_be "$(stat -c %g "$mnt/dir/file")" 1234 'group with bsdgroups'
must as_user mkdir "$mnt/dir/sub"
must_be "$(stat -c %g:%a "$mnt/dir/sub")" 1234:755
unmount_image

mount_image acl,user_xattr,nogrpid
must setfacl -m u:1234:r "$mnt/dir"
must setfattr -n user.a -v x "$mnt/dir"
must as_user touch "$mnt/dir/other"
must_be "$(stat -c %g "$mnt/dir/other")" "$user_id" 'group with nogrpid'
must chmod g+s "$mnt/dir"
must as_user mkdir "$mnt/dir/heir"
must_be "$(stat -c %g:%a "$mnt/dir/heir")" 1234:2755
unmount_image

must tune2fs -o acl,user_xattr,^bsdgroups "$img" >/dev/null
mount_image
must setfacl -m u:1235:r "$mnt/dir"
must setfattr -n user.b -v x "$mnt/dir"
must chmod g-s "$mnt/dir"
must as_user touch "$mnt/dir/third"
must_be "$(stat -c %g "$mnt/dir/third")" "$user_id"
unmount_image
mount_image noacl,nouser_xattr,sysvgroups,bsdgroups
must_fail setfattr -n user.c -v x "$mnt/dir"
must as_user touch "$mnt/dir/fourth"
must_be "$(stat -c %g "$mnt/dir/fourth")" 1234 'group with bsdgroups'
unmount_image

# fills WHAT...: what of the reserved quarter of the blocks it may have
left_by() {
	rm -f "$mnt/dir/fill"
	"$@" dd if=/dev/zero of="$mnt/dir/fill" bs=64k 2>/dev/null
	[ -s "$mnt/dir/fill" ] || fail "nothing was written: $*"
	stat -f -c %f "$mnt"
}
in_group() {
	setpriv --reuid="$user_id" --regid="$user_id" --groups=4321 "$@"
}
must tune2fs -m 25 "$img" >/dev/null
mount_image
total=$(stat -f -c %b "$mnt")
[ "$(left_by as_user)" -gt $((total / 5)) ] || fail "the reserve is not kept"
[ "$(left_by in_group)" -gt $((total / 5)) ] || fail "the reserve is not kept"
[ "$(left_by env)" -lt 10 ] || fail "root does not get the reserve"
unmount_image
must tune2fs -u "$user_id" -g 4321 "$img" >/dev/null
mount_image
[ "$(left_by as_user)" -lt 10 ] || fail "tune2fs -u: no reserve"
unmount_image
mount_image resuid=7
[ "$(left_by as_user)" -gt $((total / 5)) ] || fail "resuid= does not overrule"
[ "$(left_by in_group)" -lt 10 ] || fail "tune2fs -g: no reserve"
unmount_image
mount_image resuid=7,resgid=8
[ "$(left_by in_group)" -gt $((total / 5)) ] || fail "resgid= does not overrule"
unmount_image

# minixdf: the format's own blocks are counted as well
mount_image
own=$(stat -f -c %b "$mnt")
unmount_image
mount_image minixdf
all=$(stat -f -c %b "$mnt")
must_be "$all" "$(dumpe2fs -h "$img" 2>/dev/null |
	awk -F: '/^Block count/ { print $2 + 0 }')"
[ "$own" -lt "$all" ] || fail "bsddf counts $own of $all blocks"
unmount_image

# on_error OPTIONS: what a damaged directory makes of the mount
on_error() {
	must debugfs -w -R 'zap_block -f /dir -p 255 0' "$img" 2>/dev/null
	mount_image "$1"
	must_fail ls "$mnt/dir"
	must_say 'Structure needs cleaning'
	if touch "$mnt/after" 2>/dev/null; then
		said=continued
	else
		said=read-only
	fi
	must umount "$mnt"
	wait_released
	e2fsck -fy "$img" >/dev/null 2>&1
	must e2fsck -fy "$img" >/dev/null 2>&1
	mount_image
	rm -rf "$mnt/dir" "$mnt/after" "$mnt"/lost+found/*
	must mkdir "$mnt/dir"
	unmount_image
	echo "$said"
}
must tune2fs -e continue "$img" >/dev/null
must_be "$(on_error rw)" read-only 'errors=continue in the superblock'
must_be "$(on_error errors=continue)" continued 'errors=continue asked for'
must_be "$(on_error errors=remount-ro)" read-only 'errors=remount-ro'
done_ok
