#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run-in-guest.sh - run a script as root in a small virtual machine that has
# persistent memory, and exit with its status.
#
#	run-in-guest.sh [-eik] [-m MODE] [-M MODULE]... [-s MIB] [-t SECS] [-p FILE] [-d DIR]... SCRIPT [ARG...]
#
#	-m MODE	devdax	an emulated NVDIMM, as /dev/dax0.0 (default)
#		fsdax	the same as /dev/pmem0, for filesystems with -o dax; its
#			driver cannot clear bad blocks
#		cxl	256 MiB of persistent memory of a CXL device, which
#			nobody has made a region of
#		legacy	a piece of memory (`memmap=`) as /dev/pmem0, whose
#			driver can
#		memmap	the same as /dev/dax0.0; what is in it lasts over a warm
#			reboot, which SCRIPT asks for by making /run/reboot; it
#			is then started again
#	-M MODULE	a module that is needed besides
#	-s MIB	how much of it (default 128)
#	-t SECS	when to give up (default 400, times DAXFUSE_GUEST_PATIENCE)
#	-e	when SCRIPT prints a line `machine-check ADDRESS` (0x...) the memory
#		at that physical address reports an uncorrected error
#	-k	when SCRIPT prints a line `power-cut-after SECS` the machine is
#		killed that much later; status 137
#	-i	boot systemd (this machine's) as PID 1: SCRIPT prepares the root
#		before, in which /usr can be written to (in memory); what it leaves
#		to be started prints to $DAXFUSE_GUEST_PORT, as its last line
#		`guest-status N`, and ends the machine
#	-p FILE	the persistent memory is FILE, as it is and as it will be (devdax,
#		fsdax); made if it is not there
#	-d DIR	a directory of this machine that the guest sees at the same
#		path, read-only; SCRIPT's is one
#
# The guest has this machine's /usr, no network, no disk: what SCRIPT writes is
# in memory and lost.  Its output is ours.
#
# Needs qemu-system-x86_64, busybox (static), kmod, cpio and a kernel with its
# modules: of this machine, or below DAXFUSE_GUEST_KERNEL a directory with
# boot/vmlinuz-VERSION and lib/modules/VERSION.  What is missing is said, with
# exit status 77.  Status 124: it took too long; 125: the guest died.
set -u

mode=devdax mib=128 patience=400 dirs=() modules=() errors='' cut='' pmem= boot=script
while getopts eikm:M:s:t:p:d: opt; do
	case $opt in
	e) errors=1 ;;
	i) boot=systemd ;;
	k) cut=1 ;;
	p) pmem=$(realpath "$OPTARG") ;;
	m) mode=$OPTARG ;;
	M) modules+=("$OPTARG") ;;
	s) mib=$OPTARG ;;
	t) patience=$OPTARG ;;
	d) dirs+=("$(realpath "$OPTARG")") ;;
	*) exit 125 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || { echo "usage: run-in-guest.sh [options] SCRIPT [ARG...]"; exit 125; }
patience=$((patience * ${DAXFUSE_GUEST_PATIENCE:-1}))
script=$(realpath "$1")
shift

skip() {
	case ,${DAXFUSE_REQUIRE:-}, in
	*,guest,*) echo "guest is required: $*"; exit 125 ;;
	esac
	echo "$*"
	exit 77
}

# ---- what is needed ----

PATH=$PATH:/usr/sbin:/sbin
[ "$(uname -m)" = x86_64 ] || skip "the guest is an x86-64 machine"
for p in qemu-system-x86_64 busybox modprobe cpio; do
	command -v $p >/dev/null || skip "needs $p, for a guest"
done
[ $boot = script ] || for p in /usr/lib/systemd/{systemd,systemd-udevd}; do
	[ -x $p ] || skip "needs $p, for a guest"
done

# The newest kernel that has its modules, in the forms that packages have.
kroot='' version=''
for root in ${DAXFUSE_GUEST_KERNEL:+"$DAXFUSE_GUEST_KERNEL"} /; do
	for image in "$root"/boot/vmlinuz-*; do
		v=${image##*/vmlinuz-}
		[ -r "$image" ] && [ -r "$root/lib/modules/$v/modules.dep" ] ||
			continue
		kroot=$root version=$v
	done
	[ -z "$version" ] || break
done
[ -n "$version" ] || skip "needs a kernel with modules in /boot, or DAXFUSE_GUEST_KERNEL"

work=$(mktemp -d "${TMPDIR:-/tmp}/daxfuse-guest.XXXXXX") || exit 125
trap 'rm -rf "$work"' EXIT

# ---- the first filesystem: modules, and who mounts the second ----

init=$work/init.d
mkdir -p "$init"/{bin,dev,proc,sys,job,mod,root}
cp "$(command -v busybox)" "$init/bin/busybox" || exit 125
[ "$mode" != cxl ] || modules+=(cxl_acpi cxl_pci cxl_mem cxl_pmem)
for m in virtio_pci virtio_console 9pnet_virtio 9p fuse nfit nd_e820 nd_pmem \
	 dax_pmem device_dax ext4 overlay autofs4 unix ${modules[@]+"${modules[@]}"}; do
	# without this machine's modprobe.d: ndctl's loads libnvdimm another way
	modprobe -C /dev/null -d "$kroot" -S "$version" --show-depends "$m" 2>/dev/null
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$work/modules"
n=100
while read -r m; do
	cp "$m" "$init/mod/$n-${m##*/}"
	n=$((n + 1))
done <"$work/modules"

cat >"$init/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for m in /mod/*; do insmod "$m"; done
share() {
	mkdir -p "$2"
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro "$1" "$2"
}
share job /job
. /job/settings

# Make $2 (dax or pfn) of the raw namespace and give it to driver $1.
claim() {
	nd=/sys/bus/nd
	region=$nd/devices/region0
	# its driver has it, or has found that an earlier guest claimed it
	i=0
	until [ -e $nd/devices/namespace0.0/driver ] || [ $i -ge 600 ]; do
		[ "$2" != dax ] || [ ! -e /dev/dax0.0 ] || return 0
		sleep 0.1
		i=$((i + 1))
	done
	echo namespace0.0 >$nd/drivers/nd_pmem/unbind
	seed=$(cat $region/$2_seed)
	echo 0d6af4f4-4f0c-4e5e-9a36-5c1d9ad0f5e5 >$nd/devices/$seed/uuid
	echo 2097152 >$nd/devices/$seed/align
	echo ram >$nd/devices/$seed/mode
	echo namespace0.0 >$nd/devices/$seed/namespace
	echo "$seed" >$nd/drivers/$1/bind
	i=0
	until [ -e /dev/dax0.0 ] || [ -e /dev/pmem0 ] || [ $i -ge 600 ]; do
		sleep 0.1
		i=$((i + 1))
	done
}
case $mode in
devdax | memmap) node=dax0.0 what='dax_pmem dax' ;;
fsdax) node=pmem0 what='nd_pmem pfn' ;;
cxl) node=null what= ;;	# the script makes one
*) node=pmem0 what= ;;
esac
for i in 1 2 3; do
	[ -z "$what" ] || claim $what >>/claim 2>&1
	[ ! -e /dev/$node ] || break
	{ echo "no $node:"; ls -l /dev /sys/bus/nd/devices; } >>/claim 2>&1
done

mount -t tmpfs -o mode=755 none /root
cd /root
mkdir -p proc sys dev tmp run var/tmp mnt etc home
chmod 1777 tmp
for d in bin sbin lib lib32 lib64; do ln -s usr/$d $d; done
printf 'root:x:0:0:root:/:/bin/sh\n' >etc/passwd
printf 'root:x:0:\n' >etc/group
printf 'user_allow_other\n' >etc/fuse.conf
ln -s /proc/self/mounts etc/mtab
i=0
while read -r dir; do
	share d$i "/root$dir"
	i=$((i + 1))
done </job/dirs
[ -e /job/ld.so.cache ] && cp /job/ld.so.cache etc/
[ -d /job/alternatives ] && cp -a /job/alternatives etc/
mount --move /proc proc
mount --move /sys sys
mount --move /dev dev
mkdir -p dev/shm
mount -t tmpfs none dev/shm
port=$(ls dev/vport*p1)
cp /job/command run/command
if [ ! -e dev/$node ]; then
	{ cat /claim; dmesg | tail -n 20; echo "guest-status 125"; } >"$port"
	poweroff -f
fi
if [ "$boot" = systemd ]; then
	mkdir -p .usr/up .usr/work
	mount -t overlay -o lowerdir=usr,upperdir=.usr/up,workdir=.usr/work usr usr
	mount -t tmpfs -o mode=755 none run
	cp /job/command run/command
	: >etc/machine-id
	echo "export DAXFUSE_GUEST_PORT=/$port" >run/port
	chroot . /bin/bash /run/command >"$port" 2>&1 <dev/null &&
		exec switch_root /root /usr/lib/systemd/systemd
	echo "guest-status 125" >"$port"
	poweroff -f
fi
chroot . /bin/bash /run/command >"$port" 2>&1 <dev/null
status=$?
[ "$mode" != memmap ] || [ $status -ne 0 ] || [ ! -e run/reboot ] || reboot -f
echo "guest-status $status" >"$port"
poweroff -f
INIT
chmod +x "$init/init"
(cd "$init" && find . | cpio -o -H newc --quiet) >"$work/initrd" || exit 125
rm -rf "$init"

# ---- the job ----

mkdir "$work/job"
dirs=(/usr "$(dirname "$script")" ${dirs[@]+"${dirs[@]}"})
printf 'mode=%s\nboot=%s\n' "$mode" "$boot" >"$work/job/settings"
printf '%s\n' "${dirs[@]}" >"$work/job/dirs"
cp /etc/ld.so.cache "$work/job/" 2>/dev/null
cp -a /etc/alternatives "$work/job/" 2>/dev/null
{
	printf 'export PATH=/usr/sbin:/usr/bin HOME=/ LC_ALL=C DAXFUSE_GUEST=%s\n' "$mode"
	printf 'cd /tmp\n[ ! -e /run/port ] || . /run/port\nexec bash %q' "$script"
	[ $# -eq 0 ] || printf ' %q' "$@"
	echo
} >"$work/job/command"

shares=() n=0
share() {
	shares+=(-fsdev "local,id=f$n,path=$2,security_model=none,readonly=on,multidevs=remap"
		 -device "virtio-9p-pci,fsdev=f$n,mount_tag=$1")
	n=$((n + 1))
}
share job "$work/job"
for ((i = 0; i < ${#dirs[@]}; i++)); do share "d$i" "${dirs[i]}"; done

# ---- the machine ----

machine=pc memory=1024 extra=() append= reboot=-no-reboot
case $mode in
legacy | memmap)
	[ "$mode" = legacy ] || reboot=''
	# the firmware keeps the end of the memory for itself
	memory=$((1024 + mib + 16))
	append="memmap=${mib}M!1024M" ;;
cxl)
	# with one port alone the bridge's decoder stays off: loads see zeros
	machine=q35,cxl=on
	extra=(-M cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G
	       -object "memory-backend-file,id=cm,share=on,mem-path=$work/cxl,size=256M"
	       -object "memory-backend-file,id=lsa,share=on,mem-path=$work/lsa,size=1M"
	       -device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1
	       -device cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2
	       -device cxl-rp,port=1,bus=cxl.1,id=rp2,chassis=0,slot=3
	       -device cxl-type3,bus=rp,memdev=cm,lsa=lsa,id=cxl-pmem0) ;;
devdax | fsdax)
	machine=pc,nvdimm=on
	extra=(-object "memory-backend-file,id=nv,share=on,mem-path=${pmem:-$work/nvdimm},size=${mib}M"
	       -device nvdimm,id=nv0,memdev=nv) ;;
*)
	echo "run-in-guest.sh: no mode $mode"
	exit 125 ;;
esac
accel=tcg,thread=multi cpu=max
[ -w /dev/kvm ] && grep -qE '^flags.* (vmx|svm) ' /proc/cpuinfo && accel=kvm cpu=host

# A guest that looks like a server's CPU hears of scrubbing errors; they come
# from the monitor.
monitor=none
watch_for_errors() {
	local n=1 addr
	while sleep 0.2; do
		addr=$(sed -n 's/^machine-check \(0x[0-9a-f]*\)$/\1/p' \
			"$work/out" 2>/dev/null | sed -n "${n}p")
		[ -n "$addr" ] || continue
		n=$((n + 1))
		python3 - "$work/monitor" "$addr" <<-'SEND'
			import socket, sys
			s = socket.socket(socket.AF_UNIX)
			s.connect(sys.argv[1])
			s.settimeout(10)
			s.recv(4096)
			line = "mce 0 9 0xbd000000000000c0 0x5 %s 0x8c\n"
			s.send((line % sys.argv[2]).encode())
			s.recv(4096)
		SEND
	done
}
if [ -n "$errors" ]; then
	accel=tcg,thread=multi
	cpu=max,vendor=GenuineIntel,family=6,model=85,stepping=4
	monitor=unix:$work/monitor,server=on,wait=off
	watch_for_errors &
	watcher=$!
	trap 'kill $watcher; rm -rf "$work"' EXIT
fi

# Cut the power when the script asks for it: no byte in a cache is written back
# by a process that is gone.
cut_power() {
	local secs
	while kill -0 "$machine_pid" 2>/dev/null; do
		secs=$(sed -n 's/^power-cut-after \([0-9.]*\)$/\1/p' \
			"$work/out" 2>/dev/null | head -n 1)
		[ -z "$secs" ] || break
		sleep 0.2
	done
	[ -n "${secs:-}" ] || return 0
	sleep "$secs"
	: >"$work/cut"
	pkill -KILL -P "$machine_pid"
}

# No security modules: in 6.1 that of BPF keeps the kernel from checking who may
# set security.* attributes.
timeout -k 5 "$patience" qemu-system-x86_64 -accel "$accel" -cpu "$cpu" \
	-machine "$machine" -m "${memory}M,slots=2,maxmem=$((memory + mib + 1024))M" \
	-smp 1 -nodefaults -no-user-config -display none $reboot -monitor "$monitor" \
	-kernel "$kroot/boot/vmlinuz-$version" -initrd "$work/initrd" \
	-append "console=ttyS0 panic=-1 quiet lsm= systemd.unit=multi-user.target $append" \
	-serial "file:$work/console" -device virtio-serial-pci \
	-chardev "file,id=out,path=$work/out" \
	-device virtserialport,chardev=out,name=out \
	"${shares[@]}" "${extra[@]}" </dev/null >"$work/qemu" 2>&1 &
machine_pid=$!
[ -z "$cut" ] || cut_power &
wait "$machine_pid"
status=$?
[ ! -e "$work/cut" ] || { cat "$work/out"; exit 137; }
sed '$ { /^guest-status /d }' "$work/out" 2>/dev/null
[ $status -ne 124 ] || { echo "the guest took more than $patience s"; tail -n 20 "$work/console"; exit 124; }
status=$(sed -n '$ s/^guest-status //p' "$work/out" 2>/dev/null)
if [ -z "$status" ]; then
	echo "the guest died:"
	cat "$work/qemu"
	tail -n 30 "$work/console"
	exit 125
fi
exit "$status"
