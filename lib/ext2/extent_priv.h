/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extent_priv.h - an extent tree in memory, for the files extent*.c.
 *
 *	extent.c	nodes: read, check, search; lookup
 *	extent_tree.c	the tree's shape: split, shift, join, grow, shrink
 *	extent_edit.c	insert, convert and cut at one place of a leaf
 *	extent_remove.c	unmapping from the end backwards
 *	extent_tidy.c	packing a tree that many small changes left half empty
 *
 * A node is a header of 12 bytes and records of 12 bytes: in a leaf extents, in
 * the others indexes, each with its key (first logical block) first.  The root
 * is in the inode; other nodes are blocks, with a checksum behind the space
 * for records.
 *
 * A change works on a path of copied nodes, makes one change of shape or
 * content, stages it, and loads the path anew: between two steps the staged
 * tree is whole.
 */
#ifndef DXF_EXTENT_PRIV_H
#define DXF_EXTENT_PRIV_H

#include <assert.h>

#include "bmap_priv.h"
#include "le.h"

#define DXF_EXTENT_MAX_DEPTH	5
#define DXF_EREC		12u	/* bytes of a record, and of the header */
#define DXF_EROOT_SIZE		(DXF_NIBLOCKS * 4u)
/* The longest extents; a length beyond the first one says "unwritten". */
#define DXF_EXTENT_MAX_LEN	32768u
#define DXF_EXTENT_MAX_UNWRITTEN	32767u

struct dxf_enode {
	dxf_blk_t blk;			/* 0: the root */
	uint8_t *buf;
	int pos;			/* last record whose key is not beyond
					 * what is looked for; -1: none */
	dxf_lblk_t lower, upper;	/* the keys that belong here */
};

struct dxf_epath {
	struct dxf_node *n;
	uint32_t generation;
	int depth;			/* lv[depth] is the leaf */
	struct dxf_enode lv[DXF_EXTENT_MAX_DEPTH + 1];
	uint8_t *sib;			/* one more node: mem[0] */
	uint8_t root[DXF_EROOT_SIZE];
	uint8_t *mem[DXF_EXTENT_MAX_DEPTH + 1];	/* block buffers */
};

/* ---- nodes as bytes ---- */

static inline int dxf_enode_count(const uint8_t *buf)
{
	return dxf_get_le16(buf + 2);
}

static inline int dxf_enode_max(const uint8_t *buf)
{
	return dxf_get_le16(buf + 4);
}

static inline void dxf_enode_set_count(uint8_t *buf, int count)
{
	assert(count >= 0 && count <= dxf_enode_max(buf));
	dxf_put_le16(buf + 2, (uint16_t)count);
}

static inline void dxf_enode_set_depth(uint8_t *buf, int depth)
{
	assert(depth >= 0 && depth <= DXF_EXTENT_MAX_DEPTH);
	dxf_put_le16(buf + 6, (uint16_t)depth);
}

static inline uint8_t *dxf_erec(const uint8_t *buf, int i)
{
	assert(i >= 0);
	return (uint8_t *)buf + DXF_EREC * (1u + (unsigned int)i);
}

static inline dxf_lblk_t dxf_enode_key(const uint8_t *buf, int i)
{
	return dxf_get_le32(dxf_erec(buf, i));
}

/* The block that an index record points to. */
static inline dxf_blk_t dxf_enode_child(const uint8_t *buf, int i)
{
	const uint8_t *r = dxf_erec(buf, i);

	return dxf_get_le32(r + 4) | (dxf_blk_t)dxf_get_le16(r + 8) << 32;
}

static inline void dxf_enode_put_index(uint8_t *rec, dxf_lblk_t key,
				       dxf_blk_t blk)
{
	dxf_put_le32(rec, (uint32_t)key);
	dxf_put_le32(rec + 4, (uint32_t)blk);
	dxf_put_le16(rec + 8, (uint16_t)(blk >> 32));
	dxf_put_le16(rec + 10, 0);
}

void dxf_enode_get_extent(const uint8_t *buf, int i, struct dxf_run *out);
void dxf_enode_put_extent(uint8_t *rec, const struct dxf_run *run);
/* Replace @nold records at @pos by @nnew. */
void dxf_enode_splice(uint8_t *buf, int pos, int nold, const uint8_t *recs,
		      int nnew);
/* Make one record of @i and @i + 1 of a leaf if they continue each other. */
void dxf_enode_join(uint8_t *leaf, int i);
/* May the two extents, in this order, be one? */
bool dxf_extent_mergeable(const struct dxf_run *a, const struct dxf_run *b);

/* ---- paths ---- */

void dxf_epath_init(struct dxf_epath *p, struct dxf_node *n);
void dxf_epath_fini(struct dxf_epath *p);
/* A block buffer of the path: @i is a level, 0 the spare one.  NULL: no memory. */
uint8_t *dxf_epath_buf(struct dxf_epath *p, int i);
/* Load the path to the leaf where @lblk belongs.  0, -EIO, -EUCLEAN, -ENOMEM. */
int dxf_epath_load(struct dxf_epath *p, const struct dxf_dinode *di,
		   dxf_lblk_t lblk);
/*
 * Read and check a node of level @l that may hold keys in [@lower, @upper).
 * Returns: 0; -EIO; -EUCLEAN (reported).
 */
int dxf_epath_read_node(const struct dxf_epath *p, int l, dxf_blk_t blk,
			dxf_lblk_t lower, dxf_lblk_t upper, uint8_t *buf);
/* Read and check what record @s of the parent of level @l has, into p->sib. */
int dxf_epath_read_sibling(struct dxf_epath *p, int l, int s);

static inline struct dxf_enode *dxf_epath_leaf(struct dxf_epath *p)
{
	return &p->lv[p->depth];
}

/* ---- changes of shape (extent_tree.c); the path must be loaded anew ---- */

/* Stage node @buf at @blk (0: the root, into di->block). */
int dxf_enode_store(struct dxf_map_op *op, const struct dxf_epath *p,
		    dxf_blk_t blk, uint8_t *buf);
/* The first key of level @l changed: tell the levels above. */
int dxf_epath_fix_keys(struct dxf_map_op *op, struct dxf_epath *p, int l);
/* Remove @n records of level @l, and the nodes that this empties. */
int dxf_epath_remove(struct dxf_map_op *op, struct dxf_epath *p, int l,
		     int pos, int n);
/*
 * One step towards room in the leaf.
 * Returns: 0; -ENOSPC; -EFBIG the tree is at its greatest depth; -errno.
 */
int dxf_epath_make_room(struct dxf_map_op *op, struct dxf_epath *p);
/*
 * After records went away at @lblk: join nodes with their neighbours while
 * two fit in one, pull a small only child of the root into the inode.
 */
int dxf_epath_settle(struct dxf_map_op *op, struct dxf_epath *p,
		     dxf_lblk_t lblk);

/* ---- extent_edit.c ---- */

/*
 * At the loaded path: map @c->lblk ... as @c says (pblk 0: unmap), where it
 * lies inside one extent or inside one hole.
 */
int dxf_extent_edit(struct dxf_map_op *op, struct dxf_epath *p,
		    const struct dxf_run *c);

#endif
