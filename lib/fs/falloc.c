/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * falloc.c - fallocate(2): allocate, punch, zero.
 *
 * With extents what is allocated is marked unwritten; an indirect map cannot
 * say that, so its blocks are zeroed before they are mapped - and behind the
 * end of file the format does not allow them to stay: they are trimmed when
 * the inode leaves the cache (eof_blocks).
 *
 * Invariants:
 * - An interrupted or failed call is done up to some block.
 * - Punching goes from the end to the start in transactions that each leave a
 *   consistent file; what covers a block in part is zeroed in place.
 *
 * Must not know: FUSE.
 */
#include <assert.h>
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "data.h"
#include "mutate.h"

#define KEEP	FALLOC_FL_KEEP_SIZE
#define PUNCH	FALLOC_FL_PUNCH_HOLE
#define ZERO	FALLOC_FL_ZERO_RANGE

/* ---- allocate, zero ---- */

/* Blocks that [@from, @to) lacks. */
static int count_missing(struct dxf_fs *fs, struct dxf_inode *inode,
			 uint64_t from, uint64_t to, uint64_t *out)
{
	unsigned int bits = dxf_block_bits(fs);
	struct dxf_seg seg;
	uint64_t n = 0;

	for (; from < to; from += seg.len) {
		int err = dxf_seg_at(fs, inode, from, to, &seg);

		if (err)
			return err;
		if (seg.run.pblk == 0)
			n += ((from + seg.len - 1) >> bits) -
			     (from >> bits) + 1;
	}
	*out = n;
	return 0;
}

/*
 * What cannot succeed fails before it fills the filesystem up.  Only a
 * forecast: others allocate too, and the map needs blocks of its own.
 */
static int forecast(const struct dxf_wr *w)
{
	struct dxf_ext2_counts counts;
	uint64_t missing, kept;
	int err = count_missing(w->fs, w->inode, w->start, w->end, &missing);

	if (err)
		return err;
	dxf_ext2_counts(w->fs->e2, &counts);
	kept = w->balloc & DXF_BALLOC_RESERVED_OK ?
	       0 : w->fs->geom->reserved_blocks;
	if (counts.free_blocks < kept || counts.free_blocks - kept < missing)
		return -ENOSPC;
	return 0;
}

/*
 * Written blocks that were put behind the end of file for a size that was then
 * set, or was not to be, do not stay.
 */
static int settle(struct dxf_wr *w, bool before, int err)
{
	int err2;

	if (before || !w->inode->eof_blocks || (w->keep_size && !err))
		return err;
	assert(w->kind == DXF_WR_PREALLOC || w->kind == DXF_WR_ZERO);
	err2 = dxf_truncate_settle(w->fs, w->inode);
	return err ? err : err2;
}

static int allocate(struct dxf_wr *w)
{
	bool before = w->inode->eof_blocks;
	uint64_t pos = w->start;
	int err = forecast(w);

	if (!err)
		err = settle(w, before, dxf_wr_range(w, &pos));
	if (!err)
		dxf_inode_touch(w->fs, w->inode, DXF_TIME_M | DXF_TIME_C);
	return err;
}

/* ---- punch ---- */

static int unmap(struct dxf_fs *fs, struct dxf_inode *inode, dxf_lblk_t first,
		 dxf_lblk_t last)
{
	dxf_lblk_t done = last;

	while (done > first) {
		dxf_lblk_t before = done;
		struct dxf_op op;
		struct dxf_dinode *di;
		int err = dxf_op_begin(&op, fs);

		if (err)
			return err;
		di = dxf_op_di(&op, inode);
		di->mtime = di->ctime = dxf_now();
		err = dxf_bmap_remove(&inode->node, di, op.t, first, before,
				      &done);
		if (!err && done > first && done >= before)
			err = -EFBIG;
		err = dxf_op_end(&op, err);
		if (err)
			return err;
	}
	return 0;
}

static int punch(struct dxf_wr *w)
{
	struct dxf_fs *fs = w->fs;
	struct dxf_inode *inode = w->inode;
	unsigned int bits = dxf_block_bits(fs);
	uint64_t first = dxf_blocks_of(fs, w->start);
	uint64_t last = w->end >> bits;
	struct dxf_drop drop;
	struct dxf_peek p;
	int err;

	assert(w->start < w->end);
	/* Nobody sees the rest of the block that the file ends in. */
	dxf_inode_peek(inode, &p);
	if (w->end >= p.size)
		last = dxf_blocks_of(fs, w->end);
	if (first >= last) {
		err = dxf_zero_mapped(fs, inode, w->start, w->end);
	} else {
		err = dxf_zero_mapped(fs, inode, w->start, first << bits);
		if (!err && w->end > last << bits)
			err = dxf_zero_mapped(fs, inode, last << bits, w->end);
	}
	if (!dxf_mutated(DXF_MUT_FALLOC_FENCE))
		dxf_persist_fence(fs->region);
	if (err)
		return err;
	if (first < last) {
		dxf_drop_collect(fs, inode, first << bits, last << bits, &drop);
		err = unmap(fs, inode, first, last);
		if (err)
			return err;
		dxf_drop_apply(inode, &drop);
	}
	dxf_inode_touch(fs, inode, DXF_TIME_M | DXF_TIME_C);
	return 0;
}

/* ---- the call ---- */

static int check_mode(int mode)
{
	switch (mode) {
	case 0:
	case KEEP:
	case PUNCH | KEEP:
	case ZERO:
	case ZERO | KEEP:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int may_fallocate(const struct dxf_peek *p, int mode)
{
	if (!S_ISREG(p->mode))
		return -ENODEV;
	if (p->flags & FS_IMMUTABLE_FL)
		return -EPERM;
	return (p->flags & FS_APPEND_FL) && (mode & ~KEEP) ? -EPERM : 0;
}

static int fallocate_locked(struct dxf_wr *w, int mode, bool kill_priv)
{
	struct dxf_peek p;
	uint64_t len = w->end - w->start;
	int err;

	DXF_SCOPED_WRLOCK(&w->inode->lock);
	dxf_inode_peek(w->inode, &p);
	err = may_fallocate(&p, mode);
	if (!err)
		err = dxf_clip_to_max(w->fs, w->inode, w->start, &len);
	if (err)
		return err;
	if (len < w->end - w->start)
		return -EFBIG;
	err = dxf_strip_priv(w->fs, w->inode, kill_priv);
	if (err)
		return err;
	return mode & PUNCH ? punch(w) : allocate(w);
}

/*
 * To take a piece out of an extent there must be room for one more in the tree.
 * Where there is none the blocks stay and are zeroed: what was there is gone, as
 * was asked for.
 */
static int punch_without_room(struct dxf_wr *w)
{
	int err;

	DXF_SCOPED_WRLOCK(&w->inode->lock);
	err = dxf_zero_mapped(w->fs, w->inode, w->start, w->end);
	dxf_persist_fence(w->fs->region);
	if (!err)
		dxf_inode_touch(w->fs, w->inode, DXF_TIME_M | DXF_TIME_C);
	return err;
}

static int do_fallocate(struct dxf_wr *w, int mode, bool kill_priv)
{
	int err = fallocate_locked(w, mode, kill_priv);

	if (err == -ENOSPC && dxf_make_room(w->fs, w->inode))
		err = fallocate_locked(w, mode, kill_priv);
	if (err == -ENOSPC && (mode & PUNCH))
		err = punch_without_room(w);
	if (!err)
		err = dxf_sync_data_after(w->fs, w->inode, false);
	return err;
}

int dxf_fs_fallocate(struct dxf_fs *fs, dxf_ino_t ino, int mode, uint64_t off,
		     uint64_t len, bool kill_priv,
		     const struct dxf_cred *cred)
{
	struct dxf_wr w = {
		.fs = fs,
		.kind = mode & ZERO ? DXF_WR_ZERO : DXF_WR_PREALLOC,
		.start = off,
		.end = off + len,
		.balloc = dxf_cred_balloc_flags(fs, cred),
		.keep_size = mode & KEEP,
	};
	int err = check_mode(mode);

	if (err)
		return err;
	if (len == 0)
		return -EINVAL;
	if (off > INT64_MAX || len > INT64_MAX - off)
		return -EFBIG;
	err = dxf_icache_get(fs, ino, &w.inode);
	if (err)
		return err;
	err = do_fallocate(&w, mode, kill_priv);
	dxf_icache_put(fs, w.inode);
	return err;
}
