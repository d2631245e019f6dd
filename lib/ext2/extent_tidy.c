// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent_tidy.c - extent trees: packing.
 *
 * A tree under small changes at random places keeps its nodes between half
 * full and full; e2fsck wants all nodes of a level together to waste less than
 * one.  That cannot be had by looking at neighbours, so it is done in a pass
 * of its own: level by level from the leaves, left to right, each node takes
 * records from the next one (of whatever parent) until it is full.
 *
 * The place where to go on is a level and a key: what lies before it is packed.
 */
#include "extent_priv.h"

#include <errno.h>

#include "ext2_priv.h"

/* Nodes of one level, as e2fsck counts them. */
struct level_count {
	uint64_t used;
	uint64_t max;
};

/*
 * e2fsck counts a node below the root that is not full as one entry smaller,
 * for the sake of those that appending leaves.
 */
static int count_level(struct dxf_epath *p, const struct dxf_dinode *di, int l,
		       struct level_count *c)
{
	dxf_lblk_t at = 0;

	*c = (struct level_count){ 0 };
	while (at < DXF_EXTENT_END) {
		int err = dxf_epath_load(p, di, at);
		const uint8_t *buf = p->lv[l].buf;
		int full;

		if (err)
			return err;
		assert(l <= p->depth);
		full = dxf_enode_count(buf) == dxf_enode_max(buf);
		c->used += (uint64_t)dxf_enode_count(buf);
		c->max += (uint64_t)dxf_enode_max(buf) - (l > 0 && !full);
		at = p->lv[l].upper;
	}
	return 0;
}

static bool level_is_loose(const struct dxf_geom *g,
			   const struct level_count *c, int l)
{
	uint64_t per_block = (g->block_size - DXF_EREC) / DXF_EREC;

	if (c[l].max - c[l].used > per_block)
		return true;
	for (int above = 0; above < l; above++) {
		if (c[l].used < c[above].max)
			return true;
	}
	return false;
}

int dxf_extent_is_loose(struct dxf_node *n, const struct dxf_dinode *di)
{
	struct level_count c[DXF_EXTENT_MAX_DEPTH + 1];
	struct dxf_epath p;
	int err, loose = 0;

	dxf_epath_init(&p, n);
	err = dxf_epath_load(&p, di, 0);
	for (int l = 0; !err && l <= p.depth && p.depth > 0; l++) {
		err = count_level(&p, di, l, &c[l]);
		if (!err && level_is_loose(dxf_ext2_geom(n->e2), c, l))
			loose = 1;
	}
	dxf_epath_fini(&p);
	return err ? err : loose;
}

/* The node of level @l at *@at takes from the next; *@at: where to go on. */
static int pack_node(struct dxf_map_op *op, struct dxf_epath *p,
		     struct dxf_epath *next, int l, dxf_lblk_t *at)
{
	uint8_t *dst, *src;
	dxf_lblk_t key;
	int err, n, had;

	err = dxf_epath_load(p, op->di, *at);
	if (err)
		return err;
	dst = p->lv[l].buf;
	key = p->lv[l].upper;
	n = dxf_enode_max(dst) - dxf_enode_count(dst);
	if (n == 0 || key == DXF_EXTENT_END) {
		*at = key;
		return 0;
	}
	err = dxf_epath_load(next, op->di, key);
	if (err)
		return err;
	src = next->lv[l].buf;
	assert(next->lv[l].blk != p->lv[l].blk);
	n = DXF_MIN(n, dxf_enode_count(src));
	had = dxf_enode_count(dst);
	dxf_enode_splice(dst, had, 0, dxf_erec(src, 0), n);
	if (l == p->depth && had > 0)
		dxf_enode_join(dst, had - 1);
	err = dxf_enode_store(op, p, p->lv[l].blk, dst);
	return err ? err : dxf_epath_remove(op, next, l, 0, n);
}

/* Level @l from *@at on, as far as there is room. */
static int pack_level(struct dxf_map_op *op, int l, dxf_lblk_t *at)
{
	size_t room = DXF_MAP_STEP_ROOM(op->n->e2, 0);
	struct dxf_epath p, next;
	int err = 0;

	dxf_epath_init(&p, op->n);
	dxf_epath_init(&next, op->n);
	do {
		err = pack_node(op, &p, &next, l, at);
	} while (!err && *at < DXF_EXTENT_END &&
		 dxf_txn_has_room(op->t, room));
	dxf_epath_fini(&next);
	dxf_epath_fini(&p);
	return err;
}

/* The tree's depth, and a join or shrink at its beginning where due. */
static int settle(struct dxf_map_op *op, int *depth)
{
	struct dxf_epath p;
	int err;

	dxf_epath_init(&p, op->n);
	err = dxf_epath_settle(op, &p, 0);
	*depth = p.depth;
	dxf_epath_fini(&p);
	return err;
}

/*
 * *@pos holds the height over the leaves above 32 bits, since the depth may
 * shrink meanwhile, and the key below.
 */
int dxf_extent_tidy(struct dxf_map_op *op, uint64_t *pos)
{
	size_t room = DXF_MAP_STEP_ROOM(op->n->e2, 0);
	int height = (int)(*pos >> 32), depth, err;
	dxf_lblk_t at = (uint32_t)*pos;

	assert(*pos != UINT64_MAX);
	err = settle(op, &depth);
	while (!err && height < depth) {
		err = pack_level(op, depth - height, &at);
		if (err)
			break;
		if (at == DXF_EXTENT_END) {
			height++;
			at = 0;
			err = settle(op, &depth);
		}
		if (err || !dxf_txn_has_room(op->t, room))
			break;
	}
	if (err)
		return err;
	*pos = height < depth ? (uint64_t)height << 32 | at : UINT64_MAX;
	return 0;
}
