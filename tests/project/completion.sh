#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# completion.sh SOURCE_ROOT DAXFUSE DAXFUSE_STAT DAXFUSE_IMAGE - completion offers
# what --help lists, and nothing else; in bash it is tried, in zsh parsed.

set -u
root=$1 daxfuse=$2 stat=$3 image=$4
failed=0

same() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		echo "not ok $1"
		diff <(echo "$2") <(echo "$3")
		failed=1
	fi
}

# The `-o` words that --help lists, those with a value ending in "=".
listed=$("$daxfuse" --help | sed -n '/^Options:/,$ p' |
	grep -oE '^  [a-z_0-9]+(\[?=)?' | sed 's/^ *//; s/\[=/=/' | sort)
# shellcheck disable=SC1091
. "$root/contrib/completion/daxfuse.bash"
offered=$(printf '%s\n' $_daxfuse_mount_options | grep -vx dax | sort)
same "the words of bash are those of --help" "$offered" "$listed"

# Without what stands in brackets or behind a colon.
zsh_words=$(sed -n '/^_daxfuse_mount_options/,/^}/p' "$root/contrib/completion/_daxfuse" |
	sed "1,2d; s/\\[[^]]*\\]//g; s/:[^']*//g" | grep -oE '[a-z_]+' | sort -u)
same "the words of zsh are those of --help" \
	"$zsh_words" "$(echo "$listed" | sed 's/=$//' | sort -u)"

# What bash would offer on the line $1.
offers() {
	COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
	read -ra COMP_WORDS <<<"$1"
	[ "${1% }" = "$1" ] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	"$2"
	echo "${COMPREPLY[*]-}"
}
compopt() { :; }
same "a word is completed" "$(offers 'daxfuse a b -o nol' _daxfuse)" nolog
same "the next of a list, too" "$(offers 'daxfuse a b -o ro,nol' _daxfuse)" ro,nolog
same "a value is completed" "$(offers 'daxfuse a b -o ro,durability=w' _daxfuse)" write
same "flags are offered" "$(offers 'daxfuse -' _daxfuse)" "-o -r -f -d -s -h -V"
for flag in $(offers 'daxfuse -' _daxfuse); do
	"$daxfuse" --help | grep -q "^  $flag " || { echo "not ok daxfuse has no $flag"; failed=1; }
done
for flag in $(offers 'daxfuse-stat -' _daxfuse_stat); do
	"$stat" --help | grep -q -e "$flag" || { echo "not ok daxfuse-stat has no $flag"; failed=1; }
done
for flag in $(offers 'daxfuse-image -' _daxfuse_image); do
	"$image" -h | grep -q -e "$flag" || { echo "not ok daxfuse-image has no $flag"; failed=1; }
done
cd "$root" && same "the source is a file" "$(offers 'daxfuse LICENS' _daxfuse)" LICENSE
same "then a directory" "$(offers 'daxfuse LICENSE contri' _daxfuse)" contrib
if command -v zsh >/dev/null; then
	zsh -n "$root/contrib/completion/_daxfuse"
	same "zsh can read its file" $? 0
fi
exit $failed
