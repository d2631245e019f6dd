#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Looking on while it is mounted: read-only, with one line of warning.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs

make_image 64M
view=$tmp/view
must touch "$view"
defer give_up_view "$view"
mount_image
echo first >"$mnt/first"
must "$DAXFUSE_IMAGE" -o ro "$img" "$view" 2>"$tmp/said"
must_be "$(wc -l <"$tmp/said")" 1
grep -q 'warning: .*written' "$tmp/said" || fail "said: $(cat "$tmp/said")"
must_be "$(debugfs -R 'cat /first' "$view" 2>/dev/null)" first
# no cache hides what comes later
echo second >"$mnt/second"
must_be "$(debugfs -R 'cat /second' "$view" 2>/dev/null)" second
must_fail "$DAXFUSE_IMAGE" "$img" "$tmp/said"
must_say 'in use'
must_fail "$DAXFUSE_IMAGE" --run "$img" -- true
must_be "$("$DAXFUSE_IMAGE" -o ro --run "$img" -- debugfs -R 'cat /second' {} \
	2>/dev/null)" second
unmount_image
must umount "$view"

# With nobody there it is a lock of readers, and silent.
must "$DAXFUSE_IMAGE" -o ro "$img" "$view" 2>"$tmp/said"
must_be "$(wc -l <"$tmp/said")" 0
must_fail "$DAXFUSE" "$img" "$mnt"
must_say 'in use'
mount_image ro
must_be "$(cat "$mnt/second")" second
unmount_image
must umount "$view"
done_ok
