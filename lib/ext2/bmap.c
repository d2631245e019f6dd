// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bmap.c - the block map of a file: dispatch, run cache, validation, limits.
 *
 * Owns what goes into the run cache and the check that each run passes before
 * anybody uses it.  Must not know how either kind of map is laid out.
 *
 * Invariants:
 * B1 a run in the cache was checked: inside the filesystem, no fixed metadata;
 * B2 the cache is filled from &node->di only, by a thread that has no
 *    transaction open (so never from staged bytes), and only if no
 *    invalidation came between the lookup's start and the fill;
 * B3 every change forgets the runs that it changes, before it starts: an abort
 *    leaves nothing.
 */
#include "bmap_priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "count.h"
#include "ext2_priv.h"
#include "groups.h"
#include "runs.h"

/* Look further than asked, as far as a map block: the cache keeps the rest. */
#define LOOKAHEAD	1024

static bool has_extents(const struct dxf_dinode *di)
{
	return (di->flags & EXT4_EXTENTS_FL) != 0;
}

/* @run, which holds @lblk, as the caller wants it. */
static void clip_run(struct dxf_run *run, dxf_lblk_t lblk, uint64_t max)
{
	uint64_t skip = lblk - run->lblk;

	assert(lblk >= run->lblk && skip < run->nblk);
	run->lblk = lblk;
	run->nblk = DXF_MIN(run->nblk - skip, max);
	if (run->pblk != 0)
		run->pblk += skip;
}

static bool cache_look(const struct dxf_node *n, dxf_lblk_t lblk,
		       struct dxf_run *run, uint32_t *gen)
{
	bool found = dxf_runs_find(n, lblk, run, gen);

	dxf_count(found ? DXF_COUNT_RUN_HIT : DXF_COUNT_RUN_MISS, 1);
	return found;
}

static int check_run(const struct dxf_node *n, const struct dxf_run *run)
{
	const struct dxf_geom *g = dxf_ext2_geom(n->e2);

	assert(run->nblk > 0);
	if (run->pblk == 0)
		return 0;
	if (run->pblk < g->nblocks && run->nblk <= g->nblocks - run->pblk &&
	    !dxf_ext2_is_fixed_block(n->e2, run->pblk, run->nblk))
		return 0;
	return dxf_ext2_corrupt(n->e2, n->ino, run->pblk,
				"file block %llu is mapped to metadata or "
				"outside the filesystem (%llu blocks)",
				(unsigned long long)run->lblk,
				(unsigned long long)run->nblk);
}

static int lookup_media(struct dxf_node *n, const struct dxf_dinode *di,
			dxf_lblk_t lblk, uint64_t max, struct dxf_run *run)
{
	int err;

	if (di == &n->di)
		max = DXF_MAX(max, LOOKAHEAD);
	if (has_extents(di))
		err = dxf_extent_lookup(n, di, lblk, run);
	else
		err = dxf_ind_lookup(n, di, lblk, max, run);
	return err ? err : check_run(n, run);
}

int dxf_bmap_lookup(struct dxf_node *n, const struct dxf_dinode *di,
		    dxf_lblk_t lblk, uint64_t max, struct dxf_run *run)
{
	bool cached = di == &n->di;
	struct dxf_run r;
	uint32_t gen = 0;
	int err;

	assert(max > 0);
	if (!cached || !cache_look(n, lblk, &r, &gen)) {
		err = lookup_media(n, di, lblk, max, &r);
		if (err)
			return err;
		if (cached && !dxf_txn_current(dxf_ext2_txnmgr(n->e2)))
			dxf_runs_add(n, lblk, &r, gen);
	}
	clip_run(&r, lblk, max);
	*run = r;
	return 0;
}

void dxf_bmap_is_new(struct dxf_node *n)
{
	const struct dxf_run hole = { .nblk = UINT32_MAX };

	assert(n->run_gen == 0 && n->di.size == 0 && S_ISREG(n->di.mode));
	dxf_runs_add(n, 0, &hole, 0);
}

void dxf_bmap_inserted(struct dxf_node *n, dxf_lblk_t lblk, dxf_blk_t pblk,
		       uint32_t nblk, bool unwritten)
{
	struct dxf_run run = { lblk, pblk, nblk, unwritten };

	assert(!dxf_txn_current(dxf_ext2_txnmgr(n->e2)));
	assert(!dxf_ext2_is_fixed_block(n->e2, pblk, nblk));	/* B1 */
	dxf_runs_filled(n, &run);
}

void dxf_bmap_forget(struct dxf_node *n)
{
	dxf_runs_forget(n);
}

int dxf_bmap_insert(struct dxf_node *n, struct dxf_dinode *di,
		    struct dxf_txn *t, dxf_lblk_t lblk, dxf_blk_t pblk,
		    uint32_t nblk, bool unwritten, unsigned int balloc_flags)
{
	struct dxf_map_op op = { n, di, t, pblk + nblk, balloc_flags };
	struct dxf_run run = { lblk, pblk, nblk, unwritten };
	int err;

	assert(nblk > 0 && pblk != 0);
	assert(di != &n->di);
	dxf_runs_fill(n, lblk, nblk);				/* B3 */
	if (has_extents(di)) {
		err = dxf_extent_insert(&op, &run);
	} else {
		assert(!unwritten);
		err = unwritten ? -EINVAL :
			dxf_ind_insert(&op, lblk, pblk, nblk);
	}
	if (!err)
		dxf_map_count(&op, nblk);
	return err;
}

int dxf_bmap_convert(struct dxf_node *n, struct dxf_dinode *di,
		     struct dxf_txn *t, dxf_lblk_t lblk, uint32_t nblk,
		     unsigned int balloc_flags)
{
	struct dxf_map_op op = { n, di, t, 0, balloc_flags };

	assert(nblk > 0);
	assert(di != &n->di);
	/* an indirect map has no unwritten blocks */
	assert(has_extents(di));
	dxf_bmap_forget(n);
	return has_extents(di) ? dxf_extent_convert(&op, lblk, nblk) : -EINVAL;
}

int dxf_bmap_replace(struct dxf_node *n, struct dxf_dinode *di,
		     struct dxf_txn *t, dxf_lblk_t lblk, dxf_blk_t pblk)
{
	/* the split of an extent may need a block */
	struct dxf_map_op op = { n, di, t, pblk + 1, DXF_BALLOC_RESERVED_OK };

	assert(pblk != 0 && di != &n->di);
	dxf_bmap_forget(n);
	return has_extents(di) ? dxf_extent_replace(&op, lblk, pblk) :
		dxf_ind_replace(&op, lblk, pblk);
}

int dxf_bmap_remove(struct dxf_node *n, struct dxf_dinode *di,
		    struct dxf_txn *t, dxf_lblk_t start, dxf_lblk_t end,
		    dxf_lblk_t *done_from)
{
	/* the split of an extent may need a block, though this frees some */
	struct dxf_map_op op = { n, di, t, 0, DXF_BALLOC_RESERVED_OK };

	assert(di != &n->di);
	dxf_bmap_forget(n);
	if (start >= end) {
		*done_from = start;
		return 0;
	}
	if (has_extents(di))
		return dxf_extent_remove(&op, start, end, done_from);
	return dxf_ind_remove(&op, start, end, done_from);
}

int dxf_bmap_is_loose(struct dxf_node *n, const struct dxf_dinode *di)
{
	return has_extents(di) ? dxf_extent_is_loose(n, di) : 0;
}

int dxf_bmap_tidy(struct dxf_node *n, struct dxf_dinode *di,
		  struct dxf_txn *t, uint64_t *pos)
{
	struct dxf_map_op op = { n, di, t, 0, 0 };

	assert(di != &n->di);
	/* no run changes, but what was read is no longer what is there */
	dxf_bmap_forget(n);
	if (has_extents(di))
		return dxf_extent_tidy(&op, pos);
	*pos = UINT64_MAX;
	return 0;
}

dxf_blk_t dxf_bmap_goal(struct dxf_node *n, const struct dxf_dinode *di,
			dxf_lblk_t lblk)
{
	struct dxf_run run;

	if (lblk > 0 && dxf_bmap_lookup(n, di, lblk - 1, 1, &run) == 0 &&
	    run.pblk != 0 && run.pblk + 1 < dxf_ext2_geom(n->e2)->nblocks)
		return run.pblk + 1;
	return dxf_balloc_goal(n->e2, n->ino);
}

uint64_t dxf_bmap_max_size(const struct dxf_ext2 *e2,
			   const struct dxf_dinode *di)
{
	const struct dxf_geom *g = dxf_ext2_geom(e2);

	return has_extents(di) ? g->max_size_ext : g->max_size_ind;
}

int dxf_map_check(const struct dxf_node *n, dxf_blk_t blk)
{
	const struct dxf_geom *g = dxf_ext2_geom(n->e2);

	if (blk != 0 && blk < g->nblocks &&
	    !dxf_ext2_is_fixed_block(n->e2, blk, 1))
		return 0;
	return dxf_ext2_corrupt(n->e2, n->ino, blk,
				"map block is metadata or outside the "
				"filesystem");
}

static uint64_t sectors_per_block(const struct dxf_map_op *op)
{
	return dxf_ext2_geom(op->n->e2)->block_size / 512;
}

void dxf_map_count(struct dxf_map_op *op, uint64_t nblk)
{
	op->di->sectors += nblk * sectors_per_block(op);
}

int dxf_map_alloc(struct dxf_map_op *op, dxf_blk_t *blk)
{
	const struct dxf_ext2 *e2 = op->n->e2;
	dxf_blk_t goal = op->goal;
	int err;

	/* In the data's group, but out of the way of what follows the data. */
	if (goal == 0 || goal >= dxf_ext2_geom(e2)->nblocks)
		goal = dxf_balloc_goal(e2, op->n->ino);
	else
		goal = dxf_group_first(e2, dxf_group_of_blk(e2, goal));
	err = dxf_balloc_one(op->n->e2, op->t, goal, op->balloc_flags, blk);
	if (!err)
		dxf_map_count(op, 1);
	return err;
}

int dxf_map_free(struct dxf_map_op *op, dxf_blk_t blk, uint64_t nblk)
{
	uint64_t sectors = nblk * sectors_per_block(op);

	assert(nblk > 0 && nblk <= UINT32_MAX);
	if (op->di->sectors < sectors)
		return dxf_ext2_corrupt(op->n->e2, op->n->ino, blk,
					"the inode's block count is too small");
	op->di->sectors -= sectors;
	return dxf_balloc_free(op->n->e2, op->t, op->n->ino, blk,
			       (uint32_t)nblk);
}
