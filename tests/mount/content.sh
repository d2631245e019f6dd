#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is on the image instead of an ext2 filesystem, or keeps one from being
# mounted: one sentence that says what and the way out.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck debugfs

make_tmp
mnt=$tmp/mnt
must mkdir "$mnt"

# refused SENTENCE [IMAGE [OPTIONS]]
refused() {
	local want=$1 image=${2:-$tmp/disk}
	must_fail "$DAXFUSE" "$image" "$mnt" ${3:+-o "$3"}
	must_be "$status" 32
	must_be "$out" "daxfuse: $want"
	! is_mounted || fail "mounted"
}

disk=$tmp/disk
must truncate -s 8M "$disk"
refused "$disk is blank, there is no filesystem on it; \`mkfs.daxfuse $disk\` makes one"
must truncate -s 0 "$disk"
refused "$disk is empty: make a filesystem in it first (mkfs.daxfuse)"
yes "no filesystem at all" | head -c 3000000 >"$disk"
refused "there is no ext2 filesystem on $disk (bad magic number); a wrong offset= looks the same; \`mkfs.daxfuse $disk\` makes one"

# a journal to be replayed
must mke2fs -q -F -t ext3 "$disk" 16M
must debugfs -w -R 'feature needs_recovery' "$disk" >/dev/null 2>&1
before=$(cksum <"$disk")
refused "$disk has a journal that must be replayed first (needs_recovery): run \`e2fsck -f $disk\`"
refused "$disk has a journal that must be replayed first (needs_recovery): run \`e2fsck -f $disk\`" \
	"$disk" ro
must_be "$(cksum <"$disk")" "$before" "the image changed"
must e2fsck -fy "$disk" >/dev/null
must "$DAXFUSE" "$disk" "$mnt"
must umount "$mnt"
must flock "$disk" true

# libblkid's word, where it was built with it
if ldd "$DAXFUSE" | grep -q libblkid; then
	rm -f "$disk"; must truncate -s 16M "$disk"
	must mkswap -q "$disk"
	refused "$disk holds a filesystem or data of type swap, not ext2"
	rm -f "$disk"; must truncate -s 64M "$disk"
	if command -v mkfs.minix >/dev/null; then
		must mkfs.minix "$disk" >/dev/null
		refused "$disk holds a filesystem or data of type minix, not ext2"
	fi
	# a table of partitions, of which the second one has an ext2
	rm -f "$disk"; must truncate -s 64M "$disk"
	if command -v sfdisk >/dev/null; then
		printf '%s\n' 'label: gpt' 'size=8M' 'size=16M' '' |
			must sfdisk -q "$disk"
		must mke2fs -q -F -t ext2 -E offset=9437184 "$disk" 16M
		refused "$disk holds a partition table (gpt), not a filesystem; a partition of it is mounted with \`-o offset=9437184,sizelimit=16777216\`"
		must "$DAXFUSE" "$disk" "$mnt" -o offset=9437184,sizelimit=16777216
		must umount "$mnt"
		must flock "$disk" true
		must sfdisk --verify "$disk" >/dev/null
		rm -f "$disk"; must truncate -s 64M "$disk"
		echo 'label: dos' | must sfdisk -q "$disk"
		refused "$disk holds an empty partition table (dos), no filesystem; offset= says where one begins"
	fi
fi
done_ok
