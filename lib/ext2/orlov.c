// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * orlov.c - in which group a new inode should be.
 *
 * Grigory Orlov's policy for the BSD FFS as ext2 has it: directories at the
 * top of the tree are spread, others stay near their parent unless its
 * surroundings are crowded; files are where their directory is.  Works on the
 * counters of the last commit and must not touch media.
 */
#include "orlov.h"

#include <assert.h>

#include "groups.h"

/* What an average group has. */
struct averages {
	uint64_t inodes;
	uint64_t blocks;
	uint64_t dirs;
};

static struct averages average(const struct dxf_ext2 *e2)
{
	uint64_t n = e2->geom.ngroups;

	assert(n > 0);
	return (struct averages){
		e2->free_inodes / n, e2->free_blocks / n, e2->used_dirs / n,
	};
}

static uint32_t nth(const struct dxf_ext2 *e2, uint32_t start, uint32_t i)
{
	return (uint32_t)(((uint64_t)start + i) % e2->geom.ngroups);
}

/* The least crowded with directories of those at least average else. */
static bool spread(struct dxf_ext2 *e2, uint32_t *out)
{
	struct averages avg = average(e2);
	uint32_t best_dirs = UINT32_MAX;
	uint32_t start = e2->next_dir_group;

	for (uint32_t i = 0; i < e2->geom.ngroups; i++) {
		uint32_t group = nth(e2, start, i);
		const struct dxf_group *g = &e2->groups[group];

		if (g->free_inodes == 0 || g->used_dirs >= best_dirs ||
		    g->free_inodes < avg.inodes || g->free_blocks < avg.blocks)
			continue;
		best_dirs = g->used_dirs;
		*out = group;
	}
	if (best_dirs == UINT32_MAX)
		return false;
	e2->next_dir_group = nth(e2, *out, 1);
	return true;
}

/* The first from the parent's on that is not crowded. */
static bool near(struct dxf_ext2 *e2, uint32_t parent_group, uint32_t *out)
{
	const struct dxf_geom *geom = &e2->geom;
	struct averages avg = average(e2);
	uint64_t max_dirs = avg.dirs + geom->inodes_per_group / 16;
	uint64_t slack_i = geom->inodes_per_group / 4;
	uint64_t slack_b = geom->blocks_per_group / 4;
	uint64_t min_inodes = avg.inodes > slack_i ? avg.inodes - slack_i : 1;
	uint64_t min_blocks = avg.blocks > slack_b ? avg.blocks - slack_b : 1;

	for (uint32_t i = 0; i < geom->ngroups; i++) {
		uint32_t group = nth(e2, parent_group, i);
		const struct dxf_group *g = &e2->groups[group];

		if (g->used_dirs < max_dirs && g->free_inodes >= min_inodes &&
		    g->free_blocks >= min_blocks) {
			*out = group;
			return true;
		}
	}
	return false;
}

static bool has_room(const struct dxf_ext2 *e2, uint32_t group)
{
	const struct dxf_group *g = &e2->groups[group];

	return g->free_inodes > 0 && g->free_blocks > 0;
}

/* The parent's group, then others at growing distance. */
static uint32_t file_group(const struct dxf_ext2 *e2, dxf_ino_t parent,
			   uint32_t parent_group)
{
	uint32_t group = parent_group;

	if (has_room(e2, group))
		return group;
	/* Directories of one group should not all overflow into the next. */
	group = nth(e2, group, parent % e2->geom.ngroups);
	for (uint32_t i = 1; i < e2->geom.ngroups; i *= 2) {
		group = nth(e2, group, i);
		if (has_room(e2, group))
			return group;
		if (i > UINT32_MAX / 2)
			break;
	}
	return parent_group;
}

uint32_t dxf_orlov_group(struct dxf_ext2 *e2, dxf_ino_t parent, bool is_dir)
{
	uint32_t group = dxf_group_of_ino(e2, parent);

	assert(group < e2->geom.ngroups);
	assert(dxf_txn_current(e2->txnmgr) != NULL);
	if (!is_dir)
		return file_group(e2, parent, group);
	if (parent == DXF_ROOT_INO && spread(e2, &group))
		return group;
	near(e2, group, &group);
	return group;
}
