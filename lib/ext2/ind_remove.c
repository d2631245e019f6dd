// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ind_remove.c - indirect maps: unmapping from the end backwards.
 *
 * The tree is walked depth first from its far end; null pointers are skipped
 * with all they would reach.  When the transaction has no room for one more
 * step the walk stops; on the way up each map block that was emptied is freed,
 * and of the others the cleared pointers are staged, so whatever was freed is
 * unreachable in the same transaction.  The first step is always taken: a
 * fresh transaction makes progress.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "ext2_priv.h"
#include "ind.h"
#include "le.h"

struct removal {
	struct dxf_map_op *op;
	const struct dxf_geom *g;
	dxf_lblk_t start, end;
	dxf_lblk_t done_from;
	bool progress;			/* something was freed */
	bool stopped;			/* no room: done_from is set */
	uint8_t *buf[DXF_IND_MAX_DEPTH];	/* a map block by height - 1 */
};

/* Pointers of one map block, or of the inode: [lo, hi) are to go. */
struct table {
	uint8_t *ptrs;
	dxf_lblk_t base;		/* logical block of slot 0 */
	unsigned int span_bits;
	uint32_t lo, hi;
	uint32_t changed;		/* slots from here on were cleared */
};

static uint32_t get(const struct table *tb, uint32_t slot)
{
	return dxf_get_le32(tb->ptrs + slot * DXF_PTR);
}

static void clear(struct table *tb, uint32_t slot, uint32_t n)
{
	memset(tb->ptrs + slot * DXF_PTR, 0, n * DXF_PTR);
	tb->changed = slot;
}

static dxf_lblk_t slot_lblk(const struct table *tb, uint32_t slot)
{
	return tb->base + ((dxf_lblk_t)slot << tb->span_bits);
}

/* May the walk take another step?  If not, [@lblk, end) is unmapped. */
static bool may_go_on(struct removal *rm, dxf_lblk_t lblk)
{
	struct dxf_ext2 *e2 = rm->op->n->e2;

	assert(!rm->stopped);
	if (!rm->progress ||
	    dxf_txn_has_room(rm->op->t, DXF_MAP_STEP_ROOM(e2, 0)))
		return true;
	rm->stopped = true;
	rm->done_from = DXF_MIN(lblk, rm->end);
	return false;
}

/* The slots of @tb, which has @nslots, that meet the range. */
static void set_range(const struct removal *rm, struct table *tb,
		      uint32_t nslots)
{
	dxf_lblk_t end = slot_lblk(tb, nslots);
	dxf_lblk_t last = DXF_MIN(rm->end, end) - 1;

	assert(rm->start < end && rm->end > tb->base);
	tb->lo = rm->start <= tb->base ? 0 :
		(uint32_t)((rm->start - tb->base) >> tb->span_bits);
	tb->hi = (uint32_t)((last - tb->base) >> tb->span_bits) + 1;
	tb->changed = tb->hi;
	assert(tb->lo < tb->hi && tb->hi <= nslots);
}

/* Free the data that the slots map, one contiguous run at a time. */
static int remove_data(struct removal *rm, struct table *tb)
{
	uint32_t hi = tb->hi;

	assert(tb->span_bits == 0);
	while (hi > tb->lo) {
		uint32_t last = get(tb, hi - 1), n = 1;
		int err;

		if (last == 0) {
			hi--;
			continue;
		}
		while (n < last && hi - n > tb->lo &&
		       get(tb, hi - n - 1) == last - n)
			n++;
		if (!may_go_on(rm, tb->base + hi))
			return 0;
		err = dxf_map_free(rm->op, last - (n - 1), n);
		if (err)
			return err;
		rm->progress = true;
		hi -= n;
		clear(tb, hi, n);
	}
	return 0;
}

static int remove_block(struct removal *rm, dxf_blk_t blk, int height,
			dxf_lblk_t base, bool *gone);

/* Go down each pointer; @height is that of the blocks pointed to. */
static int remove_children(struct removal *rm, struct table *tb, int height)
{
	for (uint32_t slot = tb->hi; slot-- > tb->lo; ) {
		uint32_t blk = get(tb, slot);
		bool gone;
		int err;

		if (blk == 0)
			continue;
		if (!may_go_on(rm, slot_lblk(tb, slot + 1)))
			return 0;
		err = dxf_map_check(rm->op->n, blk);
		if (!err)
			err = remove_block(rm, blk, height,
					   slot_lblk(tb, slot), &gone);
		if (err)
			return err;
		if (gone)
			clear(tb, slot, 1);
		if (rm->stopped)
			return 0;
	}
	return 0;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Remove what meets the range below map block @blk; *@gone: it was freed. */
static int remove_block(struct removal *rm, dxf_blk_t blk, int height,
			dxf_lblk_t base, bool *gone)
{
	unsigned int bits = dxf_ind_bits(rm->g);
	dxf_off_t off = dxf_blk_off(rm->g, blk);
	struct table tb = {
		.ptrs = rm->buf[height - 1],
		.base = base,
		.span_bits = bits * (unsigned int)(height - 1),
	};
	int err;

	assert(height >= 1 && height <= DXF_IND_MAX_DEPTH);
	err = dxf_blk_read(rm->op->n->e2, rm->op->n->ino, blk, tb.ptrs);
	if (err)
		return err;
	set_range(rm, &tb, (uint32_t)1 << bits);
	err = height == 1 ? remove_data(rm, &tb) :
		remove_children(rm, &tb, height - 1);
	if (err)
		return err;
	*gone = all_zero(tb.ptrs, rm->g->block_size);
	if (*gone) {
		rm->progress = true;
		return dxf_map_free(rm->op, blk, 1);
	}
	return dxf_txn_store(rm->op->t, off + tb.changed * DXF_PTR,
			     tb.ptrs + tb.changed * DXF_PTR,
			     (tb.hi - tb.changed) * DXF_PTR);
}

/* The tree of @height below i_block[11 + @height]. */
static int remove_tree(struct removal *rm, int height)
{
	struct table root = {
		.ptrs = rm->op->di->block +
			(DXF_NDIRECT - 1 + height) * DXF_PTR,
		.base = dxf_ind_base(rm->g, height),
		.span_bits = dxf_ind_bits(rm->g) * (unsigned int)height,
		.hi = 1,
	};

	if (rm->stopped || rm->start >= slot_lblk(&root, 1) ||
	    rm->end <= root.base)
		return 0;
	return remove_children(rm, &root, height);
}

static int remove_direct(struct removal *rm)
{
	struct table tb = { .ptrs = rm->op->di->block };

	if (rm->stopped || rm->start >= DXF_NDIRECT)
		return 0;
	set_range(rm, &tb, DXF_NDIRECT);
	return remove_data(rm, &tb);
}

static bool has_trees(const struct dxf_dinode *di)
{
	static const uint8_t none[DXF_IND_MAX_DEPTH * DXF_PTR];

	return memcmp(di->block + DXF_NDIRECT * DXF_PTR, none,
		      sizeof(none)) != 0;
}

int dxf_ind_remove(struct dxf_map_op *op, dxf_lblk_t start, dxf_lblk_t end,
		   dxf_lblk_t *done_from)
{
	struct removal rm = {
		.op = op,
		.g = dxf_ext2_geom(op->n->e2),
		.start = start,
		.end = DXF_MIN(end, dxf_ind_reach(dxf_ext2_geom(op->n->e2))),
	};
	DXF_CLEANUP_FREE uint8_t *mem = NULL;
	int err = 0;

	assert(start < end);
	if (rm.start < rm.end && rm.end > DXF_NDIRECT && has_trees(op->di)) {
		mem = dxf_malloc((size_t)DXF_IND_MAX_DEPTH * rm.g->block_size);
		if (!mem)
			return -ENOMEM;
		for (size_t i = 0; i < DXF_IND_MAX_DEPTH; i++)
			rm.buf[i] = mem + i * rm.g->block_size;
	}
	for (int h = mem != NULL ? DXF_IND_MAX_DEPTH : 0; h > 0 && !err; h--)
		err = remove_tree(&rm, h);
	if (!err)
		err = remove_direct(&rm);
	if (err)
		return err;
	assert(!rm.stopped || rm.done_from > start);
	*done_from = rm.stopped ? rm.done_from : start;
	return 0;
}
