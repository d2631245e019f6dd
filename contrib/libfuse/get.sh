#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# get.sh [SUBPROJECTS] - libfuse's source for -Dlibfuse=bundled where the release
# that libfuse.wrap names cannot be downloaded: from the source package of a newer
# Debian, by apt, from the mirror that this machine uses.
#
# SUBPROJECTS is the folder with libfuse.wrap (default: ours).  What is there already
# is left.  The release itself goes to packagecache, where meson compares its hash
# with the wrap's; if Debian has a later one by now, that is unpacked as the wrap's
# directory, and a sentence says so.  apt's lists are private and thrown away; the
# machine's own are not touched.  Status 1, with the reason: there is none.

set -u

say() { echo "get.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
to=$(CDPATH='' cd -- "${1:-$here/../../subprojects}" && pwd -P) || exit 1
wrap() { sed -n "s/^$1 *= *//p" "$to/libfuse.wrap"; }
dir=$(wrap directory)
file=$(wrap source_filename)
hash=$(wrap source_hash)
[ -n "$dir" ] && [ -n "$file" ] && [ -n "$hash" ] ||
	fail "$to/libfuse.wrap does not say what is wanted"

is_release() {
	[ "$(sha256sum <"$1")" = "$hash  -" ]
}
[ ! -e "$to/$dir/meson.build" ] || exit 0
[ ! -e "$to/packagecache/$file" ] || ! is_release "$to/packagecache/$file" || exit 0

for p in apt-get apt-cache mktemp sha256sum; do
	command -v $p >/dev/null || fail "needs $p"
done
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(RELEASE)' \
	'Created-By: Packages' 2>/dev/null |
	awk '$2 == "Debian" && $3 !~ /security|updates|backports/ { print $1; exit }')
[ -n "$mirror" ] || fail "apt has no lists of a Debian mirror here"
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r $key ] || fail "needs $key"

tmp=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-libfuse.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$tmp/state/lists/partial" "$tmp/cache/archives/partial" "$tmp/parts" ||
	exit 1
# its own user could not write here
as_root=
[ "$(id -u)" -ne 0 ] || as_root="-o APT::Sandbox::User=root"

# apt COMMAND... with the lists of $suite alone
apt() {
	tool=$1
	shift
	# shellcheck disable=SC2086
	"$tool" -q -o Dir::State="$tmp/state" -o Dir::Cache="$tmp/cache" \
		-o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$tmp/parts" $as_root "$@"
}

# The newest version of fuse3 that $suite has, without Debian's revision.
version_in_suite() {
	echo "deb-src [signed-by=$key] $mirror $suite main" \
		>"$tmp/parts/newer.list"
	apt apt-get update >"$tmp/log" 2>&1 || return 1
	apt apt-cache showsrc --only-source fuse3 2>/dev/null |
		sed -n 's/^Version: \(.*\)-[^-]*$/\1/p' | sort -V | tail -n 1
}

# Fetch the source that $suite has, if it is the release or, with "later", a later
# one.
fetch() {
	version=$(version_in_suite) && [ -n "$version" ] || return 1
	[ "$version" = "$wanted" ] ||
		{ [ "${1:-}" = later ] &&
		  printf '%s\n' "$wanted" "$version" | sort -V -C; } || return 1
	(cd "$tmp" && apt apt-get source --download-only fuse3) >"$tmp/log" 2>&1
}

wanted=${dir#fuse-}
for how in '' later; do
	for suite in sid testing; do
		fetch $how && break 2
	done
done
source=$(find "$tmp" -maxdepth 1 -name 'fuse3_*.orig.tar.*' ! -name '*.asc')
[ -n "$source" ] || fail "no source of libfuse $wanted or later from $mirror:" \
	"$(tail -n 1 "$tmp/log")"
if is_release "$source"; then
	mkdir -p "$to/packagecache" && cp "$source" "$to/packagecache/$file" ||
		exit 1
	say "libfuse $wanted, in subprojects/packagecache"
	exit 0
fi
mkdir "$tmp/tree" && tar -C "$tmp/tree" --strip-components=1 -xf "$source" ||
	fail "$source cannot be unpacked"
cp -R "$tmp/tree" "$to/$dir" || exit 1
say "Debian has libfuse $version now, not $wanted: that is in subprojects/$dir"
