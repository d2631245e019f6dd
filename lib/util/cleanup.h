/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cleanup.h - scope macros for memory and file descriptors.
 *
 *	DXF_CLEANUP_FREE char *buf = dxf_malloc(n);
 *	DXF_CLEANUP_CLOSE int fd = open(...);
 *
 * DXF_STEAL() hands the resource on: it yields the value and leaves behind
 * what the cleanup ignores.  Locks have their scope macros in lock.h.
 */
#ifndef DXF_CLEANUP_H
#define DXF_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void dxf_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void dxf_cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define DXF_CLEANUP(fn)		__attribute__((cleanup(fn)))
#define DXF_CLEANUP_FREE	DXF_CLEANUP(dxf_cleanup_free)
#define DXF_CLEANUP_CLOSE	DXF_CLEANUP(dxf_cleanup_close)

#define DXF_STEAL(p)		({ __auto_type dxf_v = (p); (p) = NULL; dxf_v; })
#define DXF_STEAL_FD(fd)	({ int dxf_v = (fd); (fd) = -1; dxf_v; })

#endif
