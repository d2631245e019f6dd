#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# io_uring.sh - files, names, errors, many at once, over io_uring; and where the
# kernel does not allow it, one sentence, and a mount that works.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck
# which way it is is the test's own business
DAXFUSE_MOUNT_OPTS=

transport() {
	"$DAXFUSE_STAT" --json "$mnt" |
		"$python" -c 'import json, sys; print(json.load(sys.stdin)["transport"])'
}

# What has its own code on this way: sizes about a page, an entry's payload.
sizes() {
	local n
	for n in 0 1 4095 4096 4097 1048575 1048576 1048577 3000001; do
		head -c "$n" /dev/urandom >"$tmp/file" || fail "urandom"
		must cp "$tmp/file" "$mnt/file"
		must cmp "$tmp/file" "$mnt/file"
		must dd if="$tmp/file" of="$mnt/direct" bs=1M oflag=dsync status=none
		must dd if="$mnt/file" iflag=nocache count=0 status=none
		must dd if="$mnt/direct" iflag=nocache count=0 status=none
		must cmp "$tmp/file" "$mnt/direct"
		must cmp "$tmp/file" "$mnt/file"
		must rm "$mnt/file" "$mnt/direct"
	done
}

names() {
	local i long
	long=$(printf '%255s' '' | tr ' ' n)
	must mkdir "$mnt/dir"
	must touch "$mnt/dir/$long"
	for ((i = 0; i < 500; i++)); do
		: >"$mnt/dir/$i" || fail "create $i"
	done
	must_be "$(ls "$mnt/dir" | wc -l)" 501
	must mv "$mnt/dir/$long" "$mnt/moved"
	must ln "$mnt/moved" "$mnt/linked"
	must ln -s "$long" "$mnt/symlink"
	must_be "$(readlink "$mnt/symlink")" "$long"
	must setfattr -n user.name -v "$(head -c 800 "$0" | tr -c a-z x)" "$mnt/moved"
	must_be "$(getfattr --only-values -n user.name "$mnt/linked")" \
		"$(head -c 800 "$0" | tr -c a-z x)"
	must chmod 4711 "$mnt/moved"
	must_be "$(stat -c %a,%h "$mnt/linked")" 4711,2
	must truncate -s 5M "$mnt/moved"
	must fallocate -p -o 4096 -l 1M "$mnt/moved"
	must rm -r "$mnt/dir" "$mnt/moved" "$mnt/linked" "$mnt/symlink"
}

errors() {
	must_fail cat "$mnt/none"
	must_say "No such file"
	must_fail mkdir "$mnt/lost+found"
	must_say "File exists"
	must_fail rmdir "$mnt"
	must_fail touch "$mnt/$(printf '%256s' '' | tr ' ' n)"
	must_say "name too long"
	must_fail getfattr -n user.none --only-values "$mnt/lost+found"
	must_say "No such attribute"
	# nothing is left of what found no room
	must_fail dd if=/dev/zero of="$mnt/full" bs=1M count=200 status=none
	must_say "No space left"
	must rm "$mnt/full"
}

parallel() {
	local i p pids=
	for i in $(seq 8); do
		(
			mkdir "$mnt/p$i" || exit 1
			for j in $(seq 20); do
				cp "$0" "$mnt/p$i/$j" && mv "$mnt/p$i/$j" "$mnt/p$i/m" &&
					cmp "$0" "$mnt/p$i/m" || exit 1
			done
			rm -r "$mnt/p$i"
		) &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || fail "a process failed"
	done
}

make_image 64M
allow_uring Y
for opts in "" dax=always,mcsafe workers=1 workers=7 granularity=page; do
	mount_image "io_uring${opts:+,$opts}"
	must_be "$(transport)" "io_uring" "$opts"
	if [ -z "$opts" ]; then
		errors
		names
	fi
	sizes
	parallel
	unmount_image
	check_image
done

# By default where it is allowed, but not on page media.
out=$("$DAXFUSE" "$img" "$mnt" 2>&1) || fail "$out"
must_be "$out" "" "nothing was asked"
must_be "$(transport)" "io_uring" "by default"
unmount_image
mount_image granularity=page
must_be "$(transport)" "/dev/fuse, read and writev" "page media"
unmount_image
mount_image no_io_uring
must_be "$(transport)" "/dev/fuse, read and writev"
unmount_image

# Threads of ours may run on one CPU only: the other ones' queues are served.
must taskset -c "$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')" \
	"$DAXFUSE" "$img" "$mnt" -o io_uring
must_be "$(transport)" "io_uring"
parallel
unmount_image

# The parameter off.
allow_uring N
out=$("$DAXFUSE" "$img" "$mnt" -o io_uring 2>&1) || fail "$out"
must_say "io_uring: the kernel does not allow FUSE over io_uring: write Y to $uring,"
must_say "mounted over /dev/fuse"
must_be "$(transport)" "/dev/fuse, read and writev"
must touch "$mnt/file"
unmount_image
for opts in no_io_uring rw; do
	out=$("$DAXFUSE" "$img" "$mnt" -o "$opts" 2>&1) || fail "$out"
	must_be "$out" "" "$opts"
	unmount_image
done
done_ok
