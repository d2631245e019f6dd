#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad blocks below the raw view: an I/O error for their page, nothing else; gone
# when they are overwritten, where the driver can.
here=$(dirname "$(realpath "$0")")
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	exec "$here/run-in-guest.sh" -m legacy -d "$here/.." \
		-d "$(dirname "$DAXFUSE_IMAGE")" "$0" \
		"$(dirname "$(realpath "$DAXFUSE_IMAGE")")"
fi
DAXFUSE_IMAGE=$1/daxfuse-image
. "$here/../mount/functions.sh"
disk=/dev/pmem0
list=/sys/block/pmem0/badblocks

make_tmp
must mkdir "$tmp/host"
must mke2fs -q -F -t ext4 -b 4096 $disk
must mount -t ext4 -o dax $disk "$tmp/host"
defer umount -l "$tmp/host"
img=$tmp/host/image
must dd if=/dev/urandom of="$img" bs=1M count=16 conv=fsync status=none
must cp "$img" "$tmp/copy"
sector=$(filefrag -b4096 -e "$img" | awk '$1 ~ /^[0-9]+:$/ {
	gsub(/[.:]/, " ")
	if (100 >= $2 && 100 <= $3) print ($4 + 100 - $2) * 8 }')
[ -n "$sector" ] || fail "no sector"

# Known when it is opened.
bad_is_error() {
	must cmp -n $((100 * 4096)) "$1" "$tmp/copy"
	must cmp -i $((101 * 4096)) "$1" "$tmp/copy"
	must_fail dd if="$1" of=/dev/null bs=4096 skip=100 count=1
	must_say 'Input/output error'
}
view=$tmp/view
must touch "$view"
defer give_up_view "$view"
echo "$sector 8" >$list || fail "cannot inject"
must "$DAXFUSE_IMAGE" "$img" "$view"
bad_is_error "$view"
must_fail dd if=/dev/zero of="$view" bs=100 seek=4097 count=1 conv=notrunc
must_say 'Input/output error'
must dd if="$tmp/copy" of="$view" bs=4096 skip=100 seek=100 count=1 \
	conv=notrunc status=none
must cmp "$view" "$tmp/copy"
must_be "$(cat $list)" ''

must umount "$view"
wait_released

# Met by who reads it, under a view that is there already.
must "$DAXFUSE_IMAGE" "$img" "$view"
echo "$sector 8" >$list || fail "cannot inject"
bad_is_error "$view"
must fallocate -z -o $((100 * 4096)) -l 4096 "$view"
must cmp -n 4096 -i $((100 * 4096)):0 "$view" /dev/zero
must cmp -n $((100 * 4096)) "$view" "$tmp/copy"
must_be "$(cat $list)" ''
must umount "$view"
exit 0
