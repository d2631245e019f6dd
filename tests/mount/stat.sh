#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# stat.sh - daxfuse-stat counts what was done, as a table, as JSON and by
# interval; so does the log after SIGUSR1; others may ask, and learn no names.
. "$(dirname "$0")/functions.sh"
requires root fuse

# value EXPR: of the JSON figures, as python sees them in s
value() {
	"$DAXFUSE_STAT" --json "$mnt" | "$python" -c "
import json, sys
s = json.load(sys.stdin)
o = s['operations']
print($1)"
}

make_image 64M
mnt=$tmp/mnt
must mkdir "$mnt"
must_fail "$DAXFUSE_STAT" "$mnt"
must_say "no daxfuse"
must_fail "$DAXFUSE_STAT" "$tmp/nowhere"
must_say "No such file"
must_fail "$DAXFUSE_STAT"
must_be "$status" 1
must_fail "$DAXFUSE_STAT" --watch=x "$mnt"
must_say "seconds"

defer give_up_mount "$mnt"
"$DAXFUSE" -f "$img" "$mnt" -o dax=always,commit=3600,granularity=page,durability=fsync 2>"$tmp/log" &
pid=$!
for ((i = 0; i < 200; i++)); do
	is_mounted && stat "$mnt/lost+found" >/dev/null 2>&1 && break
	sleep 0.05
done
is_mounted || fail "not mounted: $(cat "$tmp/log")"

# Exactly what was done.
before=$(value "[o[k]['count'] if k in o else 0 for k in ('mkdir', 'unlink', 'symlink')]")
must_be "$before" "[0, 0, 0]"
must mkdir "$mnt/secretname1" "$mnt/secretname2"
must ln -s secrettarget "$mnt/secretname3"
must rm "$mnt/secretname3"
must dd if=/dev/zero of="$mnt/secretfile" bs=64k count=16 status=none
must_be "$(value "o['mkdir']['count'], o['symlink']['count'], o['unlink']['count']")" "2 1 1"
must_be "$(value "o['write']['bytes']")" 1048576 "bytes written"
must_be "$(value "s['media']['dirty'] >= 1048576")" True "dirty"
must sync "$mnt/secretfile"
must_be "$(value "o['fsync']['count']")" 1
must_be "$(value "s['media']['msyncs'] > 0")" True
must_be "$(value "s['media']['dirty'] < 1048576")" True "dirty after fsync"
must_be "$(value "s['media']['stored'] >= 1048576")" True
must dd if="$mnt/secretfile" of="$tmp/copy" bs=64k status=none
must_be "$(value "o['read']['bytes']")" 1048576 "bytes read"
must_be "$(value "s['media']['lent_to_kernel'] >= 1048576 or s['media']['loaded'] >= 1048576")" True
must_be "$(value "s['transactions']['commits'] >= 5 and s['transactions']['log_slots'] >= 5")" True
must_be "$(value "s['transactions']['log_size'] >= 32768 and s['transactions']['log_bytes'] > 0")" True
must_be "$(value "s['caches']['block_run_hits'] > 0 and s['caches']['inode_hits'] > 0")" True
must_be "$(value "s['media']['bad_ranges'], s['media']['media_errors_met']")" "0 0"
must_be "$(value "s['medium'].endswith('page'), s['dax'], s['durability'], s['access']")" \
	"True always fsync rw"
must_be "$(value "'posix_acl' in s['capabilities'] and s['workers'] >= 1")" True
# Each histogram counts each operation once, and the quantiles lie in it.
must_be "$(value "all(sum(n for _, n in h['histogram']) == h['count'] for k, h in o.items() if k != 'ioctl')")" True
must_be "$(value "all(h['p50_ns'] <= h['p90_ns'] <= h['p99_ns'] <= h['max_ns'] for h in o.values())")" True
# An error is one.
must_fail rmdir "$mnt/lost+found/none"
must touch "$mnt/secretname1/f"
must_fail rmdir "$mnt/secretname1"
must_be "$(value "o['rmdir']['count'], o['rmdir']['errors']")" "1 1"

# The table says the same, for others too.
table=$(as_user "$DAXFUSE_STAT" "$mnt") || fail "a user may not ask"
for word in 'dax=always' 'write  *16  *0  *1.00M' 'bad_ranges  *0' 'posix_acl'; do
	grep -q "$word" <<<"$table" || fail "no \"$word\" in: $table"
done
! { echo "$table"; "$DAXFUSE_STAT" -j "$mnt"; } | grep -q secret || fail "a name in the figures"

# By interval: what was before is left out.
"$DAXFUSE_STAT" -j --watch=1 "$mnt" >"$tmp/watch" &
watcher=$!
wait_line() {
	local i
	for ((i = 0; i < 1200; i++)); do
		! grep -q "$1" "$tmp/watch" || return 0
		sleep 0.05
	done
	fail "no line with $1 in $(cat "$tmp/watch")"
}
wait_line version
must rmdir "$mnt/secretname2"
wait_line '"rmdir"'
kill "$watcher"
wait "$watcher"
must_be "$("$python" - "$tmp/watch" <<-'SUM'
	import json, sys
	lines = [json.loads(l) for l in open(sys.argv[1]) if l.endswith("\n")]
	ops = [l["operations"] for l in lines]
	print(len(lines) >= 2, sum(o.get("rmdir", {}).get("count", 0) for o in ops),
	      sum(o.get("mkdir", {}).get("count", 0) for o in ops))
SUM
)" "True 1 0" "figures of intervals"

# The log.
must kill -USR1 "$pid"
for ((i = 0; i < 200; i++)); do
	grep -q 'stat: write: 16 times, 0 errors, 1048576 bytes' "$tmp/log" && break
	sleep 0.05
done
grep -q 'stat: write: 16 times, 0 errors, 1048576 bytes' "$tmp/log" ||
	fail "SIGUSR1 logged: $(cat "$tmp/log")"
! grep -q secret "$tmp/log" || fail "a name in the log: $(cat "$tmp/log")"

must umount "$mnt"
wait "$pid" || fail "the daemon's status: $?"
done_ok
