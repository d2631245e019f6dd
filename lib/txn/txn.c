/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txn.c - one transaction at a time: stage, commit in place, or forget.
 *
 * Owns the metadata lock and the staged words; must not know what they mean.
 *
 *	     begin              store, fill, read
 *	IDLE -------> OPEN ------------------------.
 *	  ^            | ^-------------------------'
 *	  |   abort    |
 *	  |<-----------|
 *	  |   commit   |  F0 (if filled), stores in place, F2
 *	  '------------'
 *
 * Invariants, txn_check() is the same in code:
 *   T1  OPEN: the metadata lock is held by the thread that began; tls_open is
 *	 this transaction
 *   T2  IDLE: nothing is staged, no hook is registered, nothing is filled
 *   T3  media is stored to by commit only, and by fill, whose range holds no
 *	 staged word
 *   T4  every staged line lies in the region and host blocks are behind it
 *	 before the first store in place
 *   T5  at most DXF_TXN_MAX_LINES lines are staged
 *   T6  hooks run once, after F2 or after everything is forgotten, still under
 *	 the metadata lock
 */
#include "txn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "dirty.h"
#include "load.h"
#include "lock.h"
#include "log.h"
#include "persist.h"
#include "stage.h"

/*
 * The largest transaction, in cache lines.  A log slot of 512 KiB holds it
 * with its offsets; the largest uncuttable operation needs a small part of it
 * (DESIGN.md, "Transactions").
 */
#define DXF_TXN_MAX_LINES	4096u

struct dxf_txn {
	struct dxf_txnmgr *m;
	struct dxf_stage stage;
	struct dxf_txn_hook *hooks, **hooks_tail;
	bool filled;
	bool open;
};

struct dxf_txnmgr {
	struct dxf_mutex meta;		/* DXF_RANK_META */
	struct dxf_region *region;
	struct dxf_txn txn;		/* protected by meta */
	struct dxf_dirty *dirty;	/* page media: metadata not yet msynced */
	int ro;				/* atomic, sticky */
	int sync_error;			/* atomic, sticky: an msync failed */
};

static _Thread_local struct dxf_txn *tls_open;

static void txn_check(const struct dxf_txn *t)
{
	if (!t->open) {
		assert(t->stage.n == 0 && t->hooks == NULL);	/* T2 */
		assert(!t->filled);				/* T2 */
		return;
	}
	dxf_mutex_assert_held(&t->m->meta);			/* T1 */
	assert(tls_open == t);					/* T1 */
	assert(t->stage.n <= DXF_TXN_MAX_LINES);		/* T5 */
}

int dxf_txnmgr_open(struct dxf_txnmgr **out, struct dxf_region *r)
{
	struct dxf_txnmgr *m = dxf_calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	if (dxf_region_media(r) == DXF_MEDIA_PAGE) {
		m->dirty = dxf_dirty_new();
		if (m->dirty == NULL) {
			free(m);
			return -ENOMEM;
		}
	}
	dxf_mutex_init(&m->meta, DXF_RANK_META);
	m->region = r;
	m->ro = dxf_region_is_ro(r);
	m->txn.m = m;
	m->txn.hooks_tail = &m->txn.hooks;
	*out = m;
	return 0;
}

void dxf_txnmgr_close(struct dxf_txnmgr *m)
{
	if (m == NULL)
		return;
	assert(!m->txn.open);
	txn_check(&m->txn);
	dxf_stage_fini(&m->txn.stage);
	if (m->dirty != NULL)
		dxf_dirty_free(m->dirty);
	dxf_mutex_destroy(&m->meta);
	free(m);
}

struct dxf_region *dxf_txnmgr_region(const struct dxf_txnmgr *m)
{
	return m->region;
}

void dxf_txnmgr_set_ro(struct dxf_txnmgr *m)
{
	__atomic_store_n(&m->ro, 1, __ATOMIC_RELEASE);
}

bool dxf_txnmgr_is_ro(const struct dxf_txnmgr *m)
{
	return __atomic_load_n(&m->ro, __ATOMIC_ACQUIRE) != 0;
}

int dxf_txn_begin(struct dxf_txnmgr *m, unsigned int flags,
		  struct dxf_txn **out)
{
	struct dxf_txn *t = &m->txn;

	assert((flags & ~(unsigned int)DXF_TXN_FORCE) == 0);
	assert(tls_open == NULL);
	if (dxf_region_is_ro(m->region))
		return -EROFS;
	dxf_mutex_lock(&m->meta);
	if (dxf_txnmgr_is_ro(m) && (flags & DXF_TXN_FORCE) == 0) {
		dxf_mutex_unlock(&m->meta);
		return -EROFS;
	}
	txn_check(t);
	t->open = true;
	tls_open = t;
	txn_check(t);
	*out = t;
	return 0;
}

struct dxf_txn *dxf_txn_current(struct dxf_txnmgr *m)
{
	return tls_open != NULL && tls_open->m == m ? tls_open : NULL;
}

/* The media bytes of one line; zeros behind the region's end. */
static int load_line(struct dxf_txnmgr *m, dxf_off_t off, uint8_t *buf)
{
	uint64_t size = dxf_region_size(m->region);
	size_t len;

	assert(off < size);
	len = DXF_MIN((uint64_t)DXF_CACHELINE, size - off);
	memset(buf + len, 0, DXF_CACHELINE - len);
	return dxf_load(m->region, off, buf, len);
}

/* Stage [@at, @at + @len) of the line at @off. */
static int stage_in_line(struct dxf_txn *t, dxf_off_t off, size_t at,
			 const void *src, size_t len)
{
	struct dxf_line *l = dxf_stage_find(&t->stage, off);
	uint8_t old[DXF_CACHELINE];
	int err;

	assert(at + len <= DXF_CACHELINE);
	if (l == NULL) {
		err = load_line(t->m, off, old);
		if (err < 0)
			return err;
		if (memcmp(old + at, src, len) == 0)
			return 0;
		if (t->stage.n == DXF_TXN_MAX_LINES)		/* T5 */
			return -EFBIG;
		l = dxf_stage_add(&t->stage, off, old);
		if (l == NULL)
			return -ENOMEM;
	}
	memcpy(l->new + at, src, len);
	for (unsigned int w = at / DXF_WORD; w <= (at + len - 1) / DXF_WORD; w++)
		if (memcmp(l->new + w * DXF_WORD, l->old + w * DXF_WORD,
			   DXF_WORD) != 0)
			l->mask |= (uint8_t)(1u << w);
	return 0;
}

static bool in_region(const struct dxf_txnmgr *m, dxf_off_t off, uint64_t len)
{
	uint64_t size = dxf_region_size(m->region);

	return off <= size && len <= size - off;
}

int dxf_txn_store(struct dxf_txn *t, dxf_off_t off, const void *buf, size_t len)
{
	const uint8_t *src = buf;

	assert(t->open);
	txn_check(t);
	if (!in_region(t->m, off, len))
		return -ERANGE;
	while (len > 0) {
		dxf_off_t line = dxf_align_down(off, DXF_CACHELINE);
		size_t n = DXF_MIN(len, line + DXF_CACHELINE - off);
		int err = stage_in_line(t, line, off - line, src, n);

		if (err < 0)
			return err;
		off += n;
		src += n;
		len -= n;
	}
	return 0;
}

/* Page media: the range was stored to and wants an msync. */
static int mark_dirty(struct dxf_txnmgr *m, dxf_off_t off, uint64_t len)
{
	return m->dirty != NULL ? dxf_dirty_mark(m->dirty, off, off + len) : 0;
}

int dxf_txn_fill(struct dxf_txn *t, dxf_off_t off, const void *buf, size_t len)
{
	int err;

	assert(t->open && !dxf_stage_meets(&t->stage, off, len)); /* T3 */
	txn_check(t);
	t->filled = true;
	err = mark_dirty(t->m, off, len);
	return err < 0 ? err : dxf_persist_copy(t->m->region, off, buf, len,
						DXF_PERSIST_DATA);
}

int dxf_txn_fill_zero(struct dxf_txn *t, dxf_off_t off, uint64_t len)
{
	int err;

	assert(t->open && !dxf_stage_meets(&t->stage, off, len)); /* T3 */
	txn_check(t);
	t->filled = true;
	err = mark_dirty(t->m, off, len);
	return err < 0 ? err : dxf_persist_zero(t->m->region, off, len,
						DXF_PERSIST_DATA);
}

void dxf_txn_note_filled(struct dxf_txn *t)
{
	assert(t->open);
	txn_check(t);
	t->filled = true;
}

int dxf_txn_read(struct dxf_txnmgr *m, dxf_off_t off, void *buf, size_t len)
{
	struct dxf_txn *t = dxf_txn_current(m);
	int err = dxf_load(m->region, off, buf, len);

	if (err == 0 && t != NULL && t->stage.n > 0)
		dxf_stage_overlay(&t->stage, off, buf, len);
	return err;
}

bool dxf_txn_has_room(const struct dxf_txn *t, size_t bytes)
{
	assert(t->open);
	/* Scattered: at worst each word has a line of its own. */
	return t->stage.n + bytes / DXF_WORD + 1 <= DXF_TXN_MAX_LINES;
}

void dxf_txn_on_end(struct dxf_txn *t, struct dxf_txn_hook *h)
{
	assert(t->open);
	txn_check(t);
	h->next = NULL;
	*t->hooks_tail = h;
	t->hooks_tail = &h->next;
}

/* Run the hooks, forget everything, release the lock. */
static void end(struct dxf_txn *t, bool committed)
{
	struct dxf_txn_hook *h = t->hooks;

	txn_check(t);
	dxf_stage_reset(&t->stage);
	t->hooks = NULL;
	t->hooks_tail = &t->hooks;
	t->filled = false;
	tls_open = NULL;
	t->open = false;
	while (h != NULL) {
		struct dxf_txn_hook *next = h->next;

		h->fn(h, committed);				/* T6 */
		h = next;
	}
	txn_check(t);
	dxf_mutex_unlock(&t->m->meta);
}

/* Everything that can fail without a trace, before the first store. */
static int prepare(struct dxf_txn *t)
{
	dxf_stage_sort(&t->stage);
	for (uint32_t i = 0; i < t->stage.n; i++) {
		const struct dxf_line *l = &t->stage.lines[i];
		dxf_off_t off;
		size_t len;
		int err;

		if (l->mask == 0)
			continue;
		off = l->off + dxf_line_first(l);
		len = dxf_line_end(l) - dxf_line_first(l);
		assert(in_region(t->m, off, 1));		/* T4 */
		err = dxf_region_populate(t->m->region, off, len);
		if (err == 0)
			err = mark_dirty(t->m, off, len);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Store the span of the staged words; what is between them stays as it is. */
static int store_line(struct dxf_txn *t, const struct dxf_line *l,
		      const uint8_t *bytes)
{
	unsigned int first, end_;

	if (l->mask == 0)
		return 0;
	first = dxf_line_first(l);
	end_ = (unsigned int)DXF_MIN((uint64_t)dxf_line_end(l),
				     dxf_region_size(t->m->region) - l->off);
	return dxf_persist_copy(t->m->region, l->off + first, bytes + first,
				end_ - first, DXF_PERSIST_TEMPORAL);
}

static int store_in_place(struct dxf_txn *t)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < t->stage.n && err == 0; i++)
		err = store_line(t, &t->stage.lines[i], t->stage.lines[i].new);
	if (err == 0)
		return 0;
	dxf_txnmgr_set_ro(t->m);
	dxf_log_err("%s: cannot store metadata at byte %llu (%s): "
		    "the filesystem is read-only from now on",
		    dxf_region_path(t->m->region),
		    (unsigned long long)t->stage.lines[i - 1].off,
		    strerror(-err));
	while (i-- > 0)
		if (store_line(t, &t->stage.lines[i], t->stage.lines[i].old) < 0)
			dxf_log_err("%s: byte %llu is left half changed: "
				    "run e2fsck",
				    dxf_region_path(t->m->region),
				    (unsigned long long)t->stage.lines[i].off);
	return -EIO;
}

int dxf_txn_commit(struct dxf_txn *t)
{
	int err;

	assert(t->open);
	txn_check(t);
	err = prepare(t);
	if (err < 0) {
		end(t, false);
		return err;
	}
	if (t->filled)
		dxf_persist_fence(t->m->region);		/* F0 */
	if (t->stage.n > 0) {
		err = store_in_place(t);
		dxf_persist_fence(t->m->region);		/* F2 */
	}
	end(t, err == 0);
	return err;
}

void dxf_txn_abort(struct dxf_txn *t)
{
	assert(t->open);
	/*
	 * Bytes may have been filled into blocks that stay free: this thread
	 * fences them, so that none is in flight when they are used again.
	 */
	if (t->filled)
		dxf_persist_fence(t->m->region);
	end(t, false);
}

#define SYNC_BATCH	64

/* Write back up to SYNC_BATCH dirty ranges.  Returns: how many, -errno. */
static int sync_batch(struct dxf_txnmgr *m)
{
	struct { dxf_off_t start, end; } r[SYNC_BATCH];
	int n = 0, err = 0;

	while (n < SYNC_BATCH &&
	       dxf_dirty_take(m->dirty, 0, UINT64_MAX, &r[n].start, &r[n].end))
		n++;
	for (int i = 0; i < n && err == 0; i++)
		err = dxf_persist_msync_start(m->region, r[i].start,
					      r[i].end - r[i].start);
	for (int i = 0; i < n; i++) {
		if (err == 0)
			err = dxf_persist_msync(m->region, r[i].start,
						r[i].end - r[i].start);
		if (err == 0)
			dxf_dirty_done(m->dirty, r[i].start, r[i].end);
		else
			dxf_dirty_undo(m->dirty, r[i].start, r[i].end);
	}
	return err < 0 ? err : n;
}

int dxf_txnmgr_sync(struct dxf_txnmgr *m)
{
	int n = 0;

	assert(dxf_txn_current(m) == NULL);
	if (m->dirty == NULL)
		return 0;
	if (__atomic_load_n(&m->sync_error, __ATOMIC_ACQUIRE) != 0)
		return -EIO;
	do
		n = sync_batch(m);
	while (n == SYNC_BATCH);
	if (n < 0) {
		__atomic_store_n(&m->sync_error, 1, __ATOMIC_RELEASE);
		dxf_txnmgr_set_ro(m);
		dxf_log_err("%s: cannot write metadata back (%s): the "
			    "filesystem is read-only from now on",
			    dxf_region_path(m->region), strerror(-n));
		return -EIO;
	}
	/* What another thread took is durable only when it is done. */
	dxf_dirty_wait(m->dirty, 0, UINT64_MAX);
	return __atomic_load_n(&m->sync_error, __ATOMIC_ACQUIRE) ? -EIO : 0;
}

void dxf_txn_for_each(const struct dxf_txn *t,
	void (*fn)(void *ctx, dxf_off_t off, const void *old_word,
		   const void *new_word), void *ctx)
{
	for (uint32_t i = 0; i < t->stage.n; i++) {
		const struct dxf_line *l = &t->stage.lines[i];

		for (unsigned int w = 0; w < DXF_LINE_WORDS; w++)
			if (l->mask >> w & 1)
				fn(ctx, l->off + w * DXF_WORD,
				   l->old + w * DXF_WORD, l->new + w * DXF_WORD);
	}
}
