/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sync.c - making things durable: fsync and sync.
 *
 * Each inode's dirty-extent tree says what was stored and not written back.
 * fs->rest holds such ranges that belong to no cached inode, or that the
 * background thread is about to write back together with those of others: many
 * small files must not be as many journal commits of the image's host.
 *
 * Invariants:
 * - A dirty range is in its inode's tree (dirty or flushing) or in fs->rest:
 *   it is marked there before it leaves here.  So fsync looks here, waits, and
 *   looks there.
 * - DAX media: ranges are taken from one tree at a time, in rising order: who
 *   waits for a flush of another thread holds only lower ranges, so none waits in
 *   a circle.  Page media: who waits holds none (writeback.h).
 * - A write-back that failed is remembered for ever: sticky_error, read-only.
 *
 * Locks: none held when media are waited for.
 *
 * Must not know: when nobody asks (bg.c).
 */
#include <assert.h>
#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "data.h"
#include "log.h"
#include "mutate.h"
#include "need.h"
#include "writeback.h"

#define NRANGES		128
#define TO_END		(UINT64_MAX - DXF_DIRTY_LARGE)

struct range {
	dxf_off_t start, end;
};

static bool page_media(const struct dxf_fs *fs)
{
	return dxf_region_media(fs->region) == DXF_MEDIA_PAGE;
}

bool dxf_data_is_deferred(const struct dxf_fs *fs)
{
	return page_media(fs) ||
	       fs->opts.durability == DXF_DURABILITY_FSYNC;
}

static int sticky(const struct dxf_fs *fs)
{
	return __atomic_load_n(&fs->sticky_error, __ATOMIC_ACQUIRE);
}

static int write_back_failed(struct dxf_fs *fs, int err)
{
	if (__atomic_exchange_n(&fs->sticky_error, -EIO, __ATOMIC_ACQ_REL) == 0)
		dxf_log_err("writing back data failed (%s): "
			    "read-only from now on", strerror(-err));
	dxf_txnmgr_set_ro(fs->txnmgr);
	return -EIO;
}

/* ---- writing ranges back, DAX media ---- */

static int flush_ranges(struct dxf_fs *fs, const struct range *r, int n)
{
	int err = 0;

	assert(n > 0 && n <= NRANGES);
	for (int i = 0; i < n && !err; i++) {
		if (!dxf_mutated(DXF_MUT_SYNC_FLUSH))
			err = dxf_persist_flush(fs->region, r[i].start,
						r[i].end - r[i].start);
	}
	if (!dxf_mutated(DXF_MUT_SYNC_FENCE))
		dxf_persist_fence(fs->region);
	return err;
}

static void end_ranges(struct dxf_dirty *d, const struct range *r, int n,
		       int err)
{
	for (int i = 0; i < n; i++) {
		if (err)
			dxf_dirty_undo(d, r[i].start, r[i].end);
		else
			dxf_dirty_done(d, r[i].start, r[i].end);
	}
}

/* Take up to NRANGES ranges from @from on.  Returns: how many. */
static int take_ranges(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to,
		       struct range *r)
{
	int n = 0;

	while (n < NRANGES && from < to &&
	       dxf_dirty_take(d, from, to, &r[n].start, &r[n].end)) {
		assert(r[n].start < r[n].end);
		from = r[n++].end;
	}
	return n;
}

/* Write back what is dirty in [@from, @to) of @d, and what others began to. */
static int flush_tree(struct dxf_fs *fs, struct dxf_dirty *d, dxf_off_t from,
		      dxf_off_t to)
{
	struct range r[NRANGES];
	dxf_off_t next = from;
	int n, err = 0;

	assert(from < to);
	do {
		n = take_ranges(d, next, to, r);
		if (n == 0)
			break;
		err = flush_ranges(fs, r, n);
		end_ranges(d, r, n, err);
		next = r[n - 1].end;
	} while (!err && n == NRANGES);
	dxf_dirty_wait(d, from, to);
	return err ? write_back_failed(fs, err) : sticky(fs);
}

/* ---- one inode's data ---- */

struct dxf_dirty *dxf_inode_dirty(struct dxf_inode *inode)
{
	struct dxf_dirty *d = dxf_inode_dirty_peek(inode), *none = NULL;

	if (d)
		return d;
	d = dxf_dirty_new();
	if (!d)
		return NULL;
	if (__atomic_compare_exchange_n(&inode->dirty, &none, d, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return d;
	dxf_dirty_free(d);
	return none;
}

/*
 * Call @fn for the file's ranges on media, if any can be in fs->rest: from an
 * earlier life in the cache, or taken there by the background thread.
 */
static int each_in_rest(struct dxf_fs *fs, struct dxf_inode *inode,
	int (*fn)(struct dxf_fs *fs, void *ctx, dxf_off_t from, dxf_off_t to),
	void *ctx)
{
	struct dxf_seg seg = { .len = 0 };
	uint64_t pos = 0;
	struct dxf_peek p;
	int err = 0;

	if (dxf_dirty_is_empty(fs->rest))
		return 0;
	dxf_inode_peek(inode, &p);
	if (!S_ISREG(p.mode))
		return 0;
	for (; pos < p.size && !err; pos += seg.len) {
		dxf_rwlock_rdlock(&inode->lock);
		err = dxf_seg_at(fs, inode, pos, p.size, &seg);
		dxf_rwlock_unlock(&inode->lock);
		if (!err && seg.mapped)
			err = fn(fs, ctx, seg.off, seg.off + seg.len);
	}
	return err;
}

static int flush_rest_range(struct dxf_fs *fs, void *ctx, dxf_off_t from,
			    dxf_off_t to)
{
	(void)ctx;
	return flush_tree(fs, fs->rest, from, to);
}

static int flush_data(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_dirty *d = dxf_inode_dirty_peek(inode);
	int err = sticky(fs);

	if (!err && d)
		err = flush_tree(fs, d, 0, TO_END);
	return err ? err : each_in_rest(fs, inode, flush_rest_range, NULL);
}

/* ---- one inode on page media: data and metadata behind one barrier ---- */

static int take_rest_range(struct dxf_fs *fs, void *ctx, dxf_off_t from,
			   dxf_off_t to)
{
	dxf_writeback_take(ctx, fs->rest, from, to);
	return 0;
}

static int wait_rest_range(struct dxf_fs *fs, void *ctx, dxf_off_t from,
			   dxf_off_t to)
{
	(void)ctx;
	dxf_dirty_wait(fs->rest, from, to);
	return 0;
}

static int write_taken(struct dxf_fs *fs, struct dxf_writeback *wb,
		       const struct dxf_need_list *l)
{
	struct dxf_txn_sync s;

	if (l->all) {
		dxf_txnmgr_sync_begin(fs->txnmgr, &s, wb);
		return dxf_txnmgr_sync_end(&s, wb);
	}
	for (size_t i = 0; i < l->n; i++)
		dxf_txnmgr_take(fs->txnmgr, wb, l->v[i]);
	return dxf_writeback_finish(wb);
}

/* Whom others are writing for us; holding nothing. */
static int wait_for_others(struct dxf_fs *fs, struct dxf_inode *inode,
			   struct dxf_writeback *wb,
			   const struct dxf_need_list *l)
{
	struct dxf_dirty *d = dxf_inode_dirty_peek(inode);
	int err;

	if (d)
		dxf_dirty_wait(d, 0, TO_END);
	/* What was on its way there has arrived. */
	err = each_in_rest(fs, inode, take_rest_range, wb);
	err = dxf_writeback_finish(wb) ?: err;
	if (!err)
		err = each_in_rest(fs, inode, wait_rest_range, NULL);
	for (size_t i = 0; i < l->n; i++)
		dxf_txnmgr_wait(fs->txnmgr, l->v[i]);
	return err;
}

static int fsync_pages(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_dirty *d = dxf_inode_dirty_peek(inode);
	struct dxf_writeback wb;
	struct dxf_need_list l;
	int err, err2;

	dxf_need_collect(fs, inode, &l);
	dxf_writeback_init(&wb, fs->region);
	if (d)
		dxf_writeback_take(&wb, d, 0, TO_END);
	err = each_in_rest(fs, inode, take_rest_range, &wb);
	err2 = write_taken(fs, &wb, &l);
	if (!err2)
		err2 = wait_for_others(fs, inode, &wb, &l);
	dxf_need_done(fs, &l, !err && !err2);
	if (err2)
		return write_back_failed(fs, err2);
	return err ? err : sticky(fs);
}

/* ---- many inodes ---- */

/* Hand what is dirty to fs->rest; without memory write it back here. */
static int hand_over(struct dxf_fs *fs, struct dxf_dirty *d)
{
	dxf_off_t from = 0;
	struct range r;

	while (dxf_dirty_take(d, from, TO_END, &r.start, &r.end)) {
		int err = dxf_dirty_mark(fs->rest, r.start, r.end);

		if (err)
			err = dxf_persist_msync(fs->region, r.start,
						r.end - r.start);
		end_ranges(d, &r, 1, err);
		if (err)
			return write_back_failed(fs, err);
		from = r.end;
	}
	return 0;
}

int dxf_flush_collect(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_dirty *d = dxf_inode_dirty_peek(inode);

	if (!d || dxf_dirty_is_empty(d))
		return 0;
	return page_media(fs) ? hand_over(fs, d) : flush_tree(fs, d, 0, TO_END);
}

static int sync_pages(struct dxf_fs *fs)
{
	struct dxf_writeback wb;
	struct dxf_txn_sync s;
	int err;

	dxf_writeback_init(&wb, fs->region);
	dxf_writeback_take(&wb, fs->rest, 0, TO_END);
	dxf_txnmgr_sync_begin(fs->txnmgr, &s, &wb);
	err = dxf_txnmgr_sync_end(&s, &wb);
	dxf_dirty_wait(fs->rest, 0, TO_END);
	return err ? write_back_failed(fs, err) : sticky(fs);
}

int dxf_flush_rest(struct dxf_fs *fs)
{
	int err = sticky(fs);

	if (err || dxf_region_is_ro(fs->region))
		return err;
	return page_media(fs) ? sync_pages(fs) :
				flush_tree(fs, fs->rest, 0, TO_END);
}

/* ---- fsync, sync ---- */

static int do_fsync(struct dxf_fs *fs, struct dxf_inode *inode, bool datasync)
{
	int err = sticky(fs);

	if (!err && !datasync)
		err = dxf_inode_flush_times(fs, inode);
	if (err || !dxf_data_is_deferred(fs))
		return err;
	return page_media(fs) ? fsync_pages(fs, inode) : flush_data(fs, inode);
}

int dxf_fs_fsync(struct dxf_fs *fs, dxf_ino_t ino, bool datasync)
{
	struct dxf_inode *inode;
	int err;

	if (fs->opts.ro)
		return 0;
	err = dxf_icache_get(fs, ino, &inode);
	if (err)
		return err;
	err = do_fsync(fs, inode, datasync);
	dxf_icache_put(fs, inode);
	return err;
}

static void sync_one(struct dxf_fs *fs, struct dxf_inode *inode, void *ctx)
{
	int *first = ctx;
	int err = dxf_inode_flush_times(fs, inode);
	int err2 = dxf_flush_collect(fs, inode);

	if (*first == 0)
		*first = err ? err : err2;
}

int dxf_fs_sync(struct dxf_fs *fs)
{
	int err = 0, err2;

	if (fs->opts.ro)
		return 0;
	(void)dxf_park_drain(fs);
	dxf_icache_for_each(fs, sync_one, &err);
	if (dxf_ext2_errors_pending(fs->e2)) {
		err2 = dxf_ext2_write_errors(fs->e2);
		err = err ? err : err2;
	}
	err2 = dxf_flush_rest(fs);
	return err ? err : err2;
}

int dxf_sync_after(struct dxf_fs *fs, struct dxf_inode *inode, bool dir)
{
	struct dxf_peek p;

	/* On DAX media what a metadata operation returned is durable. */
	if (!page_media(fs))
		return 0;
	dxf_inode_peek(inode, &p);
	if (!fs->opts.sync && !(p.flags & FS_SYNC_FL) &&
	    !(dir && (fs->opts.dirsync || (p.flags & FS_DIRSYNC_FL))))
		return 0;
	return do_fsync(fs, inode, true);
}

int dxf_sync_data_after(struct dxf_fs *fs, struct dxf_inode *inode,
			bool o_sync)
{
	struct dxf_peek p;

	if (!dxf_data_is_deferred(fs))
		return 0;
	dxf_inode_peek(inode, &p);
	if (!o_sync && !fs->opts.sync && !(p.flags & FS_SYNC_FL))
		return 0;
	return do_fsync(fs, inode, true);
}
