#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bundled.sh SOURCE_ROOT - -Dlibfuse=bundled, in a copy of the source tree: the
# daemon is built with the libfuse of subprojects/libfuse.wrap in it, and some of
# the mount tests run with that daemon.  One case a line.
#
# The source comes from the machine's own mirror (contrib/libfuse/get.sh).  Where it
# cannot be had this is skipped; where Debian has a later release by now, what fails
# with that is a reason to skip, too.
set -u
root=$(CDPATH='' cd -- "${1:-$(dirname "$0")/../..}" && pwd -P) || exit 1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-bundled.XXXXXX") || exit 1
trap 'rm -rf --one-file-system "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

pinned=yes
fail() {
	echo "not ok $*"
	[ $pinned = yes ] && exit 1
	echo "$said"
	exit 77
}

mkdir "$tmp/src" && tar -C "$root" --exclude=.git --exclude='./build*' \
	--exclude=./subprojects/packagecache --exclude='./subprojects/fuse-*' \
	-cf - . | tar -C "$tmp/src" -xf - || exit 1
cd "$tmp/src" || exit 1

# what was fetched once is kept
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/daxfuse-libfuse
for from in "$root/subprojects/packagecache" "$cache"; do
	[ ! -d "$from" ] || cp -R "$from" subprojects/packagecache 2>/dev/null
	[ ! -d "$from" ] || break
done
said=$(contrib/libfuse/get.sh subprojects 2>&1) || { echo "$said"; exit 77; }
[ -z "$said" ] || echo "# $said"
if [ -d subprojects/packagecache ]; then
	mkdir -p "$cache" 2>/dev/null &&
		cp subprojects/packagecache/*.tar.* "$cache" 2>/dev/null
else
	pinned=no
fi

meson setup -Dlibfuse=bundled -Dtests=disabled -Doptimization=0 build . \
	>"$tmp/log" 2>&1 || { tail -n 20 "$tmp/log"; fail "meson setup"; }
ninja -C build -j 2 daemon/daxfuse daemon/umount.fuse.daxfuse \
	tools/daxfuse-stat tests/bench/nullfuse >"$tmp/log" 2>&1 ||
	{ tail -n 40 "$tmp/log"; fail "ninja"; }
passed=0 skipped=0
ok() { echo "ok $*"; passed=$((passed + 1)); }
ok "built"

build/daemon/daxfuse -V | grep -qx "libfuse $(sed -n \
	's/^directory *= *fuse-//p' subprojects/libfuse.wrap)" ||
	fail "another libfuse: $(build/daemon/daxfuse -V)"
! ldd build/daemon/daxfuse | grep libfuse || fail "not linked statically"
ok "it is the bundled one"

export DAXFUSE=$PWD/build/daemon/daxfuse
export DAXFUSE_STAT=$PWD/build/tools/daxfuse-stat
export UMOUNT_HELPER=$PWD/build/daemon/umount.fuse.daxfuse
for t in basic caches content parallel suid mmap stat tmpfile xattr_acl writeback; do
	"tests/mount/$t.sh" >"$tmp/log" 2>&1 </dev/null
	case $? in
	0)	ok "$t" ;;
	77)	echo "skip $t: $(tail -n 1 "$tmp/log")"
		skipped=$((skipped + 1)) ;;
	*)	tail -n 20 "$tmp/log"; fail "$t" ;;
	esac
done

finish() {
	echo "$passed passed, 0 failed, $skipped skipped"
	exit 0
}

# As a distribution may build it: said, not mounted.
[ "$(id -u)" -eq 0 ] && { : <>/dev/fuse; } 2>/dev/null || {
	echo "skip a libfuse without custom io: needs root and /dev/fuse"
	skipped=$((skipped + 1))
	finish
}
PATH=$PATH:/usr/sbin:/sbin
meson configure build -Dlibfuse:enable-custom-io=false >"$tmp/log" 2>&1 &&
	ninja -C build -j 2 daemon/daxfuse >>"$tmp/log" 2>&1 ||
	{ tail -n 20 "$tmp/log"; fail "built without custom io"; }
mkdir "$tmp/mnt" && truncate -s 16M "$tmp/image" &&
	mke2fs -q -F "$tmp/image" || exit 1
"$DAXFUSE" "$tmp/image" "$tmp/mnt" >"$tmp/log" 2>&1 && {
	umount "$tmp/mnt"
	fail "mounted without custom io"
}
grep -q 'without fuse_session_custom_io.*-Dlibfuse=bundled' "$tmp/log" ||
	{ cat "$tmp/log"; fail "what is said without custom io"; }
! grep -qF " $tmp/mnt " /proc/self/mounts || fail "left mounted"
e2fsck -fn "$tmp/image" >"$tmp/log" 2>&1 || { cat "$tmp/log"; fail "e2fsck"; }
ok "a libfuse without custom io"
finish
