// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ind_insert.c - indirect maps: mapping blocks into a hole, or in the place of
 * others.
 *
 * A branch is built detached: its map blocks are allocated, filled directly
 * (nothing on media reaches them yet), and hung in by staging one pointer.  In
 * map blocks that were there before, only the pointers are staged.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "cleanup.h"
#include "ext2_priv.h"
#include "ind.h"
#include "le.h"

#define CHUNK	64

/* The stretch that is mapped: slots of one lowest map block. */
struct piece {
	struct dxf_ind_path path;
	dxf_blk_t pblk;
	uint32_t n;
};

static void put_ptrs(uint8_t *ptrs, dxf_blk_t pblk, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		dxf_put_le32(ptrs + i * DXF_PTR, (uint32_t)(pblk + i));
}

static int not_a_hole(struct dxf_map_op *op, dxf_blk_t blk)
{
	return dxf_ext2_corrupt(op->n->e2, op->n->ino, blk,
				"a hole turns out to be mapped");
}

/* Store @n pointers over null ones. */
static int splice(struct dxf_map_op *op, dxf_blk_t blk, uint32_t slot,
		  dxf_blk_t pblk, uint32_t n)
{
	const struct dxf_geom *g = dxf_ext2_geom(op->n->e2);
	uint8_t ptrs[CHUNK * DXF_PTR];
	int err;

	assert(n > 0 && n <= CHUNK);
	err = dxf_ind_read(op->n, op->di, blk, slot, n, ptrs);
	if (err)
		return err;
	for (uint32_t i = 0; i < n; i++) {
		if (dxf_get_le32(ptrs + i * DXF_PTR) != 0)
			return not_a_hole(op, blk);
	}
	put_ptrs(ptrs, pblk, n);
	if (blk == 0) {
		memcpy(op->di->block + slot * DXF_PTR, ptrs, n * DXF_PTR);
		return 0;
	}
	return dxf_txn_store(op->t, dxf_blk_off(g, blk) + slot * DXF_PTR, ptrs,
			     n * DXF_PTR);
}

static int splice_all(struct dxf_map_op *op, dxf_blk_t blk,
		      const struct piece *pc)
{
	uint32_t slot = pc->path.slot[pc->path.depth];

	for (uint32_t done = 0; done < pc->n; ) {
		uint32_t n = DXF_MIN(CHUNK, pc->n - done);
		int err = splice(op, blk, slot + done, pc->pblk + done, n);

		if (err)
			return err;
		done += n;
	}
	return 0;
}

/* A map block outside the tree: @n pointers from @slot on, the others null. */
static int new_map_block(struct dxf_map_op *op, uint32_t slot, dxf_blk_t pblk,
			 uint32_t n, dxf_blk_t *blk)
{
	const struct dxf_geom *g = dxf_ext2_geom(op->n->e2);
	DXF_CLEANUP_FREE uint8_t *buf = dxf_calloc(1, g->block_size);
	dxf_blk_t b;
	int err;

	if (!buf)
		return -ENOMEM;
	assert((slot + n) * DXF_PTR <= g->block_size);
	err = dxf_map_alloc(op, &b);
	if (err)
		return err;
	if (b > UINT32_MAX)
		return -EFBIG;
	put_ptrs(buf + slot * DXF_PTR, pblk, n);
	err = dxf_txn_fill(op->t, dxf_blk_off(g, b), buf, g->block_size);
	if (!err)
		*blk = b;
	return err;
}

/*
 * The pointer in @blk at level @level is null: hang in a branch there that
 * maps the piece.
 */
static int graft(struct dxf_map_op *op, const struct piece *pc, int level,
		 dxf_blk_t blk)
{
	const struct dxf_ind_path *p = &pc->path;
	dxf_blk_t child = pc->pblk;
	uint32_t n = pc->n;
	int err;

	assert(level < p->depth);
	for (int l = p->depth; l > level; l--, n = 1) {
		err = new_map_block(op, p->slot[l], child, n, &child);
		if (err)
			return err;
	}
	return splice(op, blk, p->slot[level], child, 1);
}

static int insert_piece(struct dxf_map_op *op, const struct piece *pc)
{
	dxf_blk_t blk = 0;
	uint8_t ptr[DXF_PTR];
	int err;

	for (int l = 0; l < pc->path.depth; l++) {
		err = dxf_ind_read(op->n, op->di, blk, pc->path.slot[l], 1,
				   ptr);
		if (err)
			return err;
		if (dxf_get_le32(ptr) == 0)
			return graft(op, pc, l, blk);
		err = dxf_map_check(op->n, dxf_get_le32(ptr));
		if (err)
			return err;
		blk = dxf_get_le32(ptr);
	}
	return splice_all(op, blk, pc);
}

int dxf_ind_insert(struct dxf_map_op *op, dxf_lblk_t lblk, dxf_blk_t pblk,
		   uint32_t nblk)
{
	const struct dxf_geom *g = dxf_ext2_geom(op->n->e2);
	dxf_lblk_t reach = dxf_ind_reach(g);

	if (lblk >= reach || nblk > reach - lblk)
		return -EFBIG;
	if (pblk > UINT32_MAX || nblk - 1 > UINT32_MAX - pblk)
		return -EFBIG;
	while (nblk > 0) {
		struct piece pc = { .pblk = pblk };
		uint32_t end = DXF_NDIRECT;
		int err;

		if (!dxf_ind_locate(g, lblk, &pc.path))
			return -EFBIG;
		if (pc.path.depth > 0)
			end = (uint32_t)1 << dxf_ind_bits(g);
		pc.n = DXF_MIN(nblk, end - pc.path.slot[pc.path.depth]);
		err = insert_piece(op, &pc);
		if (err)
			return err;
		lblk += pc.n;
		pblk += pc.n;
		nblk -= pc.n;
	}
	return 0;
}

int dxf_ind_replace(struct dxf_map_op *op, dxf_lblk_t lblk, dxf_blk_t pblk)
{
	const struct dxf_geom *g = dxf_ext2_geom(op->n->e2);
	struct dxf_ind_path p;
	dxf_blk_t blk = 0, next = 0;
	uint8_t ptr[DXF_PTR];
	int err = 0;

	if (pblk > UINT32_MAX || !dxf_ind_locate(g, lblk, &p))
		return -EFBIG;
	for (int l = 0; l <= p.depth && !err; l++) {
		blk = next;
		err = dxf_ind_read(op->n, op->di, blk, p.slot[l], 1, ptr);
		next = dxf_get_le32(ptr);
		if (!err)
			err = dxf_map_check(op->n, next);
	}
	if (err)
		return err;
	put_ptrs(ptr, pblk, 1);
	if (blk != 0)
		return dxf_txn_store(op->t, dxf_blk_off(g, blk) +
				     p.slot[p.depth] * DXF_PTR, ptr, DXF_PTR);
	memcpy(op->di->block + p.slot[p.depth] * DXF_PTR, ptr, DXF_PTR);
	return 0;
}
