#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# quickstart.sh - build daxfuse and use it on an image in memory.
#
#	contrib/quickstart.sh		build, make an image in /dev/shm, mount it,
#					copy trees in, compare, check, mount again
#	contrib/quickstart.sh --stop	unmount and remove the image
#
# Exit status: 0 all went well; 1 something did not (a line says what);
# 3 FUSE cannot be used here (a line says why): the same steps were done in
# process; 130 Ctrl-C.

set -u -o pipefail
umask 022
# mke2fs, e2fsck, debugfs: not on the path of Debian's users
PATH=$PATH:/usr/sbin:/sbin

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
uid=$(id -u)
if [ "$uid" -eq 0 ]; then
	mnt=/mnt/daxfuse-demo
else
	mnt=$HOME/daxfuse-demo
fi
image_dir=${DAXFUSE_DEMO_DIR:-/dev/shm}
image=$image_dir/daxfuse-demo-$uid.img
build=$top/build
# Somebody else's checkout, or one that root has built in: build elsewhere.
if [ -e "$build" ]; then [ -w "$build" ]; else [ -w "$top" ]; fi ||
	build=${XDG_CACHE_HOME:-$HOME/.cache}/daxfuse-build
log=
done_ok=

say() { printf '%s\n' "$*"; }
die() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

is_mounted() { grep -q " $(printf '%s' "$mnt" | sed 's/ /\\\\040/g') fuse.daxfuse " /proc/self/mounts; }

# Mounted, but nobody serves it: its daemon was killed.
is_dead() { is_mounted && ! stat -f "$mnt" >/dev/null 2>&1; }

unmount() {
	local lazy=
	! is_dead || lazy=z
	if [ "$uid" -eq 0 ]; then
		umount ${lazy:+-l} "$mnt"
	else
		fusermount3 -u$lazy "$mnt"
	fi
}

# The daemon has let go of the image: its lock is free.
wait_for_image() {
	for _ in $(seq 100); do
		flock -n "$image" true 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

# remove_all [TRIES]: what was just killed may take a moment to let go
remove_all() {
	local tries=${1:-1}
	if is_mounted; then
		# a daemon that was told to end may be quicker
		while is_mounted && ! unmount; do
			tries=$((tries - 1))
			[ "$tries" -gt 0 ] || return 1
			sleep 0.1
		done
		wait_for_image || return 1
	fi
	rm -f "$image"
	[ ! -d "$mnt" ] || rmdir "$mnt" 2>/dev/null
	return 0
}

cleanup() {
	[ -z "$log" ] || rm -rf "$log"
	[ -n "$done_ok" ] || remove_all 100 >/dev/null 2>&1
}

case ${1:-} in
--stop)
	[ -e "$image" ] || is_mounted ||
		{ say "There is no demo to stop."; exit 0; }
	remove_all || die "$mnt is busy: close what uses it and try again"
	say "Unmounted $mnt and removed $image."
	exit 0 ;;
"") ;;
*)	say "usage: quickstart.sh [--stop]" >&2; exit 1 ;;
esac

if is_dead; then
	say "Removing a demo whose daemon is gone."
	remove_all || die "$mnt cannot be unmounted: \`umount -l $mnt\` as root does"
elif is_mounted; then
	say "The demo is mounted on $mnt already."
	say "Use it, or remove it with: $0 --stop"
	exit 0
fi

# The shell may forget a Ctrl-C that comes while it waits for a program which
# ends well all the same.  It does not while it is in `wait': so each step is a
# job of its own, and is told.
job=
give_up() {
	trap '' INT TERM
	if [ -n "$job" ]; then
		kill -INT -- "-$job" 2>/dev/null
		wait "$job" 2>/dev/null
	fi
	exit "$1"
}
trap 'give_up 130' INT
trap 'give_up 143' TERM
trap cleanup EXIT
log=$(mktemp -d) || exit 1

# Run a step quietly; show what it said if it failed.
step() {
	local what=$1 status
	shift
	set -m
	"$@" >"$log/out" 2>&1 </dev/null &
	job=$!
	set +m
	wait "$job"
	status=$?
	job=
	[ "$status" -ne 0 ] || return 0
	tail -n 20 "$log/out" >&2
	die "$what did not work; the output is above"
}

"$top/contrib/packages.sh" build run || exit 1

say "Building daxfuse ..."
[ -f "$build/build.ninja" ] ||
	step "meson setup" meson setup "$build" "$top" -Dtests=auto
step "building" ninja -C "$build" daemon/daxfuse tools/daxfuse-selftest

# ---- an image of min(512 MiB, half of what is free, cgroup limit) ------------

mib_free() {
	local mem shm cg=1048576 max cur
	mem=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
	shm=$(df -m --output=avail "$image_dir" | tail -n 1)
	if [ -r /sys/fs/cgroup/memory.max ]; then
		read -r max </sys/fs/cgroup/memory.max
		read -r cur </sys/fs/cgroup/memory.current
		[ "$max" = max ] || cg=$(((max - cur) / 1048576))
	fi
	printf '%s\n' "$mem" "$shm" "$cg" | sort -n | head -n 1
}

[ -d "$image_dir" ] && [ -w "$image_dir" ] ||
	die "cannot write to $image_dir: name another directory in DAXFUSE_DEMO_DIR"
rm -f "$image"
size=$(($(mib_free) / 2))
[ "$size" -le 512 ] || size=512
[ "$size" -ge 24 ] ||
	die "only $((size * 2)) MiB are free in $image_dir: 48 MiB are needed"

say "Making an ext2 image of $size MiB in memory: $image"
step "allocating $image" fallocate -l "${size}M" "$image"
chmod 600 "$image"
step mke2fs mke2fs -q -F -t ext2 -b 4096 -I 256 -m 1 \
	-E "nodiscard,root_owner=$uid:$(id -g)" "$image"

# ---- the trees to copy, as far as they fit -----------------------------------

trees=("$top")
fit=$((size * 1024 * 2 / 5))
[ "$(du -sk --exclude=.git --exclude='build*' "$top" | cut -f 1)" -lt "$fit" ] ||
	trees=("$top/lib")
if [ -d /usr/include ] &&
   [ "$(du -sk /usr/include | cut -f 1)" -lt "$fit" ]; then
	trees+=(/usr/include)
fi

# Why this user cannot mount here; empty: they can.
why_not() {
	local helper
	if [ ! -c /dev/fuse ]; then
		echo "There is no /dev/fuse here"
	elif ! { : <>/dev/fuse; } 2>/dev/null; then
		echo "You may not open /dev/fuse ($(stat -c %A /dev/fuse)); \`chmod 666 /dev/fuse\` as root lets users mount"
	elif [ "$uid" -ne 0 ]; then
		# the shell also finds what cannot be run
		helper=$(command -v fusermount3) && [ -x "$helper" ] ||
			{ echo "There is no fusermount3 (package fuse3)"; return; }
		[ -u "$helper" ] && ! grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status ||
			echo "fusermount3 is not setuid root, or without effect here"
	fi
}

why=$(why_not)
if [ -n "$why" ]; then
	say "$why: nothing can be mounted."
	say "Doing the same in process: copy in, compare, close, e2fsck, again."
	step "the in-process check" "$build/tools/daxfuse-selftest" \
		"$image" "${trees[@]}"
	cat "$log/out"
	step "e2fsck" e2fsck -fn "$image"
	say "e2fsck finds nothing to repair."
	say "In a container, /dev/fuse comes with:"
	say "    docker run --device /dev/fuse --cap-add SYS_ADMIN" \
	    "--security-opt apparmor=unconfined ..."
	exit 3
fi

# ---- mount, use, compare ------------------------------------------------------

# Names, types, modes, owners, times, sizes, link targets and xattrs of a tree.
# Only root can give files away, so a user's copies are compared without owner.
listing() {
	local owner=
	[ "$uid" -ne 0 ] || owner='%U:%G '
	(cd "$1" && find . \( -path './build*' -o -path ./.git \) -prune -o \
		\( ! -type d -o -true \) -printf "%P %y %m $owner%T@ %l" \
		\( -type f -printf ' %s\n' -o -printf '\n' \) | sort &&
	 find . \( -path './build*' -o -path ./.git \) -prune -o -print0 |
		xargs -0 getfattr -P -h -d -m - 2>/dev/null)
}

copy_and_compare() {
	local src=$1 dst=$2
	mkdir -p "$dst" && chmod --reference="$src" "$dst" &&
	tar -C "$src" --xattrs --xattrs-include='*' \
		--exclude='./build*' --exclude=./.git -cf - . |
		tar -C "$dst" --xattrs --xattrs-include='*' -xpf - &&
	diff -r --no-dereference --exclude='build*' --exclude=.git "$src" "$dst" &&
	diff <(listing "$src") <(listing "$dst")
}

mkdir -p "$mnt" || exit 1
[ -z "$(ls -A "$mnt")" ] || die "$mnt is not empty: move what is in it away"
step "mounting" "$build/daemon/daxfuse" "$image" "$mnt"
say "Mounted it on $mnt; copying and comparing every byte, mode, time, xattr:"
for t in "${trees[@]}"; do
	name=${t##*/}
	step "copying $t" copy_and_compare "$t" "$mnt/$name"
	say "    $t: $(find "$mnt/$name" | wc -l) files and directories, equal"
done
step "unmounting" unmount
wait_for_image || die "the daemon does not finish"
step "e2fsck -fn" e2fsck -fn "$image"
[ "$(grep -cv -e '^Pass ' -e '^e2fsck ' -e ' files (.*blocks$' "$log/out")" \
	-eq 0 ] || { cat "$log/out" >&2; die "e2fsck found something"; }
say "Unmounted it; e2fsck finds nothing to repair."
step "mounting again" "$build/daemon/daxfuse" "$image" "$mnt"
done_ok=yes
say "Mounted it again: it is yours now."
say ""
say "    cd $(printf %q "$mnt")			it is an ordinary directory"
say "    $(printf %q "$build/daemon/daxfuse") --help		how to mount your own"
say "    man $(printf %q "$top/man/daxfuse.8")		the manual"
say "    $(printf %q "$0") --stop	unmount it and remove the image"
