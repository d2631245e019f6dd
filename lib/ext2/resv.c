// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resv.c - reserved blocks: bits in memory that no search gives out.
 *
 * Owns dxf_group.resv.  A set bit is either a reservation (e2->reserved counts
 * it) or in quarantine (dxf_group.nquar counts it): freed by the open
 * transaction, not to be filled anew before the free is durable.
 *
 * Invariants: nresv is the number of bits set; resv is NULL when it is 0;
 * nquar <= nresv; e2->reserved is the sum of nresv - nquar.
 */
#include <assert.h>
#include <errno.h>

#include "groups.h"

/* @blk .. @blk + @n as bits of one group. */
static struct dxf_group *bits_of(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n,
				 uint32_t *from, uint32_t *to)
{
	uint32_t group = dxf_group_of_blk(e2, blk);

	dxf_mutex_assert_held(&e2->alloc_lock);
	*from = (uint32_t)(blk - dxf_group_first(e2, group));
	*to = *from + n;
	assert(group < e2->geom.ngroups);
	assert(n > 0 && *to <= dxf_group_nblocks(e2, group));
	return &e2->groups[group];
}

static int add(struct dxf_ext2 *e2, struct dxf_group *g, uint32_t from,
	       uint32_t to)
{
	uint32_t n;

	if (g->resv == NULL)
		g->resv = dxf_map_get(e2);
	if (g->resv == NULL)
		return -ENOMEM;
	n = dxf_bits_set(g->resv, from, to);
	assert(n == to - from);
	g->nresv += n;
	return 0;
}

static void del(struct dxf_ext2 *e2, struct dxf_group *g, uint32_t from,
		uint32_t to)
{
	uint64_t longest = 2 * (uint64_t)g->longest + (to - from);
	uint32_t n;

	assert(g->resv != NULL);
	n = dxf_bits_clear(g->resv, from, to);
	assert(n == to - from && n <= g->nresv);
	g->nresv -= n;
	/* The bits may be free now, and join two runs. */
	g->hint = DXF_MIN(g->hint, from);
	g->hint_soft = DXF_MIN(g->hint_soft, from);
	g->no_huge = false;
	g->longest = (uint32_t)DXF_MIN(longest, (uint64_t)UINT32_MAX);
	if (g->nresv == 0)
		dxf_map_put(e2, DXF_STEAL(g->resv));
}

int dxf_resv_add_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n)
{
	uint32_t from, to;
	struct dxf_group *g = bits_of(e2, blk, n, &from, &to);
	int ret = add(e2, g, from, to);

	if (ret == 0)
		e2->reserved += n;
	return ret;
}

void dxf_resv_del_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n)
{
	uint32_t from, to;
	struct dxf_group *g = bits_of(e2, blk, n, &from, &to);

	assert(e2->reserved >= n && g->nresv - g->nquar >= n);
	e2->reserved -= n;
	del(e2, g, from, to);
}

int dxf_quar_add_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n)
{
	uint32_t from, to;
	struct dxf_group *g = bits_of(e2, blk, n, &from, &to);
	int ret = add(e2, g, from, to);

	if (ret == 0)
		g->nquar += n;
	return ret;
}

void dxf_quar_del_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n)
{
	uint32_t from, to;
	struct dxf_group *g = bits_of(e2, blk, n, &from, &to);

	assert(g->nquar >= n);
	g->nquar -= n;
	del(e2, g, from, to);
}
