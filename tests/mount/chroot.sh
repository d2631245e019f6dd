#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# chroot.sh - the tools in a chroot whose root directory is no mount point, on a
# mount that others share: they work, and nobody outside sees their view.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace mke2fs e2fsck chroot

# The programs are where they are outside; only /usr and the build are mounts.
make_tmp
outer=$tmp/outer
must mkdir "$outer"
must mount -t tmpfs -o mode=755 none "$outer"
must mount --make-shared "$outer"
defer umount -R -l "$outer"
root=$outer/root
build=$(dirname "$(dirname "$(realpath "$MKFS")")")
for dir in /usr /dev /proc "$build"; do
	must mkdir -p "$root$dir"
	must mount --rbind "$dir" "$root$dir"
	must mount --make-rprivate "$root$dir"
done
for dir in bin sbin lib lib64; do
	[ ! -L /$dir ] || must ln -s usr/$dir "$root/$dir"
done
must mkdir -p "$root/etc" "$root/img"
cp /etc/ld.so.cache /etc/mke2fs.conf "$root/etc/" 2>/dev/null
must_be "$(findmnt -n -o TARGET -T "$root")" "$outer"
inside() { chroot "$root" /usr/bin/env -C /img "$@"; }

must inside "$(realpath "$MKFS")" -q disk 32M
must inside "$(realpath "$FSCK")" -fn disk >/dev/null
must_be "$(inside "$(realpath "$DAXFUSE_IMAGE")" --run disk -- pwd)" /img
must_be "$(inside "$(realpath "$DAXFUSE_IMAGE")" --run disk -- ls /)" \
	"$(ls "$root")" "still in the chroot"

# While it is there it is theirs alone.
inside "$(realpath "$DAXFUSE_IMAGE")" --run disk -- \
	sh -c 'grep -q daxfuse-image /proc/self/mounts && touch go &&
	while [ -e go ]; do sleep 0.02; done' &
pid=$!
wait_for test -e "$root/img/go"
must_fail grep daxfuse-image /proc/self/mounts
must rm "$root/img/go"
must wait $pid
check_image "$root/img/disk"
exit 0
