/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txn_priv.h - the manager and its one transaction, as txn.c, commit.c, sync.c
 * and the log share them.
 */
#ifndef DXF_TXN_PRIV_H
#define DXF_TXN_PRIV_H

#include "lock.h"
#include "stage.h"
#include "txn.h"

struct dxf_txlog;
struct dxf_dirty;

/*
 * The largest transaction, in cache lines, log or not; with one also bounded
 * by what its slot holds (FORMAT.md, "Bounds").
 */
#define DXF_TXN_MAX_LINES	4096u

struct dxf_txn {
	struct dxf_txnmgr *m;
	struct dxf_stage stage;
	uint64_t record_bytes;		/* of what is staged, in a slot */
	struct dxf_txn_hook *hooks, **hooks_tail;
	/* page media: what the commit stored to, for fsync (sync.c) */
	uint64_t *pages;		/* granules of DXF_DIRTY_SMALL */
	size_t npages, pages_cap;
	bool pages_lost;		/* some are not in it */
	bool reuses;			/* dxf_txn_note_used() */
	bool filled;
	bool open;
};

struct dxf_txnmgr {
	struct dxf_mutex meta;		/* DXF_RANK_META */
	struct dxf_region *region;
	struct dxf_txn txn;		/* protected by meta */
	struct dxf_txlog *log;		/* protected by meta; NULL: none */
	/*
	 * Laid over all reads: the pending transaction of a read-only mount,
	 * or one that could not be put in place.  Set once (atomic).
	 */
	struct dxf_stage *overlay;	/* NULL or &overlaid */
	struct dxf_stage overlaid;
	bool cut;			/* for tests; set before the first one */
	int ro;				/* atomic, sticky */
	int stopped;			/* atomic: not even with FORCE */
	int sync_error;			/* atomic, sticky: an msync failed */

	/* page media only (sync.c) */
	struct dxf_dirty *dirty;	/* metadata not yet msynced; NULL: DAX */
	uint64_t unknown, unknown_done;	/* atomic: dirt that is in no tree */
	uint64_t epoch, clean;		/* atomic, under meta: dxf_txnmgr_epoch() */
	/* protected by meta: what was freed, and the freeing is not durable */
	struct dxf_dirty *freed;
	struct dxf_dirty *freed_before;	/* being made so by a sync that runs */
	uint64_t freed_lost;		/* the epoch when it was incomplete */
};

/* From here on the lines of @s, which is left empty, are laid over all reads. */
void dxf_txnmgr_set_overlay(struct dxf_txnmgr *m, struct dxf_stage *s);
/* Read-only, and no transaction can be made at all any more. */
void dxf_txnmgr_stop(struct dxf_txnmgr *m);

/* Does [@off, @off + @len) lie in the region? */
bool dxf_txnmgr_holds(const struct dxf_txnmgr *m, dxf_off_t off,
		      uint64_t len);

/*
 * Page media: the range was stored to and wants an msync.  After the store, for
 * a sync that runs meanwhile would take the mark and miss the bytes.  DAX media:
 * nothing.
 */
void dxf_txnmgr_mark_dirty(struct dxf_txnmgr *m, dxf_off_t off, uint64_t len);

/* ---- sync.c ---- */

/* Page media: the trees.  Returns: 0, -ENOMEM.  DAX media: nothing. */
int dxf_txnmgr_sync_init(struct dxf_txnmgr *m);
void dxf_txnmgr_sync_fini(struct dxf_txnmgr *m);
/* The transaction stores to the range: it will be one of its pages. */
void dxf_txn_add_pages(struct dxf_txn *t, dxf_off_t off, uint64_t len);
/* Mark all of them; the stores are done. */
void dxf_txn_mark_pages(struct dxf_txn *t);
void dxf_txn_forget_pages(struct dxf_txn *t);

/* Run the hooks, forget everything, release the metadata lock. */
void dxf_txn_end(struct dxf_txn *t, bool committed);

/*
 * Store the span of the line's staged words from @bytes (its old or its new
 * ones); what is between them stays as it is.  @flags: NOFLUSH or 0.
 * Returns: as dxf_persist_copy().
 */
int dxf_line_store(struct dxf_region *r, const struct dxf_line *l,
		   const uint8_t *bytes, unsigned int flags);

/* Have the runs changed since the session record was written? */
bool dxf_txlog_has_moved(const struct dxf_txlog *l);

#endif
