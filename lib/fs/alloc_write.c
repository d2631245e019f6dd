/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alloc_write.c - changing what a range of a file maps: extending writes,
 * holes filled, unwritten blocks converted, preallocation.
 *
 * A range is done batch by batch.  A batch walks the map; in-place parts are
 * stored at once, holes get reserved blocks that are filled, both with no
 * metadata lock held; one fence (F0) and one transaction then publish the
 * blocks, map them and set the size.
 *
 * Invariants:
 * - A block is filled to its last byte, and fenced, before the transaction
 *   that maps it begins: no crash shows what lay in a free block.
 * - Behind the end of file anything may lie in mapped blocks: before the size
 *   grows past it, it is zeroed (or stored by this very write).
 * - A reservation ends in exactly one way: published by a commit or cancelled.
 * - Nothing is stored in place behind a piece of the same batch: without room
 *   for the piece the write ends before it, and has changed nothing there.
 *
 * Locks: the inode's lock held exclusively throughout, so that two appenders
 * cannot zero each other's bytes.
 *
 * Must not know: FUSE, open files; how either kind of map is laid out.
 */
#include <assert.h>
#include <errno.h>
#include <linux/fs.h>

#include "data.h"
#include "mutate.h"

#define MAX_PIECES	16
#define MAX_BLOCKS	2048u
/* What a transaction may lack for the map's own blocks. */
#define TRIM_BLOCKS	4u

/* A stretch for which the map has to change. */
struct piece {
	dxf_lblk_t lblk;
	dxf_blk_t pblk;
	uint32_t nblk;
	bool convert;		/* mapped, unwritten; else reserved for it */
	bool unwritten;		/* to be mapped so */
};

struct batch {
	struct dxf_wr *w;
	uint64_t start, end;	/* bytes done so far: [start, end) */
	uint32_t nblk;		/* in pieces */
	int n;
	bool stored;		/* something awaits a fence */
	bool committed;
	struct piece p[MAX_PIECES];
	struct dxf_txn_hook hook;
};

static uint64_t to_bytes(const struct batch *b, dxf_lblk_t lblk)
{
	return lblk << dxf_block_bits(b->w->fs);
}

/* ---- filling ---- */

static int zero_media(struct batch *b, dxf_off_t off, uint64_t len)
{
	if (len == 0)
		return 0;
	return dxf_persist_zero(b->w->fs->region, off, len, DXF_PERSIST_DATA);
}

/*
 * Fill the blocks of @p from b->end on: the write's bytes, zeros around them.
 */
static int fill(struct batch *b, const struct piece *p, uint64_t end)
{
	struct dxf_wr *w = b->w;
	dxf_off_t off = dxf_blk_off(w->fs->geom, p->pblk);
	uint64_t first = to_bytes(b, p->lblk);
	uint64_t last = to_bytes(b, p->lblk + p->nblk);
	int err;

	assert(first <= b->end && b->end < last);
	b->stored = true;
	if (w->kind == DXF_WR_DATA) {
		uint64_t head = b->end - first;
		uint64_t body = DXF_MIN(end, last) - b->end;

		err = zero_media(b, off, head);
		if (!err)
			err = dxf_wr_fill(w, b->end, off + head, body,
					  last - first - head - body);
	} else {
		err = zero_media(b, off, last - first);
	}
	return err ? err : dxf_data_mark(w->fs, w->inode, off, last - first);
}

static void add_piece(struct batch *b, const struct piece *p, uint64_t end)
{
	assert(b->n < MAX_PIECES && p->nblk > 0);
	b->p[b->n++] = *p;
	b->nblk += p->nblk;
	b->end = DXF_MIN(end, to_bytes(b, p->lblk + p->nblk));
}

/* How many blocks of @run are wanted for b->end up to @end in this batch. */
static uint32_t wanted(const struct batch *b, const struct dxf_run *run,
		       uint64_t end)
{
	uint64_t n = ((end - 1) >> dxf_block_bits(b->w->fs)) - run->lblk + 1;

	assert(b->nblk < MAX_BLOCKS);
	n = DXF_MIN(n, run->nblk);
	return DXF_MIN(n, MAX_BLOCKS - b->nblk);
}

static dxf_blk_t goal(struct batch *b, dxf_lblk_t lblk)
{
	struct dxf_inode *inode = b->w->inode;
	const struct piece *p = b->n ? &b->p[b->n - 1] : NULL;

	if (p && p->lblk + p->nblk == lblk &&
	    p->pblk + p->nblk < b->w->fs->geom->nblocks)
		return p->pblk + p->nblk;
	return dxf_bmap_goal(&inode->node, &inode->node.di, lblk);
}

/*
 * Each 2 MiB of a file that has so much are to begin where a huge page does:
 * *@want ends there at the latest, so that the next piece asks for a page that
 * is free as a whole.
 * Returns: the flag, where a page is to begin.
 */
static unsigned int by_pages(const struct batch *b, dxf_lblk_t lblk,
			     dxf_blk_t at, uint32_t *want)
{
	const struct dxf_wr *w = b->w;
	uint32_t n = dxf_balloc_huge(w->fs->e2);
	struct dxf_peek p;
	bool follows;

	dxf_inode_peek_locked(w->inode, &p);
	if (n == 0 || DXF_MAX(w->end, p.size) < to_bytes(b, n))
		return 0;
	*want = DXF_MIN(*want, n - (uint32_t)(lblk % n));
	if (lblk % n != 0)
		return 0;
	/* A block somewhere in a sparse file is not worth a page. */
	follows = at != dxf_balloc_goal(w->fs->e2, w->inode->node.ino) ||
		  to_bytes(b, lblk) >= p.size;
	return follows || *want >= n / 32 ? DXF_BALLOC_HUGE : 0;
}

static bool has_extents(struct dxf_inode *inode)
{
	struct dxf_peek p;

	dxf_inode_peek_locked(inode, &p);
	return p.flags & FS_EXTENT_FL;
}

static bool is_bad(const struct batch *b, const struct piece *p)
{
	const struct dxf_fs *fs = b->w->fs;
	dxf_off_t start, end;

	return dxf_region_find_bad(fs->region, dxf_blk_off(fs->geom, p->pblk),
				   (uint64_t)p->nblk << dxf_block_bits(fs),
				   &start, &end);
}

static int do_hole(struct batch *b, const struct dxf_seg *seg, uint64_t end)
{
	struct dxf_wr *w = b->w;
	struct dxf_ext2 *e2 = w->fs->e2;
	struct piece p = {
		.lblk = seg->run.lblk,
		.unwritten = w->kind != DXF_WR_DATA && has_extents(w->inode),
	};
	dxf_blk_t at = goal(b, p.lblk);
	uint32_t want = wanted(b, &seg->run, end);
	unsigned int flags = w->balloc;
	int err;

	if (w->kind == DXF_WR_HOLE) {
		b->end += seg->len;
		return 0;
	}
	flags |= by_pages(b, p.lblk, at, &want);
	err = dxf_balloc_reserve(e2, &w->inode->node.window, at, want, flags,
				 &p.pblk, &p.nblk);
	if (err)
		return err;
	assert(p.nblk > 0 && p.nblk <= seg->run.nblk);
	err = p.unwritten ? 0 : fill(b, &p, end);
	if (err) {
		dxf_balloc_cancel(e2, p.pblk, p.nblk);
		/* Found to be bad: the next search leaves it out. */
		return is_bad(b, &p) && err == -EIO ? 0 : err;
	}
	add_piece(b, &p, end);
	return 0;
}

static int do_rescue(struct batch *b, const struct dxf_seg *seg)
{
	uint64_t n;
	int err = dxf_rescue(b->w, b->end, seg, &n);

	b->stored = true;
	if (!err)
		b->end += n;
	return err;
}

static int do_unwritten(struct batch *b, const struct dxf_seg *seg,
			uint64_t end)
{
	struct piece p = {
		.lblk = seg->run.lblk,
		.pblk = seg->run.pblk,
		.nblk = wanted(b, &seg->run, end),
		.convert = true,
	};
	struct dxf_seg blocks = *seg;
	uint64_t good;
	int err;

	/* Reads as zeros as it is. */
	if (b->w->kind != DXF_WR_DATA) {
		b->end += seg->len;
		return 0;
	}
	/* They are filled whole. */
	blocks.off = dxf_blk_off(b->w->fs->geom, p.pblk);
	blocks.len = to_bytes(b, p.nblk);
	good = dxf_before_bad(b->w->fs, &blocks);
	if (good == 0)
		return do_rescue(b, seg);
	p.nblk = (uint32_t)(good >> dxf_block_bits(b->w->fs));
	err = fill(b, &p, end);
	if (!err)
		add_piece(b, &p, end);
	return dxf_met_bad(b->w->fs, &blocks, err) ? 0 : err;
}

static int do_mapped(struct batch *b, struct dxf_seg *seg, uint64_t size)
{
	int err = 0;

	/* A part behind the end of file is for this commit to publish. */
	if (b->end < size)
		seg->len = DXF_MIN(seg->len, size - b->end);
	if (b->w->kind != DXF_WR_PREALLOC) {
		uint64_t good = dxf_before_bad(b->w->fs, seg);

		if (good == 0)
			return do_rescue(b, seg);
		seg->len = good;
		b->stored = true;
		err = dxf_wr_inplace(b->w, b->end, seg->off, seg->len,
				     b->end < size);
	}
	if (!err)
		b->end += seg->len;
	return dxf_met_bad(b->w->fs, seg, err) ? 0 : err;
}

/*
 * Store and reserve from b->end on until @end, or until the batch is full.
 * Returns: 0; -errno, b->end is how far it came.
 */
static int prepare(struct batch *b, uint64_t end, uint64_t size)
{
	struct dxf_wr *w = b->w;
	struct dxf_seg seg;
	int err = 0;

	while (!err && b->end < end && b->n < MAX_PIECES &&
	       b->nblk < MAX_BLOCKS) {
		err = dxf_seg_at(w->fs, w->inode, b->end, end, &seg);
		if (err)
			break;
		if (seg.mapped && b->n > 0 && w->kind != DXF_WR_PREALLOC)
			break;
		if (seg.mapped)
			err = do_mapped(b, &seg, size);
		else if (seg.run.pblk != 0)
			err = do_unwritten(b, &seg, end);
		else
			err = do_hole(b, &seg, end);
	}
	return err;
}

/* ---- publishing ---- */

static void note_end(struct dxf_txn_hook *h, bool committed)
{
	dxf_container_of(h, struct batch, hook)->committed = committed;
}

static int stage_piece(struct batch *b, struct dxf_txn *t,
		       struct dxf_dinode *di, const struct piece *p)
{
	struct dxf_wr *w = b->w;
	struct dxf_node *n = &w->inode->node;
	int err;

	if (p->convert)
		return dxf_bmap_convert(n, di, t, p->lblk, p->nblk, w->balloc);
	err = dxf_balloc_publish(w->fs->e2, t, p->pblk, p->nblk);
	if (err)
		return err;
	return dxf_bmap_insert(n, di, t, p->lblk, p->pblk, p->nblk,
			       p->unwritten, w->balloc);
}

/* The size that the file has after the batch. */
static uint64_t new_size(const struct batch *b, uint64_t size)
{
	const struct dxf_wr *w = b->w;
	bool follows = w->kind == DXF_WR_DATA || w->kind == DXF_WR_HOLE;

	/* Of nothing done, the gap before it is not the file's either. */
	if (w->keep_size || b->end == b->start ||
	    (!follows && b->end < w->end))
		return size;
	return DXF_MAX(size, b->end);
}

/* Does the batch map written blocks behind the end of file? */
static bool behind_eof(const struct batch *b, const struct dxf_dinode *di)
{
	const struct piece *p = &b->p[b->n - 1];

	return !p->unwritten && p->lblk + p->nblk >
				dxf_blocks_of(b->w->fs, di->size);
}

static void remember(const struct batch *b)
{
	for (int i = 0; i < b->n; i++) {
		const struct piece *p = &b->p[i];

		if (!p->convert)
			dxf_bmap_inserted(&b->w->inode->node, p->lblk, p->pblk,
					  p->nblk, p->unwritten);
	}
}

static int commit(struct batch *b)
{
	struct dxf_wr *w = b->w;
	struct dxf_op op;
	struct dxf_dinode *di;
	bool eof_blocks;
	int err = dxf_op_begin(&op, w->fs);

	if (err)
		return err;
	di = dxf_op_di(&op, w->inode);
	b->committed = false;
	b->hook = (struct dxf_txn_hook){ .fn = note_end };
	dxf_txn_on_end(op.t, &b->hook);
	for (int i = 0; i < b->n && !err; i++)
		err = stage_piece(b, op.t, di, &b->p[i]);
	di->size = new_size(b, di->size);
	di->mtime = di->ctime = dxf_now();
	eof_blocks = b->n > 0 && behind_eof(b, di);
	/* An unlinked one is on the list already. */
	if (!err && eof_blocks && di->nlink != 0)
		err = dxf_orphan_add(&op, w->inode);
	err = dxf_op_end(&op, err);
	if (!err)
		remember(b);
	if (!err && eof_blocks)
		w->inode->eof_blocks = true;
	return err;
}

static void cancel(struct batch *b, const struct piece *p, uint32_t from)
{
	assert(from <= p->nblk);
	if (!p->convert && from < p->nblk)
		dxf_balloc_cancel(b->w->fs->e2, p->pblk + from,
				  p->nblk - from);
}

static void cancel_all(struct batch *b)
{
	for (int i = 0; i < b->n; i++)
		cancel(b, &b->p[i], 0);
	b->n = 0;
	b->end = b->start;
}

/*
 * The transaction did not find room (-ENOSPC: for blocks of the map, -EFBIG:
 * in the log): do less of it.  Returns: false if nothing is left to do.
 */
static bool trim(struct batch *b, int err)
{
	struct piece *p;
	uint32_t drop;

	if (b->n == 0)
		return false;
	p = &b->p[b->n - 1];
	if (err == -EFBIG)
		drop = (p->nblk + 1) / 2;
	else
		drop = p->convert ? p->nblk : DXF_MIN(p->nblk, TRIM_BLOCKS);
	cancel(b, p, p->nblk - drop);
	p->nblk -= drop;
	b->nblk -= drop;
	b->end = DXF_MIN(b->end, to_bytes(b, p->lblk + p->nblk));
	b->end = DXF_MAX(b->end, b->start);
	if (p->nblk == 0)
		b->n--;
	return b->end > b->start;
}

static int publish(struct batch *b)
{
	int err;

	for (;;) {
		err = commit(b);
		if (!err)
			return 0;
		/* A store in place that failed came after the commit. */
		if (b->committed) {
			b->end = b->start;
			return err;
		}
		if ((err != -ENOSPC && err != -EFBIG) || !trim(b, err))
			break;
	}
	cancel_all(b);
	return err;
}

/* ---- the range ---- */

static int do_batch(struct dxf_wr *w, uint64_t *pos)
{
	struct batch b = { .w = w, .start = *pos, .end = *pos };
	struct dxf_peek p;
	int stop, err = 0;

	dxf_inode_peek_locked(w->inode, &p);
	stop = prepare(&b, w->end, p.size);
	if (b.stored && !dxf_mutated(DXF_MUT_FILL_FENCE))
		dxf_persist_fence(w->fs->region);
	if (b.n > 0 || new_size(&b, p.size) > p.size)
		err = publish(&b);
	else if (b.stored)
		dxf_inode_touch(w->fs, w->inode, DXF_TIME_M | DXF_TIME_C);
	*pos = b.end;
	assert(*pos > b.start || err || stop);
	return err ? err : stop;
}

int dxf_wr_range(struct dxf_wr *w, uint64_t *pos)
{
	struct dxf_peek p;
	uint64_t gap;
	int err = 0;

	dxf_rwlock_assert_wrheld(&w->inode->lock);
	assert(!dxf_txn_current(w->fs->txnmgr));
	assert(*pos >= w->start && w->start < w->end);
	dxf_inode_peek_locked(w->inode, &p);
	gap = w->kind == DXF_WR_PREALLOC ? w->end : *pos;
	if (gap > p.size && !w->keep_size) {
		err = dxf_zero_mapped(w->fs, w->inode, p.size, gap);
		if (!dxf_mutated(DXF_MUT_GAP_FENCE))
			dxf_persist_fence(w->fs->region);
	}
	while (!err && *pos < w->end)
		err = do_batch(w, pos);
	return err;
}

bool dxf_make_room(struct dxf_fs *fs, struct dxf_inode *inode)
{
	dxf_rwlock_wrlock(&inode->lock);
	dxf_balloc_drop_window(fs->e2, &inode->node.window);
	dxf_rwlock_unlock(&inode->lock);
	return dxf_orphan_reclaim(fs);
}
