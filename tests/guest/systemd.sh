#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two boots with systemd as PID 1 and udevd, with the Debian package installed, on a
# real /dev/dax0.0 that is in fstab.  The first, without daxctl: multi-user.target
# with the mount active and no wait of 90 s; nofail without the device; automount;
# an upgrade; by UUID; the service, its crash and its stop; restart of the mount
# under load; the daemon killed; poweroff with a file open.  The second, with
# daxctl's package, a sixth field of 2 and the service started at boot, finds
# everything, with a clean superblock; a user of the group dax serves it.
#
# It runs in three places: here; in the guest's root before systemd ("prepare");
# and as a unit after multi-user.target ("inside").
here=$(dirname "$(realpath "$0")")
if [ -e /etc/guest-functions.sh ]; then
	. /etc/guest-functions.sh
else
	. "$here/systemd-functions.sh"
fi
uuid=01234567-89ab-cdef-0123-456789abcdef

# ---- here ----

if [ -z "${DAXFUSE_GUEST:-}" ] && [ "${1:-}" != inside ]; then
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-systemd.XXXXXX") || exit 1
	trap 'rm -rf "$tmp"' EXIT
	mkdir "$tmp/pkg" && make_package "$tmp/pkg" || exit 1
	for boot in 1 2; do
		"$here/run-in-guest.sh" -i -t 420 -p "$tmp/pmem" -d "$tmp/pkg" \
			-d "$here/.." "$0" prepare "$tmp/pkg" "$boot"
		status=$?
		[ $status -eq 0 ] || exit $status
	done
	exit 0
fi

# ---- in the guest's root, before systemd ----

if [ "${1:-}" = prepare ]; then
	boot=$3 field=0
	install_package "$2"
	start_after_boot "$boot"
	mkdir -p /mnt/{dax,auto,none,svc,user} /etc/daxfuse
	printf 'daxuser:x:1000:1000::/:/bin/sh\n' >>/etc/passwd
	printf 'daxuser:x:1000:\n' >>/etc/group
	sed -i 's/^dax:.*/&daxuser/' /etc/group
	chown 1000:1000 /mnt/user
	truncate -s 32M /etc/auto.img /etc/svc.img
	for i in auto svc; do mke2fs -q -F -t ext2 /etc/$i.img || exit 1; done
	printf 'SOURCE=/etc/svc.img\nOPTIONS=noatime\n' >/etc/daxfuse/mnt-svc.conf
	if [ "$boot" -eq 1 ]; then
		without_daxctl
		mkfs.daxfuse -F -L 'dax label' -U $uuid /dev/dax0.0 || exit 1
	else
		# nobody has mounted it since: the poweroff left it so
		daxfuse-image -o ro --run /dev/dax0.0 -- dumpe2fs -h {} 2>&1 |
			grep 'Filesystem state: *clean$' || exit 1
		field=2
		[ -e /usr/lib/udev/rules.d/90-daxctl-device.rules ] ||
			echo "skip: daxctl's package is not installed here"
		systemctl -q enable daxfuse@mnt-svc.service || exit 1
	fi
	cat >/etc/fstab <<-FSTAB
		/dev/dax0.0 /mnt/dax fuse.daxfuse defaults 0 $field
		/dev/dax7.0 /mnt/none fuse.daxfuse nofail,x-systemd.device-timeout=3s 0 0
		/etc/auto.img /mnt/auto fuse.daxfuse noauto,x-systemd.automount 0 $field
	FSTAB
	exit 0
fi

# ---- after multi-user.target ----

boot=$2
is "the mount is active" "$(state mnt-dax.mount)" active
is "in the host's table" "$(findmnt -n -o FSTYPE,SOURCE /mnt/dax | tr -s ' ')" "fuse.daxfuse /dev/dax0.0"
# monotonic times, in microseconds: what waited 90 s would show
start=$(state mnt-dax.mount InactiveExitTimestampMonotonic)
reached=$(state multi-user.target ActiveEnterTimestampMonotonic)
device=$(state dev-dax0.0.device ActiveEnterTimestampMonotonic)
[ "$reached" -gt 0 ] 2>/dev/null || [ "$(state basic.target)" = active ] || fail "no multi-user.target"
[ $((start - device)) -lt 60000000 ] || fail "the mount waited $((start - device)) us for its device"
ok "multi-user.target without a wait ($((start / 1000)) ms)"
is "udev gave the device to the group dax" "$(stat -c '%G %a' /dev/dax0.0)" "dax 660"
is "a link by UUID" "$(readlink -f /dev/daxfuse/by-uuid/$uuid)" /dev/dax0.0
is "a link by label" "$(readlink -f '/dev/daxfuse/by-label/dax\x20label')" /dev/dax0.0
is "nofail without its device" "$(state mnt-none.mount)" inactive

if [ "$boot" -eq 2 ]; then
	is "the first boot's file" "$(cat /mnt/dax/first)" "from boot 1"
	is "and the one that was open at poweroff" "$(head -n 1 /mnt/dax/open)" "written while open"
	is "no emergency" "$(state emergency.target)" inactive
	is "with a sixth field of 2" "$(awk '$2 == "/mnt/dax" { print $6 }' /etc/fstab)" 2
	is "which checked nothing" "$(state systemd-fsck@dev-dax0.0.service ConditionResult)" no
	stat /mnt/auto/lost+found >/dev/null || fail "the automount of a file with a sixth field of 2"
	ok "and for an image file"
	is "the service was started at boot" "$(state daxfuse@mnt-svc.service)" active
	is "and is seen by all" "$(findmnt -n -o FSTYPE,OPTIONS /mnt/svc | grep -c 'fuse.daxfuse.*noatime')" 1
	chown 1000:1000 /mnt/dax && umount /mnt/dax || fail umount

	# Served by a user, who opens the device as a member of the group dax.
	mount -t fuse.daxfuse -o setuid=daxuser /dev/dax0.0 /mnt/user || fail "setuid="
	pid=$(daemon /mnt/user)
	is "the daemon is the user" "$(awk '/^Uid:/ { print $3 }' "/proc/$pid/status")" 1000
	is "by fusermount3" "$(findmnt -n -o OPTIONS /mnt/user | grep -c 'nosuid,nodev.*user_id=1000')" 1
	setpriv --reuid=1000 --regid=1000 --clear-groups touch /mnt/user/mine ||
		fail "the user's file"
	umount /mnt/user || fail "umount of the user's"
	printf 'SOURCE=/dev/dax0.0\nOPTIONS=setuid=daxuser,allow_other\n' >/etc/daxfuse/mnt-user.conf
	systemctl start daxfuse@mnt-user.service || fail "the service of a user"
	is "the service is the user's" "$(findmnt -n -o OPTIONS /mnt/user | grep -c user_id=1000)" 1
	systemctl stop daxfuse@mnt-user.service
	is "and is unmounted" "$(findmnt -n /mnt/user | wc -l)" 0

	daxfuse-image --run /dev/dax0.0 -- e2fsck -fn {} || fail "e2fsck: $?"
	ok "e2fsck of the device"
	systemctl --no-block poweroff
	finish 0
fi

# An upgrade leaves the mount alone.
if [ -e /etc/daxfuse.deb ]; then
	pid=$(daemon)
	exec 3>/mnt/dax/upgraded
	dpkg_i /etc/daxfuse.deb
	echo after >&3 || fail "an open file over the upgrade"
	exec 3>&-
	is "an upgrade unmounts nothing" "$(daemon) $(cat /mnt/dax/upgraded)" "$pid after"
fi

# The log has priorities, and no names.
kill -USR1 "$(daemon)"
for ((i = 0; i < 100; i++)); do
	[ "$(journalctl --no-pager -b -t daxfuse -p info -o cat | grep -c '^stat: ')" -lt 2 ] || break
	sleep 0.1
done
is "messages are in the journal" "$(journalctl --no-pager -b -t daxfuse -p info -o cat | grep -c '^stat: .* transactions')" 1
touch /mnt/dax/secretname
is "no names in it" "$(journalctl --no-pager -b -t daxfuse | grep -c secretname)" 0
is "the daemon is confined" "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "/proc/$(daemon)/status")" 1

# Automount.
is "the automount waits" "$(state mnt-auto.automount SubState)" waiting
stat /mnt/auto/lost+found >/dev/null || fail "the automount"
is "and mounts" "$(findmnt -n -o FSTYPE -t fuse.daxfuse /mnt/auto)" fuse.daxfuse

# Restart of the mount under load.
(while touch /mnt/dax/load 2>/dev/null; do dd if=/dev/zero of=/mnt/dax/load bs=64k count=4 conv=fsync status=none; done) &
load=$!
sleep 1
for i in 1 2 3; do systemctl restart mnt-dax.mount && break; sleep 0.5; done
kill $load; wait $load 2>/dev/null
wait_state mnt-dax.mount active
stat /mnt/dax/lost+found >/dev/null || fail "after a restart"
ok "restart of the mount under load"

# The daemon is killed: the mount unit starts again.
kill -KILL "$(daemon)"
sleep 1
systemctl restart mnt-dax.mount || { umount -l /mnt/dax; systemctl restart mnt-dax.mount; }
wait_state mnt-dax.mount active
touch /mnt/dax/writable || fail "after SIGKILL"
ok "restart after SIGKILL"

# A sixth field other than 0: by the device (the second boot boots so), by a link.
umount /mnt/dax
wait_state mnt-dax.mount inactive
sed -i "s,^/dev/dax0.0 .*,/dev/daxfuse/by-uuid/$uuid /mnt/dax fuse.daxfuse defaults 0 2," /etc/fstab
systemctl daemon-reload
systemctl start mnt-dax.mount || fail "by the link"
is "mounted by the link" "$(findmnt -n -o SOURCE /mnt/dax)" /dev/dax0.0
umount /mnt/dax
daxfuse UUID=$uuid /mnt/dax || fail "UUID= on the command line"
is "mounted by UUID=" "$(findmnt -n -o SOURCE /mnt/dax)" /dev/dax0.0
umount /mnt/dax
daxfuse "LABEL=dax label" /mnt/dax || fail "LABEL= on the command line"
umount /mnt/dax
systemctl start mnt-dax.mount || fail "start"

# The service.
systemctl start daxfuse@mnt-svc.service || fail "the service"
is "the service is seen by all" "$(findmnt -n -o FSTYPE,OPTIONS /mnt/svc | grep -c 'fuse.daxfuse.*noatime')" 1
pid=$(state daxfuse@mnt-svc.service MainPID)
is "its main process serves" "$(tr '\0' ' ' <"/proc/$pid/cmdline" | grep -c /mnt/svc)" 1
kill -SEGV "$pid"
for ((i = 0; i < 300; i++)); do
	now=$(state daxfuse@mnt-svc.service MainPID)
	[ "$(state daxfuse@mnt-svc.service)" = active ] && [ "$now" -ne "$pid" ] && break
	sleep 0.1
done
touch /mnt/svc/again || fail "after a crash of the service"
ok "it is started again after a crash"
systemctl stop daxfuse@mnt-svc.service
is "stopped, it is unmounted" "$(findmnt -n /mnt/svc | wc -l)" 0
is "and clean" "$(e2fsck -fn /etc/svc.img >/dev/null 2>&1; echo $?)" 0

# Poweroff with a file open: see the second boot.
echo "from boot 1" >/mnt/dax/first
systemd-run -q --unit=holder bash -c 'exec 3>/mnt/dax/open; echo "written while open" >&3; sleep 1000'
for ((i = 0; i < 100; i++)); do [ ! -s /mnt/dax/open ] || break; sleep 0.1; done
ok "poweroff with a file open"
systemctl --no-block poweroff
finish 0
