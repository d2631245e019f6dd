# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# common.sh - what the scripts of tests/posix share, on top of the mount
# tests' functions.sh; sourced by each.
#
#	image_of KIND [SIZE]	$img: ext2-4k, ext2-1k (inodes of 128 bytes),
#				ext2-1k-256, ext4 (no journal, checksums)
#	start KIND [OPTS [SIZE]]	a fresh image, mounted on $mnt
#	stop			unmount, and e2fsck finds nothing
#	run_case NAME CMD...	CMD in a subshell: what it does with fail, skip
#				and must is one case
#	finish			the totals, and exit
#
# DAXFUSE_TEST_KERNEL=1: loop mounts of the kernel's ext2 instead, to try the
# tests themselves.

# A mount namespace of our own: a test elsewhere that makes one would get a
# copy of our mounts and keep the daemon alive; and we drop the copies that we
# got of theirs.
if [ "$(id -u)" -eq 0 ] && [ -z "${DAXFUSE_OWN_NS:-}" ]; then
	export DAXFUSE_OWN_NS=1
	exec unshare --mount --propagation private "$0" "$@"
fi
if [ "${DAXFUSE_OWN_NS:-}" = 1 ]; then
	export DAXFUSE_OWN_NS=2
	awk '$3 == "fuse.daxfuse" { print $2 }' /proc/self/mounts |
		while read -r m; do umount -l "$m"; done 2>/dev/null
fi

# shellcheck disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/../mount/functions.sh"

here=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
bin=${POSIX_BIN:-$PWD/tests/posix}
long=${DAXFUSE_LONG:-}
passed=0 failed=0 skipped=0

if [ -n "${DAXFUSE_TEST_KERNEL:-}" ]; then
	is_mounted() {
		grep -q " ${1:-$mnt} ext[24] " /proc/self/mounts
	}

	mount_image() {
		if [ -z "$mnt" ]; then
			mnt=$tmp/mnt
			must mkdir -p "$mnt"
			defer give_up_mount "$mnt"
		fi
		must mount -o loop "$img" "$mnt"
	}
fi

image_of() {
	local args
	case $1 in
	ext2-4k) args="-t ext2 -b 4096 -I 256" ;;
	ext2-1k) args="-t ext2 -b 1024 -I 128" ;;
	ext2-1k-256) args="-t ext2 -b 1024 -I 256" ;;
	ext4)	args="-t ext4 -b 4096
			-O ^has_journal,metadata_csum,extents,64bit" ;;
	*)	fail "no image kind $1" ;;
	esac
	[ -n "$tmp" ] || make_tmp
	img=$tmp/image
	rm -f "$img"
	must truncate -s "${2:-1G}" "$img"
	# it warns of inodes of 128 bytes
	# shellcheck disable=SC2086
	out=$(mke2fs -q -F -N 150000 $args "$img" 2>&1) || fail "mke2fs: $out"
}

start() {
	image_of "$1" "${3:-1G}"
	mount_image "${2:-}"
	must chmod 755 "$mnt"
}

stop() {
	unmount_image
	check_image
}

# The free blocks and inodes of the mounted filesystem, in one word.
free_counts() {
	stat -f -c '%f/%d' "$mnt"
}

# The same of the image, as e2fsck counted them.
image_counts() {
	dumpe2fs -h "$img" 2>/dev/null |
		awk -F: '/^Free blocks/ { b = $2 } /^Free inodes/ { i = $2 }
			END { gsub(/ /, "", b); gsub(/ /, "", i); print b "/" i }'
}

run_case() {
	local name=$1 log status=0 began=$SECONDS
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/daxfuse-case.XXXXXX")
	( trap run_deferred EXIT
	  trap 'exit 130' INT
	  trap 'exit 143' TERM
	  deferred=() tmp='' img='' mnt=''
	  "$@" ) >"$log" 2>&1 </dev/null || status=$?
	case $status in
	0)	passed=$((passed + 1))
		grep '^# ' "$log"
		echo "ok $name ($((SECONDS - began)) s)" ;;
	77)	skipped=$((skipped + 1))
		echo "skip $name: $(tail -n 1 "$log")" ;;
	*)	failed=$((failed + 1))
		echo "not ok $name (status $status)"
		tail -n 40 "$log" | sed 's/^/    /' ;;
	esac
	rm -f "$log"
	[ "$status" -lt 130 ] || finish
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] || exit 1
	[ "$passed" -gt 0 ] || exit 77
	exit 0
}
