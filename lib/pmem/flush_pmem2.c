// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flush_pmem2.c - cache-line write-back and fence by libpmem2.
 *
 * The only file that knows libpmem2.  It must not know regions.
 *
 * Invariants: the map is made from our own mapping (pmem2_map_from_existing;
 * pmem2_map_new crashes on device-dax without an ndctl namespace) and never of
 * page granularity (its functions abort the process when msync fails).
 * libpmem2's code has no entry in our exception table, so its flush is called
 * under dxf_guard_call(): a line of a truncated file is SIGBUS also for clwb.
 */
#include "flush.h"

#include <assert.h>
#include <errno.h>
#include <libpmem2.h>
#include <stdlib.h>

#include "alloc.h"
#include "guard.h"

struct dxf_flush {
	struct pmem2_map *map;
	pmem2_flush_fn flush;
	pmem2_drain_fn drain;
	bool eadr;
};

static int map_existing(struct dxf_flush *f, void *addr, size_t len)
{
	enum pmem2_granularity gran = f->eadr ? PMEM2_GRANULARITY_BYTE :
						PMEM2_GRANULARITY_CACHE_LINE;
	struct pmem2_source *source;
	int ret;

	/* The source is looked at for its kind alone. */
	if (pmem2_source_from_anon(&source, len) != 0)
		return -ENOMEM;
	ret = pmem2_map_from_existing(&f->map, source, addr, len, gran);
	pmem2_source_delete(&source);
	return ret == 0 ? 0 : -ENOMEM;
}

int dxf_flush_new(struct dxf_flush **out, void *addr, size_t len, bool eadr)
{
	struct dxf_flush *f = dxf_calloc(1, sizeof(*f));
	int ret;

	if (f == NULL)
		return -ENOMEM;
	f->eadr = eadr;
	ret = map_existing(f, addr, len);
	if (ret != 0) {
		free(f);
		return ret;
	}
	f->flush = pmem2_get_flush_fn(f->map);
	f->drain = pmem2_get_drain_fn(f->map);
	*out = f;
	return 0;
}

void dxf_flush_free(struct dxf_flush *f)
{
	if (f == NULL)
		return;
	/* A map from an existing mapping is forgotten, not unmapped. */
	pmem2_map_delete(&f->map);
	free(f);
}

int dxf_flush_range(const struct dxf_flush *f, const void *addr, size_t len)
{
	assert(len > 0);
	if (f->eadr)
		return 0;
	return dxf_guard_call(f->flush, addr, len);
}

void dxf_flush_drain(const struct dxf_flush *f)
{
	f->drain();
#ifdef __aarch64__
	/* libpmem2's DMB orders; DC CVAP completes with a DSB only. */
	asm volatile("dsb sy" : : : "memory");
#endif
}

const char *dxf_flush_name(const struct dxf_flush *f)
{
	return "libpmem2";
}
