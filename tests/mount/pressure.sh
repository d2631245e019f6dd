#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory runs out in a small cgroup that holds the daemon and who writes: what
# must be given back are dirty pages of the filesystem itself, which only the
# daemon can write.  Nothing hangs, nobody is killed, no byte is wrong: with
# the page cache written through, with `writeback`, and with a shared mapping.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

limit=$((48 << 20))
v1=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/self/mounts)
v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
if [ -n "$v1" ]; then
	cg=$v1/daxfuse-test.$$ file=memory.limit_in_bytes
else
	cg=$v2/daxfuse-test.$$ file=memory.max
fi
mkdir "$cg" 2>/dev/null || skip cgroup "no cgroup can be made"
# the processes in it have ended by then, but for zombies of others
leave() {
	local i
	for ((i = 0; i < 100; i++)); do
		rmdir "$cg" 2>/dev/null && return
		sleep 0.05
	done
}
defer leave
[ -e "$cg/$file" ] && echo $limit >"$cg/$file" 2>/dev/null ||
	skip cgroup "no memory limit can be set in a cgroup"

# The image's own pages are there before, and not the cgroup's.
make_tmp
img=$tmp/image
must dd if=/dev/zero of="$img" bs=1M count=224 status=none
must mke2fs -q -F -t ext2 -b 4096 -E nodiscard "$img"
must dd if=/dev/urandom of="$tmp/src" bs=1M count=72 status=none
mnt=$tmp/mnt
must mkdir "$mnt"
defer give_up_mount "$mnt"

# What is run by it is in the cgroup, and has two minutes.
inside() {
	timeout -k 5 120 sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' \
		"$cg" "$@" || fail "status $?: $*"
}

for options in rw writeback writeback,workers=1; do
	inside "$DAXFUSE" "$img" "$mnt" -o "$options"
	inside dd if="$tmp/src" of="$mnt/copy" bs=1M conv=fsync status=none
	inside cmp "$tmp/src" "$mnt/copy"
	inside "$python" - "$tmp/src" "$mnt/mapped" <<'PY'
import mmap, os, sys
src = os.open(sys.argv[1], os.O_RDONLY)
dst = os.open(sys.argv[2], os.O_CREAT | os.O_RDWR, 0o644)
size = os.fstat(src).st_size
os.ftruncate(dst, size)
m = mmap.mmap(dst, size)
# every page becomes dirty, some of them twice
for off in range(0, size, 65536):
    m[off:off + 65536] = os.pread(src, 65536, off)
for off in range(0, size, 4096 * 37):
    m[off:off + 8] = os.pread(src, 8, off)
m.flush()
PY
	inside cmp "$tmp/src" "$mnt/mapped"
	for i in 1 2 3 4; do
		inside dd if="$tmp/src" of="$mnt/part$i" bs=64k count=160 \
			skip=$((i * 160)) status=none &
	done
	for job in $(jobs -p); do
		wait "$job" || fail "a writer: status $?"
	done
	for i in 1 2 3 4; do
		must cmp -n 10485760 "$tmp/src" "$mnt/part$i" $((i * 160 * 65536)) 0
	done
	pid=$(daemon_pid) || fail "the daemon was killed ($options)"
	grep -q "${cg##*/}" "/proc/$pid/cgroup" || fail "it is not in the cgroup"
	must rm "$mnt/copy" "$mnt/mapped"
	must rm "$mnt"/part?
	must umount "$mnt"
	wait_released
	check_image
done
done_ok
