#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Access times by mount option: relatime, strictatime, noatime, nodiratime; what
# the kernel shows is never stale.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_image 16M -I 256
old='2001-02-03 04:05:06.123456789'

# age PATH: an old access time, an older change
age() {
	must touch -a -d "$old" "$1"
	must touch -m -d '2000-01-01' "$1"
}
atime() {
	stat -c %x "$1" | cut -d' ' -f1,2
}

mount_image strictatime
echo x >"$mnt/file"
must mkdir "$mnt/dir"
must touch "$mnt/dir/a"
age "$mnt/file"
must_be "$(atime "$mnt/file")" "$old"
must cat "$mnt/file" >/dev/null
[ "$(atime "$mnt/file")" != "$old" ] || fail "strictatime: not changed"
one=$(atime "$mnt/file")
sleep 0.05
must cat "$mnt/file" >/dev/null
[ "$(atime "$mnt/file")" != "$one" ] || fail "strictatime: the cached read"
unmount_image

mount_image noatime
age "$mnt/file"
age "$mnt/dir"
must cat "$mnt/file" >/dev/null
must ls "$mnt/dir" >/dev/null
must_be "$(atime "$mnt/file")" "$old" noatime
must_be "$(atime "$mnt/dir")" "$old" noatime
unmount_image

# more than a day ago: counts; then not again
mount_image relatime
must cat "$mnt/file" >/dev/null
one=$(atime "$mnt/file")
[ "$one" != "$old" ] || fail "relatime: not changed after a day"
sleep 0.05
must cat "$mnt/file" >/dev/null
must_be "$(atime "$mnt/file")" "$one" "relatime, again"
echo y >>"$mnt/file"
must cat "$mnt/file" >/dev/null
[ "$(atime "$mnt/file")" != "$one" ] || fail "relatime: not after a change"
unmount_image

mount_image nodiratime,strictatime
age "$mnt/dir"
age "$mnt/file"
must ls "$mnt/dir" >/dev/null
must cat "$mnt/file" >/dev/null
must_be "$(atime "$mnt/dir")" "$old" nodiratime
one=$(atime "$mnt/file")
[ "$one" != "$old" ] || fail "nodiratime and a file"
unmount_image

mount_image
must_be "$(atime "$mnt/dir")" "$old" "after a remount"
must_be "$(atime "$mnt/file")" "$one" "after a remount"
# the birth time
[ "$(stat -c %W "$mnt/dir")" -gt 1000000000 ] || echo "skip: no STATX on FUSE"
done_ok
