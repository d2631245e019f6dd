#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# layering.sh SOURCE_ROOT - a layer sees only the layers to its left:
#
#	util <- pmem <- txn <- ext2 <- fs <- daemon, tools
#
# Reads every #include of the sources; foreign headers have one home each.  Then
# it plants violations and requires that they are found, and that the compiler
# with the layer's include directories refuses them.  One case a line.

set -u
root=${1:-$(dirname "$0")/../..}
cd "$root" || exit 1
layers=(util pmem txn ext2 fs)
passed=0 failed=0

verdict() {
	if [ "$1" -eq 0 ]; then
		echo "ok $2"; passed=$((passed + 1))
	else
		echo "not ok $2"; failed=$((failed + 1))
	fi
}

# Violations in the files of layer $1 (index $2), as "file: header".
violations() {
	local layer=$1 idx=$2 f h i
	shift 2
	for f in "$@"; do
		grep -oE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"][^>"]+' "$f" |
		sed -E 's/.*[<"]//' | while read -r h; do
			case $h in
			libpmem2.h) [ "$layer" = pmem ] || echo "$f: $h" ;;
			ext2fs/*|blkid/*) case $layer in
				ext2|tools) ;;
				*) echo "$f: $h" ;;
				esac ;;
			fuse*|linux/fuse.h) case $layer in
				daemon|tools) ;;
				*) echo "$f: $h" ;;
				esac ;;
			*)	for i in $(seq $((idx + 1)) 4); do
					[ ! -e "lib/${layers[i]}/$h" ] || echo "$f: $h"
				done ;;
			esac
		done
	done
}

for i in 0 1 2 3 4; do
	l=${layers[i]}
	bad=$(violations "$l" "$i" lib/"$l"/*.[ch])
	[ -z "$bad" ] || echo "$bad"
	verdict "$([ -z "$bad" ]; echo $?)" "includes of lib/$l"
done
for l in daemon tools; do
	bad=$(for f in "$l"/*.[ch]; do
		[ -e "$f" ] && violations "$l" 4 "$f"
	done)
	[ -z "$bad" ] || echo "$bad"
	verdict "$([ -z "$bad" ]; echo $?)" "includes of $l"
done

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
inc=
for i in 0 1 2 3; do
	inc="$inc -Ilib/${layers[i]}"
	up=${layers[i + 1]}
	h=$(cd "lib/$up" && set -- "$up".h *.h && [ -e "$1" ] || shift; echo "$1")
	echo "#include \"$h\"" >"$tmp/${layers[i]}.c"
	[ -n "$(violations "${layers[i]}" "$i" "$tmp/${layers[i]}.c")" ]
	verdict $? "a planted include of $h is found in ${layers[i]}"
	# shellcheck disable=SC2086
	! "${CC:-cc}" -D_GNU_SOURCE $inc -fsyntax-only "$tmp/${layers[i]}.c" 2>/dev/null
	verdict $? "the compiler refuses $h in ${layers[i]}"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
