/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * truncate.c - setting the size of a file.
 *
 * Shrinking is one transaction where that is possible.  Else the first one
 * sets the size and puts the inode on the orphan list, others free the blocks
 * from the end, the last one takes it off the list: a crash in between leaves
 * a file of the new size whose rest is freed at the next mount.
 *
 * Invariants:
 * - The tail of the last block is zeroed after the commit that shrinks (before
 *   it the bytes are the file's), so it may hold old bytes after a crash or a
 *   failed store; therefore growing zeroes what it uncovers before its commit.
 * - Written blocks are mapped behind the end of file only while eof_blocks is
 *   set and the inode is on the orphan list.
 *
 * Must not know: how blocks are freed.
 */
#include <assert.h>
#include <errno.h>
#include <linux/fs.h>

#include "data.h"
#include "mutate.h"

dxf_lblk_t dxf_blocks_of(const struct dxf_fs *fs, uint64_t size)
{
	return (size >> dxf_block_bits(fs)) +
	       ((size & (dxf_block_size(fs) - 1)) != 0);
}

/* ---- dirty ranges of blocks that go ---- */

/*
 * Only to spare fsync the work: a range that is forgotten here too late is
 * written back once more than it had to be.  So a walk that gets long, or
 * fails, is given up.
 */
void dxf_drop_collect(struct dxf_fs *fs, struct dxf_inode *inode,
		      uint64_t from, uint64_t to, struct dxf_drop *d)
{
	struct dxf_dirty *dirty = dxf_inode_dirty_peek(inode);
	struct dxf_seg seg;

	d->n = 0;
	if (!dirty || dxf_dirty_is_empty(dirty))
		return;
	for (int steps = 0; from < to && steps < 64; steps++) {
		if (dxf_seg_at(fs, inode, from, to, &seg) != 0)
			return;
		from += seg.len;
		if (!seg.mapped)
			continue;
		d->r[d->n].start = seg.off;
		d->r[d->n].end = seg.off + seg.len;
		if (++d->n == (int)DXF_ARRAY_SIZE(d->r))
			return;
	}
}

void dxf_drop_apply(struct dxf_inode *inode, const struct dxf_drop *d)
{
	assert(d->n == 0 || inode->dirty);
	for (int i = 0; i < d->n; i++)
		dxf_dirty_drop(inode->dirty, d->r[i].start, d->r[i].end);
}

/* ---- cutting ---- */

/*
 * Free the blocks from @first on in transactions of their own.  @unorphan: the
 * last one takes the inode off the orphan list.
 */
static int cut(struct dxf_fs *fs, struct dxf_inode *inode, dxf_lblk_t first,
	       bool unorphan)
{
	dxf_lblk_t done = UINT64_MAX;

	dxf_rwlock_assert_wrheld(&inode->lock);
	while (done > first) {
		dxf_lblk_t before = done;
		struct dxf_op op;
		struct dxf_dinode *di;
		int err = dxf_op_begin(&op, fs);

		if (err)
			return err;
		di = dxf_op_di(&op, inode);
		err = dxf_bmap_remove(&inode->node, di, op.t, first, done,
				      &done);
		if (!err && done > first && done >= before)
			err = -EFBIG;
		/* An unlinked one is on the list for that, and stays. */
		if (!err && done <= first && unorphan && di->nlink != 0)
			err = dxf_orphan_del(&op, inode);
		err = dxf_op_end(&op, err);
		if (err)
			return err;
	}
	return 0;
}

int dxf_truncate_blocks(struct dxf_fs *fs, struct dxf_inode *inode,
			uint64_t size)
{
	return cut(fs, inode, dxf_blocks_of(fs, size), false);
}

int dxf_truncate_settle(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_peek p;
	int err;

	dxf_rwlock_assert_wrheld(&inode->lock);
	assert(inode->eof_blocks);
	dxf_inode_peek(inode, &p);
	err = cut(fs, inode, dxf_blocks_of(fs, p.size), true);
	if (!err)
		inode->eof_blocks = false;
	return err;
}

int dxf_truncate_evict(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	return inode->eof_blocks ? dxf_truncate_settle(fs, inode) : 0;
}

/* ---- the two directions ---- */

static int stage_size(struct dxf_op *op, struct dxf_inode *inode,
		      uint64_t size, const struct dxf_setattr *also)
{
	struct dxf_dinode *di = dxf_op_di(op, inode);
	bool changes = di->size != size || (also->valid & DXF_SET_OPEN);
	struct timespec now = dxf_now();

	di->size = size;
	if (changes)
		di->mtime = now;
	di->ctime = now;
	return dxf_setattr_apply(op, inode, di, also);
}

static int grow(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t size,
		const struct dxf_setattr *also)
{
	struct dxf_peek p;
	struct dxf_op op;
	int err;

	dxf_inode_peek(inode, &p);
	assert(size > p.size);
	err = dxf_zero_mapped(fs, inode, p.size, size);
	if (!dxf_mutated(DXF_MUT_GROW_FENCE))
		dxf_persist_fence(fs->region);
	if (!err)
		err = dxf_op_begin(&op, fs);
	if (err)
		return err;
	err = stage_size(&op, inode, size, also);
	return dxf_op_end(&op, err);
}

/*
 * All in one transaction.
 * Returns: 0; -EFBIG it does not fit: nothing changed; other -errno.
 */
static int shrink_at_once(struct dxf_fs *fs, struct dxf_inode *inode,
			  uint64_t size, const struct dxf_setattr *also)
{
	dxf_lblk_t first = dxf_blocks_of(fs, size), done = 0;
	struct dxf_op op;
	struct dxf_dinode *di;
	int err = dxf_op_begin(&op, fs);

	if (err)
		return err;
	err = stage_size(&op, inode, size, also);
	di = dxf_op_di(&op, inode);
	if (!err)
		err = dxf_bmap_remove(&inode->node, di, op.t, first,
				      UINT64_MAX, &done);
	if (!err && done > first)
		err = -EFBIG;
	if (!err && inode->eof_blocks && di->nlink != 0)
		err = dxf_orphan_del(&op, inode);
	err = dxf_op_end(&op, err);
	if (!err)
		inode->eof_blocks = false;
	return err;
}

/*
 * Returns: 0; -errno: before the first commit nothing changed; behind it the
 * size is set and the rest is pending.
 */
static int shrink_in_cuts(struct dxf_fs *fs, struct dxf_inode *inode,
			  uint64_t size, const struct dxf_setattr *also)
{
	struct dxf_op op;
	int err = dxf_op_begin(&op, fs);

	if (err)
		return err;
	err = stage_size(&op, inode, size, also);
	if (!err && dxf_op_di(&op, inode)->nlink != 0)
		err = dxf_orphan_add(&op, inode);
	err = dxf_op_end(&op, err);
	if (err)
		return err;
	inode->eof_blocks = true;
	return dxf_truncate_settle(fs, inode);
}

/* Bytes behind the end of file are zero; see the invariant for when not. */
static void zero_tail(struct dxf_fs *fs, struct dxf_inode *inode,
		      uint64_t size)
{
	uint64_t end = dxf_blocks_of(fs, size) << dxf_block_bits(fs);

	if (end == size)
		return;
	(void)dxf_zero_mapped(fs, inode, size, end);
	if (!dxf_mutated(DXF_MUT_SHRINK_FENCE))
		dxf_persist_fence(fs->region);
}

static int shrink(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t size,
		  uint64_t old, const struct dxf_setattr *also)
{
	struct dxf_drop drop;
	int err;

	assert(size <= old);
	dxf_drop_collect(fs, inode, size, old, &drop);
	err = shrink_at_once(fs, inode, size, also);
	if (err == -EFBIG)
		err = shrink_in_cuts(fs, inode, size, also);
	if (err)
		return err;
	dxf_drop_apply(inode, &drop);
	if (size < old)
		zero_tail(fs, inode, size);
	return 0;
}

int dxf_truncate(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t size,
		 const struct dxf_setattr *also)
{
	uint64_t len = size;
	struct dxf_peek p;
	int err;

	dxf_rwlock_assert_wrheld(&inode->lock);
	assert(!dxf_txn_current(fs->txnmgr));
	dxf_inode_peek(inode, &p);
	err = dxf_regular(p.mode);
	if (err)
		return err;
	if (p.flags & (FS_IMMUTABLE_FL | FS_APPEND_FL))
		return -EPERM;
	if (size > p.size)
		err = dxf_clip_to_max(fs, inode, 0, &len);
	if (err)
		return err;
	if (len < size)
		return -EFBIG;
	if (size > p.size)
		return grow(fs, inode, size, also);
	return shrink(fs, inode, size, p.size, also);
}
