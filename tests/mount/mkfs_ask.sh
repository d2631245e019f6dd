#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mkfs.daxfuse over what somebody may want to keep: it asks on a terminal, and
# refuses where there is none.
. "$(dirname "$0")/functions.sh"
requires root fuse mke2fs e2fsck mkswap python3

make_image 64M -L precious
must cp "$img" "$tmp/before"

# On a terminal, with an answer.
ask() {
	"$python" - "$1" "$MKFS" -q "$img" <<'PY'
import os, pty, sys

answer, command = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(command[0], command)
said = b""
asked = False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    said += data
    if not asked and b"(y/N)" in said:
        asked = True
        os.write(fd, answer.encode() + b"\n")
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(said.decode(errors="replace"))
print("asked", asked)
sys.exit(status)
PY
}

must_fail "$MKFS" "$img" </dev/null
must_say "ext2 data labelled 'precious'"
must_say '-F'
must cmp "$img" "$tmp/before"
for answer in n '' Nein; do
	must_fail ask "$answer"
	must_say "labelled 'precious'"
	must_say 'asked True'
	must_say 'nothing was changed'
	must cmp "$img" "$tmp/before"
done
out=$(ask y) || fail "status $?: $out"
must_be "$(e2label "$img")" ''
must "$MKFS" -q -F -L again "$img" </dev/null
must_be "$(e2label "$img")" again

# Other things than filesystems.
must truncate -s 0 "$img"
must truncate -s 64M "$img"
must mkswap "$img" >/dev/null 2>&1
must_fail "$MKFS" "$img" </dev/null
must_say 'swap'
must truncate -s 0 "$img"
must truncate -s 64M "$img"
if command -v sfdisk >/dev/null; then
	echo 'label: gpt' | must sfdisk -q "$img"
	must_fail "$MKFS" "$img" </dev/null
	must_say 'partition table (gpt)'
fi

# Nothing in it, nothing to ask.
must truncate -s 0 "$img"
must truncate -s 64M "$img"
must "$MKFS" -q "$img" </dev/null
done_ok
