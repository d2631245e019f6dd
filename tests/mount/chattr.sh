#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# chattr and lsattr: flags are stored and enforced; versions; the xflags.
. "$(dirname "$0")/functions.sh"
requires root user fuse mke2fs e2fsck chattr lsattr debugfs

make_image 16M
mount_image
echo one >"$mnt/file"
must mkdir "$mnt/dir"

flags() {
	lsattr -d "$1" | cut -d' ' -f1 | tr -d -- -
}

must chattr +i "$mnt/file"
must_be "$(flags "$mnt/file")" i
must_fail sh -c "echo two >'$mnt/file'"
must_say 'not permitted'
must_fail rm -f "$mnt/file"
must_fail mv "$mnt/file" "$mnt/other"
must_fail chmod 600 "$mnt/file"
must_fail ln "$mnt/file" "$mnt/other"
must chattr -i "$mnt/file"
must chattr +a "$mnt/file"
must_fail sh -c "echo two >'$mnt/file'"
must sh -c "echo two >>'$mnt/file'"
must_be "$(cat "$mnt/file")" "one
two"
must_fail rm -f "$mnt/file"
must chattr -a "$mnt/file"
must chattr +dAS "$mnt/file"
out=$(flags "$mnt/file")
must_say d
must_say A
must_say S
must chattr +i "$mnt/dir"
must_fail touch "$mnt/dir/new"
must chattr -i "$mnt/dir"
must touch "$mnt/dir/new"
must chown "$user_id" "$mnt/dir/new"
must_fail as_user chattr +i "$mnt/dir/new"
must as_user chattr +d "$mnt/dir/new"
must_fail as_user chattr +A "$mnt/file"

# the change time is not stale in the kernel
before=$(stat -c %z "$mnt/file")
sleep 0.02
must chattr -S "$mnt/file"
[ "$(stat -c %z "$mnt/file")" != "$before" ] || fail "ctime is stale"

must chattr -v 4711 "$mnt/file"
must_be "$(lsattr -v -d "$mnt/file" | awk '{print $1}')" 4711

must "$python" - "$mnt/file" <<'PY'
import fcntl, os, struct, sys
FSGETXATTR, FSSETXATTR = 0x801c581f, 0x401c5820
fd = os.open(sys.argv[1], os.O_RDONLY)
fx = bytearray(28)
fcntl.ioctl(fd, FSGETXATTR, fx)
x = struct.unpack("IIIII8x", fx)
assert x[0] & 0x80 and x[0] & 0x40, x       # nodump, noatime
fcntl.ioctl(fd, FSSETXATTR, struct.pack("IIIII8x", 0x80 | 0x8000, 0, 0, 0, 0))
fcntl.ioctl(fd, FSGETXATTR, fx)
assert struct.unpack("IIIII8x", fx)[0] == 0x80 | 0x8000, fx.hex()
try:
    fcntl.ioctl(fd, FSSETXATTR, struct.pack("IIIII8x", 0, 0, 0, 7, 0))
    raise SystemExit("a project id was accepted")
except OSError:
    pass
try:
    fcntl.ioctl(fd, 0x5401, bytearray(64))
    raise SystemExit("TCGETS was accepted")
except OSError as e:
    assert e.errno == 25, e
PY
unmount_image
out=$(debugfs -R 'stat /file' "$img" 2>/dev/null)
must_say 'Generation: 4711'
done_ok
