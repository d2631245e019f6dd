#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A boot with systemd as PID 1 whose dax device is system RAM until the service
# daxdev-reconfigure@ that daxctl brings on other distributions (stood in for here
# by our own; Debian 12 has none) has made it a dax device again: a mount in fstab
# that names the service is ordered after it, and the links of our rule appear when
# the device can be read.  It must be nofail: the service is itself ordered after
# all mounts that the boot waits for.  There is no drop-in for systemd-fsck here: with a sixth
# field of 0 nothing misses it, with another the mount fails as it says it would.
here=$(dirname "$(realpath "$0")")
if [ -e /etc/guest-functions.sh ]; then
	. /etc/guest-functions.sh
else
	. "$here/systemd-functions.sh"
fi
uuid=01234567-89ab-cdef-0123-456789abcdef
service=daxdev-reconfigure@dev-dax0.0.service

# ---- here ----

if [ -z "${DAXFUSE_GUEST:-}" ] && [ "${1:-}" != inside ]; then
	command -v daxctl >/dev/null || { echo "needs daxctl"; exit 77; }
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-daxctl.XXXXXX") || exit 1
	trap 'rm -rf "$tmp"' EXIT
	mkdir "$tmp/pkg" && make_package "$tmp/pkg" || exit 1
	# whole blocks of memory hotplug are in it
	"$here/run-in-guest.sh" -i -t 420 -s 512 -M kmem -d "$tmp/pkg" \
		-d "$here/.." "$0" prepare "$tmp/pkg"
	exit
fi

# ---- in the guest's root, before systemd ----

if [ "${1:-}" = prepare ]; then
	install_package "$2"
	start_after_boot
	rm -r /usr/lib/systemd/system/systemd-fsck@.service.d || exit 1
	mkdir -p /mnt/dax /etc/daxctl.conf.d /etc/udev/rules.d
	mkfs.daxfuse -U $uuid /dev/dax0.0 </dev/null || exit 1
	echo offline >/sys/devices/system/memory/auto_online_blocks
	daxctl reconfigure-device --mode=system-ram --no-online dax0.0 || exit 1
	out=$(daxfuse /dev/dax0.0 /mnt/dax 2>&1)
	case $out in
	*"in use as system RAM: \`daxctl reconfigure-device --mode=devdax dax0.0\`"*) ;;
	*) echo "daxfuse says: $out"; exit 1 ;;
	esac
	printf '[reconfigure-device guest]\nnvdimm.uuid = %s\nmode = devdax\n' \
		"$(cat /sys/bus/nd/devices/dax0.0/uuid)" >/etc/daxctl.conf.d/guest.conf
	# after Debian's, which calls daxctl in a way that it does not know
	cat >/etc/udev/rules.d/91-daxctl-service.rules <<-'RULE'
		ACTION=="add", SUBSYSTEM=="dax", TAG+="systemd", ENV{SYSTEMD_WANTS}="daxdev-reconfigure@dev-%k.service"
	RULE
	# late: who does not wait for it is too early
	cat >/etc/systemd/system/daxdev-reconfigure@.service <<-'UNIT'
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStartPre=/bin/sleep 5
		ExecStart=/usr/bin/daxctl reconfigure-device --check-config %I
	UNIT
	echo "/dev/dax0.0 /mnt/dax fuse.daxfuse nofail,x-systemd.after=$service 0 0" >/etc/fstab
	exit 0
fi

# ---- after multi-user.target ----

wait_state mnt-dax.mount active
ok "the mount is active"
is "daxctl's service has run" "$(state $service) $(state $service ExecMainStatus)" "active 0"
is "it is a dax device" "$(basename "$(readlink /sys/bus/dax/devices/dax0.0/driver)")" device_dax
done=$(state $service ExecMainExitTimestampMonotonic)
start=$(state mnt-dax.mount InactiveExitTimestampMonotonic)
[ "$start" -gt "$done" ] || fail "mounted at $start us, reconfigured at $done us"
ok "the mount waited for it"
touch /mnt/dax/file || fail "a file"
is "a link by UUID" "$(readlink -f /dev/daxfuse/by-uuid/$uuid)" /dev/dax0.0
is "of the group dax" "$(stat -c '%G %a' /dev/dax0.0)" "dax 660"

umount /mnt/dax || fail umount
sed -i 's/ 0 0$/ 0 2/' /etc/fstab
systemctl daemon-reload
! systemctl start mnt-dax.mount || fail "a sixth field of 2 without the drop-in"
is "systemd-fsck fails" "$(state systemd-fsck@dev-dax0.0.service)" failed
sed -i 's/ 0 2$/ 0 0/' /etc/fstab
systemctl daemon-reload
systemctl start mnt-dax.mount || fail "with 0 again"
ok "a sixth field of 2 is what breaks it"
umount /mnt/dax
systemctl --no-block poweroff
finish 0
