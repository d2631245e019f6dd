#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# system.sh BUILD_DIR SOURCE_ROOT DAXFUSE PROBE - the service, the udev rule and
# the probe: systemd and udev accept them, nothing in the unit makes a mount
# namespace, and the daemon tells a service manager when it is mounted.

set -u
build=$1 root=$2 daxfuse=$(realpath "$3") probe=$(realpath "$4")
PATH=$PATH:/usr/sbin:/sbin
unit=$build/contrib/daxfuse@.service rules=$root/contrib/udev/65-daxfuse.rules
failed=0
tmp=$(mktemp -d) || exit 1
mounted=
trap '[ -z "$mounted" ] || umount -l "$mounted"; rm -rf "$tmp"' EXIT

check() {
	if "${@:2}"; then
		echo "ok $1"
	else
		echo "not ok $1"
		failed=1
	fi
}

# ---- the unit ----

# What gives a service a mount namespace of its own (systemd.exec(5)).
own_mounts='PrivateMounts|Protect(System|Home|KernelTunables|KernelModules|KernelLogs|ControlGroups|Proc)|Private(Tmp|Devices)|(Read(Only|Write)|Inaccessible|Exec|NoExec)Paths|Bind(ReadOnly)?Paths|TemporaryFileSystem|Root(Directory|Image)|MountAPIVFS|MountFlags|DynamicUser|(Runtime|State|Cache|Logs)Directory|User'
no_own_mounts() { ! grep -E "^($own_mounts)=" "$1"; }
check "the unit has no mount namespace" no_own_mounts "$unit"
sed '/^Type=/a ProtectSystem=yes' "$unit" >"$tmp/planted"
planted_is_found() { ! no_own_mounts "$tmp/planted" >/dev/null; }
check "a planted one is found" planted_is_found

verified() {
	local out
	mkdir -p "$tmp/units"
	ln -sf "$daxfuse" "$tmp/daxfuse" # a name without blanks
	sed "s,^ExecStart=[^ ]*,ExecStart=$tmp/daxfuse," "$unit" >"$tmp/units/daxfuse@.service"
	out=$(SYSTEMD_UNIT_PATH=$tmp/units: systemd-analyze verify --man=no \
		"$tmp/units/daxfuse@mnt-dax.service" 2>&1 | grep daxfuse)
	[ -z "$out" ] || { echo "$out"; return 1; }
}
if command -v systemd-analyze >/dev/null; then
	check "systemd-analyze verify" verified
fi

# ---- the rule ----

if udevadm verify --help >/dev/null 2>&1; then
	check "udevadm verify" udevadm verify --no-summary "$rules"
else
	# before systemd 254: each line is made of keys, operators and values
	rule_syntax() {
		! grep -vE '^#|^$' "$rules" | grep -vE \
			'^([A-Z]+(\{[A-Za-z_]+\})?(==|!=|\+=|=)"[^"]*"(, |$))+$'
	}
	check "the rule is made of keys and values" rule_syntax
fi
for word in 'TAG+="systemd"' 'GROUP="dax"' 'MODE="0660"'; do
	check "the rule has $word" grep -qF "$word" "$rules"
done
no_mount() { ! grep -qE 'RUN|SYSTEMD_WANTS' "$rules"; }
check "the rule starts nothing" no_mount

# ---- the probe ----

says() { [ "$("$probe" "$1")" = "$2" ]; }
refuses() { ! "$probe" "$1" >"$tmp/said" && [ ! -s "$tmp/said" ]; }
uuid=01234567-89ab-cdef-0123-456789abcdef
truncate -s 1M "$tmp/img" &&
	mke2fs -q -F -t ext2 -U $uuid -L 'a b/ä' "$tmp/img" 2>/dev/null
check "it tells UUID and label" says "$tmp/img" "DAXFUSE_UUID=$uuid
DAXFUSE_LABEL_ENC=a\\x20b\\x2fä"
truncate -s 1M "$tmp/zeros"
check "zeros are no filesystem" refuses "$tmp/zeros"
head -c 1100 "$tmp/img" >"$tmp/short"
check "a piece of one is none" refuses "$tmp/short"
check "a directory is none" refuses "$tmp"
check "what is not there is none" refuses "$tmp/none"
check "a terminal is none" refuses /dev/null
mkfifo "$tmp/fifo"
check "a fifo is not waited for" refuses "$tmp/fifo"

# ---- UUID= and LABEL= ----

fails_with() {
	local out
	out=$("$daxfuse" "$1" "$tmp/mnt" 2>&1) && return 1
	case $out in *"$2"*) ;; *) echo "$out"; return 1 ;; esac
}
mkdir "$tmp/mnt"
check "an unknown UUID" fails_with UUID=ffff-no "no device with it is known"
check "a path as label" fails_with LABEL=../../x "names no filesystem"

# ---- a service manager is told ----

if [ "$(id -u)" -eq 0 ] && { : <>/dev/fuse; } 2>/dev/null; then
	python=/usr/bin/python3
	[ -x $python ] || python=python3
	mounted=$tmp/mnt
	check "READY=1 and STOPPING=1" "$python" - "$daxfuse" "$tmp" <<-'PY'
		import os, signal, socket, subprocess, sys
		daxfuse, tmp = sys.argv[1:]
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("\0daxfuse-test-%d" % os.getpid())
		s.settimeout(60)
		env = dict(os.environ, NOTIFY_SOCKET="@daxfuse-test-%d" % os.getpid())
		d = subprocess.Popen([daxfuse, "-f", tmp + "/img", tmp + "/mnt"], env=env)
		ready = s.recv(1000).decode().split("\n")
		assert "READY=1" in ready, ready
		assert os.path.ismount(tmp + "/mnt")
		os.stat(tmp + "/mnt/lost+found")
		d.send_signal(signal.SIGTERM)
		stopping = s.recv(1000).decode().split("\n")
		assert "STOPPING=1" in stopping, stopping
		assert d.wait(60) == 0
		assert not os.path.ismount(tmp + "/mnt")
	PY
	[ $failed -ne 0 ] || mounted=
fi
exit $failed
