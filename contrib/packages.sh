#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packages.sh - install what is missing to build, run or test daxfuse.
#
#	contrib/packages.sh GROUP...		GROUP: build run test guest bundled
#
# Reads /etc/os-release, looks which packages are missing, prints the install
# line before it runs it.  Needs root for that: uses sudo, without a question
# where there is no terminal.  Exit status: 0 nothing is missing (any more),
# 1 something could not be installed: the line says what an administrator has
# to run.

set -u

say() { printf '%s\n' "$*"; }

[ $# -gt 0 ] || { say "usage: packages.sh build|run|test ..." >&2; exit 1; }

ID=unknown ID_LIKE=
# shellcheck disable=SC1091
[ -r /etc/os-release ] && . /etc/os-release

case " $ID ${ID_LIKE:-} " in
*" debian "*|*" ubuntu "*)
	family=debian
	build="gcc libc6-dev meson ninja-build pkg-config libfuse3-dev
		libpmem2-dev libext2fs-dev comerr-dev libblkid-dev
		libseccomp-dev liburing-dev"
	run="fuse3 e2fsprogs attr"
	test="check mandoc rpm acl attr libcap2-bin util-linux procps strace
		sqlite3 git rsync tar fio dbench stress-ng perl fuse2fs"
	guest="qemu-system-x86 busybox-static kmod cpio systemd udev
		daxctl ndctl debhelper dpkg-dev"
	bundled="liburing-dev libnuma-dev" ;;
*" fedora "*|*" rhel "*|*" centos "*)
	family=fedora
	build="gcc glibc-devel meson ninja-build pkgconf-pkg-config
		fuse3-devel libpmem2-devel e2fsprogs-devel libcom_err-devel
		libblkid-devel libseccomp-devel liburing-devel"
	run="fuse3 e2fsprogs attr"
	test="check-devel mandoc rpm-build acl attr libcap util-linux procps-ng strace
		sqlite git rsync tar fio dbench stress-ng perl-Test-Harness"
	guest="qemu-system-x86-core busybox kmod cpio systemd systemd-udev
		daxctl ndctl cxl-cli"
	bundled="liburing-devel numactl-devel" ;;
*)
	say "packages.sh: $ID is not known here; install by hand: gcc, meson," \
	    "ninja, pkg-config, the development files of libfuse3, libpmem2," \
	    "libext2fs, com_err and Check, and fuse3, e2fsprogs, attr" >&2
	exit 1 ;;
esac

wanted=
for group in "$@"; do
	case $group in
	build) wanted="$wanted $build" ;;
	run) wanted="$wanted $run" ;;
	test) wanted="$wanted $test" ;;
	guest) wanted="$wanted $guest" ;;
	bundled) wanted="$wanted $bundled" ;;
	*) say "packages.sh: no group '$group' (build, run, test, guest," \
		"bundled)" >&2
	   exit 1 ;;
	esac
done

is_installed() {
	case $family in
	debian) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" \
			2>/dev/null)" = installed ] ;;
	fedora) rpm -q --whatprovides "$1" >/dev/null 2>&1 ;;
	esac
}

missing=
for p in $wanted; do
	is_installed "$p" || case " $missing " in
	*" $p "*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

case $family in
debian) line="apt-get install -y --no-install-recommends$missing" ;;
fedora) line="dnf install -y$missing" ;;
esac

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif ! command -v sudo >/dev/null 2>&1; then
	say "packages.sh: some packages are missing and there is no sudo here;" \
	    "ask an administrator to run:" >&2
	say "    $line" >&2
	exit 1
elif [ -t 0 ] && [ -t 2 ]; then
	as_root="sudo"
else
	as_root="sudo -n"
fi

say "installing:${as_root:+ $as_root} $line"
if [ $family = debian ]; then
	# The package lists may be absent (containers) or too old to be of use;
	# without a network the install below may still work from the cache.
	$as_root apt-get -q update >/dev/null 2>&1
	# shellcheck disable=SC2086
	log=$($as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends \
		$missing 2>&1 </dev/null)
else
	# shellcheck disable=SC2086
	log=$($as_root dnf install -y $missing 2>&1 </dev/null)
fi
status=$?
[ $status -eq 0 ] && exit 0
printf '%s\n' "$log" | tail -n 8 >&2
say "packages.sh: that did not work; an administrator can run:" >&2
say "    $line" >&2
exit 1
