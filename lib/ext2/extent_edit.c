// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent_edit.c - extent trees: insert, convert, replace, cut.
 *
 * All of them put a piece in the place of what is there: up to three records
 * (before, the piece, behind) come out, merged with each other and with the
 * neighbours in the leaf where they continue each other.  The edit is planned
 * first; when the leaf has no room for it the tree is given some and the edit
 * is planned anew.
 */
#include "extent_priv.h"

#include <errno.h>

#include "ext2_priv.h"

/* Replace @nold records at @pos by run[0 .. n). */
struct plan {
	int pos;
	int nold;
	int n;
	struct dxf_run run[5];
};

/* Append to the plan, as part of its last run if that is possible. */
static void plan_add(struct plan *pl, const struct dxf_run *run)
{
	struct dxf_run *last = pl->n > 0 ? &pl->run[pl->n - 1] : NULL;

	if (run->nblk == 0)
		return;
	if (last && dxf_extent_mergeable(last, run)) {
		last->nblk += run->nblk;
		return;
	}
	assert(pl->n < (int)DXF_ARRAY_SIZE(pl->run));
	pl->run[pl->n++] = *run;
}

/* What @c leaves of @old, before and behind. */
static void cut(const struct dxf_run *old, const struct dxf_run *c,
		struct dxf_run *head, struct dxf_run *tail)
{
	uint64_t skip = c->lblk - old->lblk;

	assert(c->lblk >= old->lblk && skip + c->nblk <= old->nblk);
	*head = *old;
	head->nblk = skip;
	*tail = *old;
	tail->nblk = old->nblk - skip - c->nblk;
	tail->lblk += skip + c->nblk;
	tail->pblk += skip + c->nblk;
}

static void make_plan(struct dxf_epath *p, const struct dxf_run *c,
		      struct plan *pl)
{
	const struct dxf_enode *leaf = dxf_epath_leaf(p);
	struct dxf_run head = { 0 }, tail = { 0 }, run;

	*pl = (struct plan){ .pos = leaf->pos + 1 };
	if (leaf->pos >= 0) {
		dxf_enode_get_extent(leaf->buf, leaf->pos, &run);
		if (c->lblk < run.lblk + run.nblk) {
			cut(&run, c, &head, &tail);
			pl->pos--;
			pl->nold = 1;
		}
	}
	if (pl->pos > 0) {
		dxf_enode_get_extent(leaf->buf, pl->pos - 1, &run);
		if (dxf_extent_mergeable(&run, head.nblk ? &head : c)) {
			plan_add(pl, &run);
			pl->pos--;
			pl->nold++;
		}
	}
	plan_add(pl, &head);
	if (c->pblk != 0)
		plan_add(pl, c);
	plan_add(pl, &tail);
	if (pl->n > 0 && pl->pos + pl->nold < dxf_enode_count(leaf->buf)) {
		dxf_enode_get_extent(leaf->buf, pl->pos + pl->nold, &run);
		if (dxf_extent_mergeable(&pl->run[pl->n - 1], &run)) {
			plan_add(pl, &run);
			pl->nold++;
		}
	}
}

static int carry_out(struct dxf_map_op *op, struct dxf_epath *p,
		     const struct plan *pl)
{
	struct dxf_enode *leaf = dxf_epath_leaf(p);
	uint8_t recs[DXF_ARRAY_SIZE(pl->run) * DXF_EREC];
	int err;

	if (pl->n == 0)
		return dxf_epath_remove(op, p, p->depth, pl->pos,
					pl->nold);
	for (int i = 0; i < pl->n; i++)
		dxf_enode_put_extent(recs + (unsigned int)i * DXF_EREC,
				     &pl->run[i]);
	dxf_enode_splice(leaf->buf, pl->pos, pl->nold, recs, pl->n);
	err = dxf_enode_store(op, p, leaf->blk, leaf->buf);
	if (err || pl->pos > 0)
		return err;
	return dxf_epath_fix_keys(op, p, p->depth);
}

int dxf_extent_edit(struct dxf_map_op *op, struct dxf_epath *p,
		    const struct dxf_run *c)
{
	struct plan pl;
	int err;

	for (int tries = 0; ; tries++) {
		const uint8_t *buf = dxf_epath_leaf(p)->buf;

		make_plan(p, c, &pl);
		if (dxf_enode_count(buf) - pl.nold + pl.n <=
		    dxf_enode_max(buf))
			break;
		/* each level is split or the tree grows at most once */
		assert(tries < 4 * DXF_EXTENT_MAX_DEPTH);
		err = dxf_epath_make_room(op, p);
		if (!err)
			err = dxf_epath_load(p, op->di, c->lblk);
		if (err)
			return err;
	}
	err = carry_out(op, p, &pl);
	if (err || pl.n >= pl.nold || p->depth == 0)
		return err;
	return dxf_epath_settle(op, p, c->lblk);
}

/* The extent that holds @lblk, if there is one. */
static bool find_extent(struct dxf_epath *p, dxf_lblk_t lblk,
			struct dxf_run *run)
{
	const struct dxf_enode *leaf = dxf_epath_leaf(p);

	if (leaf->pos < 0)
		return false;
	dxf_enode_get_extent(leaf->buf, leaf->pos, run);
	return lblk - run->lblk < run->nblk;
}

/* Where the hole at the path's place ends, as far as the leaf knows. */
static dxf_lblk_t hole_end(struct dxf_epath *p)
{
	const struct dxf_enode *leaf = dxf_epath_leaf(p);

	if (leaf->pos + 1 < dxf_enode_count(leaf->buf))
		return dxf_enode_key(leaf->buf, leaf->pos + 1);
	return leaf->upper;
}

/* Insert the beginning of @left.  *@c: what was inserted. */
static int insert_piece(struct dxf_map_op *op, struct dxf_epath *p,
			const struct dxf_run *left, struct dxf_run *c)
{
	uint64_t max = left->unwritten ? DXF_EXTENT_MAX_UNWRITTEN :
		DXF_EXTENT_MAX_LEN;
	int err = dxf_epath_load(p, op->di, left->lblk);
	struct dxf_run old;

	if (err)
		return err;
	if (find_extent(p, left->lblk, &old))
		return dxf_ext2_corrupt(op->n->e2, op->n->ino, old.pblk,
					"a hole turns out to be mapped");
	*c = *left;
	c->nblk = DXF_MIN(c->nblk, max);
	c->nblk = DXF_MIN(c->nblk, hole_end(p) - c->lblk);
	assert(c->nblk > 0);
	return dxf_extent_edit(op, p, c);
}

int dxf_extent_insert(struct dxf_map_op *op, const struct dxf_run *run)
{
	struct dxf_run left = *run, c;
	struct dxf_epath p;
	int err = 0;

	if (run->lblk >= DXF_EXTENT_END ||
	    run->nblk > DXF_EXTENT_END - run->lblk ||
	    run->pblk + run->nblk > EXT_MAX_EXTENT_PBLK)
		return -EFBIG;
	dxf_epath_init(&p, op->n);
	while (left.nblk > 0 && !err) {
		err = insert_piece(op, &p, &left, &c);
		if (err)
			break;
		left.lblk += c.nblk;
		left.pblk += c.nblk;
		left.nblk -= c.nblk;
	}
	dxf_epath_fini(&p);
	return err;
}

static int convert_piece(struct dxf_map_op *op, struct dxf_epath *p,
			 dxf_lblk_t lblk, uint32_t nblk, uint64_t *done)
{
	struct dxf_run old, c;
	int err = dxf_epath_load(p, op->di, lblk);

	if (err)
		return err;
	if (!find_extent(p, lblk, &old) || !old.unwritten)
		return dxf_ext2_corrupt(op->n->e2, op->n->ino, 0,
					"block %llu turns out not to be an "
					"unwritten one",
					(unsigned long long)lblk);
	c.lblk = lblk;
	c.pblk = old.pblk + (lblk - old.lblk);
	c.nblk = DXF_MIN(nblk, old.lblk + old.nblk - lblk);
	c.unwritten = false;
	op->goal = c.pblk;
	*done = c.nblk;
	return dxf_extent_edit(op, p, &c);
}

int dxf_extent_convert(struct dxf_map_op *op, dxf_lblk_t lblk, uint32_t nblk)
{
	struct dxf_epath p;
	uint64_t done = 0;
	int err = 0;

	if (lblk >= DXF_EXTENT_END || nblk > DXF_EXTENT_END - lblk)
		return -EFBIG;
	dxf_epath_init(&p, op->n);
	while (nblk > 0 && !err) {
		err = convert_piece(op, &p, lblk, nblk, &done);
		if (err)
			break;
		lblk += done;
		nblk -= (uint32_t)done;
	}
	dxf_epath_fini(&p);
	return err;
}

int dxf_extent_replace(struct dxf_map_op *op, dxf_lblk_t lblk, dxf_blk_t pblk)
{
	struct dxf_run old, c = { .lblk = lblk, .pblk = pblk, .nblk = 1 };
	struct dxf_epath p;
	int err;

	if (lblk >= DXF_EXTENT_END || pblk >= EXT_MAX_EXTENT_PBLK)
		return -EFBIG;
	dxf_epath_init(&p, op->n);
	err = dxf_epath_load(&p, op->di, lblk);
	if (!err && !find_extent(&p, lblk, &old))
		err = dxf_ext2_corrupt(op->n->e2, op->n->ino, 0,
				       "block %llu turns out to be a hole",
				       (unsigned long long)lblk);
	if (!err)
		err = dxf_extent_edit(op, &p, &c);
	dxf_epath_fini(&p);
	return err;
}
