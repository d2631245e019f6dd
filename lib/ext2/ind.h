/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ind.h - the shape of an indirect map, for the files ind*.c.
 *
 * i_block[0..11] map data, [12], [13] and [14] are the roots of trees one, two
 * and three map blocks high.  A map block holds block_size / 4 pointers, little
 * endian; zero is a hole of all that the pointer would reach.
 */
#ifndef DXF_IND_H
#define DXF_IND_H

#include "bmap_priv.h"

#define DXF_IND_MAX_DEPTH	3
#define DXF_PTR			4u	/* bytes of a pointer */

/* The way to a logical block. */
struct dxf_ind_path {
	int depth;			/* map blocks on the way */
	uint32_t slot[DXF_IND_MAX_DEPTH + 1];	/* [0]: in i_block */
};

/* log2 of the pointers in a map block. */
static inline unsigned int dxf_ind_bits(const struct dxf_geom *g)
{
	return g->block_bits - 2;
}

/* The first logical block of the tree of @height map blocks (0: direct). */
dxf_lblk_t dxf_ind_base(const struct dxf_geom *g, int height);

/* Returns: false: @lblk is beyond the map's reach. */
bool dxf_ind_locate(const struct dxf_geom *g, dxf_lblk_t lblk,
		    struct dxf_ind_path *p);

/*
 * Copy @count pointers from slot @slot of map block @blk (0: the inode), as on
 * media.  Returns: 0, -EIO.
 */
int dxf_ind_read(const struct dxf_node *n, const struct dxf_dinode *di,
		 dxf_blk_t blk, uint32_t slot, uint32_t count, void *out);

#endif
