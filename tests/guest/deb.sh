#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deb.sh SOURCE_ROOT DIR - the Debian package of the sources as they lie there,
# committed or not, made in DIR and kept there as long as they are the same;
# prints its name.  Status 1, with the reason: there is none.

set -u
root=$1 dir=$2
parts='contrib daemon debian lib man meson.build meson_options.txt tools
	README.md DESIGN.md FORMAT.md LICENSE'

say() { echo "deb.sh: $*" >&2; exit 1; }

for p in dpkg-buildpackage dpkg-deb dh flock; do
	command -v $p >/dev/null || say "needs $p"
done
mkdir -p "$dir" && dir=$(CDPATH='' cd -- "$dir" && pwd -P) || exit 1
cd "$root" || exit 1
# one at a time: others want the same
exec 9>"$dir/lock" && flock 9 || exit 1
# shellcheck disable=SC2086
sum=$(find $parts -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
deb=$dir/daxfuse-${sum%% *}.deb
if [ ! -e "$deb" ]; then
	tmp=$(mktemp -d "$dir/making.XXXXXX") || exit 1
	trap 'rm -rf "$tmp"' EXIT
	mkdir "$tmp/src" || exit 1
	# shellcheck disable=SC2086
	tar -cf - $parts tests | tar -C "$tmp/src" -xf - || exit 1
	(cd "$tmp/src" && DEB_BUILD_OPTIONS='nocheck noautodbgsym' \
		dpkg-buildpackage -us -uc -b) >"$tmp/log" 2>&1 ||
		{ tail -n 40 "$tmp/log" >&2; say "dpkg-buildpackage failed"; }
	rm -f "$dir"/daxfuse-*.deb
	mv "$tmp"/daxfuse_*.deb "$deb" || exit 1
fi
echo "$deb"
