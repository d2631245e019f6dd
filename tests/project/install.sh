#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh BUILD_DIR PREFIX BINDIR MANDIR HELPERDIR DATADIR - what `meson install`
# puts where: exactly this list, and the helpers lead to the program.

set -u
build=$1 prefix=$2 bin=$3 man=$4 helper=$5 data=$6
dest=$(mktemp -d) || exit 1
trap 'rm -rf "$dest"' EXIT

DESTDIR=$dest meson install -C "$build" --no-rebuild >"$dest.log" 2>&1 ||
	{ cat "$dest.log"; rm -f "$dest.log"; exit 1; }
rm -f "$dest.log"
[ "${bin#/}" != "$bin" ] || bin=$prefix/$bin
[ "${man#/}" != "$man" ] || man=$prefix/$man
[ "${data#/}" != "$data" ] || data=$prefix/$data
want=$(printf '%s\n' "$helper"/{mount,umount}{,.fuse}.daxfuse \
	"$bin"/daxfuse{,-image,-stat} \
	"$man"/man8/daxfuse{,-image,-stat}.8 \
	"$man/man7/daxfuse-memory.7" \
	"$man"/man8/{{,u}mount{,.fuse},fsck.fuse}.daxfuse.8 \
	"$man/man8/umount.fuse.daxfuse-image.8" \
	"$man"/man8/{mkfs,fsck}.daxfuse.8 \
	"$helper"/{mkfs.daxfuse,fsck{,.fuse}.daxfuse} \
	"$data"/bash-completion/completions/{daxfuse{,-image,-stat},{mkfs,fsck}.daxfuse} \
	"$data/zsh/site-functions/_daxfuse" \
	/usr/lib/udev/{daxfuse-probe,rules.d/65-daxfuse.rules} \
	/usr/lib/systemd/system/daxfuse@.service \
	/usr/lib/systemd/system/systemd-fsck@.service.d/daxfuse.conf \
	/usr/lib/sysusers.d/daxfuse.conf \
	"$helper/umount.fuse.daxfuse-image" | sort)
got=$(cd "$dest" && find . \( -type f -o -type l \) | sed 's/^\.//' | sort)
if [ "$want" != "$got" ]; then
	diff <(echo "$want") <(echo "$got")
	echo "not ok the list of installed files"
	exit 1
fi
[ "$(readlink "$dest$helper/mount.fuse.daxfuse")" = "$bin/daxfuse" ] ||
	{ echo "not ok mount.fuse.daxfuse leads to $bin/daxfuse"; exit 1; }
"$dest$bin/daxfuse" -V >/dev/null || { echo "not ok daxfuse -V"; exit 1; }
