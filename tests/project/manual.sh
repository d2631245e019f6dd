#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# manual.sh OPTLIST MAN_PAGE - the manual's lists of options are the program's
# table: each option that does something has an item with its value, no item
# has another, and the generated lists are what OPTLIST prints.  With mandoc
# the page has no errors.

set -u
optlist=$1 page=$2
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

differs() {
	echo "not ok $1"
	failed=1
}

"$optlist" lists >"$tmp/lists" || exit 1
sed -n '/^\.\\" begin optlist/,/^\.\\" end optlist/p' "$page" | sed '1d;$d' \
	>"$tmp/lists.page"
[ -s "$tmp/lists" ] || exit 1
diff -u "$tmp/lists.page" "$tmp/lists" ||
	differs "the lists of the page (put in what \`optlist lists' prints)"

# ".It Cm offset Ns = Ns Ar bytes , Cm ro" -> offset=BYTES ro
"$optlist" heads | sort >"$tmp/heads"
sed -n '/^\.Sh OPTIONS/,/^\.\\" begin optlist/p' "$page" |
	sed -n 's/^\.It //p' |
	sed 's/ Ns = Ns /=/g; s/ | /|/g; s/ , /\n/g' |
	sed 's/\bCm //g; /=.*Ar /y/abcdefghijklmnopqrstuvwxyz/ABCDEFGHIJKLMNOPQRSTUVWXYZ/' |
	awk -F= '/=AR / { sub(/AR /, "", $2); print tolower($1) "=" $2; next } 1' |
	sort >"$tmp/heads.page"
diff -u "$tmp/heads.page" "$tmp/heads" ||
	differs "the items of the page (-) are the options (+)"

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$page" >"$tmp/lint" 2>&1
	grep -v 'STYLE:' "$tmp/lint" && differs "mandoc has warnings"
fi
exit "$failed"
