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
	struct dxf_dirty *dirty;	/* page media: metadata not yet msynced */
	bool cut;			/* for tests; set before the first one */
	int ro;				/* atomic, sticky */
	int stopped;			/* atomic: not even with FORCE */
	int sync_error;			/* atomic, sticky: an msync failed */
};

/* From here on the lines of @s, which is left empty, are laid over all reads. */
void dxf_txnmgr_set_overlay(struct dxf_txnmgr *m, struct dxf_stage *s);
/* Read-only, and no transaction can be made at all any more. */
void dxf_txnmgr_stop(struct dxf_txnmgr *m);

/* Does [@off, @off + @len) lie in the region? */
bool dxf_txnmgr_holds(const struct dxf_txnmgr *m, dxf_off_t off,
		      uint64_t len);

/* Page media: the range was stored to and wants an msync.  0, -ENOMEM. */
int dxf_txnmgr_mark_dirty(struct dxf_txnmgr *m, dxf_off_t off, uint64_t len);

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
