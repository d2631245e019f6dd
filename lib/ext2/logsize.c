// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * logsize.c - how large the log is, and why that is enough.
 *
 * Owns the bound on the transactions that cannot be cut (FORMAT.md, "Bounds",
 * is the same in words); must not know what a log looks like.
 */
#include <assert.h>
#include <errno.h>

#include "logfile_priv.h"

#define SHARE		64		/* of the filesystem: one in 64 */
#define DEFAULT_MAX	(512 * DXF_KIB)
#define LIMIT		(4 * DXF_MIB)

#define HEAD		(4 * DXF_KIB)	/* what is before the slot's records */

/* Records of a block of which every word changes: old and new, and heads. */
#define WHOLE(bytes)	((bytes) / 8 * 17)

/*
 * An index block that becomes linear is 88 bytes of records.  Half of its
 * entries are in use at least, so that the filesystem's size bounds the number
 * of them, as the root does: with large_dir, where a third level is possible,
 * only the former.
 */
static uint64_t htree_records(const struct dxf_geom *g)
{
	uint64_t limit = g->block_size / 8;
	uint64_t n = 2 + g->nblocks / (limit / 2);

	if (!g->has_csum)
		return 0;
	return 88 * (g->has_large_dir ? n : DXF_MIN(n, limit));
}

/*
 * An exchange of two indexed directories, between two that are indexed as well
 * and one of which grows, is the worst: four become linear (the ".." of the two
 * changes); two groups get their bitmaps; an attribute block and the nodes of
 * an extent tree change wholly; inodes, descriptors, entries: 8 KiB.
 */
static uint64_t largest_transaction(const struct dxf_geom *g)
{
	return 4 * htree_records(g) + (2 * 2 + 1) * WHOLE(g->block_size) +
		8 * DXF_KIB;
}

static uint64_t max_size(const struct dxf_geom *g)
{
	return DXF_MIN(LIMIT, dxf_log_max_blocks(g->block_size) *
			      g->block_size);
}

uint64_t dxf_log_min_size(const struct dxf_geom *g)
{
	uint64_t size = dxf_align_up(HEAD + largest_transaction(g),
				     g->block_size);

	size = DXF_MAX(size, (uint64_t)DXF_TXLOG_MIN);
	/* Below only with large_dir and a directory of many GiB. */
	return DXF_MIN(size, dxf_align_down(max_size(g), g->block_size));
}

static uint64_t default_size(const struct dxf_geom *g)
{
	uint64_t size = g->nblocks * g->block_size / SHARE;

	size = DXF_MIN(size, DEFAULT_MAX);
	size = DXF_MAX(size, dxf_log_min_size(g));
	return dxf_align_down(DXF_MIN(size, max_size(g)), g->block_size);
}

int dxf_log_check_size(const struct dxf_geom *g, const char *path,
		       uint64_t *size, struct dxf_err *err)
{
	uint64_t min = dxf_log_min_size(g), max = max_size(g);

	assert(min <= max);
	if (*size == 0)
		*size = default_size(g);
	else if (*size < min || *size > max)
		return dxf_err_set(err, EINVAL,
			"%s: log=%llu is out of bounds: %llu to %llu KiB here",
			path, (unsigned long long)*size,
			(unsigned long long)(min / DXF_KIB),
			(unsigned long long)(max / DXF_KIB));
	*size = dxf_align_up(*size, g->block_size);
	assert(*size >= min && *size % g->block_size == 0);
	return 0;
}
