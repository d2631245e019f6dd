// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * publish.c - blocks in a transaction: bitmap bits, descriptor counts,
 * checksums.
 *
 * Owns the staging of block bitmaps.  Every change of a bit goes with the
 * count and the checksum in the same transaction; an uninitialised group's
 * bitmap is staged whole with the first bit that changes in it.  In memory
 * nothing changes here but quarantine, which the end of the transaction lifts.
 */
#include <assert.h>
#include <errno.h>

#include "balloc.h"
#include "groups.h"

/* A change of bits [from, to) of one group's block bitmap. */
struct change {
	struct dxf_ext2 *e2;
	struct dxf_txn *t;
	uint32_t group;
	uint32_t from, to;
	bool set;
	struct dxf_desc desc;
	struct dxf_gacc *ga;
	uint64_t *map;
};

/* The bits to load and store: all where the checksum or the group needs it. */
static void extent_of(const struct change *c, uint32_t *from, uint32_t *to)
{
	bool all = c->e2->geom.has_csum ||
		(c->ga->flags & EXT2_BG_BLOCK_UNINIT) != 0;

	*from = all ? 0 : c->from;
	*to = all ? 8 * c->e2->geom.block_size : c->to;
}

static int load(struct change *c)
{
	struct dxf_ext2 *e2 = c->e2;
	uint32_t from, to;
	int ret;

	ret = dxf_bitmap_use_blocks(e2, c->group);
	if (ret == 0)
		ret = dxf_acc_group(e2, c->t, c->group, &c->ga);
	if (ret == 0)
		ret = dxf_desc_read(e2, c->group, &c->desc);
	if (ret < 0)
		return ret;
	c->map = dxf_acc_map(e2);
	extent_of(c, &from, &to);
	return dxf_bitmap_load(e2, c->group,
			       (c->ga->flags & EXT2_BG_BLOCK_UNINIT) != 0,
			       c->map, from, to);
}

static int store_map(struct change *c)
{
	uint32_t from, to, w;

	extent_of(c, &from, &to);
	w = from / 64;
	return dxf_txn_store(c->t,
		dxf_blk_off(&c->e2->geom,
			    c->e2->groups[c->group].block_bitmap) +
			w * sizeof(*c->map),
		c->map + w, (DXF_BITS_WORDS(to) - w) * sizeof(*c->map));
}

static int store_desc(struct change *c, uint32_t free_blocks)
{
	const struct dxf_ext2 *e2 = c->e2;
	uint16_t flags = c->ga->flags & (uint16_t)~EXT2_BG_BLOCK_UNINIT;

	dxf_desc_set_free_blocks(e2, &c->desc, free_blocks);
	if (e2->has_gdt_csum)
		c->desc.d.bg_flags = flags;
	if (e2->geom.has_csum)
		dxf_desc_set_block_csum(e2, &c->desc,
			dxf_bitmap_csum(e2, c->map, e2->geom.blocks_per_group));
	c->ga->flags = flags;
	c->ga->free_blocks = free_blocks;
	return dxf_desc_store(c->e2, c->t, &c->desc);
}

static int count_is_wrong(struct change *c)
{
	return dxf_ext2_corrupt(c->e2, 0,
		c->e2->groups[c->group].block_bitmap,
		"the free blocks of group %u are miscounted", c->group);
}

/* Change the bits, all of which were checked, and what goes with them. */
static int apply(struct change *c)
{
	uint32_t free_blocks = c->ga->free_blocks;
	uint32_t n = c->to - c->from, changed;
	int ret;

	if (c->set ? free_blocks < n :
	    free_blocks + n > dxf_group_nblocks(c->e2, c->group))
		return count_is_wrong(c);
	changed = c->set ? dxf_bits_set(c->map, c->from, c->to) :
		dxf_bits_clear(c->map, c->from, c->to);
	assert(changed == n);
	(void)changed;
	ret = store_map(c);
	if (ret < 0)
		return ret;
	return store_desc(c, c->set ? free_blocks - n : free_blocks + n);
}

/* One group's part of [@blk, @blk + @nblk). */
static void init_change(struct change *c, dxf_blk_t blk, uint32_t nblk)
{
	uint32_t group = dxf_group_of_blk(c->e2, blk);
	dxf_blk_t first = dxf_group_first(c->e2, group);
	uint32_t room;

	c->group = group;
	c->from = (uint32_t)(blk - first);
	room = dxf_group_nblocks(c->e2, group) - c->from;
	c->to = c->from + DXF_MIN(nblk, room);
	assert(c->from < c->to);
}

static int publish_group(struct change *c, enum dxf_ev_kind kind)
{
	dxf_blk_t first = dxf_group_first(c->e2, c->group);
	uint32_t bit;
	int ret;

	ret = dxf_acc_reserve(c->e2, c->t, 1);
	if (ret == 0)
		ret = load(c);
	if (ret < 0)
		return ret;
	bit = dxf_bits_next_set(c->map, c->from, c->to);
	if (bit < c->to)
		return dxf_ext2_corrupt(c->e2, 0, first + bit,
			"a block that was free is in use");
	/* Somebody's metadata are there, and this very transaction changes them. */
	if (dxf_txn_has_staged(c->t, dxf_blk_off(&c->e2->geom, first + c->from),
			       (uint64_t)(c->to - c->from) <<
			       c->e2->geom.block_bits))
		return dxf_ext2_corrupt(c->e2, 0, first + c->from,
			"a block that is in use is free in the bitmap");
	ret = apply(c);
	dxf_txn_note_used(c->t, first + c->from, c->to - c->from);
	/* After a failure the caller aborts, and has the reservation still. */
	if (ret == 0)
		dxf_acc_event(c->e2, kind, first + c->from, c->to - c->from);
	return ret;
}

int dxf_balloc_publish(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_blk_t blk,
		       uint32_t nblk)
{
	struct change c = { .e2 = e2, .t = t, .set = true };
	int ret = 0;

	assert(nblk > 0 && !dxf_ext2_is_fixed_block(e2, blk, nblk));
	while (nblk > 0 && ret == 0) {
		init_change(&c, blk, nblk);
		ret = publish_group(&c, DXF_EV_PUBLISHED);
		blk += c.to - c.from;
		nblk -= c.to - c.from;
	}
	return ret;
}

int dxf_balloc_one(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_blk_t goal,
		   unsigned int flags, dxf_blk_t *blk)
{
	struct change c = { .e2 = e2, .t = t, .set = true };
	dxf_blk_t found;
	uint32_t got;
	int ret;

	ret = dxf_balloc_reserve(e2, NULL, goal, 1, flags, &found, &got);
	if (ret < 0)
		return ret;
	init_change(&c, found, 1);
	ret = publish_group(&c, DXF_EV_ONE);
	if (ret < 0) {
		dxf_balloc_cancel(e2, found, 1);
		return ret;
	}
	*blk = found;
	return 0;
}

/*
 * Quarantine what is not reserved; what is was published by this transaction,
 * whose end drops the reservation.
 */
static int quarantine(struct change *c)
{
	struct dxf_ext2 *e2 = c->e2;
	dxf_blk_t first = dxf_group_first(e2, c->group);
	uint32_t from = c->from, to;
	int ret;

	DXF_SCOPED_MUTEX(&e2->alloc_lock);
	while (from < c->to) {
		const uint64_t *resv = e2->groups[c->group].resv;

		to = resv != NULL ? dxf_bits_next_set(resv, from, c->to) :
			c->to;
		if (to > from) {
			ret = dxf_acc_reserve(e2, c->t, 1);
			if (ret == 0)
				ret = dxf_quar_add_locked(e2, first + from,
							  to - from);
			if (ret < 0)
				return ret;
			dxf_acc_event(e2, DXF_EV_FREED, first + from,
				      to - from);
		}
		resv = e2->groups[c->group].resv;
		from = resv != NULL ? dxf_bits_next_zero(resv, to, c->to) : to;
	}
	return 0;
}

static int free_group(struct change *c, dxf_ino_t ino)
{
	uint32_t bit;
	int ret;

	ret = load(c);
	if (ret < 0)
		return ret;
	bit = dxf_bits_next_zero(c->map, c->from, c->to);
	if (bit < c->to)
		return dxf_ext2_corrupt(c->e2, ino,
			dxf_group_first(c->e2, c->group) + bit,
			"a block that is to be freed is free already");
	ret = quarantine(c);
	return ret == 0 ? apply(c) : ret;
}

int dxf_balloc_free(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		    dxf_blk_t blk, uint32_t nblk)
{
	struct change c = { .e2 = e2, .t = t, .set = false };
	int ret = 0;

	assert(nblk > 0);
	if (dxf_ext2_is_fixed_block(e2, blk, nblk))
		return dxf_ext2_corrupt(e2, ino, blk,
			"%u blocks to be freed are not a file's", nblk);
	dxf_txn_drop(t, dxf_blk_off(&e2->geom, blk),
		     (uint64_t)nblk << e2->geom.block_bits);
	dxf_txn_note_freed(t, blk, nblk);
	while (nblk > 0 && ret == 0) {
		init_change(&c, blk, nblk);
		ret = free_group(&c, ino);
		blk += c.to - c.from;
		nblk -= c.to - c.from;
	}
	return ret;
}
