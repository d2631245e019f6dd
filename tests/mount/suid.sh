#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A write, truncate, fallocate, copy or chown by somebody else takes setuid,
# setgid and capabilities away; root's write keeps the bits; with and without
# the page cache.
. "$(dirname "$0")/functions.sh"
requires root user fuse mke2fs e2fsck setcap getcap

make_image 32M
mode() {
	stat -c %a "$mnt/file"
}
# $1: make the file 6777 again
fresh() {
	rm -f "$mnt/file"
	must dd if=/dev/zero of="$mnt/file" bs=4096 count=2 status=none
	must chmod 6777 "$mnt/file"
}

for dax in never inode always; do
	mount_image "dax=$dax"
	fresh
	must as_user dd if=/dev/zero of="$mnt/file" bs=1 count=1 conv=notrunc \
		status=none
	must_be "$(mode)" 777 "after a write, dax=$dax"
	fresh
	must as_user truncate -s 100 "$mnt/file"
	must_be "$(mode)" 777 "after truncate, dax=$dax"
	fresh
	must as_user sh -c ": >$mnt/file"
	must_be "$(mode)" 777 "after O_TRUNC, dax=$dax"
	fresh
	must as_user fallocate -l 20000 "$mnt/file"
	must_be "$(mode)" 777 "after fallocate, dax=$dax"
	fresh
	must cp "$mnt/file" "$mnt/source"
	must chmod 644 "$mnt/source"
	must as_user "$python" - "$mnt/source" "$mnt/file" <<'PY'
import os, sys
a, b = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_WRONLY)
assert os.copy_file_range(a, b, 100) == 100
PY
	must_be "$(mode)" 777 "after copy_file_range, dax=$dax"
	fresh
	must chown "$user_id" "$mnt/file"
	must_be "$(mode)" 777 "after chown, dax=$dax"
	# setgid without group execution is no privilege
	fresh
	must chmod 2767 "$mnt/file"
	must as_user dd if=/dev/zero of="$mnt/file" bs=1 count=1 conv=notrunc \
		status=none
	must_be "$(mode)" 2767 "setgid without x, dax=$dax"
	fresh
	must dd if=/dev/zero of="$mnt/file" bs=1 count=1 conv=notrunc status=none
	must_be "$(mode)" 6777 "after root's write, dax=$dax"

	fresh
	must chmod 777 "$mnt/file"
	must setcap cap_net_raw+ep "$mnt/file"
	[ -n "$(getcap "$mnt/file")" ] || fail "no capability was set"
	must as_user dd if=/dev/zero of="$mnt/file" bs=1 count=1 conv=notrunc \
		status=none
	must_be "$(getcap "$mnt/file")" '' "capabilities after a write, dax=$dax"
	must setcap cap_net_raw+ep "$mnt/file"
	must dd if=/dev/zero of="$mnt/file" bs=1 count=1 conv=notrunc status=none
	must_be "$(getcap "$mnt/file")" '' \
		"capabilities after root's write, dax=$dax"
	must setcap cap_net_raw+ep "$mnt/file"
	must chown 0 "$mnt/file"
	must_be "$(getcap "$mnt/file")" '' "capabilities after chown, dax=$dax"
	unmount_image
done
done_ok
