#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Wrong command lines are refused with status 1 and a sentence that names the
# word; nothing is mounted or touched.
. "$(dirname "$0")/functions.sh"

# refused TEXT ARG...
refused() {
	local text=$1
	shift
	must_fail "$DAXFUSE" "$@"
	must_be "$status" 1 "$*"
	must_say "daxfuse: "
	must_say "$text"
	must_be "$(printf '%s\n' "$out" | wc -l)" 1 "lines of the message: $out"
}

refused 'source is missing'
refused 'mount point is missing' /nowhere
for args in '' /nowhere; do
	must_fail "$DAXFUSE" $args
	[ "${#out}" -le 79 ] || fail "too long for a terminal: $out"
done
refused 'one argument too many: c' a b c
refused 'unknown option "nosuch"' a b -o nosuch
refused 'unknown option "nosuch"' a b -o ro,nosuch=5,nodev
refused 'unknown flag' a b -Q
refused 'unknown flag' a b --nosuch
refused 'needs a value' a b -o
refused 'offset=4x' a b -o offset=4x
refused 'offset=-1' a b -o offset=-1
refused 'offset= 1' a b -o 'offset= 1'
refused 'offset=0x10' a b -o offset=0x10
refused 'offset=99999999999999999999' a b -o offset=99999999999999999999
refused 'offset=9000000000g' a b -o offset=9000000000g
refused 'offset needs a value' a b -o offset
refused 'offset needs a value' a b -o offset=
refused 'ro takes no value' a b -o ro=1
refused 'errors=maybe' a b -o errors=maybe
refused 'continue|remount-ro|panic' a b -o errors=maybe
refused 'dax=sometimes' a b -o dax=sometimes
refused 'durability needs a value' a b -o durability
refused 'workers=0' a b -o workers=0
refused 'workers=65' a b -o workers=65
refused 'commit=5s' a b -o commit=5s
refused 'granularity=line' a b -o granularity=line
refused 'allow_root' a b -o allow_root,allow_other

# what only mount(8) and systemd want is accepted, and so are empty elements
must_fail "$DAXFUSE" /nonexistent /nonexistent -o \
	',,defaults,auto,noauto,nofail,user,_netdev,x-systemd.automount,X-a=b,comment=c,'
must_be "$status" 32
must_say /nonexistent

out=$("$DAXFUSE" -h) || fail "-h: status $?"
for word in ro offset=BYTES 'dax[=inode|always|never]' durability= nosuid; do
	must_say "$word"
done
must_be "$(printf '%s\n' "$out" | awk 'length > 79')" '' 'lines of the help'
must_be "$(printf '%s\n' "$out" | grep -c '	')" 0 'tabs in the help'
out2=$("$DAXFUSE" --help) || fail "--help: status $?"
must_be "$out2" "$out"

# what others' filesystems take, and daxfuse does not, is refused with a reason
refused 'option usrjquota cannot be used: FUSE has no quotas' \
	a b -o usrjquota=aquota.user
refused 'a " is not closed' a b -o 'ro,context="u:o'
refused 'e2fsck -b' a b -o sb=32768
out=$("$DAXFUSE" -V) || fail "-V: status $?"
must_say daxfuse
must_say libfuse
done_ok
