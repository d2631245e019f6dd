#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The memory of a dax device reports an error that nobody has read yet: the
# daemon is told by SIGBUS (BUS_MCEERR_AO) and lives on.
here=$(dirname "$(realpath "$0")")
if [ -z "${DAXFUSE_GUEST:-}" ]; then
	exec "$here/run-in-guest.sh" -e -m devdax -d "$here/.." \
		-d "$(dirname "$DAXFUSE")" "$0" "$(realpath "$DAXFUSE")"
fi
DAXFUSE=$1
. "$here/../mount/functions.sh"
dev=/dev/dax0.0
list=/sys/bus/nd/devices/region0/badblocks
echo 1 >/proc/sys/vm/memory_failure_early_kill

[ -c $dev ] || fail "no $dev"
make_image 64M -b 4096
must "$here/daxcopy.py" in "$img" $dev >/dev/null
copy=$img img=$dev
log=$tmp/log
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"
start() {
	"$DAXFUSE" -f $dev "$mnt" -o "sizelimit=64m,$1" >"$log" 2>&1 &
	daemon=$!
	for ((i = 0; i < 200; i++)); do is_mounted && return; sleep 0.1; done
	fail "not mounted: $(cat "$log")"
}
stop() {
	must umount "$mnt"
	wait $daemon || fail "the daemon ended with $?: $(cat "$log")"
}

start dax=always
for f in hit other; do
	must dd if=/dev/urandom of="$tmp/$f" bs=4096 count=16 status=none
	must cp "$tmp/$f" "$mnt/$f"
done
stop
must "$here/daxcopy.py" out $dev "$copy" 67108864
blk=$(debugfs -R "bmap /hit 5" "$copy" 2>/dev/null)
[ "$blk" -gt 0 ] || fail "no block: $blk"
must_be "$(cat $list)" ""

start dax=always
must cmp "$tmp/other" "$mnt/other"
printf 'machine-check 0x%x\n' $(($(cat /sys/bus/dax/devices/dax0.0/resource) +
	blk * 4096))
for ((i = 0; i < 100; i++)); do
	[ -z "$(cat $list)" ] || break
	sleep 0.1
done
[ -n "$(cat $list)" ] || fail "no machine check: $(dmesg | tail -n 3)"
kill -0 $daemon || fail "the daemon died: $(cat "$log")"

# The page, not the 2 MiB that are mapped together.
status=0
dd if="$mnt/hit" of="$tmp/got" bs=4096 status=none 2>/dev/null || status=$?
must_be $status 1
must_be "$(stat -c %s "$tmp/got")" $((5 * 4096)) "bytes before the bad block"
grep -q 'media error' "$log" || fail "the log: $(cat "$log")"
must cmp -i $((6 * 4096)) "$tmp/hit" "$mnt/hit"
must cmp "$tmp/other" "$mnt/other"

# A store cannot clear it here: the data move.
must dd if=/dev/zero of="$tmp/hit" bs=4096 seek=5 count=1 conv=notrunc status=none
must dd if=/dev/zero of="$mnt/hit" bs=4096 seek=5 count=1 conv=notrunc status=none
must cmp "$tmp/hit" "$mnt/hit"
grep -q 'out of use' "$log" || fail "the log: $(cat "$log")"
stop

start ro
grep -q 'the kernel lists 1 bad' "$log" || fail "the log: $(cat "$log")"
must cmp "$tmp/hit" "$mnt/hit"
must cmp "$tmp/other" "$mnt/other"
stop
must "$here/daxcopy.py" out $dev "$copy" 67108864
img=$copy
check_image
must_be "$(dumpe2fs -b "$copy" 2>/dev/null)" "$blk" "blocks out of use"
exit 0
