#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# quickstart.sh SOURCE_ROOT - the README's first command, in a copy of the
# source tree with a blank in its name, under umask 077 and without a terminal.
# Runs in a mount namespace of its own with a tmpfs over /mnt, so that a demo
# somebody has mounted is not in the way.  One case a line.

set -u
root=$(CDPATH='' cd -- "${1:-$(dirname "$0")/../..}" && pwd -P) || exit 1

skip() {
	case ,${DAXFUSE_REQUIRE:-}, in
	*,"$1",*) echo "$1 is required: $2"; exit 1 ;;
	esac
	echo "$2"
	exit 77
}
[ "$(id -u)" -eq 0 ] || skip root "not root: the demo's place is in /mnt"
{ : <>/dev/fuse; } 2>/dev/null || skip fuse "no usable /dev/fuse"

if [ -z "${QUICKSTART_INSIDE:-}" ]; then
	QUICKSTART_INSIDE=1 exec unshare --mount --propagation private "$0" "$root"
fi

mount -t tmpfs -o size=1500m tmpfs /mnt || exit 1
export DAXFUSE_DEMO_DIR=/mnt/images
mkdir -m 700 $DAXFUSE_DEMO_DIR "/mnt/a copy" || exit 1
demo=/mnt/daxfuse-demo
trap 'umount $demo 2>/dev/null' EXIT
tar -C "$root" --exclude=.git --exclude='./build*' -cf - . |
	tar -C "/mnt/a copy" -xf - || exit 1
cd "/mnt/a copy" || exit 1

passed=0 failed=0
is() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"; passed=$((passed + 1))
	else
		echo "not ok $1: $2, not $3"; failed=$((failed + 1))
		tail -n 5 /mnt/out
	fi
}
quickstart() { setsid --wait ./contrib/quickstart.sh "$@" >/mnt/out 2>&1 </dev/null; }
left() { find $DAXFUSE_DEMO_DIR -type f | wc -l; [ ! -d $demo ] || echo "$demo"; }

umask 077
quickstart; is "the first run ends well" $? 0
is "it says what to do next" "$(grep -c -e '--stop' /mnt/out)" 1
is "its output is short" "$([ "$(wc -l </mnt/out)" -le 17 ]; echo $?)" 0
is "the demo is mounted" "$(findmnt -n -o FSTYPE $demo)" fuse.daxfuse
is "a tree is in it" "$(test -f "$demo/a copy/meson.build"; echo $?)" 0
quickstart; is "a second run ends well" $? 0
is "it says that it is there" "$(grep -c 'already' /mnt/out)" 1
quickstart --stop; is "--stop ends well" $? 0
is "--stop leaves nothing" "$(left)" 0
for at in Making Mounted Unmounted; do
	python3 "$root/tests/project/interrupt.py" $at ./contrib/quickstart.sh
	is "Ctrl-C after '$at' is status 130" $? 130
	is "Ctrl-C after '$at' leaves nothing" "$(left)" 0
done
touch /mnt/nothing && mount --bind /mnt/nothing /dev/fuse
quickstart; is "without /dev/fuse the status is 3" $? 3
is "it names what gives a container /dev/fuse" \
	"$(grep -c -e '--device /dev/fuse' /mnt/out)" 1
is "it compared in process" "$([ "$(grep -c 'equal$' /mnt/out)" -ge 1 ]; echo $?)" 0
is "without /dev/fuse nothing is left" "$(left)" 0
umount /dev/fuse

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
