# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# mount8_functions.sh - a system of this test's own, for tests of mount(8): the
# built programs are in /usr/bin and /sbin, and /etc can be written to.  Only
# this mount namespace sees it.
#
#	own_system [helpers]	daxfuse in /usr/bin; with "helpers" the helpers in /sbin
#	fstab LINE...		these are /etc/fstab
#	own_user		a user $user, $user_id, also in the group $user_group
#	flags			the mount's own flags, as the kernel shows them

own_system() {
	[ -n "$tmp" ] || make_tmp
	own_dir /etc
	own_etc=$own
	must mkdir -p /run/mount
	must mount -t tmpfs -o mode=755 none /run/mount
	defer umount -l /run/mount
	if [ "${1:-}" = helpers ]; then
		helpers_in_sbin
	else
		own_dir /sbin
		rm -f "$own"/*mount.*daxfuse
	fi
	rm -f "$own/daxfuse"
	own_dir /usr/bin
	rm -f "$own/daxfuse"
	must ln -s "$(readlink -f "$DAXFUSE")" "$own/daxfuse"
	mnt=$tmp/mnt
	must mkdir "$mnt"
	defer give_up_mount "$mnt"
}

fstab() {
	rm -f "$own_etc/fstab"
	printf '%s\n' "$@" >"$own_etc/fstab" || fail "cannot write fstab"
}

own_user() {
	user=daxtest user_id=54321 user_group=54322
	local f
	for f in passwd group; do
		must cp --remove-destination "$(readlink -f "/etc/$f")" \
			"$own_etc/$f"
	done
	echo "$user:x:$user_id:$user_id::/:/bin/sh" >>"$own_etc/passwd"
	printf '%s\n' "$user:x:$user_id:" "daxmem:x:$user_group:$user" \
		>>"$own_etc/group"
	must_be "$(id -G "$user")" "$user_id $user_group"
}

flags() {
	awk -v m="${1:-$mnt}" '$2 == m && $3 == "fuse.daxfuse" {
		sub(/,user_id=.*/, "", $4); print $4 }' /proc/self/mounts
}

# What the daemon's process is: uid gid groups and effective capabilities.
daemon_ids() {
	local pid
	pid=$(daemon_pid) || fail "no daemon"
	awk '/^Uid:/ { u = $2 } /^Gid:/ { g = $2 } /^CapEff:/ { c = $2 }
		/^Groups:/ { sub(/^Groups:[ \t]*/, ""); sub(/ *$/, ""); s = $0 }
		END { print u " " g " (" s ") " c }' "/proc/$pid/status"
}
