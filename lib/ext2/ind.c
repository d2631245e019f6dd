// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ind.c - indirect maps: the shape of the tree, and lookup.
 *
 * Must not know of the run cache.  Pointers are read in small chunks and
 * validated as numbers; the depth of a walk is bounded by the block number
 * asked for, so a map that points into itself cannot hold anybody up.
 */
#include "ind.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "ext2_priv.h"
#include "le.h"

#define CHUNK		64	/* pointers read at once */
#define MAX_SEGMENTS	64	/* map blocks that one lookup goes through */

dxf_lblk_t dxf_ind_base(const struct dxf_geom *g, int height)
{
	dxf_lblk_t base = 0;

	for (int h = 1; h <= height; h++)
		base += h == 1 ? DXF_NDIRECT :
			(dxf_lblk_t)1 << (dxf_ind_bits(g) * (h - 1));
	return base;
}

dxf_lblk_t dxf_ind_reach(const struct dxf_geom *g)
{
	return dxf_ind_base(g, DXF_IND_MAX_DEPTH + 1);
}

bool dxf_ind_locate(const struct dxf_geom *g, dxf_lblk_t lblk,
		    struct dxf_ind_path *p)
{
	unsigned int bits = dxf_ind_bits(g);
	int h = 0;

	if (lblk >= dxf_ind_reach(g))
		return false;
	while (lblk >= dxf_ind_base(g, h + 1))
		h++;
	assert(h <= DXF_IND_MAX_DEPTH);
	p->depth = h;
	lblk -= dxf_ind_base(g, h);
	for (int l = h; l > 0; l--) {
		p->slot[l] = lblk & (((uint32_t)1 << bits) - 1);
		lblk >>= bits;
	}
	p->slot[0] = h == 0 ? (uint32_t)lblk : DXF_NDIRECT - 1 + (uint32_t)h;
	assert(p->slot[0] < DXF_NIBLOCKS);
	return true;
}

int dxf_ind_read(const struct dxf_node *n, const struct dxf_dinode *di,
		 dxf_blk_t blk, uint32_t slot, uint32_t count, void *out)
{
	const struct dxf_geom *g = dxf_ext2_geom(n->e2);

	if (blk == 0) {
		assert(slot + count <= DXF_NIBLOCKS);
		memcpy(out, di->block + slot * DXF_PTR, count * DXF_PTR);
		return 0;
	}
	assert((slot + count) * DXF_PTR <= g->block_size);
	return dxf_ext2_read(n->e2, n->ino,
			     dxf_blk_off(g, blk) + slot * DXF_PTR, out,
			     count * DXF_PTR);
}

/* A stretch of pointers in one map block. */
struct stretch {
	dxf_blk_t blk;			/* the map block, 0: the inode */
	uint32_t slot, end;
	uint64_t span;			/* blocks that one pointer reaches */
};

/*
 * Blocks, up to about @want, that lie together from the stretch's first
 * pointer on; run->pblk is that pointer.
 */
static int scan_stretch(const struct dxf_node *n, const struct dxf_dinode *di,
			const struct stretch *s, uint64_t want,
			struct dxf_run *run)
{
	uint8_t ptrs[CHUNK * DXF_PTR];
	uint32_t slot = s->slot;

	run->nblk = 0;
	while (slot < s->end && run->nblk < want) {
		uint32_t count = DXF_MIN(CHUNK - slot % CHUNK, s->end - slot);
		int err = dxf_ind_read(n, di, s->blk, slot, count, ptrs);

		if (err)
			return err;
		for (uint32_t i = 0; i < count; i++, slot++) {
			dxf_blk_t p = dxf_get_le32(ptrs + i * DXF_PTR);

			if (slot == s->slot)
				run->pblk = p;
			if (p != (run->pblk ? run->pblk + run->nblk : 0))
				return 0;
			run->nblk += s->span;
		}
	}
	return 0;
}

/* Descend until a pointer is null or maps data.  *@l: the level reached. */
static int descend(const struct dxf_node *n, const struct dxf_dinode *di,
		   const struct dxf_ind_path *p, int *l, dxf_blk_t *blk)
{
	uint8_t ptr[DXF_PTR];
	int err;

	*blk = 0;
	for (*l = 0; *l < p->depth; (*l)++) {
		err = dxf_ind_read(n, di, *blk, p->slot[*l], 1, ptr);
		if (err)
			return err;
		if (dxf_get_le32(ptr) == 0)
			return 0;
		err = dxf_map_check(n, dxf_get_le32(ptr));
		if (err)
			return err;
		*blk = dxf_get_le32(ptr);
	}
	return 0;
}

/* The run at @lblk as far as one map block tells. */
static int lookup_segment(const struct dxf_node *n,
			  const struct dxf_dinode *di, dxf_lblk_t lblk,
			  uint64_t want, struct dxf_run *run)
{
	const struct dxf_geom *g = dxf_ext2_geom(n->e2);
	unsigned int bits = dxf_ind_bits(g);
	struct dxf_ind_path p;
	struct stretch s;
	uint64_t skip = 0;
	int err, l;

	*run = (struct dxf_run){ .lblk = lblk, .nblk = UINT64_MAX - lblk };
	if (!dxf_ind_locate(g, lblk, &p))
		return 0;
	err = descend(n, di, &p, &l, &s.blk);
	if (err)
		return err;
	s.slot = p.slot[l];
	s.span = (uint64_t)1 << (bits * (unsigned int)(p.depth - l));
	if (l > 0)
		s.end = (uint32_t)1 << bits;
	else
		s.end = p.depth == 0 ? DXF_NDIRECT : s.slot + 1;
	/* how far inside the null pointer's reach @lblk lies */
	for (int k = l + 1; k <= p.depth; k++)
		skip = skip << bits | p.slot[k];
	err = scan_stretch(n, di, &s, skip + want, run);
	assert(err || run->nblk > skip);
	run->nblk -= skip;
	return err;
}

int dxf_ind_lookup(struct dxf_node *n, const struct dxf_dinode *di,
		   dxf_lblk_t lblk, uint64_t max, struct dxf_run *run)
{
	struct dxf_run more;
	int err = lookup_segment(n, di, lblk, max, run);

	if (err)
		return err;
	for (int i = 1; i < MAX_SEGMENTS && run->nblk < max; i++) {
		/* what is wrong behind the run is told to who asks for it */
		err = lookup_segment(n, di, lblk + run->nblk,
				     max - run->nblk, &more);
		if (err || more.pblk != (run->pblk ?
					 run->pblk + run->nblk : 0))
			break;
		run->nblk += more.nblk;
	}
	return 0;
}
