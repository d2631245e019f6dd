// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flush_pmem2.c - cache-line write-back and fence by libpmem2.
 *
 * The only file that knows libpmem2.  It must not know regions.
 *
 * The functions depend on the machine and the granularity, not on the mapping,
 * so they are asked for once, with a page of ours (pmem2_map_from_existing:
 * pmem2_map_new crashes on device-dax without an ndctl namespace).  That map is
 * kept: pmem2_map_delete in 1.12 loses some memory of each (pmem/pmdk#5594).
 *
 * Invariants: the granularity asked for is never page (those functions abort
 * the process when msync fails).  libpmem2's code has no entry in our exception
 * table, so its flush is called under dxf_guard_call(): a line of a truncated
 * file is SIGBUS also for clwb.
 */
#include "flush.h"

#include <assert.h>
#include <errno.h>
#include <libpmem2.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "guard.h"

struct dxf_flush {
	bool eadr;
};

/* What libpmem2 gave us; map is set last, under lock. */
static struct {
	pthread_mutex_t lock;
	struct pmem2_map *map;
	pmem2_flush_fn flush;
	pmem2_drain_fn drain;
} fns = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int map_existing(struct pmem2_map **map, void *addr, size_t len)
{
	struct pmem2_source *source;
	int ret;

	if (pmem2_source_from_anon(&source, len) != 0)
		return -ENOMEM;
	ret = pmem2_map_from_existing(map, source, addr, len,
				      PMEM2_GRANULARITY_CACHE_LINE);
	pmem2_source_delete(&source);
	return ret == 0 ? 0 : -ENOMEM;
}

static int ask_locked(void)
{
	size_t len = (size_t)sysconf(_SC_PAGESIZE);
	struct pmem2_map *map;
	void *page;
	int ret;

	if (fns.map != NULL)
		return 0;
	page = mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -ENOMEM;
	ret = map_existing(&map, page, len);
	if (ret != 0) {
		munmap(page, len);
		return ret;
	}
	fns.flush = pmem2_get_flush_fn(map);
	fns.drain = pmem2_get_drain_fn(map);
	fns.map = map;
	return 0;
}

int dxf_flush_new(struct dxf_flush **out, bool eadr)
{
	struct dxf_flush *f = dxf_calloc(1, sizeof(*f));
	int ret;

	if (f == NULL)
		return -ENOMEM;
	f->eadr = eadr;
	pthread_mutex_lock(&fns.lock);
	ret = ask_locked();
	pthread_mutex_unlock(&fns.lock);
	if (ret != 0) {
		free(f);
		return ret;
	}
	*out = f;
	return 0;
}

void dxf_flush_free(struct dxf_flush *f)
{
	free(f);
}

int dxf_flush_ranges(const struct dxf_flush *f,
		     const struct dxf_guard_range *range, unsigned int n)
{
	assert(n > 0 && range[0].len > 0);
	if (f->eadr)
		return 0;
	return dxf_guard_call(fns.flush, range, n);
}

void dxf_flush_drain(const struct dxf_flush *f)
{
	fns.drain();
#ifdef __aarch64__
	/* libpmem2's DMB orders; DC CVAP completes with a DSB only. */
	asm volatile("dsb sy" : : : "memory");
#endif
}

const char *dxf_flush_name(const struct dxf_flush *f)
{
	return f->eadr ? "eADR" : "libpmem2";
}
