// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bitmap.c - bitmaps as they are on media: loading, building those of
 * uninitialised groups, checking them at first use.
 *
 * Must not know of reservations.  A bitmap is checked before anything here
 * changes it, so a thread without the transaction never compares a bitmap that
 * another thread is committing with its checksum.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "groups.h"

void dxf_bitmap_pad(const struct dxf_ext2 *e2, uint32_t nbits, uint64_t *map)
{
	dxf_bits_set(map, nbits, 8 * e2->geom.block_size);
}

uint32_t dxf_bitmap_csum(const struct dxf_ext2 *e2, const uint64_t *map,
			 uint32_t nbits)
{
	assert(nbits % 8 == 0 && nbits <= 8 * e2->geom.block_size);
	return dxf_crc32c(e2->csum_seed, map, nbits / 8);
}

static int load_words(struct dxf_ext2 *e2, dxf_blk_t blk, uint64_t *map,
		      uint32_t from, uint32_t to)
{
	uint32_t w = from / 64;

	assert(from < to && to <= 8 * e2->geom.block_size);
	return dxf_ext2_read(e2, 0,
			     dxf_blk_off(&e2->geom, blk) + w * sizeof(*map),
			     map + w, (DXF_BITS_WORDS(to) - w) * sizeof(*map));
}

int dxf_bitmap_load(struct dxf_ext2 *e2, uint32_t group, bool uninit,
		    uint64_t *map, uint32_t from, uint32_t to)
{
	if (!uninit)
		return load_words(e2, e2->groups[group].block_bitmap, map,
				  from, to);
	memset(map, 0, e2->geom.block_size);
	dxf_fixed_mark(e2, group, map);
	dxf_bitmap_pad(e2, dxf_group_nblocks(e2, group), map);
	return 0;
}

/* NULL, or what is wrong with the block bitmap in @map. */
static const char *check_blocks(struct dxf_ext2 *e2, const struct dxf_desc *d,
				const uint64_t *map)
{
	uint32_t crc;

	if (e2->geom.has_csum) {
		crc = dxf_bitmap_csum(e2, map, e2->geom.blocks_per_group);
		if (!dxf_desc_block_csum_ok(e2, d, crc))
			return "its checksum is wrong";
	}
	if (!dxf_fixed_marked(e2, d->group, map))
		return "it calls metadata free";
	return NULL;
}

/* The verdict of an earlier check: 1 go and check, 0 good, -EUCLEAN. */
static int known(const struct dxf_group *g, unsigned int ok, unsigned int bad)
{
	uint8_t checked = dxf_group_checked(g);

	if ((checked & bad) != 0)
		return -EUCLEAN;
	return (checked & ok) != 0 ? 0 : 1;
}

static void set_checked(struct dxf_group *g, uint8_t what)
{
	__atomic_store_n(&g->checked, g->checked | what, __ATOMIC_RELEASE);
}

int dxf_bitmap_check_blocks(struct dxf_ext2 *e2, uint32_t group, uint64_t *map)
{
	struct dxf_group *g = &e2->groups[group];
	const char *what;
	struct dxf_desc d;
	int ret = known(g, DXF_BG_BLOCKS_OK, DXF_BG_BLOCKS_BAD);

	dxf_mutex_assert_held(&e2->alloc_lock);
	if (ret <= 0)
		return ret;
	if ((g->flags & EXT2_BG_BLOCK_UNINIT) == 0) {
		ret = load_words(e2, g->block_bitmap, map, 0,
				 8 * e2->geom.block_size);
		if (ret == 0)
			ret = dxf_desc_read(e2, group, &d);
		if (ret < 0)
			return ret;
		what = check_blocks(e2, &d, map);
		if (what != NULL) {
			set_checked(g, DXF_BG_BLOCKS_BAD);
			return dxf_ext2_corrupt(e2, 0, g->block_bitmap,
				"the block bitmap of group %u is damaged: %s",
				group, what);
		}
	}
	set_checked(g, DXF_BG_BLOCKS_OK);
	return 0;
}

int dxf_bitmap_check_inodes(struct dxf_ext2 *e2, uint32_t group, uint64_t *map)
{
	struct dxf_group *g = &e2->groups[group];
	uint32_t ipg = e2->geom.inodes_per_group;
	struct dxf_desc d;
	int ret = known(g, DXF_BG_INODES_OK, DXF_BG_INODES_BAD);

	dxf_mutex_assert_held(&e2->alloc_lock);
	if (ret <= 0)
		return ret;
	if (e2->geom.has_csum && (g->flags & EXT2_BG_INODE_UNINIT) == 0) {
		ret = load_words(e2, g->inode_bitmap, map, 0, ipg);
		if (ret == 0)
			ret = dxf_desc_read(e2, group, &d);
		if (ret < 0)
			return ret;
		if (!dxf_desc_inode_csum_ok(e2, &d,
					    dxf_bitmap_csum(e2, map, ipg))) {
			set_checked(g, DXF_BG_INODES_BAD);
			return dxf_ext2_corrupt(e2, 0, g->inode_bitmap,
				"the checksum of the inode bitmap of group %u is wrong",
				group);
		}
	}
	set_checked(g, DXF_BG_INODES_OK);
	return 0;
}

int dxf_bitmap_use_blocks(struct dxf_ext2 *e2, uint32_t group)
{
	if (dxf_group_checked(&e2->groups[group]) & DXF_BG_BLOCKS_OK)
		return 0;
	DXF_SCOPED_MUTEX(&e2->alloc_lock);
	return dxf_bitmap_check_blocks(e2, group, e2->scratch);
}

int dxf_bitmap_use_inodes(struct dxf_ext2 *e2, uint32_t group)
{
	if (dxf_group_checked(&e2->groups[group]) & DXF_BG_INODES_OK)
		return 0;
	DXF_SCOPED_MUTEX(&e2->alloc_lock);
	return dxf_bitmap_check_inodes(e2, group, e2->scratch);
}

uint64_t *dxf_map_get(struct dxf_ext2 *e2)
{
	dxf_mutex_assert_held(&e2->alloc_lock);
	if (e2->nspare > 0)
		return e2->spare_map[--e2->nspare];
	return dxf_calloc(1, e2->geom.block_size);
}

void dxf_map_put(struct dxf_ext2 *e2, uint64_t *map)
{
	dxf_mutex_assert_held(&e2->alloc_lock);
	assert(dxf_bits_next_set(map, 0, 8 * e2->geom.block_size) ==
	       8 * e2->geom.block_size);
	if (e2->nspare < DXF_SPARE_MAPS)
		e2->spare_map[e2->nspare++] = map;
	else
		free(map);
}
