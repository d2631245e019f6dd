/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txn.c - one transaction at a time: stage, then commit (commit.c) or forget.
 *
 * Owns the metadata lock and the staged words; must not know what they mean.
 *
 *	     begin              store, fill, read
 *	IDLE -------> OPEN ------------------------.
 *	  ^            | ^-------------------------'
 *	  |   abort    |
 *	  |<-----------|
 *	  |   commit   |  F0 (if filled), slot, F1, stores in place, F2
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
 *   T5  at most DXF_TXN_MAX_LINES lines are staged, and what is fits the slot
 *   T6  hooks run once, after F2 or after everything is forgotten, still under
 *	 the metadata lock
 */
#include "txn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "count.h"
#include "dirty.h"
#include "load.h"
#include "persist.h"
#include "txlog_priv.h"
#include "txn_priv.h"

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
	assert(t->m->log == NULL || t->record_bytes <=
	       dxf_txlog_capacity(t->m->log));			/* T5 */
}

int dxf_txnmgr_open(struct dxf_txnmgr **out, struct dxf_region *r)
{
	struct dxf_txnmgr *m = dxf_calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->region = r;
	if (dxf_txnmgr_sync_init(m) != 0) {
		free(m);
		return -ENOMEM;
	}
	dxf_mutex_init(&m->meta, DXF_RANK_META);
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
	dxf_stage_fini(&m->overlaid);
	dxf_txnmgr_sync_fini(m);
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

uint64_t dxf_txnmgr_log_size(const struct dxf_txnmgr *m, uint64_t *capacity)
{
	*capacity = m->log != NULL ? dxf_txlog_capacity(m->log) : 0;
	return m->log != NULL ? dxf_txlog_size(m->log) : 0;
}

bool dxf_txnmgr_is_ro(const struct dxf_txnmgr *m)
{
	return __atomic_load_n(&m->ro, __ATOMIC_ACQUIRE) != 0;
}

void dxf_txnmgr_stop(struct dxf_txnmgr *m)
{
	dxf_txnmgr_set_ro(m);
	__atomic_store_n(&m->stopped, 1, __ATOMIC_RELEASE);
}

void dxf_txnmgr_set_overlay(struct dxf_txnmgr *m, struct dxf_stage *s)
{
	assert(m->overlay == NULL);
	dxf_txnmgr_stop(m);
	m->overlaid = *s;
	memset(s, 0, sizeof(*s));
	__atomic_store_n(&m->overlay, &m->overlaid, __ATOMIC_RELEASE);
}

/* Is there no beginning a transaction with @flags? */
static bool is_closed(const struct dxf_txnmgr *m, unsigned int flags)
{
	return __atomic_load_n(&m->stopped, __ATOMIC_ACQUIRE) != 0 ||
	       (dxf_txnmgr_is_ro(m) && (flags & DXF_TXN_FORCE) == 0);
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
	if (is_closed(m, flags)) {
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

/* Media with what is laid over them. */
static int load(struct dxf_txnmgr *m, dxf_off_t off, void *buf, size_t len)
{
	const struct dxf_stage *s = __atomic_load_n(&m->overlay,
						    __ATOMIC_ACQUIRE);
	int err = dxf_load(m->region, off, buf, len);

	if (err == 0 && s != NULL)
		dxf_stage_overlay(s, off, buf, len);
	return err;
}

/* The media bytes of one line; zeros behind the region's end. */
static int load_line(struct dxf_txnmgr *m, dxf_off_t off, uint8_t *buf)
{
	uint64_t size = dxf_region_size(m->region);
	size_t len;

	assert(off < size);
	if (off + DXF_CACHELINE <= size)
		return load(m, off, buf, DXF_CACHELINE);
	len = size - off;
	memset(buf + len, 0, DXF_CACHELINE - len);
	return load(m, off, buf, len);
}

/* Word by word: what differs from the old words is staged. */
static int set_mask(struct dxf_txn *t, struct dxf_line *l, size_t at,
		    size_t len)
{
	uint8_t mask = l->mask;
	uint64_t bytes;

	for (unsigned int w = at / DXF_WORD; w <= (at + len - 1) / DXF_WORD; w++)
		if (memcmp(l->new + w * DXF_WORD, l->old + w * DXF_WORD,
			   DXF_WORD) != 0)
			mask |= (uint8_t)(1u << w);
	if (mask == l->mask)
		return 0;
	bytes = t->record_bytes + dxf_txlog_record_bytes(mask) -
		dxf_txlog_record_bytes(l->mask);
	if (t->m->log != NULL && bytes > dxf_txlog_capacity(t->m->log))
		return -EFBIG;					/* T5 */
	t->record_bytes = bytes;
	l->mask = mask;
	return 0;
}

/* Stage [@at, @at + @len) of the line at @off. */
static int stage_in_line(struct dxf_txn *t, dxf_off_t off, size_t at,
			 const void *src, size_t len)
{
	struct dxf_line *l = dxf_stage_find(&t->stage, off);
	int err;

	assert(at + len <= DXF_CACHELINE);
	if (l == NULL) {
		l = dxf_stage_room(&t->stage);
		if (l == NULL)
			return -ENOMEM;
		err = load_line(t->m, off, l->old);
		if (err < 0)
			return err;
		if (memcmp(l->old + at, src, len) == 0)
			return 0;
		if (t->stage.n == DXF_TXN_MAX_LINES)		/* T5 */
			return -EFBIG;
		l = dxf_stage_take(&t->stage, off);
	}
	memcpy(l->new + at, src, len);
	return set_mask(t, l, at, len);
}

bool dxf_txnmgr_holds(const struct dxf_txnmgr *m, dxf_off_t off, uint64_t len)
{
	uint64_t size = dxf_region_size(m->region);

	return off <= size && len <= size - off;
}

int dxf_txn_store(struct dxf_txn *t, dxf_off_t off, const void *buf, size_t len)
{
	const uint8_t *src = buf;

	assert(t->open);
	txn_check(t);
	if (!dxf_txnmgr_holds(t->m, off, len))
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

int dxf_txn_fill(struct dxf_txn *t, dxf_off_t off, const void *buf, size_t len)
{
	assert(t->open && !dxf_stage_meets(&t->stage, off, len)); /* T3 */
	txn_check(t);
	t->filled = true;
	dxf_txn_add_pages(t, off, len);
	return dxf_persist_copy(t->m->region, off, buf, len, DXF_PERSIST_DATA);
}

int dxf_txn_fill_zero(struct dxf_txn *t, dxf_off_t off, uint64_t len)
{
	assert(t->open && !dxf_stage_meets(&t->stage, off, len)); /* T3 */
	txn_check(t);
	t->filled = true;
	dxf_txn_add_pages(t, off, len);
	return dxf_persist_zero(t->m->region, off, len, DXF_PERSIST_DATA);
}

bool dxf_txn_has_staged(const struct dxf_txn *t, dxf_off_t off, uint64_t len)
{
	assert(t->open);
	return dxf_stage_meets(&t->stage, off, len);
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
	int err = load(m, off, buf, len);

	if (err == 0 && t != NULL && t->stage.n > 0)
		dxf_stage_overlay(&t->stage, off, buf, len);
	return err;
}

void dxf_txnmgr_cut_always(struct dxf_txnmgr *m)
{
	m->cut = true;
}

bool dxf_txn_has_room(const struct dxf_txn *t, size_t bytes)
{
	/* Scattered: at worst each word has a line of its own. */
	uint64_t lines = bytes / DXF_WORD + 1;

	assert(t->open);
	if (t->m->cut)
		return false;
	if (t->m->log != NULL &&
	    t->record_bytes + lines * dxf_txlog_record_bytes(1) >
	    dxf_txlog_capacity(t->m->log))
		return false;
	return t->stage.n + lines <= DXF_TXN_MAX_LINES;
}

static void drop_line(struct dxf_txn *t, struct dxf_line *l)
{
	if (l == NULL)
		return;
	t->record_bytes -= dxf_txlog_record_bytes(l->mask);
	l->mask = 0;
	memcpy(l->new, l->old, DXF_CACHELINE);
}

void dxf_txn_drop(struct dxf_txn *t, dxf_off_t off, uint64_t len)
{
	struct dxf_line *l;
	uint32_t i = 0;

	assert(t->open);
	assert(off % DXF_CACHELINE == 0 && len % DXF_CACHELINE == 0);
	/* Probe the table for a short range, walk the lines for a long one. */
	if (len / DXF_CACHELINE < t->stage.n) {
		for (; len > 0; off += DXF_CACHELINE, len -= DXF_CACHELINE)
			drop_line(t, dxf_stage_find(&t->stage, off));
		return;
	}
	while ((l = dxf_stage_next(&t->stage, &i, off, len)) != NULL)
		drop_line(t, l);
}

void dxf_txn_on_end(struct dxf_txn *t, struct dxf_txn_hook *h)
{
	assert(t->open);
	txn_check(t);
	h->next = NULL;
	*t->hooks_tail = h;
	t->hooks_tail = &h->next;
}

void dxf_txn_end(struct dxf_txn *t, bool committed)
{
	struct dxf_txn_hook *h = t->hooks;

	txn_check(t);
	dxf_stage_reset(&t->stage);
	t->hooks = NULL;
	t->hooks_tail = &t->hooks;
	t->filled = false;
	t->record_bytes = 0;
	tls_open = NULL;
	t->open = false;
	while (h != NULL) {
		struct dxf_txn_hook *next = h->next;

		h->fn(h, committed);				/* T6 */
		h = next;
	}
	dxf_txn_forget_pages(t);
	txn_check(t);
	dxf_mutex_unlock(&t->m->meta);
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
	dxf_count(DXF_COUNT_ABORT, 1);
	dxf_txn_end(t, false);
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
