# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# systemd-functions.sh - what the guests with systemd as PID 1 share; sourced in
# three places.
#
# Here:
#	make_package DIR	the Debian package and what dpkg has to know of the
#				others, into DIR; on other systems the build, installed
# In the guest's root, before systemd:
#	install_package DIR	dpkg -i, with its scripts
#	without_daxctl		as if its package were not installed
#	start_after_boot ARG...	the script again, with inside ARG..., as a unit after
#				multi-user.target
# There:
#	ok, is, fail, finish	cases; the end
#	state, wait_state	of a unit

# ---- here ----

make_package() {
	local deb p
	deb=$("$here/deb.sh" "$SOURCE_ROOT" "$BUILD_DIR/tests/guest/deb") || {
		echo "no Debian package: the build is installed instead"
		DESTDIR=$1/dest meson install -C "$BUILD_DIR" --no-rebuild \
			>"$1/log" 2>&1 || { cat "$1/log"; return 1; }
		return 0
	}
	cp "$deb" "$1/daxfuse.deb" || return 1
	for p in $(dpkg-deb -f "$deb" Depends | tr , '\n' | sed 's/(.*//; s/|.*//'); do
		dpkg-query -s "$p" || return 1
		echo
	done >"$1/status"
}

# ---- before systemd ----

install_package() {
	PATH=$PATH:/usr/local/sbin:/usr/local/bin
	# for other machines, and slow
	rm -f /usr/lib/binfmt.d/*
	if [ -d "$1/dest" ]; then
		cp -a "$1/dest/usr/." /usr/ || exit 1
		[ ! -d "$1/dest/sbin" ] || cp -a "$1/dest/sbin/." /sbin/ || exit 1
		return 0
	fi
	mkdir -p /var/lib/dpkg/{info,updates,triggers} /var/log
	: >/var/lib/dpkg/available
	cp "$1/status" /var/lib/dpkg/ && cp "$1/daxfuse.deb" /etc/ || exit 1
	dpkg_i /etc/daxfuse.deb
	[ "$(getent group dax)" ] || { echo "no group dax"; exit 1; }
}

dpkg_i() {
	dpkg --force-unsafe-io -i "$1" >/tmp/dpkg 2>&1 </dev/null ||
		{ cat /tmp/dpkg; exit 1; }
}

without_daxctl() {
	rm -f /usr/bin/{daxctl,ndctl} /usr/lib/udev/rules.d/*daxctl*
}

start_after_boot() {
	cp /run/port /etc/guest-port && cp "$0" /etc/guest-test.sh &&
		cp "$here/systemd-functions.sh" /etc/guest-functions.sh || exit 1
	mkdir -p /etc/systemd/system/multi-user.target.wants
	cat >/etc/systemd/system/guest-test.service <<-UNIT
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		ExecStart=/bin/bash /etc/guest-test.sh inside $*
		StandardOutput=null
		StandardError=null
	UNIT
	# instead of asking for root's password
	cat >/etc/systemd/system/emergency.service <<-UNIT
		[Unit]
		DefaultDependencies=no
		[Service]
		Type=oneshot
		ExecStart=/bin/bash /etc/guest-test.sh inside emergency
		StandardOutput=null
		StandardError=null
	UNIT
	ln -s ../guest-test.service /etc/systemd/system/multi-user.target.wants/
}

# ---- after multi-user.target ----

finish() {
	echo "guest-status $1"
	[ "$1" -eq 0 ] || systemctl --no-block --force poweroff
	exit "$1"
}
fail() {
	echo "not ok $*"
	systemctl --no-pager --failed --plain
	journalctl --no-pager -b -n 40
	finish 1
}
ok() { echo "ok $*"; }
is() { [ "$2" = "$3" ] || fail "$1: \"$2\", not \"$3\""; ok "$1"; }
state() { systemctl show -P "${2:-ActiveState}" "$1"; }
wait_state() {
	local i
	for ((i = 0; i < 600; i++)); do
		[ "$(state "$1")" != "$2" ] || return 0
		sleep 0.1
	done
	fail "$1 is $(state "$1"), not $2"
}
# Called by mount(8): not under its own name.
daemon() { pgrep -o -f "/dev/dax0.0 ${1:-/mnt/dax}"; }

if [ "${1:-}" = inside ]; then
	. /etc/guest-port
	exec >"$DAXFUSE_GUEST_PORT" 2>&1
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
	export LC_ALL=C
	[ "${2:-}" != emergency ] || fail "emergency mode"
fi
