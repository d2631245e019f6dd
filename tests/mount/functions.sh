# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# functions.sh - what the mount tests share; sourced by each.
#
#	requires NEED...	skip (status 77) without root, fuse, user, namespace,
#				loop, a program
#	defer CMD...		run at the end, last first, also after a failure
#	make_image ...		an image at $img
#	mount_image OPTS	$img on $mnt; unmount_image; check_image
#	must, must_fail		a command's status
#	allow_uring Y|N	the kernel's parameter
#	helpers_in_sbin		where mount(8) looks for them
#	fail, done_ok
#
# DAXFUSE and UMOUNT_HELPER name the programs.  With DAXFUSE_REQUIRE=root,fuse
# a skip for want of these is a failure.

set -u

# A mount namespace for each test: a test elsewhere that makes one would get a
# copy of our mounts and keep their daemons alive.  What we got of others is
# dropped.
if [ -z "${DAXFUSE_OWN_NS:-}" ] && [ "$(id -u)" -eq 0 ] &&
   unshare --mount true 2>/dev/null; then
	DAXFUSE_OWN_NS=1 exec unshare --mount --propagation private \
		"$BASH" "$0" "$@"
fi
if [ "${DAXFUSE_OWN_NS:-}" = 1 ]; then
	export DAXFUSE_OWN_NS=2
	awk '$3 == "fuse.daxfuse" { print $2 }' /proc/self/mounts |
		while read -r m; do umount -l "$m"; done 2>/dev/null
fi

export LC_ALL=C
umask 022
PATH=$PATH:/usr/sbin:/sbin

DAXFUSE=${DAXFUSE:-$PWD/daemon/daxfuse}
DAXFUSE_IMAGE=${DAXFUSE_IMAGE:-$PWD/tools/daxfuse-image}
DAXFUSE_STAT=${DAXFUSE_STAT:-$PWD/tools/daxfuse-stat}
MKFS=${MKFS:-$PWD/tools/mkfs.daxfuse}
FSCK=${FSCK:-$PWD/tools/fsck.daxfuse}
python=/usr/bin/python3
[ -x "$python" ] || python=python3

deferred=()
tmp=
img=
mnt=

# Never into what is still mounted there: it may be the system's.
remove_tmp() {
	[ -n "$tmp" ] || return 0
	awk -v t="$tmp/" 'index($2, t) == 1 { print $2 }' /proc/self/mounts |
		tac | while read -r m; do umount -l "$(printf '%b' "$m")"; done
	if grep -qF " $tmp/" /proc/self/mounts; then
		echo "$tmp is left: something is mounted in it"
	else
		rm -rf --one-file-system "$tmp"
	fi
}

run_deferred() {
	local status=$? i
	trap '' INT TERM
	for ((i = ${#deferred[@]} - 1; i >= 0; i--)); do
		eval "${deferred[i]}" >&2
	done
	remove_tmp
	exit "$status"
}
trap run_deferred EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

defer() {
	deferred+=("$(printf '%q ' "$@")")
}

fail() {
	echo "FAILED: $*"
	exit 1
}

skip() {
	local need=$1
	shift
	case ,${DAXFUSE_REQUIRE:-}, in
	*,"$need",*) fail "$need is required: $*" ;;
	esac
	echo "$*"
	exit 77
}

# Run the command; a failure of it is one of the test.
must() {
	"$@" || fail "status $?: $*"
}

# It must fail; its output is in $out, its status in $status.
must_fail() {
	status=0
	out=$("$@" 2>&1) || status=$?
	[ "$status" -ne 0 ] || fail "succeeded: $*"
}

# must_say TEXT: $out holds it.
must_say() {
	case $out in
	*"$1"*) ;;
	*) fail "expected \"$1\" in: $out" ;;
	esac
}

must_be() {
	[ "$1" = "$2" ] || fail "expected \"$2\", got \"$1\"${3:+ ($3)}"
}

requires() {
	local need
	for need; do
		case $need in
		root)	[ "$(id -u)" -eq 0 ] || skip root "needs root" ;;
		fuse)	[ -c /dev/fuse ] && (: <>/dev/fuse) 2>/dev/null ||
				skip fuse "needs /dev/fuse" ;;
		user)	command -v setpriv >/dev/null && [ "$(id -u)" -eq 0 ] ||
				skip user "needs root and setpriv, to act as a user" ;;
		namespace) [ -n "${DAXFUSE_OWN_NS:-}" ] ||
				skip namespace "needs a mount namespace" ;;
		loop)	[ -e /dev/loop-control ] || skip loop "needs loop devices" ;;
		*)	command -v "$need" >/dev/null ||
				skip "$need" "needs the program $need" ;;
		esac
	done
}

user_id=65534

# Where an ordinary user may not open /dev/fuse (no udev set its mode), put one
# there that they may, for this test's namespace.
user_fuse() {
	local dev=$tmp/dev
	! as_user "$python" -c 'open("/dev/fuse", "r+b", 0)' 2>/dev/null || return 0
	[ -n "${DAXFUSE_OWN_NS:-}" ] || skip user "users may not open /dev/fuse"
	must mkdir "$dev"
	must mount -t tmpfs -o mode=755 none "$dev"
	defer umount -l "$dev"
	must mknod -m 666 "$dev/fuse" c 10 229
	must mount --bind "$dev/fuse" /dev/fuse
	defer umount -l /dev/fuse
}

# Run as an ordinary user with no groups.
as_user() {
	setpriv --reuid="$user_id" --regid="$user_id" --clear-groups \
		--inh-caps=-all --bounding-set=-all -- "$@"
}

# The same, with the capabilities that setuid programs need (fusermount3).
as_user_suid() {
	setpriv --reuid="$user_id" --regid="$user_id" --clear-groups -- "$@"
}

# $tmp, in memory where there is room, or below DAXFUSE_TMPDIR.
make_tmp() {
	local base=${DAXFUSE_TMPDIR:-/dev/shm}
	# a container's /dev/shm has 64 MiB
	[ -w "$base" ] &&
		[ "$(df -m --output=avail "$base" | tail -n 1)" -ge 1024 ] ||
		base=${TMPDIR:-/tmp}
	tmp=$(mktemp -d "$base/daxfuse-test.XXXXXX") || fail "no temporary directory"
	chmod 755 "$tmp"
}

# make_image [SIZE [MKE2FS_ARG...]]
make_image() {
	local size=${1:-64M}
	[ $# -eq 0 ] || shift
	[ -n "$tmp" ] || make_tmp
	img=$tmp/image
	rm -f "$img"
	must truncate -s "$size" "$img"
	must mke2fs -q -F -t ext2 "$@" "$img"
}

is_mounted() {
	grep -q " ${1:-$mnt} fuse.daxfuse " /proc/self/mounts
}

# Unmount whatever a failed test left.
give_up_mount() {
	! is_mounted "$1" || umount "$1" 2>/dev/null || umount -l "$1"
	wait_released
}

# mount_image [OPTIONS]: $img on $mnt, with those of DAXFUSE_MOUNT_OPTS as well;
# what the test asks for counts more.
mount_image() {
	local opts=${DAXFUSE_MOUNT_OPTS:-}
	opts=$opts${opts:+${1:+,}}${1:-}
	if [ -z "$mnt" ]; then
		mnt=$tmp/mnt
		must mkdir -p "$mnt"
		defer give_up_mount "$mnt"
	fi
	must "$DAXFUSE" "$img" "$mnt" ${opts:+-o "$opts"}
	is_mounted || fail "$mnt is not mounted although daxfuse said so"
}

# wait_for COMMAND...: until it succeeds.
wait_for() {
	local i
	for ((i = 0; i < 1200; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	fail "waited in vain for: $*"
}

# Views on files (daxfuse-image).
is_view() {
	grep -q " $1 fuse.daxfuse-image " /proc/self/mounts
}
is_no_view() {
	! is_view "$1"
}
wait_view() {
	wait_for is_view "$1"
}
wait_no_view() {
	wait_for is_no_view "$1"
}
give_up_view() {
	! is_view "$1" || umount "$1" 2>/dev/null || umount -l "$1"
}

uring=/sys/module/fuse/parameters/enable_uring

# allow_uring Y|N: may the kernel serve FUSE over io_uring?  As it was, at the
# end; until then no other test changes it.
allow_uring() {
	if [ -z "${uring_lock:-}" ]; then
		[ -e "$uring" ] || skip uring "the kernel has no FUSE over io_uring"
		[ -w "$uring" ] || skip uring "$uring cannot be written"
		[ "${WITH_URING:-1}" = 1 ] || skip uring "built without liburing"
		exec {uring_lock}>"${TMPDIR:-/tmp}/daxfuse-test-uring.lock"
		flock "$uring_lock"
		defer set_uring "$(cat "$uring")"
	fi
	set_uring "$1"
}
set_uring() {
	echo "$1" >"$uring" || skip uring "$uring cannot be written"
}

# The daemon has let go of the image.
wait_released() {
	[ -n "$img" ] && [ -e "$img" ] || return 0
	must flock -w 60 -s "$img" true
}

unmount_image() {
	must umount "$mnt"
	wait_released
}

# The pid of the daemon that holds the image.
daemon_pid() {
	local p
	for p in /proc/[0-9]*; do
		if [ "$(readlink "$p/exe" 2>/dev/null)" = "$(readlink -f "$DAXFUSE")" ] &&
		   ls -l "$p/fd" 2>/dev/null | grep -q -- "-> $img\$"; then
			echo "${p#/proc/}"
			return 0
		fi
	done
	return 1
}

# kept_caps PID: the capabilities a confined daemon of root's has.  Where root may
# not raise the limit of nice values, CAP_SYS_NICE takes its place.
kept_caps() {
	if [ "$(sed -n 's/^Max nice priority *\([0-9]*\) .*/\1/p' \
		"/proc/$1/limits")" -ge 20 ]; then
		echo 0000000000000000
	else
		echo 0000000000800000
	fi
}

# Wait until the process is gone, or a zombie of somebody else.
wait_gone() {
	local i
	for ((i = 0; i < 600; i++)); do
		[ -d "/proc/$1" ] || return 0
		grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null && return 0
		sleep 0.05
	done
	fail "process $1 does not end"
}

# SIGTERM until it is not mounted any more: what is in use refuses the first one.
term_busy() {
	local i
	for ((i = 0; i < 600; i++)); do
		is_mounted || return 0
		kill -TERM "$1" 2>/dev/null
		sleep 0.05
	done
	fail "still mounted after SIGTERM"
}

# own_dir DIR: DIR is links to what was in it, and $own, where they are.  What
# was in it is mounted read-only, out of the way of whoever clears $tmp.
own_dir() {
	local dir real
	dir=$(readlink -f "$1")
	real=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-real.XXXXXX") ||
		fail "no temporary directory"
	chmod 755 "$real"
	defer rmdir "$real"
	own=$tmp/own${dir//\//_}
	must mkdir "$own"
	must mount --bind "$dir" "$real"
	defer umount -l "$real"
	must mount -o remount,bind,ro "$real"
	must find "$real" -mindepth 1 -maxdepth 1 ! -type l \
		-exec ln -s -t "$own" {} +
	must find "$real" -mindepth 1 -maxdepth 1 -type l \
		-exec cp -P -t "$own" {} +
	must mount --bind "$own" "$dir"
	defer umount -l "$dir"
}

# A /sbin of this test's own: what is there, and the helpers.
helpers_in_sbin() {
	local name
	own_dir /sbin
	rm -f "$own"/*mount.*daxfuse
	for name in fuse.daxfuse daxfuse; do
		must ln -s "$(readlink -f "$DAXFUSE")" "$own/mount.$name"
		must ln -s "$(readlink -f "$UMOUNT_HELPER")" "$own/umount.$name"
	done
}

# e2fsck must print its passes and the summary, nothing else: its status alone
# is blind to wrong counts in the superblock.
check_image() {
	local said status=0
	said=$(e2fsck -fn "${1:-$img}" 2>&1) || status=$?
	said=$(printf '%s\n' "$said" | grep -vE \
		'^e2fsck [0-9.]+ |^Pass [1-5]: |: [0-9]+/[0-9]+ files \(.*\), [0-9]+/[0-9]+ blocks$')
	[ -z "$said" ] || fail "e2fsck says: $said"
	[ "$status" -eq 0 ] || fail "e2fsck: status $status"
}

# Unmount if it is mounted, check, and end well.
done_ok() {
	[ -z "$mnt" ] || ! is_mounted || unmount_image
	[ -z "$img" ] || check_image
	exit 0
}
