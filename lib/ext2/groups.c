// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * groups.c - the descriptors at open: read, checked, kept in short.
 *
 * Owns the filling of e2->groups.  A descriptor whose addresses are outside
 * the filesystem stops the opening; a wrong checksum or an impossible count
 * stops it unless the mount is read-only, where it is logged and the count
 * taken as what it can be at most.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "groups.h"
#include "log.h"
#include "node.h"
#include "open.h"
#include "super.h"

static int damaged(struct dxf_ext2 *e2, uint32_t group, const char *what,
		   struct dxf_err *err)
{
	return dxf_err_set(err, EUCLEAN,
		"the descriptor of block group %u is damaged (%s); run `e2fsck -f %s` first",
		group, what, dxf_super_path(e2));
}

static bool in_fs(const struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n)
{
	return blk > e2->geom.first_block && blk < e2->geom.nblocks &&
		n <= e2->geom.nblocks - blk;
}

/* NULL, or what is wrong with the counts and the checksum. */
static const char *check_desc(const struct dxf_ext2 *e2,
			      const struct dxf_desc *d)
{
	uint32_t ipg = e2->geom.inodes_per_group;
	uint32_t free_inodes = dxf_desc_free_inodes(e2, d);

	if (e2->has_gdt_csum &&
	    !dxf_csum_fits(d->d.bg_checksum, dxf_desc_csum(e2, d)))
		return "wrong checksum";
	if (dxf_desc_free_blocks(e2, d) > dxf_group_nblocks(e2, d->group))
		return "too many free blocks";
	if (free_inodes > ipg)
		return "too many free inodes";
	if (dxf_desc_used_dirs(e2, d) > ipg - free_inodes)
		return "too many directories";
	if (dxf_desc_itable_unused(e2, d) > free_inodes)
		return "too many unused inodes";
	return NULL;
}

static void fill_group(struct dxf_ext2 *e2, const struct dxf_desc *d)
{
	struct dxf_group *g = &e2->groups[d->group];
	uint32_t ipg = e2->geom.inodes_per_group;

	g->block_bitmap = dxf_desc_block_bitmap(e2, d);
	g->inode_bitmap = dxf_desc_inode_bitmap(e2, d);
	g->inode_table = dxf_desc_inode_table(e2, d);
	g->free_blocks = DXF_MIN(dxf_desc_free_blocks(e2, d),
				 dxf_group_nblocks(e2, d->group));
	g->free_inodes = DXF_MIN(dxf_desc_free_inodes(e2, d), ipg);
	g->used_dirs = DXF_MIN(dxf_desc_used_dirs(e2, d), ipg);
	g->itable_unused = DXF_MIN(dxf_desc_itable_unused(e2, d), ipg);
	g->flags = dxf_desc_flags(e2, d);
	g->longest = UINT32_MAX;
	e2->free_blocks += g->free_blocks;
	e2->free_inodes += g->free_inodes;
	e2->used_dirs += g->used_dirs;
}

static int load_group(struct dxf_ext2 *e2, uint32_t group, struct dxf_err *err)
{
	struct dxf_desc d;
	const char *what;
	int ret;

	ret = dxf_desc_read(e2, group, &d);
	if (ret < 0)
		return dxf_err_set(err, -ret,
			"the descriptor of block group %u cannot be read: %s",
			group, strerror(-ret));
	if (!in_fs(e2, dxf_desc_block_bitmap(e2, &d), 1))
		return damaged(e2, group, "block bitmap outside", err);
	if (!in_fs(e2, dxf_desc_inode_bitmap(e2, &d), 1))
		return damaged(e2, group, "inode bitmap outside", err);
	if (!in_fs(e2, dxf_desc_inode_table(e2, &d), e2->itable_blocks))
		return damaged(e2, group, "inode table outside", err);
	what = check_desc(e2, &d);
	if (what != NULL && !e2->opts.ro)
		return damaged(e2, group, what, err);
	if (what != NULL)
		dxf_log_warn("the descriptor of block group %u is damaged (%s)",
			     group, what);
	fill_group(e2, &d);
	return 0;
}

static int find_desc_blocks(struct dxf_ext2 *e2, struct dxf_err *err)
{
	const struct dxf_geom *g = &e2->geom;
	uint32_t per_block = g->block_size / e2->desc_size;

	e2->ndesc_blocks = (g->ngroups + per_block - 1) / per_block;
	e2->desc_loc = dxf_calloc(e2->ndesc_blocks, sizeof(*e2->desc_loc));
	e2->groups = dxf_calloc(g->ngroups, sizeof(*e2->groups));
	if (e2->desc_loc == NULL || e2->groups == NULL)
		return dxf_err_set(err, ENOMEM,
				   "no memory for %u block groups", g->ngroups);
	for (uint32_t i = 0; i < e2->ndesc_blocks; i++) {
		e2->desc_loc[i] = ext2fs_descriptor_block_loc2(e2->fs,
							g->first_block, i);
		if (!in_fs(e2, e2->desc_loc[i], 1))
			return damaged(e2, i * per_block,
				       "descriptor outside", err);
	}
	return 0;
}

int dxf_groups_load(struct dxf_ext2 *e2, struct dxf_err *err)
{
	const struct dxf_geom *g = &e2->geom;
	int ret;

	assert(e2->groups == NULL && e2->free_blocks == 0);
	e2->itable_blocks = (uint32_t)(((uint64_t)g->inodes_per_group *
		g->inode_size + g->block_size - 1) >> g->block_bits);
	ret = find_desc_blocks(e2, err);
	for (uint32_t i = 0; i < g->ngroups && ret == 0; i++)
		ret = load_group(e2, i, err);
	return ret;
}

dxf_off_t dxf_inode_slot_off(const struct dxf_ext2 *e2, dxf_ino_t ino)
{
	uint32_t group = dxf_group_of_ino(e2, ino);
	uint32_t index = (ino - 1) % e2->geom.inodes_per_group;

	assert(ino >= 1 && ino <= e2->geom.ninodes);
	return dxf_blk_off(&e2->geom, e2->groups[group].inode_table) +
		(dxf_off_t)index * e2->geom.inode_size;
}

void dxf_ext2_counts(struct dxf_ext2 *e2, struct dxf_ext2_counts *out)
{
	DXF_SCOPED_MUTEX(&e2->alloc_lock);
	out->free_blocks = e2->free_blocks;
	out->free_inodes = e2->free_inodes;
}
