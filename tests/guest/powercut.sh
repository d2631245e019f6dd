#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The power goes while a dax device is written to; the next boot mounts it,
# finds all that was acknowledged, and the filesystem sound.  (What a killed
# virtual machine had stored is in its memory file, flushed or not: this tests
# recovery, tests/crash tests the flushes.)
#
# DAXFUSE_LONG: more cuts.
here=$(dirname "$(realpath "$0")")
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-power.XXXXXX") || exit 1
	trap 'rm -rf "$tmp"' EXIT
	cuts=2
	[ -z "${DAXFUSE_LONG:-}" ] || cuts=20
	last=0
	for ((n = 0; n <= cuts; n++)); do
		secs=$((1 + RANDOM % 6)).$((RANDOM % 10))
		[ $n -lt $cuts ] || secs=never
		"$here/run-in-guest.sh" -k -m devdax -p "$tmp/pmem" -d "$here/.." \
			-d "$(dirname "$DAXFUSE")" "$0" "$(realpath "$DAXFUSE")" \
			"$n" "$last" "$secs" >"$tmp/out" 2>&1
		status=$?
		[ $status -ne 77 ] || { cat "$tmp/out"; exit 77; }
		want=137
		[ $n -lt $cuts ] || want=0
		[ $status -eq $want ] || { cat "$tmp/out"; echo "status $status"; exit 1; }
		last=$(sed -n 's/^done \([0-9]*\)$/\1/p' "$tmp/out" | tail -n 1)
		[ $n -eq $cuts ] || [ "${last:-0}" -gt 0 ] ||
			{ cat "$tmp/out"; echo "nothing was acknowledged"; exit 1; }
		echo "boot $n: power cut after $secs s, ${last:-none} acknowledged"
	done
	exit 0
fi

DAXFUSE=$1 boot=$2 last=$3 secs=$4
. "$here/../mount/functions.sh"
dev=/dev/dax0.0
make_tmp
if [ "$boot" -eq 0 ]; then
	make_image 64M -b 4096
	must "$here/daxcopy.py" in "$img" $dev >"$tmp/size"
fi
img=$dev mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"
out=$("$DAXFUSE" $dev "$mnt" -o sizelimit=64m 2>&1) || fail "status $?: $out"
[ "$boot" -eq 0 ] || must_say 'it was not unmounted: recovered'
must "$here/powerload.py" verify "$mnt" "$last"
if [ "$secs" = never ]; then
	unmount_image
	must "$here/daxcopy.py" out $dev "$tmp/copy" 67108864
	img=$tmp/copy
	check_image
	exit 0
fi
"$here/powerload.py" run "$mnt" "$last" "$secs"
fail "the load ended: $?"
