#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# programs.sh - real programs at work on the mount.  Each on a fresh image;
# afterwards unmounted, and e2fsck finds nothing.
#
#	programs.sh [NAME...]	git sqlite tar rsync build dbench stress_ng fio
#				...; default: all
#
# DAXFUSE_LONG=1: for longer.  PROGRAMS_KIND, PROGRAMS_OPTS: another image kind
# or other mount options than ext2-4k and none.
. "$(dirname "$0")/common.sh"
requires root fuse mke2fs e2fsck

kind=${PROGRAMS_KIND:-ext2-4k}
opts=${PROGRAMS_OPTS:-}
top=$(CDPATH='' cd -- "$here/../.." && pwd -P)

# times N: N, or ten times that in the long form.
times() {
	echo $(($1 * (${long:+9} + 0) + $1))
}

begin() {
	requires "$@"
	start "$kind" "$opts" 1G
	export HOME=$tmp
}

# Our own source, without what was built or is version control's.
copy_source() {
	must mkdir -p "$1"
	tar -C "$top" --exclude=.git --exclude='build*' -cf - . |
		tar -C "$1" -xf - || fail "copying the source"
}

program_git() {
	local i
	begin git
	export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com
	export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
	copy_source "$mnt/origin"
	must git -C "$mnt/origin" init -q
	must git -C "$mnt/origin" add .
	must git -C "$mnt/origin" commit -q -m first
	must git clone -q "$mnt/origin" "$mnt/hard"
	must git clone -q --no-hardlinks "$mnt/origin" "$mnt/clone"
	for ((i = 0; i < $(times 30); i++)); do
		echo "line $i" >>"$mnt/clone/README.md"
		must git -C "$mnt/clone" commit -q -a -m "change $i"
	done
	must git -C "$mnt/clone" checkout -q -b side HEAD~20
	echo other >"$mnt/clone/other"
	must git -C "$mnt/clone" add other
	must git -C "$mnt/clone" commit -q -m side
	must git -C "$mnt/clone" merge -q -m merge master
	must git -C "$mnt/clone" gc -q --aggressive --prune=now
	must git -C "$mnt/clone" fsck --full --strict
	must git -C "$mnt/hard" fetch -q "$mnt/clone" side
	must git -C "$mnt/hard" merge -q FETCH_HEAD
	must git -C "$mnt/hard" gc -q
	must git -C "$mnt/hard" fsck --full
	must diff -r --exclude=.git "$mnt/hard" "$mnt/clone"
	must_be "$(git -C "$mnt/clone" status --porcelain)" ""
	stop
}

# insert N rows in transactions of one, as writer $2, into database $1
sqlite_writer() {
	local i
	{
		echo ".timeout 60000"
		for ((i = 0; i < $3; i++)); do
			echo "INSERT INTO t VALUES ($2, $i, hex(randomblob(200)));"
		done
	} | sqlite3 -bail "$1" || exit 1
}

# Four writers at once, and readers between them.
sqlite_with() {
	local db=$mnt/$1.db n pids=() p
	n=$(times 60)
	must_be "$(sqlite3 "$db" "PRAGMA journal_mode=$1")" "$1"
	must sqlite3 "$db" "CREATE TABLE t(who, nr, data);
		CREATE UNIQUE INDEX i ON t(who, nr);"
	for p in 1 2 3 4; do
		sqlite_writer "$db" "$p" "$n" &
		pids+=($!)
	done
	for p in 1 2 3 4 5; do
		must_be "$(sqlite3 -cmd '.timeout 60000' "$db" \
			'PRAGMA integrity_check')" ok
	done
	for p in "${pids[@]}"; do
		wait "$p" || fail "writer: status $?"
	done
	must_be "$(sqlite3 "$db" 'SELECT count(*) FROM t')" $((4 * n))
	must sqlite3 "$db" 'DELETE FROM t WHERE nr % 3 = 0; VACUUM'
	must_be "$(sqlite3 "$db" 'PRAGMA integrity_check')" ok
}

program_sqlite_rollback() {
	begin sqlite3
	sqlite_with delete
	sqlite_with truncate
	sqlite_with persist
	stop
}

program_sqlite_wal() {
	begin sqlite3
	sqlite_with wal
	stop
	mount_image "$opts"
	must_be "$(sqlite3 "$mnt/wal.db" 'PRAGMA integrity_check')" ok
	stop
}

program_tar() {
	begin tar
	must "$bin/treeprint" --make "$mnt/tree"
	must rm "$mnt/tree/socket"	# tar leaves sockets out
	tar -C "$mnt/tree" --format=posix --xattrs --xattrs-include='*' \
		--acls -S -cf "$tmp/tree.tar" . || fail "tar -c"
	must mkdir "$mnt/copy"
	tar -C "$mnt/copy" --xattrs --xattrs-include='*' --acls \
		--numeric-owner -xpf "$tmp/tree.tar" || fail "tar -x"
	must tar -C "$mnt/tree" --compare -f "$tmp/tree.tar"
	must "$bin/treeprint" --no-inodes "$mnt/tree" >"$tmp/a"
	must "$bin/treeprint" --no-inodes "$mnt/copy" >"$tmp/b"
	must diff "$tmp/a" "$tmp/b"
	# and everyday files, in number
	must tar -C /usr -cf "$tmp/usr.tar" include
	must tar -C "$mnt" -xf "$tmp/usr.tar"
	must diff -r --no-dereference /usr/include "$mnt/include"
	stop
}

program_rsync() {
	begin rsync
	must "$bin/treeprint" --make "$mnt/tree"
	must rsync -aHAXS --modify-window=-1 --numeric-ids "$mnt/tree/" "$mnt/copy/"
	must "$bin/treeprint" --no-inodes "$mnt/tree" >"$tmp/a"
	must "$bin/treeprint" --no-inodes "$mnt/copy" >"$tmp/b"
	must diff "$tmp/a" "$tmp/b"
	must rsync -a /usr/include/ "$mnt/include/"
	# nothing is left to do, by time and by content
	must_be "$(rsync -ain --delete /usr/include/ "$mnt/include/")" ""
	must_be "$(rsync -ainc --delete /usr/include/ "$mnt/include/")" ""
	must_be "$(rsync -aHAXin --numeric-ids --delete "$mnt/tree/" \
		"$mnt/copy/")" ""
	stop
}

program_build() {
	begin meson ninja cc
	copy_source "$mnt/src"
	must meson setup "$mnt/b" "$mnt/src" -Dtests=disabled
	cd "$mnt" || fail "cd"
	must timeout 240 ninja -C b lib/util/libdxf_util.a \
		lib/pmem/libdxf_pmem.a lib/txn/libdxf_txn.a \
		lib/ext2/libdxf_ext2.a lib/fs/libdxf_fs.a
	must nm b/lib/fs/libdxf_fs.a >/dev/null
	# the times of what was built are in order
	out=$(ninja -C b lib/fs/libdxf_fs.a 2>&1)
	must_say "no work to do"
	cd / || fail "cd"
	stop
}

program_dbench() {
	local load=/usr/share/dbench/client.txt
	begin dbench
	[ -r "$load" ] || skip dbench "no load file $load"
	must timeout $(($(times 15) + 60)) dbench -c "$load" -D "$mnt" \
		-t "$(times 15)" 4
	stop
}

# Stressors in batches that run at once, each batch for a few seconds.
stress_batches() {
	cat <<-END
	access chdir chmod chown
	copy-file dentry dir dirdeep
	dirmany fallocate fcntl filename
	file-ioctl flock fpunch fstat
	getdent hdd inode-flags iomix
	lease link locka lockf
	lockofd metamix mknod mmap
	msync open punch rename
	seek sendfile symlink sync-file
	touch utime xattr io
	END
}

program_stress_ng() {
	local batch s args status known
	begin stress-ng
	known=$(stress-ng --stressors)
	while read -r batch; do
		args=
		for s in $batch; do
			case " $known " in
			*" $s "*) args="$args --$s 2" ;;
			esac
		done
		[ -n "$args" ] || continue
		must mkdir -p "$mnt/stress"
		status=0
		# shellcheck disable=SC2086
		timeout $(($(times 4) + 120)) stress-ng --temp-path "$mnt/stress" \
			--verify --timeout "$(times 4)" $args \
			--hdd-bytes 16M --fallocate-bytes 16M \
			--copy-file-bytes 128M --iomix-bytes 16M \
			--mmap-bytes 16M --mmap-file --msync-bytes 4M \
			--seek-size 4M --sync-file-bytes 16M \
			--sendfile-size 1M 2>&1 ||
			status=$?
		# 3, 4: a stressor that cannot run on this machine
		case $status in
		0|3|4) ;;
		*) fail "stress-ng:$args: status $status" ;;
		esac
		must rm -rf "$mnt/stress"
	done < <(stress_batches)
	stop
}

# fio_verify NAME ARGS...: several jobs, every block checked.
fio_verify() {
	local name=$1
	shift
	timeout 200 fio --name="$name" --directory="$mnt" \
		--verify=crc32c --verify_fatal=1 --do_verify=1 \
		--group_reporting --minimal --randseed="${seed:-1}" \
		--runtime="$(times 10)" "$@" >"$tmp/fio.log" 2>&1 &&
	! grep -qiE 'verify:|error=' "$tmp/fio.log" || {
		cut -c1-200 "$tmp/fio.log"
		fail "fio $name"
	}
	must rm -f "$mnt/$name".*
}

program_fio_buffered() {
	begin fio
	fio_verify write --ioengine=psync --rw=randwrite --bsrange=512-128k \
		--size=24m --numjobs=4
	fio_verify mixed --ioengine=psync --rw=randrw --bsrange=777-64k \
		--bs_unaligned=1 --size=16m --numjobs=4
	fio_verify sync --ioengine=psync --rw=randwrite --bs=4k --fsync=8 \
		--size=8m --numjobs=4
	stop
}

program_fio_direct() {
	begin fio
	fio_verify direct --ioengine=libaio --iodepth=8 --direct=1 \
		--rw=randwrite --bsrange=4k-128k --size=24m --numjobs=4
	fio_verify one --ioengine=psync --direct=1 --rw=randrw --bs=4k \
		--size=16m --numjobs=4 --thread
	stop
}

program_fio_mmap() {
	begin fio
	fio_verify mmap --ioengine=mmap --rw=randwrite --bsrange=4k-64k \
		--size=24m --numjobs=4
	stop
}

# With so little left that allocation has to look for it.
program_fio_nearly_full() {
	local left=$((72 * 1024 * 1024)) bfree
	requires fio
	start "$kind" "$opts" 256M
	bfree=$(stat -f -c %f "$mnt")
	# small files first, every other one removed: the free space is in bits
	must mkdir "$mnt/bits"
	for ((i = 0; i < 3000; i++)); do
		head -c 20000 /dev/zero >"$mnt/bits/$i" || fail "filling"
	done
	for ((i = 0; i < 3000; i += 2)); do
		rm "$mnt/bits/$i"
	done
	bfree=$(($(stat -f -c '%f * %S' "$mnt")))
	must head -c $((bfree - left)) /dev/zero >"$mnt/fill"
	fio_verify full --ioengine=psync --rw=randwrite --bsrange=512-64k \
		--size=12m --numjobs=4 --fallocate=none
	fio_verify fulldirect --ioengine=psync --direct=1 --rw=randwrite \
		--bsrange=4k-64k --size=12m --numjobs=4 --fallocate=none
	stop
}

[ $# -gt 0 ] || set -- git sqlite_rollback sqlite_wal tar rsync build dbench \
	stress_ng fio_buffered fio_direct fio_mmap fio_nearly_full
for name; do
	run_case "$name" "program_$name"
done
finish
