// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirhtree.c - the index blocks of on-disk htrees, and how they go away.
 *
 * Owns the shape of htree blocks.  Must not know hashes: nothing is ever
 * looked up through an htree.
 *
 * To a linear reader the root is a block with "." and ".." and a long gap, an
 * interior block one unused entry.  Without metadata_csum that is all there is
 * to it: with EXT2_INDEX_FL cleared they are such blocks.  With metadata_csum
 * an index block has a checksum of its own in another place, so each of them
 * has to become a linear block with a tail when the flag goes.
 *
 *	root		12 "."  12 ".."  u32 0, u8 hash, u8 8, u8 levels, u8
 *	interior	u32 0, u16 block size, u16 0
 *	both, then	u16 limit, u16 count, u32 block, { u32 hash, u32 block }
 *			and behind `limit` of these u32 0, u32 checksum
 */
#include <assert.h>
#include <errno.h>

#include "dir_priv.h"

#define ROOT_AT		32u
#define NODE_AT		8u
#define ENTRY		8u
#define TAIL		8u
#define BLOCK_MASK	0x0fffffffu

struct dxnode {
	uint32_t at;		/* of limit and count */
	uint32_t limit;
	uint32_t count;
	uint32_t levels;	/* of interior blocks below; root only */
};

static bool is_root_shape(const uint8_t *buf, uint32_t bsize)
{
	return dxf_get_le16(buf + 4) == 12 &&
		dxf_get_le16(buf + 12 + 4) == bsize - 12 &&
		dxf_get_le32(buf + 24) == 0 && buf[29] == 8;
}

static bool is_node_shape(const uint8_t *buf, uint32_t bsize)
{
	return dxf_get_le32(buf) == 0 && dxf_get_le16(buf + 4) == bsize &&
		dxf_get_le16(buf + 6) == 0;
}

static bool parse(const struct dxf_dirview *v, dxf_lblk_t lblk,
		  const uint8_t *buf, struct dxnode *n)
{
	uint32_t bsize = dxf_dirview_bsize(v);

	if (lblk ? !is_node_shape(buf, bsize) : !is_root_shape(buf, bsize))
		return false;
	n->at = lblk ? NODE_AT : ROOT_AT;
	n->levels = lblk ? 0 : buf[30];
	n->limit = dxf_get_le16(buf + n->at);
	n->count = dxf_get_le16(buf + n->at + 2);
	return n->count >= 1 && n->count <= n->limit &&
		n->at + n->limit * ENTRY + TAIL <= bsize;
}

int dxf_dirhtree_check(const struct dxf_dirview *v, dxf_lblk_t lblk,
		       const uint8_t *buf)
{
	static const uint8_t zero[4];
	const uint8_t *tail;
	struct dxnode n;
	uint32_t crc;

	if (!parse(v, lblk, buf, &n))
		return 0;
	tail = buf + n.at + n.limit * ENTRY;
	crc = dxf_inode_csum_seed(v->dir->e2, v->dir->ino, v->generation);
	crc = dxf_crc32c(crc, buf, n.at + n.count * ENTRY);
	crc = dxf_crc32c(crc, tail, 4);
	crc = dxf_crc32c(crc, zero, 4);
	return dxf_csum_fits(dxf_get_le32(tail + 4), crc) ? 1 : -EUCLEAN;
}

/* Stage an index block as a linear one; @b->buf is as it was afterwards. */
static int stage_linear(struct dxf_dirblk *b, struct dxf_txn *t)
{
	uint32_t bsize = dxf_dirview_bsize(b->v);
	uint32_t last = b->lblk ? 0 : 12;	/* the entry that ends it */
	uint8_t tail[DXF_DIR_TAIL];
	int r;

	assert(b->dx && b->end == bsize);
	memcpy(tail, b->buf + bsize - DXF_DIR_TAIL, DXF_DIR_TAIL);
	dxf_put_le16(b->buf + last + 4, bsize - last - DXF_DIR_TAIL);
	b->end = bsize - DXF_DIR_TAIL;
	b->dx = false;
	r = dxf_dirblk_stage(b, t, last, last + DXF_DIR_HEADER);
	memcpy(b->buf + bsize - DXF_DIR_TAIL, tail, DXF_DIR_TAIL);
	return r;
}

/*
 * Flatten an index block and the @levels of interior blocks below it.  It is
 * staged before its children are read: in a tree that is none the second visit
 * finds a linear block and stops, so the recursion ends.
 */
static int flatten(const struct dxf_dirview *v, struct dxf_txn *t,
		   dxf_lblk_t lblk, uint32_t levels)
{
	struct dxf_dirblk b;
	struct dxnode n;
	int r;

	r = dxf_dirblk_read(&b, v, lblk);
	if (r)
		return r;
	if (!b.dx || !parse(v, lblk, b.buf, &n))
		return dxf_ext2_corrupt(v->dir->e2, v->dir->ino, b.pblk,
			"directory index refers to block %llu, which is none",
			(unsigned long long)lblk);
	r = stage_linear(&b, t);
	for (uint32_t i = 0; i < n.count && levels && !r; i++) {
		uint32_t child = dxf_get_le32(b.buf + n.at + i * ENTRY + 4) &
			BLOCK_MASK;

		if (!child || child >= v->nblk)
			return dxf_ext2_corrupt(v->dir->e2, v->dir->ino, b.pblk,
				"directory index refers to block %u of %llu",
				child, (unsigned long long)v->nblk);
		r = flatten(v, t, child, levels - 1);
	}
	return r;
}

static int flatten_root(const struct dxf_dirview *v, struct dxf_txn *t)
{
	const struct dxf_ext2 *e2 = v->dir->e2;
	uint32_t max_levels = e2->geom.has_large_dir ? 2 : 1;
	struct dxf_dirblk b;
	struct dxnode n = { 0 };
	int r;

	r = dxf_dirblk_read(&b, v, 0);
	/* A flag without an htree: the block is linear, with a tail. */
	if (r || !b.dx)
		return r;
	if (!parse(v, 0, b.buf, &n) || n.levels > max_levels)
		return dxf_ext2_corrupt(v->dir->e2, v->dir->ino, b.pblk,
			"directory index has %u levels", n.levels);
	return flatten(v, t, 0, n.levels);
}

int dxf_dirhtree_linearize(struct dxf_node *dir, struct dxf_dinode *di,
			   struct dxf_txn *t)
{
	struct dxf_dirview v;
	int r;

	if (!(di->flags & EXT2_INDEX_FL))
		return 0;
	r = dxf_dirview_init(&v, dir, di);
	if (!r && v.nblk && dir->e2->geom.has_csum)
		r = flatten_root(&v, t);
	if (!r)
		di->flags &= ~EXT2_INDEX_FL;
	return r;
}
