#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run-all.sh - install what is missing, build, run every test, count.
#
#	tests/run-all.sh [--sanitize | --sanitize-quick] [--long] [--suite=NAME]
#
#	--sanitize	also under asan+ubsan the unit tests, under tsan those
#			with threads
#	--sanitize-quick	the same, asan+ubsan with the short ones only
#	--long		the long forms (1,000,000 files, 120 s at ENOSPC)
#	--suite=NAME	this one only (unit, crash, mount, posix, project, ...)
#
# DAXFUSE_REQUIRE=fuse,root,...	turns skips for want of these into failures
# DAXFUSE_WERROR=1		warnings are errors
# DAXFUSE_BUILD=DIR		where to build (default: build-test)
# Last line: N passed, N failed, N skipped.  Exit status 1 if any failed.

set -u -f -o pipefail
# mke2fs, e2fsck, debugfs: not on the path of Debian's users
PATH=$PATH:/usr/sbin:/sbin

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
build=${DAXFUSE_BUILD:-$top/build-test}
sanitize= only=
# meson answers Ctrl-C itself, and ends as if nothing had happened
trap 'echo "interrupted"; exit 130' INT
trap 'exit 143' TERM
export DAXFUSE_REQUIRE=${DAXFUSE_REQUIRE:-}

for arg; do
	case $arg in
	--sanitize) sanitize=full ;;
	--sanitize-quick) sanitize=quick ;;
	--long) export DAXFUSE_LONG=1 ;;
	--suite=*) only="--suite ${arg#--suite=}" ;;
	*) echo "usage: run-all.sh [--sanitize|--sanitize-quick] [--long]" \
		"[--suite=NAME]" >&2; exit 1 ;;
	esac
done

"$top/contrib/packages.sh" build run test || exit 1
# Without these the tests in a virtual machine are skipped, and say so.
if [ "$(uname -m)" = x86_64 ] && "$top/contrib/packages.sh" guest; then
	kernel=${DAXFUSE_GUEST_KERNEL:-$("$top/tests/guest/get-kernel.sh" \
		"${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/daxfuse-guest-kernel")}
	[ -z "$kernel" ] || export DAXFUSE_GUEST_KERNEL=$kernel
fi
# Without these libfuse is bundled (tests/project/bundled.sh) without io_uring.
"$top/contrib/packages.sh" bundled
umask 022

# Of the unit tests those that end within a minute under asan.
quick='util-|pmem-|txn-|fuzz-|ext2-acl$|fs-(xattr|read|write|truncate|copy|attr)$'

werror=false
[ -z "${DAXFUSE_WERROR:-}" ] || werror=true

passed=0 failed=0 skipped=0

# Build in $1 with the meson options behind; run the suites in $suites.
run() {
	local dir=$1 p f s
	shift
	echo "== $(basename "$dir"): building"
	if [ -f "$dir/build.ninja" ]; then
		meson configure "$dir" "-Dwerror=$werror" "$@" >/dev/null
	else
		meson setup "$dir" "$top" "-Dwerror=$werror" "$@" >"$dir.log" 2>&1 ||
			{ tail -n 20 "$dir.log"; failed=$((failed + 1)); return; }
		rm -f "$dir.log"
	fi
	ninja -C "$dir" >"$dir/ninja.log" 2>&1 ||
		{ tail -n 40 "$dir/ninja.log"; failed=$((failed + 1)); return; }
	echo "== $(basename "$dir"): testing"
	rm -f "$dir/tally.txt"
	# shellcheck disable=SC2086
	meson test -C "$dir" --no-rebuild --timeout-multiplier "$slower" \
		$suites >"$dir/test.log" 2>&1 </dev/null
	python3 "$top/tests/tally.py" "$dir"
	if read -r p f s 2>/dev/null <"$dir/tally.txt"; then
		passed=$((passed + p)) failed=$((failed + f))
		skipped=$((skipped + s))
	else
		tail -n 20 "$dir/test.log"
		failed=$((failed + 1))
	fi
}

suites=$only slower=2
run "$build"
slower=4
if [ -n "$sanitize" ]; then
	suites="--suite unit"
	[ $sanitize = full ] || suites=$(meson test -C "$build" --list \
		2>/dev/null | sed -n 's,.* / ,,p' | grep -E "^($quick)")
	# libpmem2 1.12.1 leaks a map that it did not make itself: without it here,
	# which also builds and tests our own flush and fence.
	run "$build-asan" -Db_sanitize=address,undefined -Db_lundef=false \
		-Dlibpmem2=disabled
	suites="--suite threads"
	run "$build-tsan" -Db_sanitize=thread -Db_lundef=false
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
