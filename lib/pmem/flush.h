/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flush.h - private to lib/pmem: cache-line write-back and fence.
 *
 * Two implementations, chosen at build time: flush_pmem2.c (libpmem2's
 * functions) and flush_own.c (our own instructions).
 */
#ifndef DXF_FLUSH_H
#define DXF_FLUSH_H

#include "guard.h"

struct dxf_flush;

/*
 * With @eadr caches are persistent and nothing is written back.
 * Returns: 0, -ENOMEM.
 */
int dxf_flush_new(struct dxf_flush **out, bool eadr);
void dxf_flush_free(struct dxf_flush *f);

/*
 * Start write-back of the lines of @n ranges, none empty.
 * Returns: 0, -EIO (SIGBUS).
 */
int dxf_flush_ranges(const struct dxf_flush *f,
		     const struct dxf_guard_range *range, unsigned int n);

/* Of one range. */
static inline int dxf_flush_range(const struct dxf_flush *f, const void *addr,
				  size_t len)
{
	struct dxf_guard_range range = { addr, len };

	return dxf_flush_ranges(f, &range, 1);
}

/* Complete this thread's stores and write-backs. */
void dxf_flush_drain(const struct dxf_flush *f);

/* What flushes, for messages: "libpmem2", "clwb", ... */
const char *dxf_flush_name(const struct dxf_flush *f);

#endif
