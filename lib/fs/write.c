/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write.c - storing a file's bytes where they lie, and the write itself.
 *
 * An overwrite of mapped, written blocks below the end of file needs no
 * transaction: the bytes go into the mapping under the inode's lock held
 * shared, are fenced, and mtime follows lazily.  Everything else takes the
 * lock exclusively and goes through alloc_write.c.
 *
 * Invariants:
 * - Every non-temporal store is fenced by its own thread before the inode's
 *   lock is released, in every durability mode.
 * - What a store leaves in the cache is in inode->dirty before the lock is
 *   released, or was written back.
 *
 * Must not know: the layout of the map, who asked.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/fs.h>

#include "data.h"
#include "mutate.h"

/* persist makes no non-temporal store of less. */
#define MIN_BULK	(4 * DXF_CACHELINE)

/* ---- stores ---- */

static bool page_media(const struct dxf_fs *fs)
{
	return dxf_region_media(fs->region) == DXF_MEDIA_PAGE;
}

static int mark(struct dxf_fs *fs, struct dxf_inode *inode, dxf_off_t off,
		uint64_t len)
{
	struct dxf_dirty *d = dxf_inode_dirty(inode);

	if (!d || dxf_dirty_mark(d, off, off + len) != 0)
		return dxf_persist_msync(fs->region, off, len);
	dxf_bg_queue(fs, inode);
	return 0;
}

int dxf_data_mark(struct dxf_fs *fs, struct dxf_inode *inode, dxf_off_t off,
		  uint64_t len)
{
	if (!page_media(fs) || len == 0)
		return 0;
	return mark(fs, inode, off, len);
}

/* What a deferred store leaves in the cache: lines that it covers in part. */
static int mark_edges(struct dxf_fs *fs, struct dxf_inode *inode,
		      dxf_off_t off, uint64_t len)
{
	dxf_off_t end = off + len;
	int err = 0;

	if (off % DXF_CACHELINE)
		err = mark(fs, inode, off, DXF_MIN(len, DXF_CACHELINE));
	if (!err && end % DXF_CACHELINE)
		err = mark(fs, inode, end - 1, 1);
	return err;
}

/*
 * Lines that an earlier store left in the cache are written back before
 * non-temporal stores may meet them.
 */
static int settle_edges(struct dxf_fs *fs, struct dxf_inode *inode,
			dxf_off_t off, uint64_t len)
{
	struct dxf_dirty *d = dxf_inode_dirty_peek(inode);
	dxf_off_t from = off, start, end;

	if (!d || len < MIN_BULK)
		return 0;
	while (dxf_dirty_take(d, from, off + len, &start, &end)) {
		int err = 0;

		if (!dxf_mutated(DXF_MUT_SETTLE_FLUSH))
			err = dxf_persist_flush(fs->region, start, end - start);

		if (err) {
			dxf_dirty_undo(d, start, end);
			return err;
		}
		if (!dxf_mutated(DXF_MUT_SETTLE_FENCE))
			dxf_persist_fence(fs->region);
		dxf_dirty_done(d, start, end);
		from = end;
	}
	return 0;
}

static int store_from_file(const struct dxf_wr *w, uint64_t pos, dxf_off_t off,
			   uint64_t len, unsigned int flags)
{
	struct dxf_fs *fs = w->fs;
	uint64_t from = w->in_off + (pos - w->start);
	uint64_t end = from + len;
	struct dxf_seg seg;
	int err = 0;

	for (; !err && from < end; from += seg.len, off += seg.len) {
		err = dxf_seg_at(fs, w->in, from, end, &seg);
		if (err)
			break;
		if (!seg.mapped)
			err = dxf_persist_zero(fs->region, off, seg.len, flags);
		else if (seg.off < off + seg.len && off < seg.off + seg.len)
			err = dxf_ext2_corrupt(fs->e2, w->in->node.ino,
					       seg.run.pblk,
					       "a block is mapped twice");
		else
			err = dxf_persist_move(fs->region, off, seg.off,
					       seg.len, flags);
	}
	return err;
}

int dxf_wr_store(const struct dxf_wr *w, uint64_t pos, dxf_off_t off,
		 uint64_t len, unsigned int flags)
{
	assert(pos >= w->start && pos + len <= w->end);
	if (w->kind != DXF_WR_DATA)
		return dxf_persist_zero(w->fs->region, off, len, flags);
	if (w->in)
		return store_from_file(w, pos, off, len, flags);
	return dxf_persist_copy(w->fs->region, off, w->buf + (pos - w->start),
				len, flags);
}

int dxf_wr_fill(const struct dxf_wr *w, uint64_t pos, dxf_off_t off,
		uint64_t len, uint64_t pad)
{
	int err;

	assert(w->kind == DXF_WR_DATA && pos >= w->start);
	if (!w->in)
		return dxf_persist_copy_padded(w->fs->region, off, w->buf +
					       (pos - w->start), len, pad);
	err = store_from_file(w, pos, off, len, DXF_PERSIST_DATA);
	return err || pad == 0 ? err :
		dxf_persist_zero(w->fs->region, off + len, pad,
				 DXF_PERSIST_DATA);
}

int dxf_wr_inplace(const struct dxf_wr *w, uint64_t pos, dxf_off_t off,
		   uint64_t len, bool inside)
{
	struct dxf_fs *fs = w->fs;
	int err;

	if (page_media(fs)) {
		err = dxf_wr_store(w, pos, off, len, DXF_PERSIST_DATA);
		/* What a failed store left is no less dirty. */
		return mark(fs, w->inode, off, len) ?: err;
	}
	if (fs->opts.durability == DXF_DURABILITY_WRITE)
		return dxf_wr_store(w, pos, off, len, DXF_PERSIST_DATA);
	err = settle_edges(fs, w->inode, off, len);
	if (err)
		return err;
	if (!inside)
		return dxf_wr_store(w, pos, off, len, DXF_PERSIST_DATA);
	err = dxf_wr_store(w, pos, off, len, DXF_PERSIST_NOFLUSH);
	return mark_edges(fs, w->inode, off, len) ?: err;
}

/* Zero of the segment what can be done at once: *@n bytes, 0 to try again. */
static int zero_seg(struct dxf_wr *w, uint64_t pos, struct dxf_seg *seg,
		    uint64_t *n)
{
	int err;

	*n = dxf_before_bad(w->fs, seg);
	if (*n == 0)
		return dxf_rescue(w, pos, seg, n);
	seg->len = *n;
	err = dxf_persist_zero(w->fs->region, seg->off, seg->len,
			       DXF_PERSIST_DATA);
	if (!err)
		return dxf_data_mark(w->fs, w->inode, seg->off, seg->len);
	if (!dxf_met_bad(w->fs, seg, err))
		return err;
	*n = 0;
	return 0;
}

int dxf_zero_mapped(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t from,
		    uint64_t to)
{
	struct dxf_wr w = {
		.fs = fs, .inode = inode, .kind = DXF_WR_ZERO,
		.start = from, .end = to, .balloc = DXF_BALLOC_RESERVED_OK,
	};
	struct dxf_seg seg;
	uint64_t n;
	int err = 0;

	dxf_rwlock_assert_wrheld(&inode->lock);
	for (; !err && from < to; from += n) {
		err = dxf_seg_at(fs, inode, from, to, &seg);
		if (err)
			break;
		n = seg.len;
		if (seg.mapped)
			err = zero_seg(&w, from, &seg, &n);
	}
	return err;
}

/* ---- what stands before a change ---- */

bool dxf_needs_kill_priv(struct dxf_inode *inode, const struct dxf_peek *p,
			 bool suid)
{
	struct dxf_dinode di;
	ssize_t n;

	if (suid && ((p->mode & S_ISUID) ||
		     (p->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)))
		return true;
	if (dxf_inode_lacks(inode, DXF_LACKS_CAP))
		return false;
	dxf_inode_get_di(inode, &di);
	n = dxf_xattr_get(&inode->node, &di, "security.capability", NULL, 0);
	if (n == -ENODATA || n == -EOPNOTSUPP)
		dxf_inode_note_lack(inode, DXF_LACKS_CAP);
	/* Xattrs that cannot be read give nobody a privilege. */
	return n >= 0;
}

static int kill_priv(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_op op;
	struct dxf_dinode *di;
	int err = dxf_op_begin(&op, fs);

	if (err)
		return err;
	di = dxf_op_di(&op, inode);
	err = dxf_inode_kill_priv(inode, di, op.t);
	di->ctime = dxf_now();
	return dxf_op_end(&op, err);
}

int dxf_strip_priv(struct dxf_fs *fs, struct dxf_inode *inode, bool suid)
{
	struct dxf_peek p;

	dxf_rwlock_assert_wrheld(&inode->lock);
	dxf_inode_peek_locked(inode, &p);
	return dxf_needs_kill_priv(inode, &p, suid) ? kill_priv(fs, inode) : 0;
}

int dxf_clip_to_max(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t off,
		    uint64_t *len)
{
	uint64_t max = DXF_MIN(fs->geom->max_size_ind, fs->geom->max_size_ext);
	struct dxf_dinode di;

	if (off < max && *len <= max - off)
		return 0;
	dxf_inode_get_di(inode, &di);
	max = dxf_bmap_max_size(fs->e2, &di);
	if (off >= max)
		return -EFBIG;
	*len = DXF_MIN(*len, max - off);
	return 0;
}

/* ---- the write ---- */

/* The page cache was asked when the page was dirtied, not when written back. */
static int may_write(const struct dxf_wr *w, const struct dxf_peek *p,
		     uint64_t off, unsigned int flags)
{
	int err = dxf_regular(p->mode);

	if (err)
		return err;
	if (!(flags & DXF_WRITE_CACHE) &&
	    ((p->flags & FS_IMMUTABLE_FL) ||
	     ((p->flags & FS_APPEND_FL) && off < p->size)))
		return -EPERM;
	return dxf_txnmgr_is_ro(w->fs->txnmgr) ? -EROFS : 0;
}

/* Overwrite from *@pos on, as far as it is mapped, written and not bad. */
static int overwrite(const struct dxf_wr *w, uint64_t *pos)
{
	struct dxf_seg seg;
	int err;

	while (*pos < w->end) {
		err = dxf_seg_at(w->fs, w->inode, *pos, w->end, &seg);
		if (err)
			return err;
		seg.len = seg.mapped ? dxf_before_bad(w->fs, &seg) : 0;
		if (seg.len == 0)
			return 0;
		err = dxf_wr_inplace(w, *pos, seg.off, seg.len, true);
		if (err)
			return dxf_met_bad(w->fs, &seg, err) ? 0 : err;
		*pos += seg.len;
	}
	return 0;
}

/*
 * Without a transaction, under the lock held shared.
 * Returns: 0, *@pos is how far it came; -errno.
 */
static int write_shared(struct dxf_wr *w, uint64_t *pos, unsigned int flags)
{
	struct dxf_inode *inode = w->inode;
	uint64_t from = *pos;
	struct dxf_peek p;
	int err;

	DXF_SCOPED_RDLOCK(&inode->lock);
	dxf_inode_peek_locked(inode, &p);
	err = may_write(w, &p, w->start, flags);
	if (err)
		return err;
	if (w->end > p.size ||
	    dxf_needs_kill_priv(inode, &p, flags & DXF_WRITE_KILL_PRIV))
		return 0;
	err = overwrite(w, pos);
	if (!dxf_mutated(DXF_MUT_WRITE_FENCE))
		dxf_persist_fence(w->fs->region);
	if (*pos > from || err)
		dxf_inode_touch(w->fs, inode, DXF_TIME_M | DXF_TIME_C);
	return err;
}

static int write_exclusive(struct dxf_wr *w, uint64_t *pos, unsigned int flags)
{
	struct dxf_inode *inode = w->inode;
	struct dxf_peek p;
	int err;

	DXF_SCOPED_WRLOCK(&inode->lock);
	dxf_inode_peek_locked(inode, &p);
	/* What stood below the end of file was checked; a retry goes on. */
	err = may_write(w, &p, *pos, flags);
	if (!err)
		err = dxf_strip_priv(w->fs, inode,
				     flags & DXF_WRITE_KILL_PRIV);
	return err ? err : dxf_wr_range(w, pos);
}

/* What seems to make the file longer is not tried under the lock held shared. */
static ssize_t write_range(struct dxf_wr *w, unsigned int flags)
{
	bool grows = w->end > dxf_inode_guess_size(w->inode);
	uint64_t pos = w->start;
	int err = grows ? 0 : write_shared(w, &pos, flags);

	if (!err && pos < w->end) {
		err = write_exclusive(w, &pos, flags);
		if (err == -ENOSPC && dxf_make_room(w->fs, w->inode))
			err = write_exclusive(w, &pos, flags);
	}
	return pos > w->start ? (ssize_t)(pos - w->start) : err;
}

ssize_t dxf_file_write(struct dxf_fs *fs, struct dxf_inode *file,
		       const struct dxf_fs_wr *wr, const struct dxf_cred *cred)
{
	uint64_t len = DXF_MIN(wr->len, (size_t)SSIZE_MAX);
	struct dxf_wr w = { .fs = fs, .inode = file };
	ssize_t n;
	int err;

	if (len == 0)
		return 0;
	err = dxf_clip_to_max(fs, file, wr->off, &len);
	if (err)
		return err;
	w.start = wr->off;
	w.end = wr->off + len;
	w.balloc = dxf_cred_balloc_flags(fs, cred);
	w.buf = wr->buf;
	n = write_range(&w, wr->flags);
	if (n <= 0)
		return n;
	err = dxf_sync_data_after(fs, file, wr->flags & DXF_WRITE_SYNC);
	return err ? err : n;
}

ssize_t dxf_fs_write(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
		     const void *buf, size_t len, unsigned int flags,
		     const struct dxf_cred *cred)
{
	const struct dxf_fs_wr wr = {
		.off = off, .buf = buf, .len = len, .flags = flags,
	};
	struct dxf_inode *inode;
	ssize_t n;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err)
		return err;
	n = dxf_file_write(fs, inode, &wr, cred);
	dxf_icache_put(fs, inode);
	return n;
}
