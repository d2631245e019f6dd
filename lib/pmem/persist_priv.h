/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * persist_priv.h - private to lib/pmem: what every store, flush and fence is
 * counted by and told to (persist_hook.c).
 */
#ifndef DXF_PERSIST_PRIV_H
#define DXF_PERSIST_PRIV_H

#include "region_priv.h"

/*
 * The first threads have a share of the counters of their own, which they alone
 * count in: a locked addition would wait for the non-temporal stores before it.
 * All others have the last one together.
 */
#define DXF_PERSIST_SHARED	(DXF_PERSIST_SHARDS - 1)

/* The calling thread's share; UINT32_MAX: it has none yet. */
extern _Thread_local unsigned int dxf_persist_shard;
unsigned int dxf_persist_new_shard(void);

static inline struct dxf_persist_stats *
dxf_persist_mine(const struct dxf_region *r)
{
	unsigned int i = dxf_persist_shard;

	if (__builtin_expect(i == UINT32_MAX, 0))
		i = dxf_persist_new_shard();
	return &r->shards[i].n;
}

/* Count in what dxf_persist_mine() gave. */
static inline void dxf_persist_count(uint64_t *counter, uint64_t n)
{
	if (__builtin_expect(dxf_persist_shard == DXF_PERSIST_SHARED, 0))
		__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
	else
		__atomic_store_n(counter,
				 __atomic_load_n(counter, __ATOMIC_RELAXED) +
				 n, __ATOMIC_RELAXED);
}

/* Number the event and give it to the hook. */
void dxf_persist_call_hook(struct dxf_region *r, struct dxf_persist_event *ev);

/*
 * Without a hook no event is made: copying one loads what was stored in parts
 * a moment before, and such a load waits for all earlier stores of this thread,
 * the non-temporal ones included (0.3 us in each commit).
 */
static inline void dxf_persist_announce(struct dxf_region *r,
					enum dxf_persist_op op, dxf_off_t off,
					uint64_t len, const void *src,
					unsigned int flags)
{
	dxf_persist_count(&dxf_persist_mine(r)->calls[op], 1);
	if (__builtin_expect(r->hook != NULL, false))
		dxf_persist_call_hook(r, &(struct dxf_persist_event){
			.op = op, .off = off, .len = len, .src = src,
			.flags = flags });
}

/* Tell whoever traces @r; only where r->trace is set. */
static inline void dxf_persist_trace(const struct dxf_region *r,
				     struct dxf_persist_trace tr)
{
	r->trace(r->trace_ctx, &tr);
}

#endif
