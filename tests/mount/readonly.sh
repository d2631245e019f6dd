#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A mount with ro changes not one byte: of a clean image, of one that was not
# cleanly unmounted, of one with orphans.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs sha256sum

sum() {
	sha256sum <"$img"
}

# Use it, reading all, and compare.
unchanged() {
	local before
	before=$(sum)
	mount_image "$1"
	must cat "$mnt/file" >/dev/null
	must ls -lR "$mnt" >/dev/null
	must_fail touch "$mnt/new"
	must_say 'Read-only file system'
	must_fail rm "$mnt/file"
	must_fail chmod 600 "$mnt/file"
	unmount_image
	must_be "$(sum)" "$before" "the image's checksum after $1 on $2"
}

make_image 32M
mount_image
must cp "$DAXFUSE" "$mnt/file"
unmount_image
unchanged ro "a clean image"
unchanged ro,strictatime "a clean image"

# the daemon dies with an unlinked file open: dirty, and an orphan
mount_image
echo x >"$mnt/orphan"
exec 5<"$mnt/orphan"
must rm "$mnt/orphan"
pid=$(daemon_pid) || fail "no daemon"
must kill -KILL "$pid"
exec 5<&-
wait_gone "$pid"
must umount -l "$mnt"
out=$(dumpe2fs -h "$img" 2>/dev/null)
must_say 'not clean'
unchanged ro "an unclean image with an orphan"
e2fsck -fy "$img" >/dev/null 2>&1
done_ok
