/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuse_api.h - libfuse's low-level interface, at the version we write for.
 */
#ifndef DXF_FUSE_API_H
#define DXF_FUSE_API_H

#define FUSE_USE_VERSION	35
#include <fuse_lowlevel.h>

/*
 * Writers of a file that was opened for direct I/O must not wait for each
 * other in the kernel.  Where libfuse has no word for that rawreq.c says it.
 */
static inline void dxf_fi_parallel(struct fuse_file_info *fi)
{
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 15)
	fi->parallel_direct_writes = fi->direct_io;
#endif
}

#endif
