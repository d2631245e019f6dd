#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sigkill_loop.sh [ROUNDS] - the daemon is killed at random times under load.
#
# Each round: fio writes a file, and then, while names come and go (storm.py) and
# sqlite commits, the daemon gets SIGKILL.  The next mount must be read-write and
# hold everything that was acknowledged; unmounted, e2fsck finds nothing.
#
# 10 rounds, 200 with DAXFUSE_LONG; DAXFUSE_SEED repeats the times.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
. "$here/../mount/functions.sh"
requires root fuse mke2fs e2fsck fio sqlite3 python3

rounds=${1:-${DAXFUSE_LONG:+200}}
rounds=${rounds:-10}
RANDOM=${DAXFUSE_SEED:-$$}
echo "seed ${DAXFUSE_SEED:-$$}"

fio_job() {
	fio --name=v --filename="$mnt/fio" --size=4M --bs=4k --rw=randwrite \
		--verify=crc32c --verify_state_save=0 --ioengine=psync \
		--randseed="$1" "${@:2}" --output="$tmp/fio.out" \
		>/dev/null 2>&1 || fail "fio $*: $(tail -n 3 "$tmp/fio.out")"
}

# Rows until the filesystem is gone; the numbers of those that are committed.
sqlite_load() {
	local i=$1
	while echo "insert into t values ($i, hex(randomblob(200)));" |
		sqlite3 "$mnt/db" 2>/dev/null; do
		echo "$i" >>"$tmp/rows"
		i=$((i + 1))
	done
}

check_round() {
	must_be "$(sqlite3 "$mnt/db" 'pragma integrity_check' 2>&1)" ok sqlite
	last=$(tail -n 1 "$tmp/rows")
	rows=$(sqlite3 "$mnt/db" 'select count(*) from t')
	[ "$rows" -ge "$last" ] && [ "$rows" -le $((last + 1)) ] ||
		fail "sqlite: $rows rows, $last were committed"
	must "$python" "$here/storm.py" check "$mnt/storm" "$tmp/ledger"
	fio_job "$1" --verify_only
}

kill_daemon() {
	local pid
	pid=$(daemon_pid) || fail "no daemon"
	must kill -KILL "$pid"
	wait_gone "$pid"
	wait
	must umount -l "$mnt"
	wait_released
}

make_image 64M -b 4096
mount_image
must mkdir "$mnt/storm"
must sqlite3 "$mnt/db" 'create table t (i integer primary key, x text)'
echo 0 >"$tmp/rows"
for ((round = 1; round <= rounds; round++)); do
	fio_job "$round" --do_verify=0
	rows=$(sqlite3 "$mnt/db" 'select count(*) from t')
	sqlite_load $((rows + 1)) &
	"$python" "$here/storm.py" run "$mnt/storm" "$tmp/ledger" "$round" &
	sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
	kill_daemon
	mount_image
	grep -q " $mnt fuse.daxfuse rw" /proc/self/mounts ||
		fail "round $round: mounted read-only"
	check_round "$round"
	unmount_image
	check_image
	mount_image
done
echo "$rounds rounds, $(sqlite3 "$mnt/db" 'select count(*) from t') rows," \
	"$(grep -c ^E "$tmp/ledger") operations"
done_ok
