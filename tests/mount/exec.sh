#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs run from the mount, setuid ones too; with noexec and nosuid not.
. "$(dirname "$0")/functions.sh"
requires root user fuse mke2fs e2fsck

make_image 32M
for dax in never always; do
	mount_image "dax=$dax"
	must cp "$(command -v id)" "$mnt/id"
	must_be "$("$mnt/id" -u)" 0
	must chmod 4755 "$mnt/id"
	must_be "$(as_user_suid "$mnt/id" -u)" 0 "a setuid program, dax=$dax"
	must sh -c "printf '#!/bin/sh\necho script\n' >'$mnt/script'"
	must chmod 755 "$mnt/script"
	must_be "$("$mnt/script")" script
	must_fail as_user sh -c ": >'$mnt/id'"
	must mknod -m 666 "$mnt/null" c 1 3
	must as_user sh -c "echo x >'$mnt/null'"
	unmount_image

	mount_image "dax=$dax,nosuid,nodev"
	must_be "$(as_user_suid "$mnt/id" -u)" "$user_id" "with nosuid"
	must_fail as_user sh -c "echo x >'$mnt/null'"
	unmount_image
	mount_image "dax=$dax,noexec"
	must_fail "$mnt/id"
	must_be "$status" 126
	unmount_image
	mount_image
	must rm "$mnt/null"
	unmount_image
done
done_ok
