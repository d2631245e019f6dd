// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent_tree.c - extent trees: how the tree grows and shrinks.
 *
 * A full node first gives records to a neighbour, then splits (at the end of
 * the file only the last record moves, so appending leaves full nodes).  Nodes
 * are joined when two neighbours fit in one, and a small only child of the
 * root goes into the inode: e2fsck -fn has something to say about trees that
 * could be shorter or narrower, and a punched or converted file must not stay
 * one.
 *
 * Each function makes one change, stages it, and leaves the path stale.  New
 * nodes are filled directly, since nothing reaches them before the commit.
 */
#include "extent_priv.h"

#include <errno.h>
#include <string.h>

#include "ext2_priv.h"

static size_t space(const uint8_t *buf)
{
	return DXF_EREC * (1u + (size_t)dxf_enode_max(buf));
}

static void set_csum(const struct dxf_epath *p, uint8_t *buf)
{
	struct dxf_ext2 *e2 = p->n->e2;
	size_t len = space(buf);
	uint32_t seed;

	if (!e2->geom.has_csum)
		return;
	assert(len + 4 <= e2->geom.block_size);
	seed = dxf_inode_csum_seed(e2, p->n->ino, p->generation);
	dxf_put_le32(buf + len, dxf_crc32c(seed, buf, len));
}

int dxf_enode_store(struct dxf_map_op *op, const struct dxf_epath *p,
		    dxf_blk_t blk, uint8_t *buf)
{
	const struct dxf_geom *g = dxf_ext2_geom(p->n->e2);

	assert(dxf_enode_count(buf) > 0 || blk == 0);
	if (blk == 0) {
		memcpy(op->di->block, buf, DXF_EROOT_SIZE);
		return 0;
	}
	set_csum(p, buf);
	return dxf_txn_store(op->t, dxf_blk_off(g, blk), buf, g->block_size);
}

static int store_level(struct dxf_map_op *op, struct dxf_epath *p, int l)
{
	return dxf_enode_store(op, p, p->lv[l].blk, p->lv[l].buf);
}

/*
 * A new node in the spare buffer, with @n records of @src from @from on, in a
 * new block that nothing points to yet.
 */
static int new_node(struct dxf_map_op *op, struct dxf_epath *p,
		    const uint8_t *src, int from, dxf_blk_t *blk)
{
	const struct dxf_geom *g = dxf_ext2_geom(p->n->e2);
	int n = dxf_enode_count(src) - from;
	uint8_t *buf = dxf_epath_buf(p, 0);
	int err;

	assert(n > 0);
	if (!buf)
		return -ENOMEM;
	memset(buf, 0, g->block_size);
	memcpy(buf, src, DXF_EREC);
	dxf_put_le16(buf + 4, (uint16_t)((g->block_size - DXF_EREC) /
					 DXF_EREC));
	dxf_enode_set_count(buf, n);
	memcpy(dxf_erec(buf, 0), dxf_erec(src, from), (size_t)n * DXF_EREC);
	set_csum(p, buf);
	err = dxf_map_alloc(op, blk);
	if (err)
		return err;
	return dxf_txn_fill(op->t, dxf_blk_off(g, *blk), buf, g->block_size);
}

/* All records of the root go one level down. */
static int grow_root(struct dxf_map_op *op, struct dxf_epath *p)
{
	uint8_t *root = p->lv[0].buf;
	uint8_t rec[DXF_EREC];
	dxf_blk_t blk;
	int err;

	if (p->depth == DXF_EXTENT_MAX_DEPTH)
		return -EFBIG;
	err = new_node(op, p, root, 0, &blk);
	if (err)
		return err;
	dxf_enode_put_index(rec, dxf_enode_key(root, 0), blk);
	dxf_enode_splice(root, 0, dxf_enode_count(root), rec, 1);
	dxf_enode_set_depth(root, p->depth + 1);
	return store_level(op, p, 0);
}

/* Is what the path leads to the end of the tree? */
static bool at_end(const struct dxf_epath *p, int l)
{
	for (int i = 0; i <= l; i++) {
		if (p->lv[i].pos < dxf_enode_count(p->lv[i].buf) - 1)
			return false;
	}
	return true;
}

/* The upper part of level @l into a new node; the parent has room. */
static int split(struct dxf_map_op *op, struct dxf_epath *p, int l)
{
	struct dxf_enode *nd = &p->lv[l], *parent = &p->lv[l - 1];
	int count = dxf_enode_count(nd->buf);
	int keep = at_end(p, l) ? count - 1 : count - count / 2;
	uint8_t rec[DXF_EREC];
	dxf_blk_t blk;
	int err;

	assert(l > 0 && keep > 0 && keep < count);
	assert(dxf_enode_count(parent->buf) < dxf_enode_max(parent->buf));
	err = new_node(op, p, nd->buf, keep, &blk);
	if (err)
		return err;
	dxf_enode_put_index(rec, dxf_enode_key(nd->buf, keep), blk);
	dxf_enode_splice(parent->buf, parent->pos + 1, 0, rec, 1);
	dxf_enode_set_count(nd->buf, keep);
	err = store_level(op, p, l);
	return err ? err : store_level(op, p, l - 1);
}

/* How full the sibling is, without looking closer. */
static int peek_count(const struct dxf_epath *p, int l, int s, int *count)
{
	const struct dxf_geom *g = dxf_ext2_geom(p->n->e2);
	dxf_blk_t blk = dxf_enode_child(p->lv[l - 1].buf, s);
	uint8_t head[DXF_EREC];
	int err = dxf_map_check(p->n, blk);

	if (!err)
		err = dxf_ext2_read(p->n->e2, p->n->ino, dxf_blk_off(g, blk),
				    head, sizeof(head));
	if (!err)
		*count = dxf_enode_count(head);
	return err;
}

/*
 * Records @i and @i + 1 of a leaf have come together from two nodes: they may
 * continue each other.
 */
void dxf_enode_join(uint8_t *leaf, int i)
{
	struct dxf_run a, b;

	assert(i >= 0 && i + 1 < dxf_enode_count(leaf));
	dxf_enode_get_extent(leaf, i, &a);
	dxf_enode_get_extent(leaf, i + 1, &b);
	if (!dxf_extent_mergeable(&a, &b))
		return;
	a.nblk += b.nblk;
	dxf_enode_put_extent(dxf_erec(leaf, i), &a);
	dxf_enode_splice(leaf, i + 1, 1, NULL, 0);
}

/* Move records between level @l and its sibling @s, which is in p->sib. */
static int shift(struct dxf_map_op *op, struct dxf_epath *p, int l, int s,
		 int n)
{
	struct dxf_enode *nd = &p->lv[l], *parent = &p->lv[l - 1];
	bool right = s > parent->pos;
	int count = dxf_enode_count(nd->buf);
	int from = right ? count - n : 0;
	uint8_t *second = right ? p->sib : nd->buf;
	int at, err;

	assert(n > 0 && n < count);
	at = right ? 0 : dxf_enode_count(p->sib);
	dxf_enode_splice(p->sib, at, 0, dxf_erec(nd->buf, from), n);
	if (l == p->depth)
		dxf_enode_join(p->sib, right ? n - 1 : at - 1);
	dxf_enode_splice(nd->buf, from, n, NULL, 0);
	/* the second of the two begins elsewhere; it is never record 0 */
	dxf_put_le32(dxf_erec(parent->buf, DXF_MAX(s, parent->pos)),
		     (uint32_t)dxf_enode_key(second, 0));
	err = dxf_enode_store(op, p, dxf_enode_child(parent->buf, s), p->sib);
	if (!err)
		err = store_level(op, p, l);
	return err ? err : store_level(op, p, l - 1);
}

/* Give records to a neighbour that has plenty of room.  1: done, 0: none. */
static int try_shift(struct dxf_map_op *op, struct dxf_epath *p, int l)
{
	int pos = p->lv[l - 1].pos;
	int max = dxf_enode_max(p->lv[l].buf);
	int err = 0;

	for (int s = pos + 1; s >= pos - 1 && !err; s -= 2) {
		int free, count = 0;

		if (s < 0 || s >= dxf_enode_count(p->lv[l - 1].buf))
			continue;
		err = peek_count(p, l, s, &count);
		if (err || max - count < max / 8)
			continue;
		err = dxf_epath_read_sibling(p, l, s);
		if (err)
			continue;
		free = dxf_enode_max(p->sib) - dxf_enode_count(p->sib);
		if (free < 2)
			continue;
		err = shift(op, p, l, s, free / 2);
		return err ? err : 1;
	}
	return err;
}

int dxf_epath_make_room(struct dxf_map_op *op, struct dxf_epath *p)
{
	for (int l = p->depth; l > 0; l--) {
		const uint8_t *parent = p->lv[l - 1].buf;
		int err = try_shift(op, p, l);

		if (err != 0)
			return err < 0 ? err : 0;
		if (dxf_enode_count(parent) < dxf_enode_max(parent))
			return split(op, p, l);
	}
	return grow_root(op, p);
}

int dxf_epath_fix_keys(struct dxf_map_op *op, struct dxf_epath *p, int l)
{
	for (; l > 0; l--) {
		struct dxf_enode *parent = &p->lv[l - 1];
		dxf_lblk_t key = dxf_enode_key(p->lv[l].buf, 0);
		int err;

		if (dxf_enode_key(parent->buf, parent->pos) == key)
			break;
		dxf_put_le32(dxf_erec(parent->buf, parent->pos),
			     (uint32_t)key);
		err = store_level(op, p, l - 1);
		if (err)
			return err;
		if (parent->pos > 0)
			break;
	}
	return 0;
}

int dxf_epath_remove(struct dxf_map_op *op, struct dxf_epath *p, int l,
		     int pos, int n)
{
	int err;

	for (;; l--) {
		dxf_enode_splice(p->lv[l].buf, pos, n, NULL, 0);
		if (l == 0 || dxf_enode_count(p->lv[l].buf) > 0)
			break;
		err = dxf_map_free(op, p->lv[l].blk, 1);
		if (err)
			return err;
		pos = p->lv[l - 1].pos;
		n = 1;
	}
	if (dxf_enode_count(p->lv[l].buf) == 0) {
		assert(l == 0);
		dxf_enode_set_depth(p->lv[0].buf, 0);
		p->depth = 0;
		return store_level(op, p, 0);
	}
	err = store_level(op, p, l);
	return err || pos > 0 ? err : dxf_epath_fix_keys(op, p, l);
}

/* @dst takes all of @src, which is record @s of the parent of level @l. */
static int absorb(struct dxf_map_op *op, struct dxf_epath *p, int l, int s,
		  uint8_t *dst, const uint8_t *src)
{
	struct dxf_enode *parent = &p->lv[l - 1];
	int last = dxf_enode_count(dst) - 1, err;

	assert(s > 0 && last >= 0);
	dxf_enode_splice(dst, last + 1, 0, dxf_erec(src, 0),
			 dxf_enode_count(src));
	if (l == p->depth)
		dxf_enode_join(dst, last);
	err = dxf_enode_store(op, p, dxf_enode_child(parent->buf, s - 1), dst);
	if (!err)
		err = dxf_map_free(op, dxf_enode_child(parent->buf, s), 1);
	if (err)
		return err;
	dxf_enode_splice(parent->buf, s, 1, NULL, 0);
	return store_level(op, p, l - 1);
}

/* Make one of level @l and a neighbour, if they fit.  1: done, 0: no. */
static int try_join(struct dxf_map_op *op, struct dxf_epath *p, int l)
{
	int pos = p->lv[l - 1].pos;
	uint8_t *buf = p->lv[l].buf;
	int err = 0;

	for (int s = pos + 1; s >= pos - 1 && !err; s -= 2) {
		int count = 0;

		if (s < 0 || s >= dxf_enode_count(p->lv[l - 1].buf))
			continue;
		err = peek_count(p, l, s, &count);
		if (err || dxf_enode_count(buf) + count > dxf_enode_max(buf))
			continue;
		err = dxf_epath_read_sibling(p, l, s);
		if (err || dxf_enode_count(buf) + dxf_enode_count(p->sib) >
		    DXF_MIN(dxf_enode_max(buf), dxf_enode_max(p->sib)))
			continue;
		if (s > pos)
			err = absorb(op, p, l, s, buf, p->sib);
		else
			err = absorb(op, p, l, pos, p->sib, buf);
		return err ? err : 1;
	}
	return err;
}

/* The root's only child is small: its records go into the inode. */
static int try_shrink(struct dxf_map_op *op, struct dxf_epath *p)
{
	uint8_t *root = p->lv[0].buf;
	const uint8_t *child = p->lv[1].buf;
	int count = dxf_enode_count(child), err;

	if (dxf_enode_count(root) > 1 || count >= dxf_enode_max(root))
		return 0;
	dxf_enode_splice(root, 0, 1, dxf_erec(child, 0), count);
	dxf_enode_set_depth(root, p->depth - 1);
	err = store_level(op, p, 0);
	if (!err)
		err = dxf_map_free(op, p->lv[1].blk, 1);
	return err ? err : 1;
}

int dxf_epath_settle(struct dxf_map_op *op, struct dxf_epath *p,
		     dxf_lblk_t lblk)
{
	int done;

	do {
		int err = dxf_epath_load(p, op->di, lblk);

		if (err)
			return err;
		done = 0;
		for (int l = p->depth; l > 0 && !done; l--)
			done = try_join(op, p, l);
		if (p->depth > 0 && !done)
			done = try_shrink(op, p);
	} while (done > 0);
	return done;
}
