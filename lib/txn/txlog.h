/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txlog.h - the redo log on media: one slot for one transaction, and the
 * session record that says whose it is.  FORMAT.md has the bytes and the proof.
 *
 * The layer knows where the log lies because it is told; it knows of the
 * filesystem only a range of bytes that every other program which changes the
 * filesystem changes too (the superblock): the watched range.  Its hash, the
 * fingerprint, is kept in the log, so that a log is never applied after
 * somebody else was there.
 *
 * Mount:	open - load - recover - (the filesystem is opened) - begin
 * Unmount:	(everything is on media) - end - close
 */
#ifndef DXF_TXLOG_H
#define DXF_TXLOG_H

#include "txn.h"

struct dxf_txlog;

/* A stretch of the region, in bytes. */
struct dxf_span {
	dxf_off_t off;
	uint64_t len;
};

enum {
	DXF_TXLOG_MIN = 32 * 1024,	/* bytes, of the smallest log */
	DXF_TXLOG_MAX_RUNS = 64,
	DXF_TXLOG_MAX_FORBIDDEN = 4,
};

/* Where the log lies, and what surrounds it. */
struct dxf_txlog_place {
	struct dxf_span run[DXF_TXLOG_MAX_RUNS];	/* in file order */
	unsigned int nruns;
	/* what no record may change beside the log: its inode, its map */
	struct dxf_span forbidden[DXF_TXLOG_MAX_FORBIDDEN];
	unsigned int nforbidden;
	struct dxf_span watched;
	uint64_t fs_end;		/* the filesystem is [0, fs_end) */
	uint8_t uuid[16];
};

/*
 * Append to the runs; what follows the last one makes it longer, so that the
 * same blocks are always the same runs.  Returns: false: too many.
 */
bool dxf_txlog_place_add(struct dxf_txlog_place *p, dxf_off_t off,
			 uint64_t len);

enum dxf_txlog_state {
	DXF_TXLOG_INVALID,	/* no session record can be read as one */
	DXF_TXLOG_IDLE,		/* nobody has it mounted */
	DXF_TXLOG_MOUNTED,
	DXF_TXLOG_CREATING,	/* its own blocks may not yet be allocated */
};

/*
 * Ownership: *@out is the caller's; @r must outlive it.
 * Returns: 0; -EINVAL the place is no log's (sizes, alignment, outside the
 * region); -ENOMEM.
 */
int dxf_txlog_open(struct dxf_txlog **out, struct dxf_region *r,
		   const struct dxf_txlog_place *place);
void dxf_txlog_close(struct dxf_txlog *l);
uint64_t dxf_txlog_size(const struct dxf_txlog *l);
/*
 * The log that transactions of @m go through: its bytes, and how many of them
 * one transaction's records may take; 0: they go through none.  Not while a
 * session begins or ends.
 */
uint64_t dxf_txnmgr_log_size(const struct dxf_txnmgr *m, uint64_t *capacity);

/* Do the bytes at the place start like a log?  1, 0, -EIO. */
int dxf_txlog_probe(struct dxf_region *r, const struct dxf_span *first);

/*
 * Read the session record.
 * Returns: 0, -EIO.
 */
int dxf_txlog_load(struct dxf_txlog *l);

/* What the record says; INVALID before load. */
enum dxf_txlog_state dxf_txlog_state(const struct dxf_txlog *l);
/* The filesystem was clean when that session began. */
bool dxf_txlog_was_clean(const struct dxf_txlog *l);
/* The caller's word, as given to format. */
uint64_t dxf_txlog_cookie(const struct dxf_txlog *l);

/* What recovery found. */
enum dxf_recovery {
	DXF_RECOVERY_NONE,	/* no session was interrupted */
	DXF_RECOVERY_DONE,	/* one was: the filesystem is consistent now */
	DXF_RECOVERY_FOREIGN,	/* one was, but somebody else changed the
				 * filesystem since: nothing was applied */
	DXF_RECOVERY_REBOOT,	/* page media, and another boot: the same */
};

enum dxf_recover_flags {
	/* Change nothing: lay what is pending over the reads of @m. */
	DXF_RECOVER_OVERLAY = 1 << 0,
};

/*
 * Bring an interrupted session to its end: the last transaction is applied,
 * or laid over reads.  Idempotent, also when it is interrupted itself.
 * Durability: what was applied is durable on return (page media: as much as
 * it was before).
 * Returns: 0 and *@out, *@replayed: a transaction was pending; -EIO the log or
 * a target cannot be read or stored to; -ENOMEM.
 */
int dxf_txlog_recover(struct dxf_txnmgr *m, struct dxf_txlog *l,
		      unsigned int flags, enum dxf_recovery *out,
		      bool *replayed);

/*
 * Write a new, empty log in state CREATING over whatever is there.
 * Durability: fenced.  Returns: 0; -ENOSPC, -EIO.
 */
int dxf_txlog_format(struct dxf_txlog *l, uint64_t cookie);

/*
 * Begin a session: the slot is emptied, then the record written.  From here on
 * transactions of @m go through the log.
 * Durability: durable on return, on page media too.
 * Returns: 0; -ENOSPC the host of a sparse image is full; -EIO.
 */
int dxf_txlog_begin(struct dxf_txlog *l, struct dxf_txnmgr *m,
		    bool was_clean);
/*
 * In state CREATING, after format or load: let transactions of @m go through
 * the log without a session of their own.
 */
void dxf_txlog_attach(struct dxf_txlog *l, struct dxf_txnmgr *m);
/* Undo it: transactions of @m go past the log again. */
void dxf_txlog_detach(struct dxf_txlog *l, struct dxf_txnmgr *m);
/*
 * End the session, or with none running take note that there is none: the slot
 * is emptied, the record says idle.  Transactions of @m go past the log again.
 * Durability: durable on return.  Returns: 0; -EIO.
 */
int dxf_txlog_end(struct dxf_txlog *l, struct dxf_txnmgr *m);

#endif
