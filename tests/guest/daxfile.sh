#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An image in a file on a filesystem mounted with DAX, and bad blocks of the
# pmem device below it: known at the mount, and found when they are read.
#	daxfile.sh fsdax	a driver that cannot clear them
#	daxfile.sh legacy	one that can
here=$(dirname "$(realpath "$0")")
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	exec "$here/run-in-guest.sh" -m "$1" -d "$here/.." \
		-d "$(dirname "$DAXFUSE")" "$0" "$(realpath "$DAXFUSE")"
fi
DAXFUSE=$1
. "$here/../mount/functions.sh"
disk=/dev/pmem0
list=/sys/block/pmem0/badblocks

make_tmp
[ -b $disk ] || fail "no $disk: $(ls /sys/bus/nd/devices)"
must mkdir "$tmp/host"
must mke2fs -q -F -t ext4 -b 4096 $disk
must mount -t ext4 -o dax $disk "$tmp/host"
defer umount -l "$tmp/host"
img=$tmp/host/image
must fallocate -l 48M "$img"
must mke2fs -q -F -t ext2 -b 4096 "$img"

log=$tmp/log
start() {
	if [ -z "$mnt" ]; then
		mnt=$tmp/mnt
		must mkdir "$mnt"
		defer give_up_mount "$mnt"
	fi
	"$DAXFUSE" -f "$img" "$mnt" -o "$1" >"$log" 2>&1 &
	daemon=$!
	for ((i = 0; i < 200; i++)); do is_mounted && return; sleep 0.1; done
	fail "not mounted: $(cat "$log")"
}

# The sector on the disk of block $2 of file $1 in the image.
sector_of() {
	on_disk "$(debugfs -R "bmap /$1 $2" "$img" 2>/dev/null)"
}

# The sector on the disk of block $1 of the image.
on_disk() {
	filefrag -b4096 -e "$img" | awk -v b="$1" '
		$1 ~ /^[0-9]+:$/ {
			gsub(/[.:]/, " ")
			if (b >= $2 && b <= $3) print ($4 + b - $2) * 8
		}'
}

# Is there an entry for the sector?
is_listed() {
	grep -q "^$1 " $list
}

start dax=always
for f in known other later part; do
	must dd if=/dev/urandom of="$tmp/$f" bs=4096 count=16 status=none
	must cp "$tmp/$f" "$mnt/$f"
done
# Its inode is in another block than those.
for i in {1..40}; do : >"$mnt/$i"; done
must mv "$mnt/40" "$mnt/far"
unmount_image
check_image
known=$(sector_of known 5) later=$(sector_of later 9) part=$(sector_of part 3)
[ -n "$known" ] && [ -n "$later" ] && [ -n "$part" ] || fail "no sectors"

# Known at the mount; through the page cache, which reads ahead, and without.
echo "$known 8" >$list || fail "cannot inject"
for opts in dax=never dax=always,nomcsafe; do
	start $opts
	status=0
	dd if="$mnt/known" of="$tmp/got" bs=4096 status=none 2>/dev/null || status=$?
	must_be $status 1 "$opts"
	must_be "$(stat -c %s "$tmp/got")" $((5 * 4096)) "bytes, $opts"
	must cmp -n $((5 * 4096)) "$tmp/got" "$tmp/known"
	must cmp -i $((6 * 4096)) "$tmp/known" "$mnt/known"
	must cmp "$tmp/other" "$mnt/other"
	unmount_image
done
start dax=always
grep -q 'the kernel lists 1 bad' "$log" || fail "the log: $(cat "$log")"
status=0
dd if="$mnt/known" of="$tmp/got" bs=4096 status=none 2>/dev/null || status=$?
must_be $status 1
must_be "$(stat -c %s "$tmp/got")" $((5 * 4096)) "bytes before the bad block"
must cmp -n $((5 * 4096)) "$tmp/got" "$tmp/known"
must_fail dd if="$mnt/known" of=/dev/null bs=512 skip=40 count=1
must_say 'Input/output error'
must cmp -i $((6 * 4096)) "$tmp/known" "$mnt/known"
must cmp "$tmp/other" "$mnt/other"

# A part of it cannot be overwritten, all of it can.
must_fail dd if=/dev/zero of="$mnt/known" bs=100 seek=205 count=1 conv=notrunc
must_say 'Input/output error'
must dd if=/dev/zero of="$tmp/known" bs=4096 seek=5 count=1 conv=notrunc status=none
must dd if=/dev/zero of="$mnt/known" bs=4096 seek=5 count=1 conv=notrunc status=none
must cmp "$tmp/known" "$mnt/known"
if [ "$DAXFUSE_GUEST" = legacy ]; then
	! is_listed "$known" || fail "not cleared: $(cat $list)"
else
	is_listed "$known" || fail "who cleared it?"
	grep -q 'out of use' "$log" || fail "the log: $(cat "$log")"
fi

# Found by who reads it, under a running daemon; the fault is a real one.
echo "$later 8" >$list
status=0
dd if="$mnt/later" of="$tmp/got" bs=4096 status=none 2>/dev/null || status=$?
must_be $status 1
must_be "$(stat -c %s "$tmp/got")" $((9 * 4096)) "bytes before the new bad block"
must cmp -n $((9 * 4096)) "$tmp/got" "$tmp/later"
must cmp -i $((10 * 4096)) "$tmp/later" "$mnt/later"
must cmp "$tmp/other" "$mnt/other"

# Found by who writes it.
echo "$part 8" >$list
must dd if=/dev/zero of="$tmp/part" bs=4096 seek=3 count=1 conv=notrunc status=none
must dd if=/dev/zero of="$mnt/part" bs=4096 seek=3 count=1 conv=notrunc status=none
must cmp "$tmp/part" "$mnt/part"
must rm "$mnt/later"
unmount_image

# The next mount sees the same, and a checker that reads nothing bad agrees.
start dax=always,ro
must cmp "$tmp/known" "$mnt/known"
must cmp "$tmp/part" "$mnt/part"
unmount_image
check_image
retired=$(dumpe2fs -b "$img" 2>/dev/null | wc -l)
if [ "$DAXFUSE_GUEST" = legacy ]; then
	must_be "$retired" 0 "blocks out of use"
else
	must_be "$retired" 2 "blocks out of use"
fi

# A block of the inode table: an error of the filesystem, which goes read-only.
blk=$(debugfs -R 'imap /far' "$img" 2>/dev/null |
	sed -n 's/.*located at block \([0-9]*\),.*/\1/p')
[ -n "$blk" ] || fail "no inode"
echo "$(on_disk "$blk") 8" >$list
start dax=always
must cmp "$tmp/other" "$mnt/other"
must_fail ls -l "$mnt/far"
must_say 'Input/output error'
must_fail touch "$mnt/new"
kill -0 $daemon || fail "the daemon died: $(cat "$log")"
grep -q 'metadata cannot be read' "$log" || fail "the log: $(cat "$log")"
must umount "$mnt"
wait $daemon
must dumpe2fs -h "$img" >"$tmp/super" 2>/dev/null
grep -q '^Filesystem state:.*with errors' "$tmp/super" || fail "$(cat "$tmp/super")"
exit 0
