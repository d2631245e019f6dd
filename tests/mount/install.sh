#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# install.sh BUILD_DIR PREFIX BINDIR MANDIR HELPERDIR - what meson installs, and
# where: programs in bindir, helpers where mount(8) looks, whatever the prefix.
. "$(dirname "$0")/functions.sh"
requires meson
make_tmp
build=$1 prefix=$2 bindir=$2/$3 mandir=$2/$4 helperdir=$5

must env DESTDIR="$tmp/dest" meson install -C "$build" --no-rebuild --quiet \
	>"$tmp/log" 2>&1 || fail "$(cat "$tmp/log")"
(cd "$tmp/dest" && find . ! -type d | sort) >"$tmp/got"
sort >"$tmp/want" <<END
.$bindir/daxfuse
.$mandir/man8/daxfuse.8
.$helperdir/mount.daxfuse
.$helperdir/mount.fuse.daxfuse
.$helperdir/umount.daxfuse
.$helperdir/umount.fuse.daxfuse
END
diff "$tmp/want" "$tmp/got" || fail "the list differs"
must_be "$(readlink "$tmp/dest$helperdir/mount.fuse.daxfuse")" "$bindir/daxfuse"
must_be "$(readlink "$tmp/dest$helperdir/mount.daxfuse")" "$bindir/daxfuse"
[ -x "$tmp/dest$bindir/daxfuse" ] || fail "daxfuse is not executable"
[ -x "$tmp/dest$helperdir/umount.daxfuse" ] || fail "umount.daxfuse cannot run"
out=$("$tmp/dest$bindir/daxfuse" -V) || fail "-V: status $?"
must_say daxfuse
done_ok
