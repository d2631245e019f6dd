#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same on each kind of memory: mkfs, mount, a part of the POSIX suite (others on
# each), programs whose work is verified, a second mount that is refused, what
# this kernel lacks, unmount, fsck, and all of it found again.
#	media.sh devdax	/dev/dax0.0 of an NVDIMM; the filesystem grows to the whole
#			device and shrinks, through the raw view
#	media.sh fsdax	a file on ext4 with -o dax, which is mapped with MAP_SYNC
#	media.sh memmap	/dev/dax0.0 in memory that `memmap=` keeps, over a warm reboot
here=$(dirname "$(realpath "$0")")
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	posix=$(realpath "$POSIX_BIN")
	tools=$(dirname "$(realpath "$MKFS")")
	exec "$here/run-in-guest.sh" -m "$1" -s 512 -d "$here/.." -d "$tools" \
		-d "$(dirname "$DAXFUSE")" -d "$posix" "$0" \
		"$(realpath "$DAXFUSE")" "$tools" "$posix"
fi
DAXFUSE=$1 MKFS=$2/mkfs.daxfuse FSCK=$2/fsck.daxfuse
DAXFUSE_IMAGE=$2/daxfuse-image DAXFUSE_STAT=$2/daxfuse-stat posix=$3
. "$here/../mount/functions.sh"

make_tmp
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"
part=0 img=/dev/dax0.0 medium=device-dax, booted_before=
case $DAXFUSE_GUEST in
fsdax)
	part=1 medium='ext4 DAX file'
	must mkdir "$tmp/host"
	must mke2fs -q -F -t ext4 -b 4096 /dev/pmem0
	must mount -t ext4 -o dax /dev/pmem0 "$tmp/host"
	defer umount -l "$tmp/host"
	img=$tmp/host/image ;;
memmap)
	part=2
	label=$("$DAXFUSE_IMAGE" -o ro --run $img -- \
		blkid -p -o value -s LABEL {} 2>&1)
	[ "$label" != kept ] || booted_before=yes ;;
esac
python=/usr/bin/python3 tree=$here/../posix

fsck_finds_nothing() {
	# in this shell, where the functions are
	export -f check_image fail
	must "$DAXFUSE_IMAGE" --run "$img" -- "$BASH" -c 'check_image "$1"' check {}
	must "$FSCK" -fn "$img" >"$tmp/said"
}

work() {
	must cp -a "$tree" "$mnt/tree"
	(cd "$mnt/tree" && find . -type f -exec sha256sum {} +) >"$tmp/sums" ||
		fail "sums"
	must cp "$tmp/sums" "$mnt/sums"
	must sync "$mnt/sums"
	must $python "$here/mediawork.py" run "$mnt/base.db"
}

work_is_there() {
	must diff -r "$tree" "$mnt/tree"
	(cd "$mnt/tree" && must sha256sum --quiet -c ../sums) || exit 1
	must $python "$here/mediawork.py" verify "$mnt/base.db"
}

# ---- after the warm reboot: it was not unmounted ----

if [ -n "$booted_before" ]; then
	out=$("$DAXFUSE" $img "$mnt" 2>&1) || fail "status $?: $out"
	must_say 'recovered'
	must_be "$(cat "$mnt/last")" "written before the reboot"
	work_is_there
	unmount_image
	fsck_finds_nothing
	exit 0
fi

# ---- blank memory ----

[ "$DAXFUSE_GUEST" != fsdax ] || must fallocate -l 400M "$img"
must_fail "$DAXFUSE" "$img" "$mnt"
out=$("$MKFS" -L kept "$img" 256M 2>&1 </dev/null) || fail "status $?: $out"
must_say 'made a redo log'

# This kernel can do less than others: said, and no reason not to mount.
out=$("$DAXFUSE" -o dax=always "$img" "$mnt" 2>&1) || fail "status $?: $out"
must $python "$here/mediawork.py" map "$mnt/mapped" >"$tmp/mapped"
case $(uname -r) in
[1-5].* | 6.[0-5].*)
	must_say 'cannot be mapped shared on this kernel'
	must_be "$(cat "$tmp/mapped")" 'shared: ENODEV
private: as written' ;;
*)
	must_be "$(cat "$tmp/mapped")" 'shared: as written
private: as written' ;;
esac
unmount_image

# Nor has it io_uring for FUSE.
out=$("$DAXFUSE" -o io_uring "$img" "$mnt" 2>&1) || fail "status $?: $out"
[ -e /sys/module/fuse/parameters/enable_uring ] ||
	must_say 'Linux 6.14 and later can have it); mounted over /dev/fuse'
out=$("$DAXFUSE_STAT" --json "$mnt") || fail "daxfuse-stat"
must_say '"transport":"/dev/fuse'
must_say "\"medium\":\"$medium"
work
must_fail "$DAXFUSE" "$img" "$tmp"
must_say 'in use'
must chmod 755 "$mnt"
must mkdir -m 755 "$mnt/posix"
"$posix/posix_suite" "$mnt/posix" --jobs 4 --timeout 600 --strict \
	--part $part/10 >"$tmp/suite"
status=$?
grep '^not ok ' "$tmp/suite"
[ $status -eq 0 ] || fail "posix_suite: status $status"
must rmdir "$mnt/posix"
tail -n 1 "$tmp/suite"
unmount_image
fsck_finds_nothing

# ---- another size, through the raw view ----

if [ "$DAXFUSE_GUEST" = devdax ]; then
	for size in '' 200M ''; do
		must "$FSCK" -fp $img >/dev/null
		# shellcheck disable=SC2086
		must "$DAXFUSE_IMAGE" --run $img -- resize2fs {} $size 2>&1
		fsck_finds_nothing
		mount_image
		work_is_there
		mib=$(df -m --output=size "$mnt" | tail -n 1)
		if [ -n "$size" ]; then
			[ "$mib" -lt 200 ] || fail "$mib MiB after the shrink"
		else
			[ "$mib" -gt 400 ] || fail "$mib MiB of 512"
		fi
		unmount_image
	done
fi

mount_image
work_is_there
if [ "$DAXFUSE_GUEST" = memmap ]; then
	echo "written before the reboot" >"$mnt/last"
	: >/run/reboot
	# it stays mounted
	deferred=() tmp=
	exit 0
fi
unmount_image
exit 0
