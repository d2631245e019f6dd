#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# smoke.sh BUILD SOURCE - the benchmark runs: every row on every peer that is
# here, once and tiny, and the images are clean afterwards.  No time is judged.

# shellcheck source=tests/mount/functions.sh
. "$(dirname "$0")/../mount/functions.sh"
requires root fuse namespace tar sqlite3

build=$1 top=$2
make_tmp
out=$tmp/out

must "$python" "$top/tests/bench/run" --build "$build" --smoke --tmp "$tmp" \
	--tree "$top/daemon" --out "$out" --peers "${SMOKE_PEERS:-all}"

# One line for each row and peer, with work done in some time.
rows=$("$python" "$top/tests/bench/run" --build "$build" --smoke --list | wc -l)
[ "$rows" -ge 30 ] || fail "only $rows rows"
for peer in dax dax-devfuse dax-csum null null-libfuse tmpfs; do
	n=$(awk -F, -v p="$peer" 'NF > 6 && $(NF - 8) == p && $(NF - 6) > 0 &&
		$(NF - 5) > 0' "$out/bench.csv" | wc -l)
	must_be "$n" "$rows" "rows of $peer"
done
for what in 'null : null-libfuse' '^bars: [0-9]* of [0-9]* are met' \
	    '^8 GiB, sparse  *dax ' '^in process, metadata_csum' \
	    '^metadata lock held'; do
	must grep -q "$what" "$out/bench.txt"
done
must "$python" -c 'import sys, xml.dom.minidom as x
rows = x.parse(sys.argv[1]).getElementsByTagName("title")
sys.exit(len(rows) < 100)' "$out/bench.svg"
# two kinds of image, a line for each operation that persists what it says
n=$(awk -F, '$2 == "overwrite 4k" && $5 == 4096 && $6 == 1' "$out/inproc.csv" |
	wc -l)
must_be "$n" 2 "overwrites of 4096 bytes with one fence"

# Another run's rows and peers come to the same report; documents are made of it.
must "$python" "$top/tests/bench/run" --build "$build" --smoke --tmp "$tmp" \
	--out "$out" --append --only rows --rows 'truncate,sqlite WAL' \
	--peers tmpfs,null --busy 1
must "$python" "$top/tests/bench/run" --out "$out" --report --docs "$tmp/docs"
for row in truncate 'sqlite WAL'; do
	must grep -q "^busy: $row,.*,null,1," "$out/bench.csv"
	must grep -q "^$row,.*,dax,0," "$out/bench.csv"
done
page=$tmp/docs/tests/bench/results/README.md
must grep -q '^| busy: truncate | k/s | - ' "$page"
grep -q '^| busy: truncate, null : null-libfuse' "$page" &&
	fail "a bar without its peer"
for what in '^| rename in 100, dax-devfuse : null | [0-9.]* | >= 0.85' \
	    '^| create, ext2 | [0-9.]* us | <= 5.00 us' '^| read 4k | '; do
	must grep -q "$what" "$page"
done
must cmp "$out/bench.svg" "$tmp/docs/tests/bench/results/bench.svg"

# What is made durable is counted for daxfuse and its stand-in, and is alike.
"$python" "$top/tests/bench/run" --build "$build" --tmp "$tmp" \
	--image-mib 64 --file-mib 4 --names 100 --count 400 --seconds 0.01 \
	--only persisted --rows 'append 4k,create in*' \
	--peers dax-devfuse,null-durable --out "$tmp/persisted" \
	>"$tmp/persisted.txt" 2>&1 || {
	cat "$tmp/persisted.txt"
	fail "null-durable does not stand for daxfuse"
}
for row in 'append 4k' 'create in 100' 'rename in 100' 'unlink in 100'; do
	must grep -q "^$row  *dax-devfuse  *[0-9.]* .* null-durable  *[0-9.]* " \
		"$tmp/persisted.txt"
done
must "$python" - "$top/tests/bench" <<'EOF'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from persisted import faults

def of(*floor):
    return faults({("unlink in 100", "dax-devfuse"): [300, 200, 6, 2],
                   ("unlink in 100", "null-durable"): floor})
assert of(250, 180, 5, 2) == []
assert len(of(310, 180, 5, 2)) == 1 and len(of(250, 180, 3, 1)) == 2
EOF

# A row that is not there is said.
must_fail "$python" "$top/tests/bench/run" --build "$build" --smoke \
	--tmp "$tmp" --rows nonesuch
must_say "no row matches nonesuch"
exit 0
