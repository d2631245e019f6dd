// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xattr_block.c - the block of extended attributes of an inode.
 *
 * Owns the header, its checksum and the count of inodes that share the block.
 * Must not know names.
 *
 *	u32 magic, u32 refcount, u32 blocks (1), u32 hash, u32 checksum, u32[3]
 *
 * Invariants:
 *	- the entries of a block with refcount > 1 never change: only the count
 *	  does
 *	- a changed block goes to a new place, filled before anything reaches
 *	  it; in place, staged, only when no block is free
 *	- every inode that shares a block counts it in its i_blocks
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "xattr_priv.h"

#define HEADER_LEN	32u
#define H_REFCOUNT	4u
#define H_BLOCKS	8u
#define H_HASH		12u
#define H_CHECKSUM	16u

static uint32_t block_crc(const struct dxf_ext2 *e2, dxf_blk_t blk,
			  const struct dxf_xarea *a)
{
	static const uint8_t zero[4];
	const uint8_t *rest = a->buf + H_CHECKSUM + 4;
	uint8_t number[8];
	uint32_t crc;

	dxf_put_le64(number, blk);
	crc = dxf_crc32c(e2->csum_seed, number, sizeof(number));
	crc = dxf_crc32c(crc, a->buf, H_CHECKSUM);
	crc = dxf_crc32c(crc, zero, sizeof(zero));
	return dxf_crc32c(crc, rest, a->size - H_CHECKSUM - 4);
}

static void seal(const struct dxf_ext2 *e2, dxf_blk_t blk, struct dxf_xarea *a)
{
	if (e2->geom.has_csum)
		dxf_put_le32(a->buf + H_CHECKSUM, block_crc(e2, blk, a));
}

/* The hash by which a kernel finds equal blocks; 0: not to be shared. */
static uint32_t block_hash(const struct dxf_xarea *a)
{
	struct dxf_xent e;
	uint32_t hash = 0;
	bool more;

	for (more = dxf_xarea_first(a, &e); more;
	     more = dxf_xarea_next(a, &e)) {
		if (!e.hash)
			return 0;
		hash = (hash << 16 | hash >> 16) ^ e.hash;
	}
	return hash;
}

/* Read and check.  Returns: 0, and *@fault says what is wrong; -errno. */
static int read_block(struct dxf_ext2 *e2, dxf_blk_t blk, struct dxf_xarea *a,
		      const char **fault)
{
	int r = dxf_blk_read(e2, 0, blk, a->buf);

	if (r)
		return r;
	if (dxf_get_le32(a->buf) != DXF_XATTR_MAGIC)
		*fault = "bad magic";
	else if (dxf_get_le32(a->buf + H_BLOCKS) != 1)
		*fault = "more than one block";
	else if (!dxf_get_le32(a->buf + H_REFCOUNT))
		*fault = "nobody refers to it";
	else if (e2->geom.has_csum &&
		 !dxf_csum_fits(dxf_get_le32(a->buf + H_CHECKSUM),
				block_crc(e2, blk, a)))
		*fault = "checksum is wrong";
	else
		*fault = dxf_xarea_fault(a);
	return 0;
}

/*
 * A commit of somebody else may be changing count and checksum of a shared
 * block right now: what was wrong at first is looked at again with no
 * transaction running.
 */
static int read_again(struct dxf_ext2 *e2, dxf_blk_t blk, struct dxf_xarea *a,
		      const char **fault)
{
	struct dxf_txn *t;
	int r;

	if (dxf_txn_current(e2->txnmgr))
		return 0;
	r = dxf_txn_begin(e2->txnmgr, DXF_TXN_FORCE, &t);
	if (r)
		return r;
	r = read_block(e2, blk, a, fault);
	dxf_txn_abort(t);
	return r;
}

int dxf_xblock_load(struct dxf_node *n, const struct dxf_dinode *di,
		    struct dxf_xarea *a)
{
	struct dxf_ext2 *e2 = n->e2;
	const char *fault = NULL;
	int r;

	dxf_xarea_clear(a, HEADER_LEN, e2->geom.block_size, true);
	if (!di->file_acl)
		return 0;
	if (dxf_ext2_is_fixed_block(e2, di->file_acl, 1))
		return dxf_ext2_corrupt(e2, n->ino, di->file_acl,
			"the block of extended attributes is none");
	r = read_block(e2, di->file_acl, a, &fault);
	if (!r && fault)
		r = read_again(e2, di->file_acl, a, &fault);
	if (r || !fault)
		return r;
	return dxf_ext2_corrupt(e2, n->ino, di->file_acl,
				"block of extended attributes: %s", fault);
}

static void count_sectors(const struct dxf_node *n, struct dxf_dinode *di,
			  bool more)
{
	uint64_t one = n->e2->geom.block_size / 512;

	if (more)
		di->sectors += one;
	else
		di->sectors -= DXF_MIN(di->sectors, one);
}

/* Stage the count of a shared block, one less. */
static int drop_share(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_blk_t blk,
		   struct dxf_xarea *old)
{
	uint32_t count = dxf_get_le32(old->buf + H_REFCOUNT);

	assert(count > 1);
	dxf_put_le32(old->buf + H_REFCOUNT, count - 1);
	seal(e2, blk, old);
	return dxf_txn_store(t, dxf_blk_off(&e2->geom, blk), old->buf,
			     HEADER_LEN);
}

static int release(struct dxf_node *n, struct dxf_txn *t, dxf_blk_t blk,
		   struct dxf_xarea *old)
{
	if (dxf_get_le32(old->buf + H_REFCOUNT) > 1)
		return drop_share(n->e2, t, blk, old);
	return dxf_balloc_free(n->e2, t, n->ino, blk, 1);
}

int dxf_xblock_drop(struct dxf_node *n, struct dxf_dinode *di,
		    struct dxf_txn *t, struct dxf_xarea *old)
{
	int r;

	assert(di->file_acl);
	r = release(n, t, di->file_acl, old);
	if (r)
		return r;
	di->file_acl = 0;
	count_sectors(n, di, false);
	return 0;
}

/* To a new place.  The old block, if there is one, is released. */
static int store_new(struct dxf_node *n, struct dxf_dinode *di,
		     struct dxf_txn *t, struct dxf_xarea *old,
		     struct dxf_xarea *a, dxf_blk_t blk)
{
	struct dxf_ext2 *e2 = n->e2;
	int r;

	seal(e2, blk, a);
	r = dxf_txn_fill(t, dxf_blk_off(&e2->geom, blk), a->buf, a->size);
	if (!r && di->file_acl)
		r = release(n, t, di->file_acl, old);
	if (r)
		return r;
	if (!di->file_acl)
		count_sectors(n, di, true);
	di->file_acl = blk;
	return 0;
}

int dxf_xblock_store(struct dxf_node *n, struct dxf_dinode *di,
		     struct dxf_txn *t, struct dxf_xarea *old,
		     struct dxf_xarea *a, unsigned int balloc_flags)
{
	struct dxf_ext2 *e2 = n->e2;
	struct dxf_xent e;
	dxf_blk_t blk;
	int r;

	assert(a->size == e2->geom.block_size && a->first == HEADER_LEN);
	if (!dxf_xarea_first(a, &e))
		return di->file_acl ? dxf_xblock_drop(n, di, t, old) : 0;
	dxf_put_le32(a->buf, DXF_XATTR_MAGIC);
	dxf_put_le32(a->buf + H_REFCOUNT, 1);
	dxf_put_le32(a->buf + H_BLOCKS, 1);
	dxf_put_le32(a->buf + H_HASH, block_hash(a));

	r = dxf_balloc_one(e2, t, dxf_balloc_goal(e2, n->ino), balloc_flags,
			   &blk);
	if (!r)
		return store_new(n, di, t, old, a, blk);
	if (r != -ENOSPC || !di->file_acl ||
	    dxf_get_le32(old->buf + H_REFCOUNT) > 1)
		return r;
	seal(e2, di->file_acl, a);
	return dxf_txn_store(t, dxf_blk_off(&e2->geom, di->file_acl), a->buf,
			     a->size);
}
