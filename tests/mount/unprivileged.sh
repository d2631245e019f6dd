#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unprivileged.sh - without root's rights: a connection that somebody else opened
# and mounted (/dev/fd/N) checks permissions although nobody asked the kernel to; a
# user and mount namespace of one's own; a service user in the group of a device.
. "$(dirname "$0")/functions.sh"
requires root fuse user unshare
user_id=1000

# mounted_fd OPTIONS COMMAND...: mount a new connection on $mnt without
# default_permissions, then run COMMAND with it as descriptor 9.
mounted_fd() {
	"$python" - "$mnt" "$@" <<-'PY'
		import ctypes, os, sys
		mnt, options, command = sys.argv[1], sys.argv[2], sys.argv[3:]
		fd = os.open("/dev/fuse", os.O_RDWR)
		os.dup2(fd, 9, inheritable=True)
		os.close(fd)
		libc = ctypes.CDLL(None, use_errno=True)
		data = "fd=9,rootmode=40000,user_id=0,group_id=0" + options
		if libc.mount(b"given", mnt.encode(), b"fuse.daxfuse", 6, data.encode()):
		    sys.exit("mount: " + os.strerror(ctypes.get_errno()))
		os.execvp(command[0], command)
	PY
}

make_image 32M
mount_image
echo secret >"$tmp/secret"
must install -m 600 "$tmp/secret" "$mnt/roots"
must_be "$(stat -c '%u %a' "$mnt/roots")" "0 600"
must install -m 644 "$tmp/secret" "$mnt/everybodys"
must install -d -o "$user_id" -m 700 "$mnt/users"
unmount_image

# ---- /dev/fd/N ----

must mounted_fd ,allow_other "$DAXFUSE" "$img" /dev/fd/9
must as_user cat "$mnt/everybodys" >"$tmp/read"
must cmp "$tmp/read" "$tmp/secret"
must_fail as_user cat "$mnt/roots"
must_say "Permission denied"
must_fail as_user touch "$mnt/new"
must_say "Permission denied"
must as_user touch "$mnt/users/new"
must_be "$(stat -c %u "$mnt/users/new")" "$user_id"
must umount "$mnt"
wait_released
check_image

# Where nobody would check them it is refused.
must_fail mounted_fd ,allow_other "$DAXFUSE" -o noacl "$img" /dev/fd/9
must_say "check permissions"
umount -l "$mnt" 2>/dev/null

# The daemon itself as a user with no rights at all, as by a service manager.
must chown "$user_id" "$img"
must mounted_fd ,allow_other setpriv --reuid="$user_id" --regid="$user_id" \
	--clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
	"$DAXFUSE" "$img" /dev/fd/9
pid=$(daemon_pid) || fail "no daemon"
must_be "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status")" "$user_id"
must_fail as_user cat "$mnt/roots"
must cat "$mnt/roots" >"$tmp/read"
must cmp "$tmp/read" "$tmp/secret"
must umount "$mnt"
wait_released
check_image

# ---- a service user in the group of the device ----

must chown root:4242 "$img"
must chmod 660 "$img"
must chmod 755 "$tmp"
must mounted_fd ,allow_other setpriv --reuid="$user_id" --regid="$user_id" \
	--groups 4242 --inh-caps=-all --bounding-set=-all \
	"$DAXFUSE" "$img" /dev/fd/9
must touch "$mnt/by-group"
must umount "$mnt"
wait_released
must_fail as_user "$DAXFUSE" "$img" "$mnt"
must_say "$img"

# ---- a namespace of one's own ----

must chown "$user_id" "$img"
user_fuse
if as_user unshare --user --map-root-user --mount true 2>/dev/null; then
	must as_user unshare --user --map-root-user --mount --propagation private \
		bash -c '
		set -e
		"$1" "$2" "$3"
		grep -q " $3 fuse.daxfuse " /proc/self/mounts
		echo inside >"$3/inside"
		[ "$(cat "$3/inside")" = inside ]
		[ "$(stat -c %u "$3/inside")" = 0 ]
		[ "$(cat "$3/roots")" = secret ]
		umount "$3"
		' bash "$(realpath "$DAXFUSE")" "$img" "$mnt"
	wait_released
	! is_mounted || fail "the namespace's mount is seen outside"
	mount_image
	must_be "$(cat "$mnt/inside")" inside
	must_be "$(stat -c %u "$mnt/inside")" 0 "who was root there"
else
	echo "# no user namespaces for users here"
fi
done_ok
