#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lines of fstab with our helpers: mount -a twice, users, names with commas,
# blanks, backslashes and newlines, umount by directory and by source, lazily.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/mount8_functions.sh"
requires root user fuse fusermount3 mke2fs e2fsck namespace mount umount

make_image 16M
user_fuse
own_system helpers
own_user

count() {
	grep -c " fuse.daxfuse " /proc/self/mounts
}

# -a mounts what is there; a second one does nothing; both types
for type in fuse.daxfuse daxfuse; do
	fstab "$img $mnt $type defaults,noatime,x-test.a=b 0 0" \
		"$tmp/nowhere $tmp/own_etc $type nofail 0 0" \
		"$tmp/other $tmp/own_etc $type noauto 0 0"
	must mount -a
	must_be "$(flags)" rw,noatime
	must touch "$mnt/file"
	out=$(mount -a 2>&1) || fail "mount -a: $out"
	must_be "$out" ''
	must_be "$(count)" 1 "mounts with $type"
	must umount "$mnt"
	must flock -n -x "$img" true
done
fstab "$tmp/nowhere $mnt fuse.daxfuse defaults 0 0"
must_fail mount -a
must_say nowhere

# a link to the source is recognised, too
must ln -s image "$tmp/link"
fstab "$tmp/link $mnt fuse.daxfuse defaults 0 0"
must mount "$mnt"
must mount -a
must_be "$(count)" 1 'mounts of a link'
must umount "$tmp/link"
wait_released
must_be "$(count)" 0 'mounts after umount of a link'

# any name: each is mounted by its line and by hand, and unmounted both ways
n=0
for name in 'a,b' 'a b' 'a\b' $'a\nb' 'a"b' "a'b" 'a#b' 'ä,=b\054'; do
	dir=$tmp/$((n += 1))
	must mkdir -p "$dir/$name"
	must mv "$img" "$dir/$name.img"
	img=$dir/$name.img
	esc=$(printf '%s' "$name" | "$python" -c 'import sys
for c in sys.stdin.buffer.read():
    sys.stdout.write("\\%03o" % c if c in b" \t\n\\#" else chr(c)
        if c < 128 else "\\%03o" % c)')
	fstab "$dir/$esc.img $dir/$esc fuse.daxfuse defaults 0 0"
	must mount "$dir/$name"
	must mount -a
	must_be "$(count)" 1 "mounts of $name"
	echo "$name" >"$dir/$name/file"
	must umount "$img"
	wait_released
	must mount -t fuse.daxfuse "$img" "$dir/$name"
	must_be "$(cat "$dir/$name/file")" "$name"
	must umount "$dir/$name"
	wait_released
	must_be "$(count)" 0 "mounts left of $name"
	check_image
done

# a user mounts by `user', and unmounts; root may, too
must mv "$img" "$tmp/image"
img=$tmp/image
must chown "$user_id" "$img" "$mnt"
fstab "$img $mnt fuse.daxfuse user,noauto 0 0"
must as_user_suid mount "$mnt"
must_be "$(flags)" rw,nosuid,nodev,noexec,relatime
must_be "$(daemon_ids)" "$user_id $user_id () 0000000000000000"
must_fail stat "$mnt/lost+found"
must as_user stat "$mnt/lost+found" >/dev/null
must as_user_suid umount "$mnt"
wait_released
must_be "$(count)" 0 "the user's mounts"
must as_user_suid mount "$mnt"
must umount "$mnt"
wait_released
fstab "$img $mnt fuse.daxfuse noauto 0 0"

# lazily: gone at once, served until the last file is closed
must mount "$mnt"
must rm -f "$mnt/open"
exec 5>"$mnt/open"
must_fail umount "$mnt"
must_be "$status" 32
must umount -l "$mnt"
must_be "$(count)" 0 'mounts after umount -l'
echo late >&5 || fail "a file that was open cannot be written"
exec 5>&-
wait_released
must mount "$mnt"
must_be "$(cat "$mnt/open")" late
done_ok
