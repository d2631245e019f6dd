// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ialloc.c - inodes in a transaction: bitmap bits, descriptor counts,
 * checksums.
 *
 * Owns the staging of inode bitmaps.  In a group always the first free inode
 * is taken: so the slots of an inode table that was never initialised are used
 * in order, and itable_unused never has to skip one that holds garbage.  (But
 * for slots in bad blocks: is_bad_slot().)
 */
#include "ialloc.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "groups.h"
#include "node.h"
#include "orlov.h"

/* Where inodes begin among the numbers of what is freed and used: above blocks. */
#define INODE_NUMBERS	((uint64_t)1 << 50)

/* So many bits of a bitmap are read at once. */
#define PIECE		1024u

/* A change of one bit of one group's inode bitmap. */
struct change {
	struct dxf_ext2 *e2;
	struct dxf_txn *t;
	uint32_t group;
	uint32_t index;
	struct dxf_desc desc;
	struct dxf_gacc *ga;
	uint64_t *map;
	uint32_t from, to;	/* of the map: these bits are there */
};

static dxf_off_t map_off(const struct dxf_ext2 *e2, uint32_t group)
{
	return dxf_blk_off(&e2->geom, e2->groups[group].inode_bitmap);
}

/* Where a piece of the map ends that holds bit @from. */
static uint32_t piece_end(const struct change *c, uint32_t from)
{
	uint32_t ipg = c->e2->geom.inodes_per_group;

	/* The checksum is over all of it. */
	if (c->e2->geom.has_csum)
		return ipg;
	return DXF_MIN(ipg, dxf_align_down(from, PIECE) + PIECE);
}

/* Load the piece of the map that holds bit @at. */
static int load_piece(struct change *c, uint32_t at)
{
	struct dxf_ext2 *e2 = c->e2;
	uint32_t w;

	c->from = e2->geom.has_csum ? 0 : dxf_align_down(at, 64);
	c->to = piece_end(c, at);
	w = c->from / 64;
	return dxf_ext2_read(e2, 0, map_off(e2, c->group) +
			     w * sizeof(*c->map), c->map + w,
			     (DXF_BITS_WORDS(c->to) - w) * sizeof(*c->map));
}

static int load_map(struct change *c, uint32_t at)
{
	struct dxf_ext2 *e2 = c->e2;
	uint32_t ipg = e2->geom.inodes_per_group;

	c->map = dxf_acc_map(e2);
	if ((c->ga->flags & EXT2_BG_INODE_UNINIT) == 0)
		return load_piece(c, at);
	memset(c->map, 0, e2->geom.block_size);
	dxf_bitmap_pad(e2, ipg, c->map);
	c->from = 0;
	c->to = ipg;
	return 0;
}

/* With the map around bit @at. */
static int load(struct change *c, uint32_t at)
{
	struct dxf_ext2 *e2 = c->e2;
	int ret;

	ret = dxf_bitmap_use_inodes(e2, c->group);
	if (ret == 0)
		ret = dxf_acc_group(e2, c->t, c->group, &c->ga);
	if (ret == 0)
		ret = dxf_desc_read(e2, c->group, &c->desc);
	return ret == 0 ? load_map(c, at) : ret;
}

/* Stage the word with the bit; the whole map of a group used first. */
static int store_map(struct change *c)
{
	const struct dxf_ext2 *e2 = c->e2;
	uint32_t w = c->index / 64;

	if ((c->ga->flags & EXT2_BG_INODE_UNINIT) != 0)
		return dxf_txn_store(c->t, map_off(e2, c->group), c->map,
				     e2->geom.block_size);
	return dxf_txn_store(c->t,
			     map_off(e2, c->group) + w * sizeof(*c->map),
			     c->map + w, sizeof(*c->map));
}

/* The slot comes into use: it belongs to the initialised part of the table. */
static void raise_watermark(struct change *c)
{
	uint32_t ipg = c->e2->geom.inodes_per_group;
	uint32_t unused = c->ga->itable_unused;

	if (!c->e2->has_gdt_csum)
		return;
	if ((c->ga->flags & EXT2_BG_INODE_UNINIT) != 0)
		unused = ipg;
	c->ga->itable_unused = DXF_MIN(unused, ipg - c->index - 1);
	c->ga->flags &= (uint16_t)~EXT2_BG_INODE_UNINIT;
}

static int store_desc(struct change *c)
{
	const struct dxf_ext2 *e2 = c->e2;
	uint32_t ipg = e2->geom.inodes_per_group;

	dxf_desc_set_free_inodes(e2, &c->desc, c->ga->free_inodes);
	dxf_desc_set_used_dirs(e2, &c->desc, c->ga->used_dirs);
	if (e2->has_gdt_csum) {
		dxf_desc_set_itable_unused(e2, &c->desc, c->ga->itable_unused);
		c->desc.d.bg_flags = c->ga->flags;
	}
	if (e2->geom.has_csum)
		dxf_desc_set_inode_csum(e2, &c->desc,
					dxf_bitmap_csum(e2, c->map, ipg));
	return dxf_desc_store(c->e2, c->t, &c->desc);
}

/*
 * Is the slot in a bad block?  Leaving it out is possible where it was
 * initialised before: behind that all slots up to one in use count as such.
 */
static bool is_bad_slot(const struct change *c, uint32_t i, bool *may_skip)
{
	const struct dxf_ext2 *e2 = c->e2;
	uint32_t ipg = e2->geom.inodes_per_group;
	dxf_off_t start, end;

	if (!dxf_region_find_bad(e2->region,
				 dxf_inode_slot_off(e2, c->group * ipg + i + 1),
				 e2->geom.inode_size, &start, &end))
		return false;
	*may_skip = !e2->has_gdt_csum ||
		    (c->ga->flags & EXT2_BG_INODE_ZEROED) != 0 ||
		    ((c->ga->flags & EXT2_BG_INODE_UNINIT) == 0 &&
		     i < ipg - DXF_MIN(ipg, c->ga->itable_unused));
	return true;
}

/* The first zero bit from @i on, inodes_per_group if there is none, or -EIO. */
static int next_zero(struct change *c, uint32_t *i)
{
	uint32_t ipg = c->e2->geom.inodes_per_group;
	int ret;

	assert(*i >= c->from && *i <= c->to);
	for (;;) {
		*i = dxf_bits_next_zero(c->map, *i, c->to);
		if (*i < c->to || c->to == ipg)
			return 0;
		ret = load_piece(c, *i);
		if (ret < 0)
			return ret;
	}
}

/*
 * The first free inode of the group, from @i on, that the transaction did not
 * free itself and whose slot is not known to be bad: *@i, or inodes_per_group
 * if there is none.
 */
static int first_free(struct change *c, uint32_t *i)
{
	const struct dxf_geom *g = &c->e2->geom;
	dxf_ino_t base = c->group * g->inodes_per_group + 1;
	bool may_skip = true, skipped = false;
	int ret;

	for (; may_skip; ++*i, skipped = true) {
		ret = next_zero(c, i);
		if (ret < 0 || *i >= g->inodes_per_group)
			return ret;
		/* free again, if the transaction aborts: not above it */
		if (!skipped)
			c->e2->groups[c->group].ihint = *i;
		if (!dxf_acc_inode_freed(c->e2, base + *i) &&
		    !is_bad_slot(c, *i, &may_skip))
			return 0;
	}
	*i = g->inodes_per_group;
	return 0;
}

static int take(struct change *c, bool is_dir)
{
	int ret;

	dxf_bits_set(c->map, c->index, c->index + 1);
	ret = store_map(c);
	if (ret < 0)
		return ret;
	raise_watermark(c);
	c->ga->free_inodes--;
	if (is_dir)
		c->ga->used_dirs++;
	return store_desc(c);
}

/*
 * Find a free inode in the group, nothing staged yet.
 * Returns: 0; -ENOSPC none here, or the bitmap is damaged: the next group may
 * have one; -EIO the bitmap cannot be read: the same; -ENOMEM.
 */
static int find(struct change *c)
{
	const struct dxf_geom *g = &c->e2->geom;
	int ret;

	if (dxf_acc_view(c->e2, c->t, c->group).free_inodes == 0)
		return -ENOSPC;
	c->index = c->e2->groups[c->group].ihint;
	if (c->group == 0)
		c->index = DXF_MAX(c->index, g->first_ino - 1);
	assert(c->index < g->inodes_per_group);
	ret = load(c, c->index);
	if (ret == 0)
		ret = first_free(c, &c->index);
	if (ret < 0)
		return ret == -EUCLEAN ? -ENOSPC : ret;
	return c->index < g->inodes_per_group ? 0 : -ENOSPC;
}

static uint32_t next_generation(struct dxf_ext2 *e2)
{
	uint32_t gen;

	/* 0 stands for "any" in file handles. */
	do {
		gen = (uint32_t)dxf_hash_u64(e2->generations++);
	} while (gen == 0);
	return gen;
}

int dxf_ialloc_new(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t parent,
		   mode_t mode, dxf_ino_t *ino, uint32_t *generation)
{
	struct change c = { .e2 = e2, .t = t };
	bool is_dir = S_ISDIR(mode), unreadable = false;
	int ret = -ENOSPC;

	assert(parent >= 1 && parent <= e2->geom.ninodes);
	c.group = dxf_orlov_group(e2, parent, is_dir);
	for (uint32_t i = 0; i < e2->geom.ngroups; i++) {
		ret = find(&c);
		/* An unreadable bitmap does not spoil the other groups. */
		if (ret != -ENOSPC && ret != -EIO)
			break;
		unreadable = unreadable || ret == -EIO;
		c.group = c.group + 1 < e2->geom.ngroups ? c.group + 1 : 0;
	}
	if (ret == 0)
		ret = take(&c, is_dir);
	else if (ret == -ENOSPC && unreadable)
		ret = -EIO;
	if (ret < 0)
		return ret;
	*ino = c.group * e2->geom.inodes_per_group + c.index + 1;
	dxf_txn_note_used(t, INODE_NUMBERS + *ino, 1);
	*generation = next_generation(e2);
	return 0;
}

static int release(struct change *c, bool is_dir)
{
	struct dxf_group *g = &c->e2->groups[c->group];
	int ret;

	g->ihint = DXF_MIN(g->ihint, c->index);
	dxf_bits_clear(c->map, c->index, c->index + 1);
	ret = store_map(c);
	if (ret < 0)
		return ret;
	c->ga->free_inodes++;
	if (is_dir)
		c->ga->used_dirs--;
	return store_desc(c);
}

int dxf_ialloc_free(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		    mode_t mode)
{
	struct change c = { .e2 = e2, .t = t };
	bool is_dir = S_ISDIR(mode);
	int ret;

	assert(ino >= e2->geom.first_ino && ino <= e2->geom.ninodes);
	c.group = dxf_group_of_ino(e2, ino);
	c.index = (ino - 1) % e2->geom.inodes_per_group;
	ret = dxf_acc_reserve(e2, t, 1);
	if (ret == 0)
		ret = load(&c, c.index);
	if (ret < 0)
		return ret;
	if ((c.ga->flags & EXT2_BG_INODE_UNINIT) != 0 ||
	    !dxf_bits_test(c.map, c.index))
		return dxf_ext2_corrupt(e2, ino, 0,
			"an inode that is to be freed is free already");
	if (c.ga->free_inodes >= e2->geom.inodes_per_group ||
	    (is_dir && c.ga->used_dirs == 0))
		return dxf_ext2_corrupt(e2, ino, e2->groups[c.group].inode_bitmap,
			"the inodes of group %u are miscounted", c.group);
	ret = release(&c, is_dir);
	if (ret == 0)
		dxf_acc_event(e2, DXF_EV_INODE_FREED, ino, 1);
	dxf_txn_note_freed(t, INODE_NUMBERS + ino, 1);
	return ret;
}

int dxf_ialloc_in_use_near(struct dxf_ext2 *e2, dxf_ino_t ino,
			   struct dxf_inuse *near)
{
	const struct dxf_txn *t = dxf_txn_current(e2->txnmgr);
	uint32_t group, index, ipg = e2->geom.inodes_per_group;
	int ret;

	if (ino < 1 || ino > e2->geom.ninodes)
		return -EINVAL;
	/* what was in use is so still; others may have come */
	if (ino - near->first < near->n && near->bits >> (ino - near->first) & 1)
		return 1;
	group = dxf_group_of_ino(e2, ino);
	index = (ino - 1) % ipg;
	if ((dxf_acc_view(e2, t, group).flags & EXT2_BG_INODE_UNINIT) != 0)
		return 0;
	near->n = 0;
	ret = dxf_ext2_read(e2, ino, map_off(e2, group) +
			    index / 64 * sizeof(near->bits), &near->bits,
			    sizeof(near->bits));
	if (ret < 0)
		return ret;
	near->first = ino - index % 64;
	near->n = DXF_MIN(64, ipg - index / 64 * 64);
	return near->bits >> index % 64 & 1;
}

int dxf_ialloc_in_use(struct dxf_ext2 *e2, dxf_ino_t ino)
{
	struct dxf_inuse near = { 0 };

	return dxf_ialloc_in_use_near(e2, ino, &near);
}
