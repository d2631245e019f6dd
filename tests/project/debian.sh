#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debian.sh SOURCE_ROOT [DIR] - the Debian package (made in DIR, by the guests' deb.sh):
# what it depends on, what is in it, that lintian has nothing to say, and that none of
# its scripts touches a mount or a service.  With DAXFUSE_LONG, which takes minutes and
# a mirror, also installed on a bare Debian 12, used as its user would, upgraded while
# a filesystem is mounted, removed.
#
# DAXFUSE_DEB=FILE	that package instead of building one
# DAXFUSE_BARE=DIR	an unpacked bare Debian 12 (it is copied) instead of
#			debootstrap from the mirror that apt uses here
set -u
root=$1
skip() { echo "$*"; exit 77; }
need() {
	local p
	for p; do
		[ -e "$p" ] || command -v "$p" >/dev/null || skip "needs $p"
	done
}
# shellcheck disable=SC2086
need dpkg-deb ${DAXFUSE_DEB:-dpkg-buildpackage dh}
if [ -n "${DAXFUSE_LONG:-}" ]; then
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	{ : <>/dev/fuse; } 2>/dev/null || skip "needs /dev/fuse"
	need unshare "${DAXFUSE_BARE:-debootstrap}"
fi
if [ -n "${DAXFUSE_LONG:-}" ] && [ -z "${DEBIAN_INSIDE:-}" ]; then
	DEBIAN_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi

tmp=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-debian.XXXXXX") || exit 1
bare=$tmp/bare
# the mounts go with this namespace; nothing is removed through them
cleanup() {
	umount -R -l "$bare" 2>/dev/null
	rm -rf --one-file-system "$tmp"
}
trap cleanup EXIT
fail() { echo "not ok $*"; exit 1; }
ok() { echo "ok $*"; }

# ---- the package ----

deb=${DAXFUSE_DEB:-}
if [ -z "$deb" ]; then
	deb=$("$root/tests/guest/deb.sh" "$root" "${2:-$tmp/deb}" 2>"$tmp/log") ||
		{ cat "$tmp/log"; fail "dpkg-buildpackage"; }
	cp "$deb" "$tmp/daxfuse.deb" && deb=$tmp/daxfuse.deb || exit 1
	ok "dpkg-buildpackage"
	if command -v lintian >/dev/null; then
		said=$(lintian --allow-root --fail-on error,warning "$deb" 2>&1) ||
			fail "lintian: $said"
		ok "lintian"
	else
		echo "# no lintian here"
	fi
fi
field_has() { dpkg-deb -f "$deb" "$1" | tr ',' '\n' | grep -q "^ *$2\( \|$\)"; }
for p in fuse3 e2fsprogs; do field_has Depends $p || fail "it depends on $p"; done
for p in ndctl daxctl; do field_has Recommends $p || fail "it recommends $p"; done
ok "dependencies"

dpkg-deb -c "$deb" | sed -n 's,^[-l].* \./\([^ ]*\).*,/\1,p' | sort >"$tmp/list"
for f in /usr/bin/daxfuse{,-image,-stat} /sbin/{mkfs,fsck,mount,umount}.daxfuse \
	/sbin/{fsck,mount,umount}.fuse.daxfuse /lib/udev/rules.d/65-daxfuse.rules \
	/lib/udev/daxfuse-probe /lib/systemd/system/daxfuse@.service \
	/lib/systemd/system/systemd-fsck@.service.d/daxfuse.conf \
	/usr/lib/sysusers.d/daxfuse.conf \
	/usr/share/bash-completion/completions/daxfuse \
	/usr/share/zsh/site-functions/_daxfuse \
	$(cd "$root/man" && for m in *.[1-8]; do echo "/usr/share/man/man${m##*.}/$m.gz"; done); do
	grep -qxF "$f" "$tmp/list" || { cat "$tmp/list"; fail "$f is in the package"; }
done
ok "contents"

# A mount, and the service that may have made it, live through all of them.
mkdir "$tmp/control" && dpkg-deb -e "$deb" "$tmp/control" || exit 1
for f in preinst postinst prerm postrm; do
	[ ! -e "$tmp/control/$f" ] || ! sed 's/#.*//' "$tmp/control/$f" |
		grep -nE 'umount|fusermount|kill|systemctl .*(stop|restart)|deb-systemd-invoke|invoke-rc.d' ||
		fail "$f touches a mount or a service"
done
ok "no script touches a mount or a service"
[ -n "${DAXFUSE_LONG:-}" ] || exit 0

# A later version with the same files, for the upgrade.
dpkg-deb -R "$deb" "$tmp/next" && sed -i 's/^\(Version: .*\)/\1+next/' "$tmp/next/DEBIAN/control" &&
	dpkg-deb -b "$tmp/next" "$tmp/next.deb" >/dev/null || fail "a later version"

# ---- a bare Debian ----

if [ -n "${DAXFUSE_BARE:-}" ]; then
	cp -a "$DAXFUSE_BARE" "$bare" || exit 1
else
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		2>/dev/null | head -n 1)
	debootstrap --variant=minbase bookworm "$bare" \
		"${mirror:-http://deb.debian.org/debian}" >"$tmp/log" 2>&1 ||
		skip "debootstrap: $(tail -n 1 "$tmp/log")"
fi
# a root directory is a mount point
mount --bind "$bare" "$bare" || exit 1
mkdir -p "$bare/dev/shm"
mount -t proc proc "$bare/proc" && mount -t tmpfs -o mode=755 none "$bare/dev" || exit 1
for node in 'null 1 3' 'zero 1 5' 'random 1 8' 'urandom 1 9' 'fuse 10 229' 'tty 5 0'; do
	# shellcheck disable=SC2086
	set -- $node
	mknod -m 666 "$bare/dev/$1" c "$2" "$3" || exit 1
done
ln -s /proc/self/fd "$bare/dev/fd"
cp /etc/resolv.conf "$bare/etc/" 2>/dev/null
cp -a /etc/apt/apt.conf.d/. "$bare/etc/apt/apt.conf.d/" 2>/dev/null
cp "$deb" "$bare/daxfuse.deb" && cp "$tmp/next.deb" "$bare/next.deb" || exit 1
in_bare() { DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$bare" /usr/bin/env -u TMPDIR "$@"; }
quietly() { "$@" >"$tmp/log" 2>&1 || { tail -n 30 "$tmp/log"; fail "$*"; }; }

quietly in_bare apt-get -q update
quietly in_bare apt-get -q install -y --no-install-recommends /daxfuse.deb
in_bare getent group dax >/dev/null || fail "the group dax"
ok "installed, with the group dax"

# ---- used ----

use='set -e
mkfs.daxfuse /disk.img 64M </dev/null
mkdir -p /mnt/dax
echo "/disk.img /mnt/dax fuse.daxfuse defaults,nofail 0 0" >>/etc/fstab
mount -a
grep -q " /mnt/dax fuse.daxfuse " /proc/self/mounts
cp -a /usr/share/doc /mnt/dax/
diff -r /usr/share/doc /mnt/dax/doc
daxfuse-stat --json /mnt/dax | grep -q "\"operations\""
daxfuse -V'
quietly in_bare bash -c "$use"
ok "mkfs, fstab, mount -a, a tree, daxfuse-stat"

# Through the upgrade a file stays open and is written to.
pid=$(pgrep -o -f 'daxfuse /disk.img /mnt/dax')
exec 3>"$bare/mnt/dax/open"
echo before >&3
quietly in_bare apt-get -q install -y /next.deb
[ "$(pgrep -o -f 'daxfuse /disk.img /mnt/dax')" = "$pid" ] || fail "another daemon after the upgrade"
echo after >&3 || fail "the open file after the upgrade"
exec 3>&-
[ "$(tr '\n' ' ' <"$bare/mnt/dax/open")" = "before after " ] || fail "the file"
ok "an upgrade leaves the mount"

quietly in_bare umount /mnt/dax
quietly in_bare fsck.daxfuse -fn /disk.img
ok "umount, fsck"
quietly in_bare apt-get -q purge -y daxfuse
left=$(chroot "$bare" find / -xdev -name '*daxfuse*' -not -name '*.deb' -not -path '/var/*')
[ -z "$left" ] || fail "left after purge: $left"
ok "purged"
