#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A dax device that has no node, or whose node does not open: what sysfs says of
# it becomes the sentence.  A /sys/bus of this test's own stands in for the
# device.
. "$(dirname "$0")/functions.sh"
requires root fuse namespace

make_tmp
mnt=$tmp/mnt
must mkdir "$mnt"
must mount -t tmpfs none /sys/bus
defer umount -l /sys/bus
dev=/sys/bus/dax/devices/dax97.0
must mkdir -p "$dev" /sys/bus/dax/drivers/kmem /sys/bus/dax/drivers/device_dax

# refused SENTENCE
refused() {
	must_fail "$DAXFUSE" /dev/dax97.0 "$mnt"
	must_be "$status" 32
	must_be "$out" "daxfuse: $1"
}

refused "/dev/dax97.0 has no driver: try \`modprobe device_dax\`, or \`daxctl enable-device dax97.0\`"
must ln -s ../../drivers/kmem "$dev/driver"
refused "/dev/dax97.0 is in use as system RAM: \`daxctl reconfigure-device --mode=devdax dax97.0\` makes it a dax device (what is in it is lost)"
must rm "$dev/driver"
must ln -s ../../drivers/device_dax "$dev/driver"
refused "/dev/dax97.0: the device is there but its node does not open: see \`daxctl list\` and udev"
must rm -r "$dev"
refused "cannot open /dev/dax97.0: No such file or directory"
done_ok
