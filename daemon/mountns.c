/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountns.c - enter another mount namespace.  Shared with the umount helper, so
 * it knows nothing of the daemon.
 */
#include "mountns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "cleanup.h"

int dxf_mountns_enter(const char *path)
{
	DXF_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return setns(fd, CLONE_NEWNS) == 0 ? 0 : -errno;
}
