#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The redo log at mount: made once, its options, read-only mounts after a crash,
# an inode 5 that is somebody else's, a log that resize2fs moved.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs tune2fs resize2fs sha256sum

# mount_says TEXT [OPTIONS]: mounting prints TEXT ('': nothing)
mount_says() {
	local want=$1
	out=$("$DAXFUSE" "$img" "$mnt" ${2:+-o "$2"} 2>&1) || fail "status $?: $out"
	if [ -z "$want" ]; then must_be "$out" ''; else must_say "$want"; fi
}

is_now() {
	grep -q " $mnt fuse.daxfuse $1," /proc/self/mounts ||
		fail "not $1: $(grep "$mnt" /proc/self/mounts)"
}

crash() {
	local pid
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	must umount -l "$mnt"
	wait_released
}

log_size() {
	debugfs -R 'stat <5>' "$img" 2>/dev/null | sed -n 's/.*Size: //p' | head -1
}

clean() {
	local out
	out=$(e2fsck -fn "$img" 2>/dev/null | sed '/^Pass /d;/: .* files .* blocks$/d')
	must_be "$out" '' "e2fsck"
}

# resize2fs wants a check that is not older than the last mount
checked() {
	must e2fsck -fy "$img" >/dev/null 2>&1
}

make_image 32M
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

# sizes out of bounds are refused with the bounds; the image is untouched
before=$(sha256sum <"$img")
must_fail "$DAXFUSE" "$img" "$mnt" -o log=8K
must_say 'is out of bounds: 32 to 268 KiB'
must_fail "$DAXFUSE" "$img" "$mnt" -o log=64M
must_say 'is out of bounds'
must_be "$(sha256sum <"$img")" "$before"

# made by the first read-write mount, with the size asked for; not again
mount_says 'made a redo log of 128 KiB (inode 5)' log=128K
must mkdir "$mnt/d"
unmount_image
clean
must_be "$(log_size)" 131072
# another size is not followed, and the line says so and what to do
mount_says 'the redo log that is there keeps its 128 KiB' log=256K
must_say "debugfs -w -R 'clri <5>' $img; e2fsck -fy $img"
unmount_image
must_be "$(log_size)" 131072
mount_says '' log=128K
unmount_image
debugfs -w -R 'clri <5>' "$img" >/dev/null 2>&1
e2fsck -fy "$img" >/dev/null 2>&1
clean
mount_says 'made a redo log of 256 KiB (inode 5)' log=256K
unmount_image
clean
must_be "$(log_size)" 262144
mount_says ''
must touch "$mnt/d/a"

# a crash; read-only shows what was there and changes nothing
crash
before=$(sha256sum <"$img")
mount_says 'it was not unmounted: recovered' ro
must test -e "$mnt/d/a"
unmount_image
mount_says '' ro,norecovery
unmount_image
must_be "$(sha256sum <"$img")" "$before"
must_fail "$DAXFUSE" "$img" "$mnt" -o norecovery
must_say 'norecovery goes with -o ro only'

# read-write repairs; the image is clean after it
mount_says 'recovered'
is_now rw
must touch "$mnt/d/b"
unmount_image
clean

# nolog says so; its crash is ext2's
mount_says 'mounted without a redo log (nolog)' nolog
must touch "$mnt/d/c"
crash
mount_says 'mounted read-only'
is_now ro
unmount_image
e2fsck -fy "$img" >/dev/null 2>&1
mount_says ''
must test -e "$mnt/d/c"

# another program after a crash: the log is discarded, its work stands
must touch "$mnt/d/e"
crash
must tune2fs -L changed "$img" >/dev/null 2>&1
mount_says 'another program has changed it since'
is_now ro
must test -e "$mnt/d/e"
unmount_image
e2fsck -fy "$img" >/dev/null 2>&1
clean
mount_says ''
is_now rw
unmount_image

# resize2fs both ways
must truncate -s 96M "$img"
checked
must resize2fs "$img" >/dev/null 2>&1
clean
mount_says ''
must touch "$mnt/d/f"
crash
mount_says 'recovered'
unmount_image
clean
checked
must resize2fs "$img" 16M >/dev/null 2>&1
clean
mount_says ''
must touch "$mnt/d/g"
crash
mount_says 'recovered'
must test -e "$mnt/d/f"
unmount_image
clean

# tune2fs -U: the record is another filesystem's, the log is begun anew
must tune2fs -f -U random "$img" >/dev/null 2>&1
mount_says ''
must touch "$mnt/d/h"
crash
mount_says 'recovered'
unmount_image
clean

# inode 5 in use by something else is left alone
make_image 16M
must debugfs -w -f - "$img" >/dev/null 2>&1 <<'END'
sif <5> mode 0100644
sif <5> links_count 1
sif <5> size 5
END
before=$(debugfs -R 'stat <5>' "$img" 2>/dev/null)
mount_says 'inode 5 is in use by something else'
is_now rw
must touch "$mnt/x"
unmount_image
must_be "$(debugfs -R 'stat <5>' "$img" 2>/dev/null)" "$before"

# no room for one
make_image 1M
must dd if=/dev/urandom of="$tmp/fill" bs=1k count=920 2>/dev/null
must debugfs -w -R "write $tmp/fill fill" "$img" >/dev/null 2>&1
mount_says 'mounted without a redo log (no room for one)'
unmount_image
clean
done_ok
