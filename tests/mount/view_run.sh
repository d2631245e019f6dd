#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The raw view for one program: its arguments, its status, and nothing left.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck

make_tmp
run() { "$DAXFUSE_IMAGE" --run "$img" -- "$@"; }

# A name that a shell would take apart, twice in one argument, and none.
cd "$tmp" || exit 1
img="$tmp/a b\$(touch shell);'c"
must truncate -s 16M "$img"
must_be "$(run printf '%s|' {} '-{}-{}' '{' x)" "$img|-$img-$img|{|x|"
[ ! -e "$tmp/shell" ] || fail "a shell has seen the name"
must_be "$(cd / && "$DAXFUSE_IMAGE" --run "$img" stat -c %F {})" 'regular file'

# Statuses: the program's, a signal's, our own.
for want in 0 1 7 255; do
	status=0
	run sh -c "exit $want" || status=$?
	must_be $status $want
done
status=0; run sh -c 'kill -TERM $$' || status=$?
must_be $status 143
status=0; run "$tmp/none" 2>/dev/null || status=$?
must_be $status 127
status=0; run "$tmp" 2>/dev/null || status=$?
must_be $status 126
must_fail "$DAXFUSE_IMAGE" --run "$tmp/none" -- true
must_be $status 125
must_say "$tmp/none"
must_fail "$DAXFUSE_IMAGE" --run "$img"
must_be $status 125

# Descriptors and standard input are the program's; the view is private.
must_be "$(echo in | "$DAXFUSE_IMAGE" --run "$img" -- sh -c 'cat; echo out >&7' 7>&1)" \
	"in
out"
"$DAXFUSE_IMAGE" --run "$img" -- sh -c "grep -q daxfuse-image /proc/self/mounts && touch go &&
	while [ -e go ]; do sleep 0.02; done" &
pid=$!
wait_for test -e "$tmp/go"
must_fail grep daxfuse-image /proc/self/mounts
must_be "$(stat -c %F "$img")" 'regular file'
must_fail "$DAXFUSE_IMAGE" --run "$img" -- true
must_say 'in use'
must rm "$tmp/go"
must wait $pid
must flock -n "$img" true

# SIGTERM reaches the program, which may end in order.
"$DAXFUSE_IMAGE" --run "$img" -- sh -c "trap 'echo ended; exit 3' TERM; touch go
	while :; do sleep 0.02; done" >"$tmp/out" &
pid=$!
wait_for test -e "$tmp/go"
must kill -TERM $pid
status=0; wait $pid || status=$?
must_be "$status $(cat "$tmp/out")" '3 ended'
must flock -n "$img" true

# Terabytes: what is zero already is not written, nor what was a hole read.
img=$tmp/image
must truncate -s 1T "$img"
"$DAXFUSE_IMAGE" -v --run "$img" -- mke2fs -q -F -t ext2 -b 4096 -I 256 {} \
	2>"$tmp/out" || fail "status $?: $(cat "$tmp/out")"
stored=$(sed -n 's/.* stored \([0-9]*\)$/\1/p' "$tmp/out")
zeroed=$(sed -n 's/.* zeroed \([0-9]*\),.*/\1/p' "$tmp/out")
[ "$stored" -gt 1048576 ] || fail "stored $stored bytes"
[ "$stored" -lt $((1024 * 1024 * 1024 * 10)) ] || fail "stored $stored bytes"
[ "$zeroed" -gt $((1024 * 1024 * 1024 * 10)) ] || fail "zeroed $zeroed bytes"
allocated=$(($(stat -c %b "$img") * 512))
[ $allocated -lt $((1024 * 1024 * 1024)) ] || fail "allocated $allocated bytes"
echo "1 TiB: $stored bytes stored, $allocated allocated"
must_be "$(run dumpe2fs -h {} 2>/dev/null | sed -n 's/^Block count: *//p')" 268435456
[ $(($(stat -c %b "$img") * 512)) -eq $allocated ] || fail "reading allocated"
must rm "$img"

# The same where mke2fs first punches out everything.
must truncate -s 1T "$img"
"$DAXFUSE_IMAGE" -v -o discard --run "$img" -- \
	mke2fs -F -t ext2 -b 4096 -I 256 -E discard {} >"$tmp/out" 2>&1 ||
	fail "status $?: $(cat "$tmp/out")"
grep -q 'Discarding device blocks.*done' "$tmp/out" || fail "no discard: $(cat "$tmp/out")"
stored=$(sed -n 's/.* stored \([0-9]*\)$/\1/p' "$tmp/out")
[ "$stored" -gt 1048576 ] && [ "$stored" -lt $((1024 * 1024 * 1024 * 10)) ] ||
	fail "stored $stored bytes"
must rm "$img"

# Zeroing everything does not outlive who asked for it.
must truncate -s 1G "$img"
must fallocate -l 1G "$img"
must_be "$(run fallocate -z -l 1G {}; echo $?)" 0
must_be "$(run tail -c 4096 {} | tr -d '\0' | wc -c)" 0
must rm "$img"
make_image 64M
must_be "$(run blkid -p -o value -s TYPE {})" ext2
done_ok
