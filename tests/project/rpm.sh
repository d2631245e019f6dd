#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rpm.sh SOURCE_ROOT - contrib/daxfuse.spec, built from a tarball of what git knows
# here, with what Fedora's macros do: the package holds all that is installed, and
# no scriptlet.  As this is a build with optimization and without asserts, whose
# warnings are errors, it keeps that build clean, too.
set -u
root=$1
skip() { echo "$*"; exit 77; }
for p in rpmbuild rpm git; do command -v $p >/dev/null || skip "needs the program $p"; done
git -C "$root" rev-parse 2>/dev/null || skip "needs a git checkout"
[ "$(uname -m)" = x86_64 ] || [ "$(uname -m)" = aarch64 ] || skip "not for this machine"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-rpm.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
fail() { echo "not ok $*"; exit 1; }
ok() { echo "ok $*"; }

version=$(sed -n 's/^Version: *//p' "$root/contrib/daxfuse.spec")
[ "$version" = "$(sed -n "s/^\tversion: '\(.*\)',/\1/p" "$root/meson.build")" ] ||
	fail "the version of the spec file is meson's"
ok "the version of the spec file is meson's"

mkdir -p "$tmp"/{SOURCES,BUILD,RPMS,SRPMS,SPECS}
(cd "$root" && git ls-files -z --cached --others --exclude-standard | tar --null -T - --ignore-failed-read -czf \
	"$tmp/SOURCES/daxfuse-$version.tar.gz" --transform "s,^,daxfuse-$version/,") \
	2>/dev/null || fail "a tarball"
out=obj
rpmbuild -ba --nodeps --define "_topdir $tmp" --define "_tmppath $tmp" \
	--define 'debug_package %{nil}' --define 'dist .test' \
	--define '_udevrulesdir /usr/lib/udev/rules.d' \
	--define '_unitdir /usr/lib/systemd/system' \
	--define '_sysusersdir /usr/lib/sysusers.d' \
	--define "meson meson setup --prefix=/usr --auto-features=enabled -Dbuildtype=release -Db_ndebug=true -Dwerror=true $out . " \
	--define "meson_build ninja -C $out" \
	--define "meson_install DESTDIR=%{buildroot} meson install -C $out --no-rebuild" \
	"$root/contrib/daxfuse.spec" >"$tmp/log" 2>&1 ||
	{ grep -E 'warning:|error:|FAILED' "$tmp/log"; tail -n 20 "$tmp/log"; fail "rpmbuild"; }
ok "rpmbuild -ba"
! grep -iE '^warning: .*(listed twice|File not found)' "$tmp/log" || fail "the list of files"

rpm=$(echo "$tmp"/RPMS/*/daxfuse-"$version"-1.test.*.rpm)
rpm -qpl "$rpm" 2>/dev/null | sort >"$tmp/list"
cat "$tmp/list"
for f in /usr/bin/daxfuse{,-image,-stat} /usr/sbin/{mount,umount,fsck}.fuse.daxfuse \
	/usr/sbin/{mkfs,fsck,mount,umount}.daxfuse /usr/lib/udev/daxfuse-probe \
	/usr/lib/udev/rules.d/65-daxfuse.rules /usr/lib/sysusers.d/daxfuse.conf \
	/usr/lib/systemd/system/{daxfuse@.service,systemd-fsck@.service.d/daxfuse.conf}; do
	grep -qx "$f" "$tmp/list" || fail "$f is in the package"
done
pages=$(cd "$root/man" && ls -- *.[1-8])
for page in $pages; do
	grep -qF "/man${page##*.}/$page" "$tmp/list" || fail "the page $page is in the package"
done
ok "the programs, pages, rule and units are in it"
[ -z "$(rpm -qp --scripts "$rpm" 2>/dev/null)" ] || fail "a scriptlet: an upgrade must not unmount"
ok "no scriptlet: an upgrade unmounts nothing"
for need in e2fsprogs fuse3; do
	rpm -qp --requires "$rpm" 2>/dev/null | grep -qx "$need" || fail "it requires $need"
done
for need in ndctl daxctl; do
	rpm -qp --recommends "$rpm" 2>/dev/null | grep -qx "$need" || fail "it recommends $need"
done
ok "what it requires and recommends"
