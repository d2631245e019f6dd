#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# posix.sh - the POSIX suite on each kind of image and in each dax mode; and
# what has to last over an unmount.
#
#	posix.sh [-v] [KIND/MODE[:PATTERN]...]	such as ext2-4k/inode,
#					ext4/never+writeback:mmap; default: all
#
# -v prints the cases that pass too.  POSIX_ONLY=PATTERN picks cases.
. "$(dirname "$0")/common.sh"
requires root fuse mke2fs e2fsck

verbose=
if [ "${1:-}" = -v ]; then
	verbose=yes
	shift
fi
[ $# -gt 0 ] || set -- ext2-4k/inode ext2-1k/inode ext4/inode \
	ext2-4k/always ext2-1k/always ext4/always \
	ext2-4k/never:twice ext4/never+writeback:twice

# What an image kind and mode may lack.
lacks() {
	case $1 in
	ext2-1k) printf 'ns-times,btime,' ;;
	# the kernel refuses to set versions where they seed checksums
	ext4) printf 'setversion,' ;;
	esac
	# before libfuse 3.17 a direct-I/O file has no shared mapping
	[ "$2" != always ] || printf 'shared-mmap,'
	# the kernel reads the rest of a page, which it thinks of as no access
	[ "$2" = "${2%+writeback}" ] || printf 'write-atime,'
	# the kernel's own has no preallocation without extents
	[ -z "${DAXFUSE_TEST_KERNEL:-}" ] || printf 'fallocate,zero-range,'
}

suite_on() {
	local kind=$1 mode=${2%%:*} only=${POSIX_ONLY:-}
	[ "$mode" = "$2" ] || only=${2#*:}
	start "$kind" "dax=${mode//+/,}" 2G
	"$bin/posix_suite" "$mnt" --jobs 8 --strict \
		--lacks "$(lacks "$kind" "$mode")" \
		${long:+--slow} ${only:+--only "$only"}
	[ $? -le 1 ] || echo "not ok posix_suite: status $?"
	stop
	echo "ok e2fsck"
}

# Run the suite on one configuration and add its counts.
add_suite() {
	local where=$1 log p f s
	log=$(mktemp "${TMPDIR:-/tmp}/daxfuse-suite.XXXXXX")
	( trap run_deferred EXIT
	  deferred=() tmp='' img='' mnt=''
	  suite_on "${where%/*}" "${where#*/}" ) >"$log" 2>&1 </dev/null
	grep -qx 'ok e2fsck' "$log" || echo "not ok e2fsck" >>"$log"
	sed -nE "${verbose:+s,^(ok [^ ]+.*),$where \\1,p;}
		 s,^(not ok .*),$where \\1,p
		 s,^skip (.*),skip $where \\1,p
		 s,^(FAILED.*|daxfuse.*),$where: \\1,p" "$log"
	p=$(grep -c '^ok ' "$log")
	f=$(grep -c '^not ok ' "$log")
	s=$(grep -c '^skip ' "$log")
	echo "$where: $p ok, $f not ok, $s skipped"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	rm -f "$log"
}

# A tree with one of everything: the same to the bit after a remount.
remount_keeps_all() {
	start "$1"
	must "$bin/treeprint" --make "$mnt/tree"
	"$bin/treeprint" "$mnt/tree" >"$tmp/before" || fail "treeprint"
	stop
	mount_image
	"$bin/treeprint" "$mnt/tree" >"$tmp/after" || fail "treeprint"
	must diff "$tmp/before" "$tmp/after"
	must rm -r "$mnt/tree"
	stop
}

# The kernel's own driver reads the same out of the image.
kernel_sees_the_same() {
	requires loop
	start "$1"
	must "$bin/treeprint" --make "$mnt/tree"
	"$bin/treeprint" "$mnt/tree" >"$tmp/before" || fail "treeprint"
	stop
	mount -o loop,ro "$img" "$mnt" 2>/dev/null ||
		skip loop "the kernel does not mount it"
	"$bin/treeprint" "$mnt/tree" >"$tmp/after"
	must umount "$mnt"
	must diff "$tmp/before" "$tmp/after"
}

# Handles made before an unmount open the same files after it.
handles_last_over_remount() {
	start "$1"
	must mkdir "$mnt/d"
	echo one >"$mnt/d/f"
	echo two >"$mnt/g"
	"$bin/handles" save "$tmp/handles" "$mnt/d/f" "$mnt/g" "$mnt/d" ||
		skip handles "no file handles here"
	stop
	mount_image
	must "$bin/handles" check "$tmp/handles" "$mnt"
	must rm "$mnt/g"
	echo 2 >/proc/sys/vm/drop_caches
	must "$bin/handles" check-stale "$tmp/handles" "$mnt" 1
	# a file that may get the same inode
	echo three >"$mnt/h"
	must "$bin/handles" check-stale "$tmp/handles" "$mnt" 1
	stop
	mount_image
	must "$bin/handles" check-stale "$tmp/handles" "$mnt" 1
	stop
}

for where; do
	add_suite "$where"
done
if [ -z "${POSIX_ONLY:-}" ]; then
	for kind in $(printf '%s\n' "$@" | cut -d/ -f1 | sort -u); do
		run_case "$kind remount keeps all" remount_keeps_all "$kind"
		run_case "$kind read by the kernel" kernel_sees_the_same "$kind"
		run_case "$kind handles last over a remount" \
			handles_last_over_remount "$kind"
	done
fi
finish
