/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bmap_priv.h - what the two kinds of block map share with bmap.c.
 *
 * The kinds (ind*.c, extent*.c) know the layout of their map; bmap.c knows the
 * run cache, the validation of runs and of map blocks, and the accounting.
 */
#ifndef DXF_BMAP_PRIV_H
#define DXF_BMAP_PRIV_H

#include "bmap.h"

/* One past the last logical block that an extent can map. */
#define DXF_EXTENT_END		((dxf_lblk_t)UINT32_MAX)

/*
 * Room that one more step of a long removal wants: for @n scattered bytes of
 * its own, for up to four map blocks (whole lines, so an eighth of their bytes
 * as scattered words), and for what the caller stages after the call (the
 * inode's slot, the orphan list).
 */
#define DXF_MAP_STEP_ROOM(e2, n) \
	((size_t)dxf_ext2_geom(e2)->block_size + 1024 + (n))

/* A change of a file's map. */
struct dxf_map_op {
	struct dxf_node *n;
	struct dxf_dinode *di;
	struct dxf_txn *t;
	dxf_blk_t goal;			/* for map blocks */
	unsigned int balloc_flags;
};

/* ---- bmap.c: for both kinds ---- */

/*
 * Check the number of a map block before it is read.
 * Returns: 0; -EUCLEAN (reported) it cannot be one.
 */
int dxf_map_check(const struct dxf_node *n, dxf_blk_t blk);
/* Allocate and publish a map block; it is counted in di->sectors. */
int dxf_map_alloc(struct dxf_map_op *op, dxf_blk_t *blk);
/* Free blocks of the file, map or data, and count them. */
int dxf_map_free(struct dxf_map_op *op, dxf_blk_t blk, uint64_t nblk);
/* Count @nblk more blocks of the file. */
void dxf_map_count(struct dxf_map_op *op, uint64_t nblk);

/* ---- the kinds: as the function of the same name in bmap.h ---- */

/* The run may start before @lblk; it is not yet checked. */
int dxf_ind_lookup(struct dxf_node *n, const struct dxf_dinode *di,
		   dxf_lblk_t lblk, uint64_t max, struct dxf_run *run);
int dxf_ind_insert(struct dxf_map_op *op, dxf_lblk_t lblk, dxf_blk_t pblk,
		   uint32_t nblk);
int dxf_ind_replace(struct dxf_map_op *op, dxf_lblk_t lblk, dxf_blk_t pblk);
int dxf_ind_remove(struct dxf_map_op *op, dxf_lblk_t start, dxf_lblk_t end,
		   dxf_lblk_t *done_from);
/* Blocks that the map can reach. */
dxf_lblk_t dxf_ind_reach(const struct dxf_geom *g);

int dxf_extent_lookup(struct dxf_node *n, const struct dxf_dinode *di,
		      dxf_lblk_t lblk, struct dxf_run *run);
int dxf_extent_insert(struct dxf_map_op *op, const struct dxf_run *run);
int dxf_extent_convert(struct dxf_map_op *op, dxf_lblk_t lblk, uint32_t nblk);
int dxf_extent_replace(struct dxf_map_op *op, dxf_lblk_t lblk, dxf_blk_t pblk);
int dxf_extent_remove(struct dxf_map_op *op, dxf_lblk_t start, dxf_lblk_t end,
		      dxf_lblk_t *done_from);
int dxf_extent_is_loose(struct dxf_node *n, const struct dxf_dinode *di);
int dxf_extent_tidy(struct dxf_map_op *op, uint64_t *pos);

#endif
