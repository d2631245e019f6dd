/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rescue.c - writing to a block that is bad.
 *
 * First in place, in the way that has the driver clear the media error.  Where
 * none can, the block's contents, new and old, go to a fresh block that takes
 * its place in the map, and the bad one goes to the bad-blocks inode, in one
 * transaction.
 *
 * Invariants:
 * - A write that leaves a part of the file in the block unreadable changes
 *   nothing: what cannot be read any more is never replaced by something else.
 * - The fresh block is filled to its last byte and fenced before the
 *   transaction begins, as every block is.
 *
 * Must not know: the layout of the map, nor of the list of bad blocks.
 */
#include <assert.h>
#include <errno.h>

#include "badino.h"
#include "data.h"
#include "log.h"

/* Fresh blocks that turn out to be bad themselves. */
#define MAX_TRIES	8

struct rescue {
	struct dxf_wr *w;
	dxf_lblk_t lblk;
	dxf_blk_t old, fresh;
	uint64_t start, end;	/* bytes of the file, in the block */
	uint64_t first, last;	/* the block: [first, last) */
	uint64_t size;		/* of the file: behind it nothing is kept */
	bool unwritten;		/* what the block holds reads as zeros */
	bool committed;
	struct dxf_txn_hook hook;
};

static dxf_off_t media(const struct rescue *rs, dxf_blk_t blk, uint64_t pos)
{
	return dxf_blk_off(rs->w->fs->geom, blk) + (pos - rs->first);
}

static bool has_bad(const struct dxf_fs *fs, dxf_off_t off, uint64_t len)
{
	dxf_off_t start, end;

	return dxf_region_find_bad(fs->region, off, len, &start, &end);
}

uint64_t dxf_before_bad(const struct dxf_fs *fs, const struct dxf_seg *seg)
{
	dxf_off_t start, end;

	if (!dxf_region_find_bad(fs->region, seg->off, seg->len, &start, &end))
		return seg->len;
	start = dxf_align_down(start, (dxf_off_t)dxf_block_size(fs));
	return start > seg->off ? start - seg->off : 0;
}

bool dxf_met_bad(const struct dxf_fs *fs, const struct dxf_seg *seg, int err)
{
	return err == -EIO && has_bad(fs, seg->off, seg->len);
}

/* ---- in place ---- */

static int clear_in_place(const struct rescue *rs)
{
	const struct dxf_wr *w = rs->w;
	dxf_off_t off = media(rs, rs->old, rs->start);
	int err;

	if (rs->unwritten)
		return -EIO;
	err = dxf_wr_store(w, rs->start, off, rs->end - rs->start,
			   DXF_PERSIST_DATA | DXF_PERSIST_RECOVERY);
	if (!err)
		err = dxf_data_mark(w->fs, w->inode, off, rs->end - rs->start);
	return err;
}

/* ---- to a fresh block ---- */

/* Bytes [@from, @to) of the old block: -EIO if one of them is bad. */
static int keep(const struct rescue *rs, uint64_t from, uint64_t to)
{
	struct dxf_region *r = rs->w->fs->region;
	dxf_off_t dst = media(rs, rs->fresh, from);

	if (from >= to)
		return 0;
	if (rs->unwritten)
		return dxf_persist_zero(r, dst, to - from, DXF_PERSIST_DATA);
	return dxf_persist_move(r, dst, media(rs, rs->old, from), to - from,
				DXF_PERSIST_DATA);
}

static int fill(const struct rescue *rs)
{
	struct dxf_region *r = rs->w->fs->region;
	uint64_t kept = DXF_MAX(rs->end, DXF_MIN(rs->last, rs->size));
	int err = keep(rs, rs->first, rs->start);

	if (!err)
		err = dxf_wr_store(rs->w, rs->start,
				   media(rs, rs->fresh, rs->start),
				   rs->end - rs->start, DXF_PERSIST_DATA);
	if (!err)
		err = keep(rs, rs->end, kept);
	if (!err && kept < rs->last)
		err = dxf_persist_zero(r, media(rs, rs->fresh, kept),
				       rs->last - kept, DXF_PERSIST_DATA);
	if (!err)
		err = dxf_data_mark(rs->w->fs, rs->w->inode,
				    media(rs, rs->fresh, rs->first),
				    rs->last - rs->first);
	dxf_persist_fence(r);
	return err;
}

/* Reserve and fill; a block that is found to be bad is not tried again. */
static int reserve(struct rescue *rs)
{
	struct dxf_fs *fs = rs->w->fs;
	int err = -EIO;

	for (int i = 0; i < MAX_TRIES && err == -EIO; i++) {
		uint32_t got;

		err = dxf_balloc_reserve(fs->e2, NULL, rs->old, 1,
					 rs->w->balloc, &rs->fresh, &got);
		if (err)
			return err;
		err = fill(rs);
		if (!err)
			return 0;
		dxf_balloc_cancel(fs->e2, rs->fresh, 1);
		if (!has_bad(fs, media(rs, rs->fresh, rs->first),
			     rs->last - rs->first))
			break;
	}
	return err;
}

static void note_end(struct dxf_txn_hook *h, bool committed)
{
	dxf_container_of(h, struct rescue, hook)->committed = committed;
}

static int publish(struct rescue *rs)
{
	struct dxf_inode *inode = rs->w->inode;
	struct dxf_op op;
	struct dxf_dinode *di;
	int err = dxf_op_begin(&op, rs->w->fs);

	if (err)
		return err;
	rs->hook = (struct dxf_txn_hook){ .fn = note_end };
	dxf_txn_on_end(op.t, &rs->hook);
	di = dxf_op_di(&op, inode);
	di->mtime = di->ctime = dxf_now();
	err = dxf_badino_replace(&inode->node, di, op.t, rs->lblk, rs->old,
				 rs->fresh);
	return dxf_op_end(&op, err);
}

static int move_to_fresh(struct rescue *rs)
{
	struct dxf_fs *fs = rs->w->fs;
	struct dxf_inode *inode = rs->w->inode;
	struct dxf_drop drop;
	int err = reserve(rs);

	if (err)
		return err;
	dxf_drop_collect(fs, inode, rs->first, rs->last, &drop);
	err = publish(rs);
	if (err && !rs->committed)
		dxf_balloc_cancel(fs->e2, rs->fresh, 1);
	if (err)
		return err;
	/*
	 * A store that was deferred must not fail the next fsync, and with it
	 * the filesystem.  (Blocks smaller than a granule cannot be dropped.)
	 */
	dxf_drop_apply(inode, &drop);
	dxf_log_warn("inode %u: block %llu is bad; it is out of use, and its data are in block %llu",
		     inode->node.ino, (unsigned long long)rs->old,
		     (unsigned long long)rs->fresh);
	return 0;
}

/* ---- the call ---- */

int dxf_rescue(struct dxf_wr *w, uint64_t pos, const struct dxf_seg *seg,
	       uint64_t *done)
{
	unsigned int bits = dxf_block_bits(w->fs);
	struct rescue rs = {
		.w = w,
		.lblk = seg->run.lblk,
		.old = seg->run.pblk,
		.start = pos,
		.first = seg->run.lblk << bits,
		.last = (seg->run.lblk + 1) << bits,
		.unwritten = seg->run.unwritten,
	};
	struct dxf_peek p;
	int err;

	dxf_rwlock_assert_wrheld(&w->inode->lock);
	assert(!dxf_txn_current(w->fs->txnmgr));
	assert(rs.first <= pos && pos < rs.last && rs.old != 0);
	dxf_inode_peek(w->inode, &p);
	rs.size = p.size;
	rs.end = DXF_MIN(pos + seg->len, rs.last);
	/* A written block behind the end of file is for its commit to map. */
	if (rs.unwritten && rs.first >= rs.size)
		return -EIO;
	err = clear_in_place(&rs);
	if (err == -EIO)
		err = move_to_fresh(&rs);
	/* The list of bad blocks is full, or not one: the block stays. */
	if (err == -EFBIG)
		err = -EIO;
	if (!err)
		*done = rs.end - pos;
	return err;
}
