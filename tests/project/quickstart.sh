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
mkdir -m 700 $DAXFUSE_DEMO_DIR && mkdir -m 755 "/mnt/a copy" || exit 1
demo=/mnt/daxfuse-demo
trap 'umount $demo 2>/dev/null' EXIT
tar -C "$root" --exclude=.git --exclude='./build*' -cf - . |
	tar -C "/mnt/a copy" -xf - || exit 1
chmod -R a+rX "/mnt/a copy"
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
# "any moment": a run that was quicker than that is complete
for at in 0.1 0.4 1 1.5 2 2.5 3 4; do
	python3 "$root/tests/project/interrupt.py" after:$at ./contrib/quickstart.sh \
		>/mnt/out 2>&1
	status=$?
	if [ $status -eq 0 ]; then
		is "done within $at s, it is mounted" "$(findmnt -n -o FSTYPE $demo)" \
			fuse.daxfuse
		quickstart --stop
	else
		is "Ctrl-C after $at s is status 130" $status 130
	fi
	is "after $at s nothing is left" "$(left)" 0
done

# ---- a demo whose daemon was killed ----
quickstart; is "a run before the daemon is killed" $? 0
for p in /proc/[0-9]*; do
	[ "$p/exe" -ef build/daemon/daxfuse ] && kill -KILL "${p#/proc/}"
done
until ! stat -f $demo >/dev/null 2>&1; do sleep 0.05; done
quickstart; is "over a dead demo" $? 0
is "it says that it removes it" "$(grep -c 'whose daemon is gone' /mnt/out)" 1
is "one demo is mounted" "$(grep -c " $demo fuse" /proc/self/mounts)" 1
for p in /proc/[0-9]*; do
	[ "$p/exe" -ef build/daemon/daxfuse ] && kill -KILL "${p#/proc/}"
done
until ! stat -f $demo >/dev/null 2>&1; do sleep 0.05; done
quickstart --stop; is "--stop of a dead demo" $? 0
is "--stop of a dead demo leaves nothing" "$(left)" 0

# ---- 64 MiB, as /dev/shm has in a container; no network ----
mkdir /mnt/small && mount -t tmpfs -o size=64m tmpfs /mnt/small || exit 1
run_in() { setsid --wait "$@" ./contrib/quickstart.sh >/mnt/out 2>&1 </dev/null; }
run_in env DAXFUSE_DEMO_DIR=/mnt/small; is "64 MiB of memory" $? 0
DAXFUSE_DEMO_DIR=/mnt/small quickstart --stop
is "nothing is left in 64 MiB" "$(find /mnt/small -type f | wc -l)" 0
umount /mnt/small
run_in unshare --net; is "no network, all installed" $? 0
quickstart --stop

# ---- a plain user, with Debian's path for users; root has built here ----
home=/mnt/home
mkdir -m 755 $home && mkdir $home/images && chown -R 65534:65534 $home &&
	mknod -m 666 /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse || exit 1
as_user() {
	setsid --wait setpriv --reuid=65534 --regid=65534 --clear-groups \
		env HOME=$home DAXFUSE_DEMO_DIR=$home/images \
		PATH=/usr/local/bin:/usr/bin:/bin ./contrib/quickstart.sh "$@" >/mnt/out 2>&1 </dev/null
}
user_left() { find $home/images -type f | wc -l; [ ! -d $home/daxfuse-demo ] || echo demo; }
as_user; is "a plain user" $? 0
is "mounted in the user's home" "$(findmnt -n -o FSTYPE $home/daxfuse-demo)" fuse.daxfuse
is "its lines can be pasted" "$(grep -c '^    man /mnt/a\\ copy/man/daxfuse.8' /mnt/out)" 1
as_user --stop; is "the user's --stop" $? 0
is "the user's --stop leaves nothing" "$(user_left)" 0
chmod 600 /mnt/fuse
as_user; is "/dev/fuse 0600: status 3" $? 3
is "/dev/fuse 0600: it says so" "$(grep -c 'You may not open /dev/fuse (crw-------); .chmod 666 /dev/fuse. as root lets users mount' /mnt/out)" 1
is "/dev/fuse 0600: nothing is left" "$(user_left)" 0
chmod 666 /mnt/fuse
helper=$(command -v fusermount3)
touch /mnt/nothing && mount --bind /mnt/nothing "$helper"
as_user; is "no fusermount3: status 3" $? 3
is "no fusermount3: it says so" "$(grep -c 'There is no fusermount3 (package fuse3)' /mnt/out)" 1
is "no fusermount3: compared in process" "$([ "$(grep -c 'equal$' /mnt/out)" -ge 1 ]; echo $?)" 0
is "no fusermount3: nothing is left" "$(user_left)" 0
umount "$helper"
umount /dev/fuse

touch /mnt/nothing && mount --bind /mnt/nothing /dev/fuse
quickstart; is "without /dev/fuse the status is 3" $? 3
is "it names what gives a container /dev/fuse" \
	"$(grep -c -e '--device /dev/fuse' /mnt/out)" 1
is "it compared in process" "$([ "$(grep -c 'equal$' /mnt/out)" -ge 1 ]; echo $?)" 0
is "without /dev/fuse nothing is left" "$(left)" 0
umount /dev/fuse

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
