/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn.c - what is agreed with the kernel at INIT by libfuse's means.
 *
 * Owns the choice of what the kernel may cache and do by itself.  Must not
 * know the filesystem.  What libfuse does not know is rawreq.c's.
 */
#include "conn.h"

#include <assert.h>

#include "chan.h"
#include "units.h"

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

/* What rawreq.c asks for itself; newer libfuses want to know, since they read
 * requests by it. */
static const unsigned int raw_caps =
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
	FUSE_CAP_HANDLE_KILLPRIV_V2 |
#endif
#ifdef FUSE_CAP_SETXATTR_EXT
	FUSE_CAP_SETXATTR_EXT |
#endif
#ifdef FUSE_CAP_DIRECT_IO_ALLOW_MMAP
	FUSE_CAP_DIRECT_IO_ALLOW_MMAP |
#endif
	0;

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
/* libfuse's own io_uring is among what is turned off. */
static void set_caps(struct fuse_conn_info *conn, uint64_t caps)
{
	fuse_unset_feature_flag(conn, conn->want_ext);
	fuse_set_feature_flag(conn, caps);
	assert(conn->want_ext == caps);
}
#else
static void set_caps(struct fuse_conn_info *conn, uint64_t caps)
{
	conn->want = (unsigned int)caps;
}
#endif

uint32_t dxf_conn_want(struct fuse_conn_info *conn, uint32_t more)
{
	uint32_t max_write = (uint32_t)dxf_chan_payload();
	uint32_t caps = (wanted_caps | more) & conn->capable;

	assert((more & raw_caps) == 0);
	set_caps(conn, caps | (raw_caps & conn->capable));
	/* what a worker has room for: libfuse 3.18 asks a sysctl */
	conn->max_write = DXF_MIN(conn->max_write, max_write);
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	return caps;
}
