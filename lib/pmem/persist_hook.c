// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * persist_hook.c - the counters of persist, and who watches it.
 *
 * Must not touch media.
 *
 * Invariant: a share below the last one is counted in by one thread only.
 */
#include <assert.h>

#include "persist_priv.h"

_Thread_local unsigned int dxf_persist_shard = UINT32_MAX;

unsigned int dxf_persist_new_shard(void)
{
	static unsigned int next;
	unsigned int i = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);

	assert(dxf_persist_shard == UINT32_MAX);
	dxf_persist_shard = DXF_MIN(i, DXF_PERSIST_SHARED);
	return dxf_persist_shard;
}

void dxf_persist_call_hook(struct dxf_region *r, struct dxf_persist_event *ev)
{
	ev->point = __atomic_fetch_add(&r->point, 1, __ATOMIC_RELAXED);
	r->hook(r->hook_ctx, ev);
}

void dxf_persist_set_hook(struct dxf_region *r,
	void (*fn)(void *ctx, const struct dxf_persist_event *ev), void *ctx)
{
	r->hook = fn;
	r->hook_ctx = ctx;
}

void dxf_persist_set_trace(struct dxf_region *r,
	void (*fn)(void *ctx, const struct dxf_persist_trace *tr), void *ctx)
{
	r->trace = fn;
	r->trace_ctx = ctx;
}

static void add_stats(struct dxf_persist_stats *sum,
		      const struct dxf_persist_stats *s)
{
	for (int i = 0; i < DXF_PERSIST_NOPS; i++)
		sum->calls[i] += __atomic_load_n(&s->calls[i],
						 __ATOMIC_RELAXED);
	sum->bytes_stored += __atomic_load_n(&s->bytes_stored,
					     __ATOMIC_RELAXED);
	sum->bytes_nt += __atomic_load_n(&s->bytes_nt, __ATOMIC_RELAXED);
	sum->lines_flushed += __atomic_load_n(&s->lines_flushed,
					      __ATOMIC_RELAXED);
}

void dxf_persist_get_stats(const struct dxf_region *r,
			   struct dxf_persist_stats *out)
{
	struct dxf_persist_stats sum = { { 0 } };

	for (unsigned int i = 0; i < DXF_PERSIST_SHARDS; i++)
		add_stats(&sum, &r->shards[i].n);
	*out = sum;
}
