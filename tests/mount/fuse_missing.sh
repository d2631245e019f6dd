#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# /dev/fuse or fusermount3 missing or of no use: one sentence that says so, and
# the image is not touched.
. "$(dirname "$0")/functions.sh"
requires root user fuse namespace fusermount3 mke2fs e2fsck

# not in /dev, which is hidden here at times
export DAXFUSE_TMPDIR=${TMPDIR:-/tmp}
make_tmp
user_fuse
make_image 16M -E root_owner="$user_id:$user_id"
must chown "$user_id" "$img"
mnt=$tmp/mnt
must mkdir "$mnt"
must chown "$user_id" "$mnt"
before=$(cksum <"$img")

# refused SENTENCE COMMAND...
refused() {
	local want=$1
	shift
	must_fail "$@" "$DAXFUSE" "$img" "$mnt"
	must_be "$status" 32
	must_be "$out" "daxfuse: $want"
	! is_mounted || fail "mounted"
	must_be "$(cksum <"$img")" "$before" "the image changed"
}

# put FILE over PATH, for one command
over() {
	local file=$1 path=$2
	shift 2
	# shellcheck disable=SC2016
	unshare --mount sh -c \
		'mount --bind "$1" "$2" || exit 99; shift 2; exec "$@"' - \
		"$file" "$path" "$@"
}

# ---- /dev/fuse ----
must touch "$tmp/empty"
must mkdir "$tmp/nodev"
# shellcheck disable=SC2016
refused "/dev/fuse is missing: \`modprobe fuse\` makes it; a container gets it with \`--device /dev/fuse\`" \
	unshare --mount sh -c 'd=$1; shift; mount --rbind "$d" /dev && exec "$@"' - "$tmp/nodev"
refused "/dev/fuse is missing: \`modprobe fuse\` makes it; a container gets it with \`--device /dev/fuse\`" \
	over "$tmp/empty" /dev/fuse
# a bind mount shares the node's mode: a node of its own
must mkdir "$tmp/dev0600"
must mount -t tmpfs none "$tmp/dev0600"
defer umount -l "$tmp/dev0600"
must mknod -m 600 "$tmp/dev0600/fuse" c 10 229
refused "/dev/fuse is not open to you (mode 0600, owner 0:0): \`chmod 666 /dev/fuse\` lets users mount" \
	over "$tmp/dev0600/fuse" /dev/fuse \
	setpriv --reuid="$user_id" --regid="$user_id" --clear-groups

# ---- fusermount3 ----
real=$(command -v fusermount3)
must cp "$real" "$tmp/plain"
must chmod 755 "$tmp/plain"
export PATH=$PATH
refused "fusermount3 is missing, which users need to mount: install the package fuse3" \
	over "$tmp/empty" "$real" env PATH=/nowhere \
	/usr/bin/setpriv --reuid="$user_id" --regid="$user_id" --clear-groups
refused "$real is not setuid root, so users cannot mount: install the package fuse3 anew, or \`chown root $real && chmod 4755 $real\`" \
	over "$tmp/plain" "$real" \
	setpriv --reuid="$user_id" --regid="$user_id" --clear-groups
refused "fusermount3 has no effect under no_new_privs (NoNewPrivileges= of a service, or a container's no-new-privileges): mount as root, or without it" \
	setpriv --reuid="$user_id" --regid="$user_id" --clear-groups --no-new-privs

# what fusermount3 itself says becomes the sentence
must chown root "$mnt"
must_fail as_user_suid "$DAXFUSE" "$img" "$mnt"
must_be "$status" 32
must_be "$(printf '%s\n' "$out" | tail -n 1)" "daxfuse: cannot mount on $mnt: fusermount3: user has no write access to mountpoint $mnt"
must_be "$(printf '%s\n' "$out" | grep -vc 'made a redo log')" 1 "lines"
must chown "$user_id" "$mnt"
must as_user_suid "$DAXFUSE" "$img" "$mnt"
defer give_up_mount "$mnt"
done_ok
