#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# man.sh SOURCE_ROOT - the manual pages have no errors, no warnings, and no faults of
# style (which pages a system has is not their fault); the commands of the README's
# quick starts are in them, word for word.
set -u
command -v mandoc >/dev/null || { echo "needs the program mandoc"; exit 77; }
failed=0
for page in "$1"/man/*.[1-8]; do
	said=$(mandoc -T lint -W style "$page" 2>/dev/null |
		grep -v 'STYLE: referenced manual not found')
	if [ -z "$said" ]; then
		echo "ok ${page##*/}"
	else
		echo "not ok $said"
		failed=1
	fi
done

# A block that begins with one of these belongs to the source tree, or is fstab's.
sed -n '/^## Quick starts/,/^## What/p' "$1/README.md" | grep '^    ' |
	sed 's/^    //' | grep -vE '^(meson |/dev/dax0.0 )' >"${TMPDIR:-/tmp}/readme.$$"
[ "$(wc -l <"${TMPDIR:-/tmp}/readme.$$")" -gt 20 ] || { echo "not ok the README's commands"; failed=1; }
while read -r line; do
	grep -qxF -e "$line" "$1"/man/*.[78] || { echo "not ok in no manual page: $line"; failed=1; }
done <"${TMPDIR:-/tmp}/readme.$$"
rm -f "${TMPDIR:-/tmp}/readme.$$"
exit $failed
