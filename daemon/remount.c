/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remount.c - `mount -o remount`: from read-write to read-only and back.
 *
 * Owns the order.  Read-only: what the kernel holds goes to the daemon, the
 * daemon writes everything back and marks it clean, the kernel lets nobody
 * write any more, the daemon does it once more for what came in between.  The
 * kernel alone knows whether somebody writes, so its answer decides; the daemon
 * need not be told of a refusal: whoever writes next makes it unclean again.
 */
#include "remount.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "control.h"

/* Of the kernel's headers only. */
#define NOSYMFOLLOW_HAVE	0x2000
#define NOSYMFOLLOW		256

/* What the mount has; a remount sets all of it anew. */
static unsigned long flags_now(const struct statvfs *fs)
{
	static const struct {
		unsigned long have, flag;
	} map[] = {
		{ ST_NOSUID, MS_NOSUID },
		{ ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC },
		{ ST_NOATIME, MS_NOATIME },
		{ ST_NODIRATIME, MS_NODIRATIME },
		{ ST_RELATIME, MS_RELATIME },
		{ ST_SYNCHRONOUS, MS_SYNCHRONOUS },
		{ NOSYMFOLLOW_HAVE, NOSYMFOLLOW },
	};
	unsigned long flags = 0;
	size_t i;

	for (i = 0; i < DXF_ARRAY_SIZE(map); i++)
		if (fs->f_flag & map[i].have)
			flags |= map[i].flag;
	if ((flags & (MS_NOATIME | MS_RELATIME)) == 0)
		flags |= MS_STRICTATIME;
	return flags;
}

static void follow(unsigned long *flags, enum dxf_tri t, unsigned long no)
{
	if (t == DXF_TRI_YES)
		*flags &= ~no;
	else if (t == DXF_TRI_NO)
		*flags |= no;
}

static int set_kernel(const struct dxf_options *o, int fd)
{
	struct statvfs fs;
	unsigned long flags;

	if (fstatvfs(fd, &fs) != 0)
		return -errno;
	flags = flags_now(&fs);
	follow(&flags, o->suid, MS_NOSUID);
	follow(&flags, o->dev, MS_NODEV);
	follow(&flags, o->exec, MS_NOEXEC);
	if (o->region.ro)
		flags |= MS_RDONLY;
	return mount(NULL, o->mountpoint, NULL, MS_REMOUNT | flags, NULL) ?
		-errno : 0;
}

static int tell_daemon(int fd, bool ro)
{
	uint32_t value = ro;

	return ioctl(fd, DXF_IOC_READONLY, &value) ? -errno : 0;
}

static int refused(const struct dxf_options *o, int ret, struct dxf_err *err)
{
	const char *at = o->mountpoint;

	assert(ret < 0);
	switch (ret) {
	case -EBUSY:
		return dxf_err_set(err, EBUSY, "%s is busy: files are open for "
				   "writing in it, or open and unlinked (`fuser "
				   "-vm %s` shows by whom)", at, at);
	case -EROFS:
		return dxf_err_set(err, EROFS, "%s was mounted read-only, or "
				   "became so after an error: unmount it and "
				   "mount it again", at);
	case -EPERM:
		return dxf_err_set(err, EPERM, "%s: only root can remount", at);
	case -ENOTTY:
		return dxf_err_set(err, EINVAL, "%s: no daxfuse is mounted "
				   "there", at);
	default:
		return dxf_err_set(err, -ret, "cannot remount %s: %s", at,
				   strerror(-ret));
	}
}

static int to_readonly(const struct dxf_options *o, int fd)
{
	int ret, ret2;

	if (syncfs(fd) != 0)
		return -errno;
	/* busy is for the kernel to say: it also drops what it only caches */
	ret = tell_daemon(fd, true);
	if (ret != 0 && ret != -EBUSY)
		return ret;
	ret = set_kernel(o, fd);
	if (ret == 0)
		ret = tell_daemon(fd, true);
	if (ret == 0)
		return 0;
	ret2 = tell_daemon(fd, false);
	return ret != 0 ? ret : ret2;
}

static int to_writable(const struct dxf_options *o, int fd)
{
	int ret = tell_daemon(fd, false);

	return ret != 0 ? ret : set_kernel(o, fd);
}

int dxf_remount(const struct dxf_options *o, struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = open(o->mountpoint, O_RDONLY | O_DIRECTORY |
					O_CLOEXEC);
	int ret;

	if (fd < 0)
		return dxf_err_set(err, errno, "mount point %s: %s",
				   o->mountpoint, strerror(errno));
	ret = o->region.ro ? to_readonly(o, fd) : to_writable(o, fd);
	return ret != 0 ? refused(o, ret, err) : 0;
}
