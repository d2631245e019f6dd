// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * balloc.c - reserving blocks in memory, before any transaction.
 *
 * Owns the accounting that a reservation can always be published: what is
 * reserved never exceeds what the last commit left free.  Must not touch media.
 */
#include "balloc.h"

#include <assert.h>
#include <errno.h>

#include "groups.h"
#include "search.h"
#include "window.h"

/* How many blocks the caller may have now. */
static uint64_t available(const struct dxf_ext2 *e2, unsigned int flags)
{
	uint64_t keep = (flags & DXF_BALLOC_RESERVED_OK) != 0 ? 0 :
		e2->geom.reserved_blocks;

	dxf_mutex_assert_held(&e2->alloc_lock);
	if (e2->free_blocks <= e2->reserved)
		return 0;
	keep += e2->reserved;
	return e2->free_blocks > keep ? e2->free_blocks - keep : 0;
}

/* Reserve what was found, whoever's window it is in. */
static int take(struct dxf_ext2 *e2, const struct dxf_span *s, dxf_blk_t *blk)
{
	dxf_blk_t start = dxf_group_first(e2, s->group) + s->start;
	int ret;

	assert(s->len > 0);
	assert(!dxf_ext2_is_fixed_block(e2, start, s->len));
	ret = dxf_resv_add_locked(e2, start, s->len);
	if (ret < 0)
		return ret;
	dxf_window_steal_locked(e2, s->group, s->start, s->start + s->len);
	*blk = start;
	return 0;
}

/* What is looked for. */
struct request {
	dxf_blk_t goal;
	uint32_t want;
	bool huge;
};

static int find(struct dxf_ext2 *e2, const struct request *rq, uint32_t prefer,
		struct dxf_span *span)
{
	if (rq->huge && dxf_search_huge_locked(e2, rq->goal, rq->want, span))
		return 0;
	return dxf_search_locked(e2, rq->goal, rq->want, prefer, span);
}

/* Search and take, and move @w behind what was taken. */
static int reserve(struct dxf_ext2 *e2, struct dxf_window *w,
		   const struct request *rq, struct dxf_span *span,
		   dxf_blk_t *blk)
{
	uint32_t old_len = w != NULL ? w->len : 0;
	uint32_t prefer = rq->want;
	int ret;

	if (w != NULL) {
		dxf_window_put_locked(e2, w);
		if (old_len == 0)
			dxf_window_grow(w, false);
		prefer += w->goal_len;
	}
	ret = find(e2, rq, prefer, span);
	if (ret == 0)
		ret = take(e2, span, blk);
	if (ret < 0 || w == NULL)
		return ret;
	if (old_len != 0 && *blk == rq->goal && span->len >= old_len)
		dxf_window_grow(w, true);
	if (span->more && span->spare < w->goal_len)
		span->spare = dxf_search_run_locked(e2, span->group,
			span->start + span->len, w->goal_len, false);
	dxf_window_open_locked(e2, w, *blk + span->len, span->spare);
	return 0;
}

int dxf_balloc_reserve(struct dxf_ext2 *e2, struct dxf_window *w,
		       dxf_blk_t goal, uint32_t want, unsigned int flags,
		       dxf_blk_t *blk, uint32_t *got)
{
	struct request rq = { .huge = (flags & DXF_BALLOC_HUGE) != 0 };
	struct dxf_span span;
	uint64_t avail;
	int ret;

	assert(want > 0);
	assert((flags & ~(unsigned int)(DXF_BALLOC_RESERVED_OK |
					DXF_BALLOC_HUGE)) == 0);
	if (goal < e2->geom.first_block || goal >= e2->geom.nblocks)
		goal = e2->geom.first_block;
	DXF_SCOPED_MUTEX(&e2->alloc_lock);
	avail = available(e2, flags);
	if (avail == 0)
		return -ENOSPC;
	want = (uint32_t)DXF_MIN((uint64_t)want, avail);
	rq.want = DXF_MIN(want, e2->geom.blocks_per_group);
	rq.goal = goal;
	ret = reserve(e2, w, &rq, &span, blk);
	if (ret < 0)
		return ret;
	*got = span.len;
	assert(span.len > 0 && span.len <= rq.want);
	assert(e2->reserved <= e2->free_blocks);
	return 0;
}

/* Call @fn for the part of [@blk, @blk + @nblk) in each group. */
static void each_group(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t nblk,
		       void (*fn)(struct dxf_ext2 *e2, dxf_blk_t b, uint32_t n))
{
	while (nblk > 0) {
		uint32_t group = dxf_group_of_blk(e2, blk);
		dxf_blk_t end = dxf_group_first(e2, group) +
			dxf_group_nblocks(e2, group);
		uint32_t n = (uint32_t)DXF_MIN((dxf_blk_t)nblk, end - blk);

		fn(e2, blk, n);
		blk += n;
		nblk -= n;
	}
}

void dxf_balloc_cancel(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t nblk)
{
	assert(!dxf_ext2_is_fixed_block(e2, blk, nblk));
	DXF_SCOPED_MUTEX(&e2->alloc_lock);
	each_group(e2, blk, nblk, dxf_resv_del_locked);
}

uint32_t dxf_balloc_huge(const struct dxf_ext2 *e2)
{
	return e2->huge_blocks;
}

dxf_blk_t dxf_balloc_goal(const struct dxf_ext2 *e2, dxf_ino_t ino)
{
	assert(ino >= 1 && ino <= e2->geom.ninodes);
	return dxf_group_first(e2, dxf_group_of_ino(e2, ino));
}
