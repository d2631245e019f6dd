#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mkfs(8) and fsck(8) find the programs by the type, also from fstab.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace mke2fs e2fsck fsck mkfs

make_tmp
img=$tmp/image
helpers_in_sbin
must ln -s "$MKFS" "$own/mkfs.daxfuse"
must ln -s "$FSCK" "$own/fsck.fuse.daxfuse"
must mkfs -t daxfuse -q "$img" 32M
must_be "$(fsck -T -t fuse.daxfuse "$img" -p 2>&1 | grep -c "$img: clean")" 1
echo "$img $tmp/mnt fuse.daxfuse defaults 0 2" >"$tmp/fstab"
out=$(FSTAB_FILE=$tmp/fstab fsck -A -T -p 2>&1) || fail "status $?: $out"
must_say "$img: clean"
must debugfs -w -R 'set_inode_field <2> links_count 9' "$img" 2>/dev/null
status=0
fsck -T -t fuse.daxfuse "$img" -fy >/dev/null 2>&1 || status=$?
must_be $status 1
done_ok
