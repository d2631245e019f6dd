/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txn.h - transactions on media: stage, read back, commit or forget.
 *
 * All metadata changes go through here, one transaction at a time under the
 * metadata lock (DXF_RANK_META), which begin takes and commit or abort
 * releases.  dxf_txn_store() stages new bytes in memory; dxf_txn_read() sees
 * them laid over the media; nothing touches media before the commit, so abort
 * is forgetting.  The layer does not know what the bytes mean.
 *
 * In-memory state that mirrors metadata changes after the commit only: by the
 * caller, or by an end hook.
 */
#ifndef DXF_TXN_H
#define DXF_TXN_H

#include "region.h"
#include "units.h"

struct dxf_txnmgr;
struct dxf_txn;

/* One manager per region.  Returns: 0, -ENOMEM. */
int dxf_txnmgr_open(struct dxf_txnmgr **out, struct dxf_region *r);
/* No transaction may be open. */
void dxf_txnmgr_close(struct dxf_txnmgr *m);
struct dxf_region *dxf_txnmgr_region(const struct dxf_txnmgr *m);

/*
 * From now on every begin fails with -EROFS (a read-only mount, errors=, a
 * failed commit); sticky.  A transaction that is open may still commit.
 */
void dxf_txnmgr_set_ro(struct dxf_txnmgr *m);
bool dxf_txnmgr_is_ro(const struct dxf_txnmgr *m);

enum dxf_txn_flags {
	/* Begin although the manager is ro: error fields of the superblock. */
	DXF_TXN_FORCE = 1 << 0,
};

/*
 * Begin a transaction.
 * Locks: takes the metadata lock, held until commit or abort; the same thread
 * must end it.
 * Ownership: *@out belongs to the manager; commit and abort end it.
 * Returns: 0; -EROFS the manager is ro, or with FORCE: no transaction can be
 * made any more, so that metadata change no more; -ENOMEM.
 */
int dxf_txn_begin(struct dxf_txnmgr *m, unsigned int flags,
		  struct dxf_txn **out);

/*
 * Stage @len bytes for [@off, @off + @len) - only the aligned words that
 * differ from what dxf_txn_read() shows are kept.
 * Durability: volatile until commit.
 * Returns: 0; -ENOMEM; -EIO the old bytes cannot be loaded; -ERANGE; -EFBIG
 * the transaction would not fit the log slot.  After a failure the caller
 * aborts.
 */
int dxf_txn_store(struct dxf_txn *t, dxf_off_t off, const void *buf,
		  size_t len);

/*
 * Store bytes that nothing on media reaches before this commit (a new
 * directory, indirect or xattr block): directly and not logged.  The range
 * must be reserved by this operation and hold no staged word.
 * Durability: ordered before the commit.
 * Returns: 0; -ENOSPC, -EIO, -ERANGE as dxf_persist_copy().
 */
int dxf_txn_fill(struct dxf_txn *t, dxf_off_t off, const void *buf,
		 size_t len);
/* The same with zeros. */
int dxf_txn_fill_zero(struct dxf_txn *t, dxf_off_t off, uint64_t len);
/*
 * Is a change of [@off, @off + @len) staged?  What something reaches must not be
 * filled.
 */
bool dxf_txn_has_staged(const struct dxf_txn *t, dxf_off_t off, uint64_t len);
/*
 * The block at [@off, @off + @len), multiples of a cache line, is being freed:
 * what is staged in it is not worth storing, and must not be (an unlogged
 * store into the block, once it is somebody's data, would meet the log's copy).
 * Nothing may be staged there afterwards.
 */
void dxf_txn_drop(struct dxf_txn *t, dxf_off_t off, uint64_t len);
/* The caller itself stored such bytes with persist: commit fences first. */
void dxf_txn_note_filled(struct dxf_txn *t);

/*
 * Read metadata - the calling thread's open transaction on @m, if it has one,
 * is laid over the media; other threads see the media (their locks keep what
 * they read from being changed under them).
 * Returns: 0; -EIO; -ERANGE.
 */
int dxf_txn_read(struct dxf_txnmgr *m, dxf_off_t off, void *buf, size_t len);

/*
 * Room for about @bytes more staged bytes in scattered words?  Long operations
 * ask it to know where to cut.
 */
bool dxf_txn_has_room(const struct dxf_txn *t, size_t bytes);
/*
 * For tests: from now on there is never more room, so that long operations are
 * cut wherever they can be.
 */
void dxf_txnmgr_cut_always(struct dxf_txnmgr *m);

/* The calling thread's open transaction on @m, or NULL. */
struct dxf_txn *dxf_txn_current(struct dxf_txnmgr *m);

/*
 * Run @fn when the transaction ends, after F2 of a commit (@committed) or on
 * abort, in the order of registering, still under the metadata lock.  Embed
 * the hook; it must stay until it ran.  @fn cannot fail and may not use the
 * transaction.
 */
struct dxf_txn_hook {
	void (*fn)(struct dxf_txn_hook *h, bool committed);
	struct dxf_txn_hook *next;	/* the manager's */
};
void dxf_txn_on_end(struct dxf_txn *t, struct dxf_txn_hook *h);

/*
 * Commit: F0 if bytes were filled, the log's slot, F1, store in place, F2.
 * Locks: releases the metadata lock, in every case.
 * Durability: DAX media: durable on return; with a log also atomic over a
 * crash at any point.  Page media: atomic over a crash of the process with a
 * log, ordered nowhere otherwise, durable after dxf_txnmgr_sync().
 * Returns: 0; -ENOSPC the host is full (checked before anything is stored:
 * aborted, nothing changed); -EIO a store failed: the old bytes were put back,
 * or are laid over all reads from now on; the transaction counts as aborted
 * and the manager is ro (after a failure of the log: stopped) from now on.
 */
int dxf_txn_commit(struct dxf_txn *t);

/*
 * Forget what was staged.
 * Locks: releases the metadata lock.
 */
void dxf_txn_abort(struct dxf_txn *t);

/* ---- page media: msync (sync is for all, the rest for page media only) ---- */

/*
 * Make all metadata durable that commits stored before the call; DAX media:
 * nothing but that the last one is known to be in place.  Not under the
 * metadata lock, which it takes for a moment.
 * Returns: 0; -EIO, sticky: the manager is ro from now on.
 */
int dxf_txnmgr_sync(struct dxf_txnmgr *m);

/*
 * The same together with ranges of other trees, behind one barrier: begin; take
 * into @wb what else is to be durable; end, which finishes @wb.
 */
struct dxf_writeback;
struct dxf_txn_sync {
	struct dxf_txnmgr *m;
	uint64_t epoch;
	uint64_t unknown;
	bool swapped;
};
void dxf_txnmgr_sync_begin(struct dxf_txnmgr *m, struct dxf_txn_sync *s,
			   struct dxf_writeback *wb);
/* Returns: as dxf_txnmgr_sync(). */
int dxf_txnmgr_sync_end(struct dxf_txn_sync *s, struct dxf_writeback *wb);

/*
 * For one file: take what of metadata is dirty in a granule of DXF_DIRTY_SMALL
 * bytes; and after @wb is finished wait for those who took it before.
 */
void dxf_txnmgr_take(struct dxf_txnmgr *m, struct dxf_writeback *wb,
		     uint64_t page);
void dxf_txnmgr_wait(struct dxf_txnmgr *m, uint64_t page);

/*
 * Is something dirty of which no tree knows where: of an earlier process, or
 * for want of memory?  Then only dxf_txnmgr_sync() will do.
 */
bool dxf_txnmgr_has_unknown(const struct dxf_txnmgr *m);

/*
 * In an end hook of a commit: the granules that it stored to, none missing
 * unless *@all, which says that what the transaction changed is durable only
 * with everything else.
 */
const uint64_t *dxf_txn_pages(const struct dxf_txn *t, size_t *n, bool *all);

/*
 * Things that the transaction frees or takes into use, by numbers of the
 * caller's, below 2^51.  What is used again before the freeing is durable has
 * two owners on media after a power loss.  So who takes it needs everything
 * durable that was done before.
 */
void dxf_txn_note_freed(struct dxf_txn *t, uint64_t first, uint64_t n);
void dxf_txn_note_used(struct dxf_txn *t, uint64_t first, uint64_t n);

/*
 * Time as syncs count it, from 1 on.  What was committed at an epoch up to
 * dxf_txnmgr_clean() is durable.
 */
uint64_t dxf_txnmgr_epoch(const struct dxf_txnmgr *m);
uint64_t dxf_txnmgr_clean(const struct dxf_txnmgr *m);

/*
 * For tests: call @fn for each staged word of the open transaction, in the
 * order of staging: what an operation is about to change.
 */
void dxf_txn_for_each(const struct dxf_txn *t,
	void (*fn)(void *ctx, dxf_off_t off, const void *old_word,
		   const void *new_word), void *ctx);

#endif
