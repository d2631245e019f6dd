/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn.c - what is agreed with the kernel at INIT by libfuse's means.
 *
 * Owns the choice of what the kernel may cache and do by itself.  Must not
 * know the filesystem.  What libfuse does not know is rawreq.c's.
 */
#include "conn.h"

#include <assert.h>

/* What we want where the kernel has it; all else that libfuse turns on by
 * itself is turned off. */
static const unsigned int wanted_caps =
	FUSE_CAP_ASYNC_READ |
	FUSE_CAP_PARALLEL_DIROPS |
	FUSE_CAP_ASYNC_DIO |
	FUSE_CAP_IOCTL_DIR |
	FUSE_CAP_ATOMIC_O_TRUNC |	/* with the flag who loses setuid */
	FUSE_CAP_READDIRPLUS |
	FUSE_CAP_READDIRPLUS_AUTO |
	FUSE_CAP_CACHE_SYMLINKS |
	FUSE_CAP_EXPORT_SUPPORT |	/* lookups of "." and ".." by handle */
	FUSE_CAP_DONT_MASK |		/* a default ACL replaces the umask */
	/* nobody changes data behind the kernel's back */
	FUSE_CAP_EXPLICIT_INVAL_DATA;

void dxf_conn_want(struct fuse_conn_info *conn, bool acl)
{
	conn->want = wanted_caps & conn->capable;
	if (acl)
		conn->want |= FUSE_CAP_POSIX_ACL & conn->capable;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	assert((conn->want & ~conn->capable) == 0);
}
