#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pjdfstest.sh - runs a pjdfstest checkout on fresh mounts with blocks of 4 KiB
# and 1 KiB: every assertion has to pass.
#
#	PJDFSTEST=DIR pjdfstest.sh	DIR: built, with pjdfstest and tests/
#
# PJDFSTEST_BAR: how many assertions there have to be (8798 in the checkout
# that the figure was counted with; another one may have others).
. "$(dirname "$0")/common.sh"
[ -n "${PJDFSTEST:-}" ] || skip pjdfstest "PJDFSTEST names no pjdfstest checkout"
[ -x "$PJDFSTEST/pjdfstest" ] && [ -d "$PJDFSTEST/tests" ] ||
	skip pjdfstest "no pjdfstest program or tests below $PJDFSTEST"
requires root fuse mke2fs e2fsck prove

PJDFSTEST=$(readlink -f "$PJDFSTEST")
bar=${PJDFSTEST_BAR:-8798}

# Assertions are lines "ok N" and "not ok N" of the scripts' own output, which
# are kept aside.  "# TODO" on one says that this system is known to differ from
# what the assertion wants, and prove lets it pass.  Prints passed, failed,
# planned, and those that the format cannot meet, as on the kernel's ext2: the
# target of a symbolic link ends with its block, so none of 4,095 bytes in
# blocks of 1 KiB (symlink/03, assertions 1 and 2).
count() {
	awk -v bs="$1" '
		/^ok / || /^not ok .*# TODO/ { ok++; next }
		bs < 4096 && FILENAME ~ /symlink_03.t$/ && /^not ok [12]( |$)/ {
			limit++; next }
		/^not ok / { bad++ }
		/^1\.\.[0-9]+/ { planned += substr($1, 4) }
		END { print ok + 0, bad + 0, planned + 0, limit + 0 }' \
		"$tmp"/tap/*.t
}

pjdfstest_on() {
	local kind=$1 ok not planned limit bs
	start "$kind" "${PJDFSTEST_OPTS:-}"
	bs=$(stat -f -c %S "$mnt")
	must mkdir "$tmp/tap"
	# each script in a directory of its own, since several run at a time
	# and most of them sleep
	cat >"$tmp/exec" <<END
#!/bin/sh
name=\$(echo "\$1" | tr / _)
mkdir "$mnt/\$name" && cd "$mnt/\$name" || exit 1
sh "\$1" | tee "$tmp/tap/\$name"
END
	chmod +x "$tmp/exec"
	prove -r -j 8 --exec "$tmp/exec" "$PJDFSTEST/tests" >"$tmp/prove.log" 2>&1
	read -r ok not planned limit < <(count "$bs")
	echo "# $kind: $ok assertions passed, $not failed, $planned planned;" \
		"$limit ask for more than the format has"
	must umount "$mnt"
	wait_released
	check_image
	[ "$not" -eq 0 ] && [ $((ok + limit)) -eq "$planned" ] &&
		[ "$planned" -ge "$bar" ] || {
		sed -n '/^Test Summary/,$p' "$tmp/prove.log" | head -n 60
		fail "$ok of $planned assertions passed, the bar is $bar"
	}
}

for kind in ${PJDFSTEST_KINDS:-ext2-4k ext2-1k-256}; do
	run_case "pjdfstest $kind" pjdfstest_on "$kind"
done
finish
