// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent.c - extent trees: nodes and paths, lookup.
 *
 * Every node is copied and checked whole before anybody looks into it: magic,
 * depth, counts, checksum, keys in rising order within what the parent says,
 * lengths.  So a path has at most DXF_EXTENT_MAX_DEPTH steps whatever media
 * hold, and a tree that points into itself is damage, not a loop.
 */
#include "extent_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ext2_priv.h"

void dxf_enode_get_extent(const uint8_t *buf, int i, struct dxf_run *out)
{
	const uint8_t *r = dxf_erec(buf, i);
	uint32_t len = dxf_get_le16(r + 4);

	out->lblk = dxf_get_le32(r);
	out->unwritten = len > DXF_EXTENT_MAX_LEN;
	out->nblk = out->unwritten ? len - DXF_EXTENT_MAX_LEN : len;
	out->pblk = dxf_get_le32(r + 8) |
		(dxf_blk_t)dxf_get_le16(r + 6) << 32;
}

void dxf_enode_put_extent(uint8_t *rec, const struct dxf_run *run)
{
	assert(run->nblk > 0 && run->pblk != 0);
	assert(run->nblk <= (run->unwritten ? DXF_EXTENT_MAX_UNWRITTEN :
			     DXF_EXTENT_MAX_LEN));
	dxf_put_le32(rec, (uint32_t)run->lblk);
	dxf_put_le16(rec + 4, (uint16_t)(run->nblk + (run->unwritten ?
						DXF_EXTENT_MAX_LEN : 0)));
	dxf_put_le16(rec + 6, (uint16_t)(run->pblk >> 32));
	dxf_put_le32(rec + 8, (uint32_t)run->pblk);
}

void dxf_enode_splice(uint8_t *buf, int pos, int nold, const uint8_t *recs,
		      int nnew)
{
	int count = dxf_enode_count(buf);
	int tail = count - pos - nold;

	assert(pos >= 0 && nold >= 0 && tail >= 0);
	memmove(dxf_erec(buf, pos + nnew), dxf_erec(buf, pos + nold),
		(size_t)tail * DXF_EREC);
	if (nnew > 0)
		memcpy(dxf_erec(buf, pos), recs, (size_t)nnew * DXF_EREC);
	dxf_enode_set_count(buf, count - nold + nnew);
}

bool dxf_extent_mergeable(const struct dxf_run *a, const struct dxf_run *b)
{
	return a->unwritten == b->unwritten &&
	       a->lblk + a->nblk == b->lblk && a->pblk + a->nblk == b->pblk &&
	       a->nblk + b->nblk <= (a->unwritten ? DXF_EXTENT_MAX_UNWRITTEN :
				     DXF_EXTENT_MAX_LEN);
}

/* Records of the header's kind that fit in a node of @size bytes. */
static int capacity(size_t size)
{
	return (int)((size - DXF_EREC) / DXF_EREC);
}

static const char *check_header(const uint8_t *buf, size_t size, int depth)
{
	int max = dxf_enode_max(buf);

	if (dxf_get_le16(buf) != EXT3_EXT_MAGIC)
		return "bad magic";
	if (dxf_get_le16(buf + 6) != depth)
		return "bad depth";
	if (max > capacity(size) || max < capacity(size) - 2)
		return "bad capacity";
	if (dxf_enode_count(buf) > max)
		return "too many entries";
	/* only a tree without any extent has an empty node: its root */
	if (dxf_enode_count(buf) == 0 && (depth > 0 || size > DXF_EROOT_SIZE))
		return "empty node";
	return NULL;
}

static const char *check_records(const uint8_t *buf, int depth,
				 dxf_lblk_t lower, dxf_lblk_t upper)
{
	int count = dxf_enode_count(buf);
	struct dxf_run run;

	for (int i = 0; i < count; i++) {
		dxf_lblk_t key = dxf_enode_key(buf, i);

		if (key < lower || key >= upper)
			return "entries out of order";
		lower = key + 1;
		if (depth > 0)
			continue;
		dxf_enode_get_extent(buf, i, &run);
		if (run.nblk == 0 || run.pblk == 0 || run.nblk > upper - key)
			return "impossible extent";
		lower = key + run.nblk;
	}
	return NULL;
}

static int check_node(const struct dxf_epath *p, int l, dxf_blk_t blk,
		      const uint8_t *buf, dxf_lblk_t lower, dxf_lblk_t upper)
{
	size_t size = l == 0 ? DXF_EROOT_SIZE :
		dxf_ext2_geom(p->n->e2)->block_size;
	const char *what = check_header(buf, size, p->depth - l);

	if (!what)
		what = check_records(buf, p->depth - l, lower, upper);
	if (!what)
		return 0;
	return dxf_ext2_corrupt(p->n->e2, p->n->ino, blk, "extent tree: %s",
				what);
}

static int check_csum(const struct dxf_epath *p, dxf_blk_t blk,
		      const uint8_t *buf)
{
	struct dxf_ext2 *e2 = p->n->e2;
	size_t len = DXF_EREC * (1u + (size_t)dxf_enode_max(buf));
	uint32_t seed;

	if (!e2->geom.has_csum)
		return 0;
	assert(len + 4 <= e2->geom.block_size);
	seed = dxf_inode_csum_seed(e2, p->n->ino, p->generation);
	if (dxf_csum_fits(dxf_get_le32(buf + len), dxf_crc32c(seed, buf, len)))
		return 0;
	return dxf_ext2_corrupt(e2, p->n->ino, blk,
				"extent tree: bad checksum");
}

int dxf_epath_read_node(const struct dxf_epath *p, int l, dxf_blk_t blk,
			dxf_lblk_t lower, dxf_lblk_t upper, uint8_t *buf)
{
	int err = dxf_map_check(p->n, blk);

	assert(l > 0 && l <= p->depth);
	if (!err)
		err = dxf_blk_read(p->n->e2, p->n->ino, blk, buf);
	if (!err)
		err = check_node(p, l, blk, buf, lower, upper);
	return err ? err : check_csum(p, blk, buf);
}

/* The keys that record @i of @nd may have below it. */
static void child_bounds(const struct dxf_enode *nd, int i, dxf_lblk_t *lower,
			 dxf_lblk_t *upper)
{
	*lower = dxf_enode_key(nd->buf, i);
	*upper = i + 1 < dxf_enode_count(nd->buf) ?
		dxf_enode_key(nd->buf, i + 1) : nd->upper;
}

uint8_t *dxf_epath_buf(struct dxf_epath *p, int i)
{
	if (!p->mem[i])
		p->mem[i] = dxf_malloc(dxf_ext2_geom(p->n->e2)->block_size);
	return p->mem[i];
}

int dxf_epath_read_sibling(struct dxf_epath *p, int l, int s)
{
	const struct dxf_enode *parent = &p->lv[l - 1];
	dxf_lblk_t lower, upper;

	assert(l > 0 && s >= 0 && s < dxf_enode_count(parent->buf));
	p->sib = dxf_epath_buf(p, 0);
	if (!p->sib)
		return -ENOMEM;
	child_bounds(parent, s, &lower, &upper);
	return dxf_epath_read_node(p, l, dxf_enode_child(parent->buf, s),
				   lower, upper, p->sib);
}

/* The last record whose key is at most @lblk, -1: none. */
static int search(const uint8_t *buf, dxf_lblk_t lblk)
{
	int lo = 0, hi = dxf_enode_count(buf);

	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;

		if (dxf_enode_key(buf, mid) <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/* lv[@l] is read, its pos set: read what it leads to into lv[@l + 1]. */
static int descend(struct dxf_epath *p, int l)
{
	struct dxf_enode *nd = &p->lv[l], *child = &p->lv[l + 1];

	if (nd->pos < 0)
		nd->pos = 0;
	child_bounds(nd, nd->pos, &child->lower, &child->upper);
	child->blk = dxf_enode_child(nd->buf, nd->pos);
	child->buf = dxf_epath_buf(p, l + 1);
	if (!child->buf)
		return -ENOMEM;
	return dxf_epath_read_node(p, l + 1, child->blk, child->lower,
				   child->upper, child->buf);
}

void dxf_epath_init(struct dxf_epath *p, struct dxf_node *n)
{
	memset(p, 0, sizeof(*p));
	p->n = n;
}

void dxf_epath_fini(struct dxf_epath *p)
{
	for (size_t i = 0; i < DXF_ARRAY_SIZE(p->mem); i++)
		free(p->mem[i]);
}

int dxf_epath_load(struct dxf_epath *p, const struct dxf_dinode *di,
		   dxf_lblk_t lblk)
{
	int err;

	assert(lblk < DXF_EXTENT_END);
	memcpy(p->root, di->block, sizeof(p->root));
	p->generation = di->generation;
	p->depth = DXF_MIN(dxf_get_le16(p->root + 6), DXF_EXTENT_MAX_DEPTH);
	p->lv[0] = (struct dxf_enode){
		.buf = p->root, .upper = DXF_EXTENT_END,
	};
	err = check_node(p, 0, 0, p->root, 0, DXF_EXTENT_END);
	for (int l = 0; !err; l++) {
		p->lv[l].pos = search(p->lv[l].buf, lblk);
		if (l == p->depth)
			break;
		err = descend(p, l);
	}
	return err;
}

static void find_run(struct dxf_epath *p, dxf_lblk_t lblk,
		     struct dxf_run *run)
{
	const struct dxf_enode *leaf = dxf_epath_leaf(p);
	dxf_lblk_t next = leaf->upper;

	if (leaf->pos >= 0) {
		dxf_enode_get_extent(leaf->buf, leaf->pos, run);
		if (lblk - run->lblk < run->nblk)
			return;
	}
	if (leaf->pos + 1 < dxf_enode_count(leaf->buf))
		next = dxf_enode_key(leaf->buf, leaf->pos + 1);
	else if (next == DXF_EXTENT_END)
		next = UINT64_MAX;
	/* a leaf may begin behind the key that its parent has for it */
	if (next <= lblk)
		next = lblk + 1;
	*run = (struct dxf_run){ .lblk = lblk, .nblk = next - lblk };
}

int dxf_extent_lookup(struct dxf_node *n, const struct dxf_dinode *di,
		      dxf_lblk_t lblk, struct dxf_run *run)
{
	struct dxf_epath p;
	int err;

	if (lblk >= DXF_EXTENT_END) {
		*run = (struct dxf_run){
			.lblk = lblk, .nblk = UINT64_MAX - lblk,
		};
		return 0;
	}
	dxf_epath_init(&p, n);
	err = dxf_epath_load(&p, di, lblk);
	if (!err)
		find_run(&p, lblk, run);
	dxf_epath_fini(&p);
	return err;
}
