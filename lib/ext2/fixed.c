// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fixed.c - the blocks whose use the format fixes: superblocks, descriptors,
 * bitmaps, inode tables.
 *
 * Owns e2->fixed, built once at open.  Invariant: sorted, disjoint, not
 * adjacent, inside the filesystem - with flex_bg one stretch serves a whole
 * flex group, without it about one a group.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "groups.h"
#include "log.h"
#include "logfile_priv.h"
#include "open.h"
#include "super.h"

/* Per group: head, two bitmaps, inode table. */
#define MAX_PER_GROUP	4

static void add(struct dxf_ext2 *e2, dxf_blk_t start, uint64_t n)
{
	if (n == 0)
		return;
	e2->fixed[e2->nfixed++] = (struct dxf_fixed){ start, start + n };
}

static void add_group(struct dxf_ext2 *e2, uint32_t group)
{
	const struct dxf_group *g = &e2->groups[group];
	dxf_blk_t first = dxf_group_first(e2, group);
	blk_t head;

	/* The copies of superblock and descriptors start the group. */
	ext2fs_super_and_bgd_loc2(e2->fs, group, NULL, NULL, NULL, &head);
	add(e2, first, DXF_MIN((uint64_t)head, e2->geom.nblocks - first));
	add(e2, g->block_bitmap, 1);
	add(e2, g->inode_bitmap, 1);
	add(e2, g->inode_table, e2->itable_blocks);
}

static int by_start(const void *a, const void *b)
{
	const struct dxf_fixed *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * Merge neighbours.  Returns: 0; the block where two overlap.
 */
static dxf_blk_t merge(struct dxf_ext2 *e2)
{
	struct dxf_fixed *f = e2->fixed;
	dxf_blk_t overlap = 0;
	size_t n = 0;

	for (size_t i = 1; i < e2->nfixed; i++) {
		if (f[i].start < f[n].end && overlap == 0)
			overlap = f[i].start;
		if (f[i].start <= f[n].end)
			f[n].end = DXF_MAX(f[n].end, f[i].end);
		else
			f[++n] = f[i];
	}
	e2->nfixed = n + 1;
	return overlap;
}

int dxf_fixed_build(struct dxf_ext2 *e2, struct dxf_err *err)
{
	struct dxf_fixed *small;
	dxf_blk_t overlap;

	e2->fixed = dxf_malloc((size_t)e2->geom.ngroups * MAX_PER_GROUP *
			       sizeof(*e2->fixed));
	if (e2->fixed == NULL)
		return dxf_err_set(err, ENOMEM, "no memory for %u groups",
				   e2->geom.ngroups);
	for (uint32_t i = 0; i < e2->geom.ngroups; i++)
		add_group(e2, i);
	assert(e2->nfixed <= (size_t)e2->geom.ngroups * MAX_PER_GROUP);
	qsort(e2->fixed, e2->nfixed, sizeof(*e2->fixed), by_start);
	overlap = merge(e2);
	small = dxf_realloc(e2->fixed, e2->nfixed * sizeof(*e2->fixed));
	if (small != NULL)
		e2->fixed = small;
	if (overlap == 0)
		return 0;
	if (e2->opts.ro) {
		dxf_log_warn("the metadata of two groups overlaps at block %llu",
			     (unsigned long long)overlap);
		return 0;
	}
	return dxf_err_set(err, EUCLEAN,
		"the descriptors are damaged: metadata overlaps at block %llu; run `e2fsck -f %s` first",
		(unsigned long long)overlap,
		dxf_super_path(e2));
}

int dxf_fixed_add(struct dxf_ext2 *e2, dxf_blk_t blk, uint64_t nblk)
{
	struct dxf_fixed *f = dxf_realloc(e2->fixed, (e2->nfixed + 1) *
					  sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	e2->fixed = f;
	add(e2, blk, nblk);
	qsort(f, e2->nfixed, sizeof(*f), by_start);
	return merge(e2) == 0 ? 0 : -EUCLEAN;
}

/* The first fixed stretch that ends behind @blk, or nfixed. */
static size_t find(const struct dxf_ext2 *e2, dxf_blk_t blk)
{
	size_t lo = 0, hi = e2->nfixed;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e2->fixed[mid].end <= blk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool dxf_ext2_is_fixed_block(const struct dxf_ext2 *e2, dxf_blk_t blk,
			     uint64_t nblk)
{
	const struct dxf_geom *g = &e2->geom;
	size_t i;

	if (blk < g->first_block || blk >= g->nblocks ||
	    nblk > g->nblocks - blk)
		return true;
	i = find(e2, blk);
	return i < e2->nfixed && e2->fixed[i].start < blk + nblk;
}

uint64_t dxf_ext2_overhead(const struct dxf_ext2 *e2)
{
	uint64_t n = e2->geom.first_block;

	for (size_t i = 0; i < e2->nfixed; i++)
		n += e2->fixed[i].end - e2->fixed[i].start;
	return n;
}

/* The part of fixed stretch @i in @group, as bits.  Returns: false behind it. */
static bool clip(const struct dxf_ext2 *e2, uint32_t group, size_t i,
		 uint32_t *from, uint32_t *to)
{
	dxf_blk_t first = dxf_group_first(e2, group);
	dxf_blk_t end = first + dxf_group_nblocks(e2, group);
	const struct dxf_fixed *f = &e2->fixed[i];

	if (i >= e2->nfixed || f->start >= end)
		return false;
	assert(f->end > first);
	*from = (uint32_t)(DXF_MAX(f->start, first) - first);
	*to = (uint32_t)(DXF_MIN(f->end, end) - first);
	return true;
}

void dxf_fixed_mark(const struct dxf_ext2 *e2, uint32_t group, uint64_t *map)
{
	uint32_t from, to;

	for (size_t i = find(e2, dxf_group_first(e2, group));
	     clip(e2, group, i, &from, &to); i++)
		dxf_bits_set(map, from, to);
}

bool dxf_fixed_marked(const struct dxf_ext2 *e2, uint32_t group,
		      const uint64_t *map)
{
	uint32_t from, to;

	for (size_t i = find(e2, dxf_group_first(e2, group));
	     clip(e2, group, i, &from, &to); i++)
		if (dxf_bits_next_zero(map, from, to) < to)
			return false;
	return true;
}
