#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# get-kernel.sh DIR - a kernel with its modules for the guest, unpacked below DIR
# from Debian's package, not installed; prints DIR for DAXFUSE_GUEST_KERNEL.
# Nothing is done where DIR has one.  Status 1, with the reason: there is none.

set -u
dir=$1

say() { echo "get-kernel.sh: $*" >&2; exit 1; }

for image in "$dir"/boot/vmlinuz-*; do
	[ -e "$dir/lib/modules/${image##*/vmlinuz-}/modules.dep" ] || continue
	echo "$dir"
	exit 0
done
[ "$(uname -m)" = x86_64 ] || say "the guest is an x86-64 machine"
for p in apt-get apt-cache dpkg-deb depmod; do
	PATH=$PATH:/usr/sbin:/sbin command -v $p >/dev/null || say "needs $p"
done
PATH=$PATH:/usr/sbin:/sbin
# the metapackage depends on the one that has the kernel
package=$(apt-cache depends linux-image-amd64 2>/dev/null |
	sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
[ -n "$package" ] || say "apt knows no linux-image-amd64"
mkdir -p "$dir" && cd "$dir" || exit 1
apt-get -q download "$package" >&2 || say "$package cannot be downloaded"
dpkg-deb -x "$package"_*.deb . || say "$package cannot be unpacked"
rm -f "$package"_*.deb
depmod -b . "${package#linux-image-}" || say "depmod failed"
echo "$dir"
