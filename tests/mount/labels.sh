#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# security.* attributes survive everything but what takes privileges away, and
# other programs read them; labels for SELinux are accepted where there is none.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs setfattr getfattr

label=unconfined_u:object_r:user_tmp_t:s0:c1,c2
# a capability, cap_net_raw=ep, as setcap(8) writes it
caps=0x0100000200200000000000000000000000000000

get() {
	getfattr --absolute-names -e "${3:-text}" --only-values -n "security.$2" \
		"$1" 2>/dev/null
}
caps_of() {
	getfattr -e hex -n security.capability "$1" 2>/dev/null |
		sed -n 's/^security.capability=//p'
}
# survives WHAT FILE: all three are there
survives() {
	must_be "$(get "$2" selinux)" "$label" "selinux after $1"
	must_be "$(get "$2" other)" x "other after $1"
	must_be "$(caps_of "$2")" "$caps" "capability after $1"
}

make_image 16M -I 256
mount_image
must mkdir "$mnt/dir"
echo x >"$mnt/file"
must setfattr -n security.selinux -v "$label" "$mnt/file"
must setfattr -n security.selinux -v "$label" "$mnt/dir"
must setfattr -n security.other -v x "$mnt/file"
must setfattr -n security.capability -v "$caps" "$mnt/file"
survives setting "$mnt/file"
must chmod 755 "$mnt/file"
must mv "$mnt/file" "$mnt/dir/moved"
must ln "$mnt/dir/moved" "$mnt/second"
survives 'chmod, rename and link' "$mnt/second"
must cp --preserve=xattr "$mnt/second" "$mnt/copy"
survives 'a copy' "$mnt/copy"
unmount_image
check_image
must_be "$(debugfs -R 'ea_get -V /second security.selinux' "$img" 2>/dev/null)" \
	"$label" 'debugfs: label'

# the options' commas are quoted for the kernel, or dropped without SELinux
context='context="system_u:object_r:tmp_t:s0:c127,c456"'
if [ -e /sys/fs/selinux/enforce ]; then
	mount_image
else
	mount_image "$context,noexec"
	grep -q " $mnt fuse.daxfuse rw,.*noexec" /proc/self/mounts ||
		fail "the option behind the label is lost"
fi
survives 'a mount' "$mnt/second"
must_be "$(get "$mnt/dir" selinux)" "$label" 'a label of a directory'
must chown 1234 "$mnt/copy"
must_be "$(caps_of "$mnt/copy")" '' 'capabilities after chown'
must_be "$(get "$mnt/copy" selinux)" "$label" 'the label after chown'
done_ok
