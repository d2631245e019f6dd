#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Extended attributes and ACLs through the mount; noacl and nouser_xattr.
. "$(dirname "$0")/functions.sh"
requires root user fuse mke2fs e2fsck setfattr getfattr setfacl getfacl

make_image 16M
mount_image
must mkdir -m 755 "$mnt/dir"
echo x >"$mnt/dir/file"
for name in user.a trusted.b security.c; do
	must setfattr -n "$name" -v "value of $name" "$mnt/dir/file"
	must_be "$(getfattr --only-values -n "$name" "$mnt/dir/file" 2>/dev/null)" \
		"value of $name"
done
must setfattr -n user.empty "$mnt/dir/file"
out=$(getfattr -d -m - "$mnt/dir/file" 2>/dev/null)
must_say 'user.empty=""'
must setfattr -x user.a "$mnt/dir/file"
must_fail getfattr -n user.a "$mnt/dir/file"
must_fail setfattr -n nosuch.a -v x "$mnt/dir/file"
must_say 'not supported'

must chmod 600 "$mnt/dir/file"
must_fail as_user cat "$mnt/dir/file"
must setfacl -m "u:$user_id:r" "$mnt/dir/file"
must_be "$(as_user cat "$mnt/dir/file")" x
must_be "$(stat -c %a "$mnt/dir/file")" 640
must chmod g= "$mnt/dir/file"
must_fail as_user cat "$mnt/dir/file"

# a default ACL is inherited, and replaces the umask
must setfacl -d -m u::rwx,g::rx,o::-,u:1234:rwx,m::rwx "$mnt/dir"
(umask 077; echo y >"$mnt/dir/heir")
out=$(getfacl -c "$mnt/dir/heir" 2>/dev/null)
must_say 'user:1234:rwx'
must_say '#effective:rw-'
must_be "$(stat -c %a "$mnt/dir/heir")" 660
unmount_image

mount_image noacl,nouser_xattr
must_fail setfacl -m u:1234:r "$mnt/dir/file"
must_say 'not supported'
must_fail setfattr -n user.z -v x "$mnt/dir/file"
must_say 'not supported'
must_be "$(getfattr --only-values -n trusted.b "$mnt/dir/file" 2>/dev/null)" \
	'value of trusted.b'
done_ok
