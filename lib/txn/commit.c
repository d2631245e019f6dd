// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * commit.c - the order in which a transaction reaches media.
 *
 * Owns the fences of a commit and what happens when a store fails half-way.
 *
 *	what fails without a trace: order, host blocks, fingerprint
 *	F0	if bytes were filled: they are durable before anything names them
 *	the slot
 *	F1	the operation is durable
 *	the words in place, the fingerprint if the watched range changed
 *	F2	in place, too, is durable
 *	dead	neither flushed nor fenced, which the next lock would wait for:
 *		without it recovery does the same once more
 *
 * Without a log the slot, F1 and dead are left out: a crash in between then
 * leaves a part.
 *
 * Invariants:
 *   C1  no store in place before F1; no slot of S + 1 before F2 of S
 *   C2  from F1 to F2 every word of the slot is old or new on media
 *   C3  a commit that returns an error is, for this process, as if it had never
 *	 been; what cannot be put back on media is put back over reads
 *   C4  while the slot is needed (C3) no other transaction overwrites it
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "count.h"
#include "log.h"
#include "mutate.h"
#include "persist.h"
#include "txlog_priv.h"
#include "txn_priv.h"

static const char *path_of(const struct dxf_txn *t)
{
	return dxf_region_path(t->m->region);
}

static void fence(struct dxf_txn *t, enum dxf_mutation site)
{
	if (!dxf_mutated(site))
		dxf_persist_fence(t->m->region);
}

static bool has_staged(const struct dxf_txn *t)
{
	for (uint32_t i = 0; i < t->stage.n; i++)
		if (t->stage.lines[i].mask != 0)
			return true;
	return false;
}

/* Everything that can fail without a trace, before the first store. */
static int prepare(struct dxf_txn *t, uint64_t *print)
{
	struct dxf_txlog *log = t->m->log;

	dxf_stage_sort(&t->stage);
	for (uint32_t i = 0; i < t->stage.n; i++) {
		const struct dxf_line *l = dxf_stage_nth(&t->stage, i);
		dxf_off_t off;
		size_t len;
		int err;

		if (l->mask == 0)
			continue;
		off = l->off + dxf_line_first(l);
		len = dxf_line_end(l) - dxf_line_first(l);
		assert(dxf_txnmgr_holds(t->m, off, 1));		/* T4 */
		err = dxf_region_populate(t->m->region, off, len);
		if (err < 0)
			return err;
		dxf_txn_add_pages(t, off, len);
	}
	if (log == NULL)
		return 0;
	*print = log->print;
	return dxf_txlog_watches(log, &t->stage) ?
		dxf_txlog_fingerprint(log, &t->stage, print) : 0;
}

/* The span of the staged words of @l, which has some, from @bytes. */
static struct dxf_persist_piece piece_of(const struct dxf_region *r,
					 const struct dxf_line *l,
					 const uint8_t *bytes)
{
	unsigned int first = dxf_line_first(l);
	unsigned int end = (unsigned int)DXF_MIN((uint64_t)dxf_line_end(l),
						 dxf_region_size(r) - l->off);

	return (struct dxf_persist_piece){
		.off = l->off + first, .src = bytes + first, .len = end - first,
	};
}

int dxf_line_store(struct dxf_region *r, const struct dxf_line *l,
		   const uint8_t *bytes, unsigned int flags)
{
	struct dxf_persist_piece p;

	if (l->mask == 0)
		return 0;
	p = piece_of(r, l, bytes);
	return dxf_persist_copy(r, p.off, p.src, p.len,
				DXF_PERSIST_TEMPORAL | flags);
}

/* The next pieces to store, of lines from *@i on.  Returns: how many. */
static unsigned int gather(const struct dxf_txn *t, uint32_t *i,
			   struct dxf_persist_piece v[DXF_PERSIST_MANY])
{
	unsigned int n = 0;

	for (; *i < t->stage.n && n < DXF_PERSIST_MANY; ++*i) {
		const struct dxf_line *l = dxf_stage_nth(&t->stage, *i);

		if (l->mask != 0)
			v[n++] = piece_of(t->m->region, l, l->new);
	}
	return n;
}

static int store_in_place(struct dxf_txn *t)
{
	unsigned int flags = dxf_mutated(DXF_MUT_TXN_FLUSH_IN_PLACE) ?
		DXF_PERSIST_NOFLUSH : 0;
	struct dxf_persist_piece v[DXF_PERSIST_MANY];
	unsigned int n;
	uint32_t i = 0;
	int err = 0;

	while (err == 0 && (n = gather(t, &i, v)) > 0) {
		err = dxf_persist_copy_many(t->m->region, v, n, flags);
		if (err < 0)
			dxf_log_err("%s: cannot store metadata between bytes %llu and %llu (%s): the filesystem is read-only from now on",
				    path_of(t), (unsigned long long)v[0].off,
				    (unsigned long long)(v[n - 1].off +
							 v[n - 1].len),
				    strerror(-err));
	}
	return err;
}

/* Put the old words back.  Returns: 0; -errno: some are not. */
static int put_back(struct dxf_txn *t)
{
	int first = 0;

	for (uint32_t i = t->stage.n; i-- > 0; ) {
		const struct dxf_line *l = dxf_stage_nth(&t->stage, i);
		int err = dxf_line_store(t->m->region, l, l->old, 0);

		if (err == 0)
			continue;
		first = first != 0 ? first : err;
		if (t->m->log == NULL)
			dxf_log_err("%s: byte %llu is left half changed: run e2fsck",
				    path_of(t), (unsigned long long)l->off);
	}
	return first;
}

/*
 * Media stay half changed until the next mount applies the slot; this process
 * goes on seeing what was before (C3, C4).
 */
static void hide(struct dxf_txn *t)
{
	dxf_txnmgr_stop(t->m);
	dxf_log_err("%s: metadata could not be put in place nor taken back; unmount, and the next mount completes it from the log",
		    path_of(t));
	for (uint32_t i = 0; i < t->stage.n; i++)
		memcpy(t->stage.lines[i].new, t->stage.lines[i].old,
		       DXF_CACHELINE);
	dxf_txnmgr_set_overlay(t->m, &t->stage);
}

static int in_place_failed(struct dxf_txn *t, uint64_t seq)
{
	struct dxf_txlog *log = t->m->log;
	int err;

	dxf_txnmgr_set_ro(t->m);
	err = put_back(t);
	if (log != NULL) {
		if (err == 0)
			err = dxf_txlog_write_print(log, seq, log->print);
		dxf_persist_fence(t->m->region);
		if (err == 0)
			err = dxf_txlog_write_dead(log, seq, true);
		if (err < 0)
			hide(t);
	}
	dxf_persist_fence(t->m->region);
	return -EIO;
}

/* The slot may be whole all the same: what is not taken back may be found done. */
static int slot_failed(struct dxf_txn *t, int err)
{
	dxf_txnmgr_stop(t->m);
	dxf_log_err("%s: cannot write the log (%s): the filesystem is read-only from now on",
		    path_of(t), strerror(-err));
	(void)dxf_txlog_zero_slot(t->m->log);
	dxf_persist_fence(t->m->region);
	return -EIO;
}

static int commit_logged(struct dxf_txn *t, uint64_t print)
{
	struct dxf_txlog *log = t->m->log;
	uint64_t seq = log->seq;
	int err;

	err = dxf_txlog_write_slot(log, &t->stage, print);
	if (err < 0)
		return slot_failed(t, err);
	log->seq++;
	if (dxf_mutated(DXF_MUT_TXN_STORE_BEFORE_F1))
		(void)store_in_place(t);
	fence(t, DXF_MUT_TXN_F1);
	err = store_in_place(t);				/* C1 */
	if (err == 0 && print != log->print && !dxf_mutated(DXF_MUT_LOG_PRINT))
		err = dxf_txlog_write_print(log, seq, print);
	if (err < 0)
		return in_place_failed(t, seq);
	fence(t, DXF_MUT_TXN_F2);
	log->print = print;
	/* A failure costs the next mount a needless replay. */
	if (!dxf_mutated(DXF_MUT_TXN_DEAD))
		(void)dxf_txlog_write_dead(log, seq, false);
	return 0;
}

static int commit_unlogged(struct dxf_txn *t)
{
	if (store_in_place(t) < 0)
		return in_place_failed(t, 0);
	fence(t, DXF_MUT_TXN_F2);
	return 0;
}

int dxf_txn_commit(struct dxf_txn *t)
{
	uint64_t print = 0;
	int err;

	assert(t->open);
	err = prepare(t, &print);
	if (err < 0) {
		dxf_txn_abort(t);
		return err;
	}
	if (t->filled)
		fence(t, DXF_MUT_TXN_F0);
	if (has_staged(t))
		err = t->m->log != NULL ? commit_logged(t, print) :
			commit_unlogged(t);
	/* Whether all was stored, a part of it, or that put back. */
	dxf_txn_mark_pages(t);
	dxf_count(err == 0 ? DXF_COUNT_COMMIT : DXF_COUNT_ABORT, 1);
	dxf_txn_end(t, err == 0);
	return err;
}
