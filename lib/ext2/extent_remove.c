// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent_remove.c - extent trees: unmapping from the end backwards.
 *
 * Whole extents of a leaf go together, one that the range only meets is cut by
 * an edit.  Between two steps the staged tree is whole, so the removal may
 * stop after any of them; the first step is always taken.
 */
#include "extent_priv.h"

#include <errno.h>

#include "ext2_priv.h"

struct removal {
	struct dxf_map_op *op;
	struct dxf_epath p;
	dxf_lblk_t start, end;		/* still to do */
	bool progress;
	bool stopped;
};

/* Is there room to free @nblk blocks more? */
static bool may_go_on(struct removal *rm, uint64_t nblk)
{
	/* bits lie together: one line for 512 of them */
	size_t room = DXF_MAP_STEP_ROOM(rm->op->n->e2, (size_t)nblk / 64);

	if (rm->progress && !dxf_txn_has_room(rm->op->t, room))
		rm->stopped = true;
	rm->progress = true;
	return !rm->stopped;
}

/* Nothing of the leaf lies before the end: go on before the leaf. */
static void skip_leaf(struct removal *rm)
{
	const struct dxf_epath *p = &rm->p;
	int l = p->depth - 1;

	while (l >= 0 && p->lv[l].pos == 0)
		l--;
	if (l < 0) {
		rm->end = rm->start;
		return;
	}
	assert(dxf_enode_key(p->lv[l].buf, p->lv[l].pos) < rm->end);
	rm->end = DXF_MAX(rm->start,
			  dxf_enode_key(p->lv[l].buf, p->lv[l].pos));
}

/* Free the extents of the leaf, back from @pos, that lie in the range. */
static int remove_whole(struct removal *rm, int pos)
{
	const uint8_t *buf = dxf_epath_leaf(&rm->p)->buf;
	struct dxf_run run;
	int first = pos + 1, err;

	while (first > 0) {
		dxf_enode_get_extent(buf, first - 1, &run);
		if (run.lblk < rm->start || !may_go_on(rm, run.nblk))
			break;
		err = dxf_map_free(rm->op, run.pblk, run.nblk);
		if (err)
			return err;
		rm->end = run.lblk;
		first--;
	}
	if (first > pos)
		return 0;
	err = dxf_epath_remove(rm->op, &rm->p, rm->p.depth, first,
			       pos + 1 - first);
	if (err || rm->p.depth == 0)
		return err;
	return dxf_epath_settle(rm->op, &rm->p, rm->end);
}

/* Cut [@from, rm->end) out of @run. */
static int remove_part(struct removal *rm, const struct dxf_run *run,
		       dxf_lblk_t from)
{
	dxf_lblk_t end = DXF_MIN(rm->end, run->lblk + run->nblk);
	dxf_blk_t pblk = run->pblk + (from - run->lblk);
	struct dxf_run c = { .lblk = from, .nblk = end - from };
	int err;

	assert(from < end);
	if (!may_go_on(rm, c.nblk))
		return 0;
	rm->op->goal = pblk;
	err = dxf_map_free(rm->op, pblk, c.nblk);
	if (!err)
		err = dxf_extent_edit(rm->op, &rm->p, &c);
	if (!err)
		rm->end = from;
	return err;
}

static int remove_step(struct removal *rm)
{
	const struct dxf_enode *leaf;
	struct dxf_run run;
	dxf_lblk_t from;
	int err = dxf_epath_load(&rm->p, rm->op->di, rm->end - 1);

	if (err)
		return err;
	leaf = dxf_epath_leaf(&rm->p);
	if (leaf->pos < 0) {
		skip_leaf(rm);
		return 0;
	}
	dxf_enode_get_extent(leaf->buf, leaf->pos, &run);
	if (run.lblk + run.nblk <= rm->start) {
		rm->end = rm->start;
		return 0;
	}
	from = DXF_MAX(run.lblk, rm->start);
	if (from > run.lblk || run.lblk + run.nblk > rm->end)
		return remove_part(rm, &run, from);
	return remove_whole(rm, leaf->pos);
}

int dxf_extent_remove(struct dxf_map_op *op, dxf_lblk_t start, dxf_lblk_t end,
		      dxf_lblk_t *done_from)
{
	struct removal rm = {
		.op = op, .start = start, .end = DXF_MIN(end, DXF_EXTENT_END),
	};
	int err = 0;

	dxf_epath_init(&rm.p, op->n);
	while (rm.start < rm.end && !rm.stopped && !err)
		err = remove_step(&rm);
	dxf_epath_fini(&rm.p);
	if (err)
		return err;
	*done_from = rm.stopped ? rm.end : start;
	return 0;
}
