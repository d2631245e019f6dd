#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# quickstarts.sh nvdimm|cxl|memmap - the README's quick starts, its own lines but for
# sizes, on an emulated NVDIMM, on the persistent memory of an emulated CXL device,
# and on memory reserved by memmap= over a warm reboot.  Volatile CXL memory is not
# emulated here: the persistent is given to the kernel as system RAM, and taken back.
here=$(dirname "$(realpath "$0")")
what=$1
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	for p in ndctl daxctl; do
		PATH=$PATH:/usr/sbin command -v $p >/dev/null || { echo "needs $p"; exit 77; }
	done
	case $what in
	nvdimm) mode=devdax ;;
	*) mode=$what ;;
	esac
	if [ "$what" = nvdimm ]; then
		# the other host that has an image read-only, meanwhile; the
		# guest's /dev/shm is its own
		export DAXFUSE_TMPDIR=${TMPDIR:-/tmp}
		. "$here/../mount/functions.sh"
		requires root fuse namespace mke2fs
		make_image 16M -d "$here"
		mount_image ro
		shared=$tmp
	fi
	"$here/run-in-guest.sh" -m $mode -M kmem -d "$here/../.." \
		-d "$(dirname "$DAXFUSE")" -d "$(dirname "$MKFS")" ${shared:+-d "$shared"} \
		"$0" "$what" "$(realpath "$DAXFUSE")" "$(dirname "$(realpath "$MKFS")")" \
		${shared:+"$shared"}
	status=$?
	[ $status -eq 0 ] && [ -n "${shared:-}" ] || exit $status
	must cmp "$0" "$mnt/quickstarts.sh"
	done_ok
fi
DAXFUSE=$2 MKFS=$3/mkfs.daxfuse FSCK=$3/fsck.daxfuse DAXFUSE_IMAGE=$3/daxfuse-image
shared=${4:-}
. "$here/../mount/functions.sh"
PATH=$PATH:$(dirname "$DAXFUSE"):$3
dev=/dev/dax0.0

# readme SECTION N: the Nth block of commands behind the line that begins so, with
# sizes for a small machine.
readme() {
	awk -v section="$1" -v want="$2" '
		index($0, section) == 1 { on = 1; n = 0; block = 0; next }
		on && /^(#|\*\*\(|### )/ { exit }
		on && /^    / { if (!block) { block = 1; n++ }
				if (n == want) print substr($0, 5); next }
		on && !/^$/ { block = 0 }' "$here/../../README.md" |
		sed 's/ 1G$/ 64M/; s/-c 3G/-c 48M/' >"$tmp/commands"
	[ -s "$tmp/commands" ] || fail "no commands in the README: $*"
}
try() {
	readme "$@"
	cat "$tmp/commands"
	(cd "$tmp" && must bash -e "$tmp/commands" >"$tmp/said" 2>&1) ||
		fail "README, $*: $(tail -n 5 "$tmp/said")"
}
# What every quick start ends in.
works() {
	is_mounted /mnt/dax || fail "/mnt/dax is not mounted"
	must dd if=/dev/urandom of="$tmp/data" bs=1M count=3 status=none
	must cp "$tmp/data" /mnt/dax/data
	must cmp "$tmp/data" /mnt/dax/data
	must umount /mnt/dax
	fsck.daxfuse -fn "${1:-$dev}" >"$tmp/said" 2>&1 || fail "fsck: $(cat "$tmp/said")"
}
make_tmp
# umount waits for the daemon
UMOUNT_HELPER=$(dirname "$DAXFUSE")/umount.fuse.daxfuse
helpers_in_sbin

case $what in
nvdimm)
	try '**(a)' 1
	is_mounted /mnt/dax || fail "/mnt/dax is not mounted"
	must cp "$0" /mnt/dax/
	try '**(a)' 2

	try '**(c)' 2
	must_be "$(daxctl list | sed -n 's/.*"mode":"\(.*\)".*/\1/p')" devdax
	try '**(c)' 3
	works

	# an image moves in and out
	must truncate -s 32M "$tmp/disk.img"
	must mke2fs -q -F -t ext4 -O ^has_journal -d "$here" "$tmp/disk.img"
	try '### Moving' 1
	must rm "$tmp/disk.img"
	try '### Moving' 2
	check_image "$tmp/disk.img"
	try '### Moving' 3
	[ "$(sed -n 's/^Block count: *//p' "$tmp/said")" -gt 20480 ] || fail "it has not grown"
	must daxfuse "$tmp/disk.img" /mnt/dax
	must cmp "$0" /mnt/dax/quickstarts.sh
	must umount /mnt/dax

	# two here, one on the host, of one image
	cd "$shared" || fail "no $shared"
	must mkdir /mnt/two
	readme '### Several' 1
	sed -i 's/disk.img/image/' "$tmp/commands"
	must bash -e "$tmp/commands"
	must daxfuse -o ro image /mnt/two
	must cmp "$0" /mnt/dax/quickstarts.sh
	must cmp "$0" /mnt/two/quickstarts.sh
	must umount /mnt/dax
	must umount /mnt/two ;;
cxl)
	[ ! -e $dev ] || fail "$dev is there before"
	try '**(d)' 1
	[ -c $dev ] || fail "no $dev"
	try '**(c)' 3
	works

	# taken away by the kernel, and back
	daxctl reconfigure-device -N -m system-ram dax0.0 >"$tmp/said" 2>&1 ||
		fail "daxctl: $(cat "$tmp/said")"
	must_be "$(daxctl list | sed -n 's/.*"mode":"\(.*\)".*/\1/p')" system-ram
	must_fail mkfs.daxfuse -F $dev
	try '**(d)' 2
	must_be "$(daxctl list | sed -n 's/.*"mode":"\(.*\)".*/\1/p')" devdax
	must mkfs.daxfuse -F -q $dev
	must daxfuse $dev /mnt/dax
	works ;;
memmap)
	if mkdir -p /mnt/dax && daxfuse $dev /mnt/dax 2>/dev/null; then
		must umount /mnt/dax
		try '**(b)' 3
		grep -q 'check: OK' "$tmp/said" || fail "the sum: $(cat "$tmp/said")"
		works
		exit 0
	fi
	try '**(b)' 1
	readme '**(b)' 2
	must sed -i 's/^reboot$/touch \/run\/reboot/' "$tmp/commands"
	must bash -e "$tmp/commands" ;;
esac
exit 0
