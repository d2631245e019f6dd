#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# enospc.sh - 8 processes on a full filesystem of 64 MiB: right errors, right
# data, nothing leaked, no deadlock.
#
# DAXFUSE_ENOSPC_SECS: how long (default 20, 120 in the long form, which has to
# see 100,000 times ENOSPC).  DAXFUSE_ENOSPC_SEED: repeat a run.
. "$(dirname "$0")/common.sh"
requires root fuse mke2fs e2fsck dumpe2fs

secs=${DAXFUSE_ENOSPC_SECS:-${long:+120}}
secs=${secs:-20}
# on one kind in the short form, on each in turn in the long one
kinds=${ENOSPC_KINDS:-ext2-4k ext4 ext2-1k}
kinds_n=$(set -- $kinds; echo $#)
[ -n "$long" ] || secs=$((secs / kinds_n))

# Blocks of removed files come back a little later.
wait_counts() {
	local i
	for ((i = 0; i < 200; i++)); do
		[ "$(free_counts)" != "$1" ] || return 0
		sleep 0.05
	done
	fail "free blocks/inodes are $(free_counts), were $1: leaked"
}

hammer() {
	local before count kind=$1
	image_of "$kind" 64M
	# as few inodes as make their end come too
	mount_image "${ENOSPC_OPTS:-}"
	must chmod 755 "$mnt"
	# directories keep their blocks: let them grow first
	must mkdir "$mnt"/p{0..7}
	before=$(free_counts)
	"$bin/enospc_hammer" "$mnt" "$secs" ${DAXFUSE_ENOSPC_SEED:-} \
		>"$tmp/said" 2>&1 || {
		count=$?
		cat "$tmp/said"
		fail "enospc_hammer: status $count"
	}
	echo "# $kind: $(cat "$tmp/said")"
	count=$(sed -nE 's/.* ([0-9]+) ENOSPC.*/\1/p' "$tmp/said")
	must rmdir "$mnt"/p{0..7}
	must mkdir "$mnt"/p{0..7}
	wait_counts "$before"
	before=$(free_counts)
	stop
	must_be "$(image_counts)" "$before" "free counts in the superblock"
	[ "$count" -gt 0 ] || fail "ENOSPC never came"
	[ "$secs" -lt 120 ] || [ "$count" -ge 100000 ] ||
		fail "ENOSPC came $count times in $secs s, the bar is 100000"
}

for kind in $kinds; do
	run_case "enospc $kind" hammer "$kind"
done
finish
