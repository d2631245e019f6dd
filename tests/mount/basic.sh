#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files and directories written through the mount are in the image afterwards.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs

make_image 64M
mount_image
must mkdir "$mnt/dir"
must cp "$DAXFUSE" "$mnt/dir/program"
echo hello >"$mnt/dir/hello"
must ln -s hello "$mnt/dir/link"
must ln "$mnt/dir/hello" "$mnt/again"
must mkfifo "$mnt/fifo"
must cmp "$DAXFUSE" "$mnt/dir/program"
must_be "$(cat "$mnt/dir/link")" hello
must_be "$(stat -c %h "$mnt/again")" 2
must_be "$(stat -c %i "$mnt")" 2 "the root's inode number"
unmount_image

must debugfs -R "dump /dir/program $tmp/program" "$img" 2>/dev/null
must cmp "$DAXFUSE" "$tmp/program"
must_be "$(debugfs -R 'cat /again' "$img" 2>/dev/null)" hello

# and a second mount sees it all
mount_image
must cmp "$DAXFUSE" "$mnt/dir/program"
must rm -r "$mnt/dir" "$mnt/again" "$mnt/fifo"
must_be "$(ls "$mnt")" lost+found
done_ok
