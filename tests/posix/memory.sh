#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# memory.sh - what the daemon needs for many files: at most 32 MiB, 512 bytes
# for each inode that the kernel knows and 64 for each name in an index; and it
# gives it back when the kernel forgets.
#
# MEMORY_FILES: how many (default 200,000; 1,000,000 in the long form).
. "$(dirname "$0")/common.sh"
requires root fuse mke2fs e2fsck

files=${MEMORY_FILES:-${long:+1000000}}
files=${files:-200000}
dirs=4

# The anonymous memory of the daemon in KiB.
rss_anon() {
	awk '/^RssAnon/ { print $2 }' "/proc/$1/status"
}

# Inodes of FUSE that the kernel has, of this mount or another.
kernel_inodes() {
	awk '/^fuse_inode / { print $2 }' /proc/slabinfo
}

# Run CMD, sampling meanwhile; $peak is the highest figure in KiB.
peak=0
sample() {
	local pid=$1 now
	shift
	"$@" >"$tmp/said" 2>&1 &
	local job=$!
	while kill -0 "$job" 2>/dev/null; do
		now=$(rss_anon "$pid")
		[ "$now" -le "$peak" ] || peak=$now
		sleep 0.2
	done
	wait "$job" || fail "$(cat "$tmp/said")"
	now=$(rss_anon "$pid")
	[ "$now" -le "$peak" ] || peak=$now
	echo "# $(cat "$tmp/said"); RssAnon $now KiB, peak $peak KiB," \
		"$(kernel_inodes) inodes in the kernel"
}

# Forgets come a little later, and are many.
wait_fallen() {
	local i
	for ((i = 0; i < 300; i++)); do
		now=$(rss_anon "$1")
		[ "$now" -gt "$2" ] || return 0
		sleep 0.1
	done
	return 1
}

memory() {
	local pid bound start now
	# an inode of 256 bytes each, and room for the names
	make_tmp
	img=$tmp/image
	must truncate -s $((files * 400 + 64 * 1024 * 1024)) "$img"
	must mke2fs -q -F -t ext2 -b 4096 -N $((files + 10000)) "$img"
	mount_image
	pid=$(daemon_pid) || fail "no daemon"
	start=$(rss_anon "$pid")
	bound=$((32 * 1024 + files * (512 + 64) / 1024))
	echo "# at the start: RssAnon $start KiB; bound for $files files $bound KiB"
	sample "$pid" "$bin/manyfiles" create "$mnt" "$files" "$dirs"
	sample "$pid" "$bin/manyfiles" stat "$mnt" "$files" "$dirs"
	sample "$pid" sh -c "ls -lR '$mnt' | wc -l"
	[ "$peak" -le "$bound" ] || fail "peak $peak KiB, bound $bound KiB"
	echo 2 >/proc/sys/vm/drop_caches
	bound=$((32 * 1024))
	wait_fallen "$pid" "$bound" ||
		fail "$now KiB after the kernel forgot, more than $bound KiB"
	echo "# after drop_caches: RssAnon $now KiB," \
		"$(kernel_inodes) inodes in the kernel"
	peak=0
	sample "$pid" "$bin/manyfiles" stat "$mnt" "$files" "$dirs"
	sample "$pid" "$bin/manyfiles" remove "$mnt" "$files" "$dirs"
	echo 2 >/proc/sys/vm/drop_caches
	wait_fallen "$pid" "$bound" ||
		fail "$now KiB after all was removed, more than $bound KiB"
	echo "# all removed: RssAnon $now KiB"
	stop
}

[ -z "${DAXFUSE_TEST_KERNEL:-}" ] || skip fuse "there is no daemon"
run_case "memory for $files files" memory
finish
