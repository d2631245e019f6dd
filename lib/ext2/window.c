// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * window.c - windows: blocks ahead of a growing file that others leave alone
 * while there is other room.
 *
 * Owns dxf_group.soft.  A window is a hint and nothing else: the blocks in it
 * may be stolen and become somebody else's window, so taking a window back
 * clears what bits it finds and counts those.  Invariants: nsoft is the number
 * of bits set; soft is NULL when it is 0.
 */
#include "window.h"

#include <assert.h>

#include "groups.h"

#define GOAL_MIN	8u
#define GOAL_MAX	2048u

void dxf_window_steal_locked(struct dxf_ext2 *e2, uint32_t group,
			     uint32_t from, uint32_t to)
{
	struct dxf_group *g = &e2->groups[group];
	uint64_t longest = 2 * (uint64_t)g->longest + (to - from);
	uint32_t n;

	dxf_mutex_assert_held(&e2->alloc_lock);
	if (g->soft == NULL)
		return;
	n = dxf_bits_clear(g->soft, from, to);
	assert(n <= g->nsoft);
	g->nsoft -= n;
	if (n != 0) {
		g->hint = DXF_MIN(g->hint, from);
		g->hint_soft = DXF_MIN(g->hint_soft, from);
		g->no_huge = false;
		g->longest = (uint32_t)DXF_MIN(longest, (uint64_t)UINT32_MAX);
	}
	if (g->nsoft == 0)
		dxf_map_put(e2, DXF_STEAL(g->soft));
}

void dxf_window_put_locked(struct dxf_ext2 *e2, struct dxf_window *w)
{
	uint32_t group, from;

	if (w->len == 0)
		return;
	group = dxf_group_of_blk(e2, w->start);
	from = (uint32_t)(w->start - dxf_group_first(e2, group));
	dxf_window_steal_locked(e2, group, from, from + w->len);
	w->len = 0;
}

void dxf_window_open_locked(struct dxf_ext2 *e2, struct dxf_window *w,
			    dxf_blk_t blk, uint32_t len)
{
	uint32_t group, from;
	struct dxf_group *g;

	assert(w->len == 0);
	len = DXF_MIN(len, w->goal_len);
	if (len == 0)
		return;
	group = dxf_group_of_blk(e2, blk);
	from = (uint32_t)(blk - dxf_group_first(e2, group));
	assert(from + len <= dxf_group_nblocks(e2, group));
	g = &e2->groups[group];
	if (g->soft == NULL)
		g->soft = dxf_map_get(e2);
	/* No memory, no window: it is only a hint. */
	if (g->soft == NULL)
		return;
	g->nsoft += dxf_bits_set(g->soft, from, from + len);
	w->start = blk;
	w->len = len;
}

void dxf_window_grow(struct dxf_window *w, bool sequential)
{
	uint32_t goal = sequential ? w->goal_len * 2 : w->goal_len;

	w->goal_len = DXF_MIN(DXF_MAX(goal, GOAL_MIN), GOAL_MAX);
}

void dxf_balloc_drop_window(struct dxf_ext2 *e2, struct dxf_window *w)
{
	if (w->len != 0) {
		DXF_SCOPED_MUTEX(&e2->alloc_lock);
		dxf_window_put_locked(e2, w);
	}
	w->goal_len = 0;
}
