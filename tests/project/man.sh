#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# man.sh SOURCE_ROOT - the manual pages have no errors and no warnings.
set -u
command -v mandoc >/dev/null || { echo "needs the program mandoc"; exit 77; }
failed=0
for page in "$1"/man/*.[1-8]; do
	said=$(mandoc -T lint -W warning "$page" 2>/dev/null)
	if [ -z "$said" ]; then
		echo "ok ${page##*/}"
	else
		echo "not ok $said"
		failed=1
	fi
done
exit $failed
