// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sync.c - page media: which metadata commits stored, and making it durable.
 *
 * Owns the tree of dirty metadata, the pages of the open transaction, what was
 * freed since the last sync of everything, and the epochs.  Must not know which
 * file needs which pages: an end hook tells whoever keeps that.
 *
 * Epochs: a sync of everything ends one, under the metadata lock, before it
 * takes what is dirty.  So what was committed in an epoch is in what it takes,
 * or was taken before and is waited for; when it has succeeded, that epoch and
 * all before are clean.
 *
 * Invariants:
 *   S1  a page is marked after it was stored to, and before an end hook runs: a
 *	 sync that takes the mark writes the bytes
 *   S2  where a mark or a page would need memory that there is not, unknown or
 *	 pages_lost says so: dirt is never forgotten, only its place
 *   S3  what is in freed or freed_before may still belong to its former owner
 *	 on media
 *
 * Locks: the metadata lock, for a moment; none while media are waited for.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "dirty.h"
#include "log.h"
#include "mutate.h"
#include "persist.h"
#include "txlog_priv.h"
#include "txn_priv.h"
#include "writeback.h"

#define TO_END		(UINT64_MAX - DXF_DIRTY_LARGE)
/* Above this the memory is given back at the end of the transaction. */
#define KEEP_PAGES	512u
/* Of more it is not kept which they were: at worst these are 40 MiB. */
#define MAX_FREED	((uint64_t)1 << 17)

static uint64_t get(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void raise_to(uint64_t *p, uint64_t v)
{
	uint64_t old = get(p);

	while (old < v && !__atomic_compare_exchange_n(p, &old, v, false,
				__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
}

/* ---- set up ---- */

int dxf_txnmgr_sync_init(struct dxf_txnmgr *m)
{
	m->epoch = 1;
	if (dxf_region_media(m->region) != DXF_MEDIA_PAGE)
		return 0;
	/* What the host's page cache holds of earlier processes. */
	m->unknown = 1;
	m->dirty = dxf_dirty_new();
	m->freed = dxf_dirty_new();
	m->freed_before = dxf_dirty_new();
	if (m->dirty != NULL && m->freed != NULL && m->freed_before != NULL)
		return 0;
	dxf_txnmgr_sync_fini(m);
	return -ENOMEM;
}

void dxf_txnmgr_sync_fini(struct dxf_txnmgr *m)
{
	assert(m->txn.npages == 0);
	dxf_dirty_free(m->dirty);
	dxf_dirty_free(m->freed);
	dxf_dirty_free(m->freed_before);
	free(m->txn.pages);
	m->dirty = m->freed = m->freed_before = NULL;
}

uint64_t dxf_txnmgr_epoch(const struct dxf_txnmgr *m)
{
	return get(&m->epoch);
}

uint64_t dxf_txnmgr_clean(const struct dxf_txnmgr *m)
{
	return get(&m->clean);
}

bool dxf_txnmgr_has_unknown(const struct dxf_txnmgr *m)
{
	return get(&m->unknown) > get(&m->unknown_done);
}

/* ---- a transaction's pages ---- */

void dxf_txnmgr_mark_dirty(struct dxf_txnmgr *m, dxf_off_t off, uint64_t len)
{
	if (m->dirty != NULL && dxf_dirty_mark(m->dirty, off, off + len) != 0)
		__atomic_fetch_add(&m->unknown, 1, __ATOMIC_ACQ_REL); /* S2 */
}

static bool add_page(struct dxf_txn *t, uint64_t page)
{
	size_t cap = DXF_MAX(t->pages_cap * 2, 32u);
	uint64_t *v;

	/* Staged lines come sorted. */
	if (t->npages > 0 && t->pages[t->npages - 1] == page)
		return true;
	if (t->npages == t->pages_cap) {
		v = dxf_realloc(t->pages, cap * sizeof(*v));
		if (v == NULL)
			return false;
		t->pages = v;
		t->pages_cap = cap;
	}
	t->pages[t->npages++] = page;
	return true;
}

void dxf_txn_add_pages(struct dxf_txn *t, dxf_off_t off, uint64_t len)
{
	uint64_t end = off + len;

	if (t->m->dirty == NULL)
		return;
	for (uint64_t p = off / DXF_DIRTY_SMALL; p * DXF_DIRTY_SMALL < end; p++)
		if (!add_page(t, p))
			t->pages_lost = true;			/* S2 */
}

void dxf_txn_mark_pages(struct dxf_txn *t)
{
	for (size_t i = 0; i < t->npages; i++)			/* S1 */
		dxf_txnmgr_mark_dirty(t->m, t->pages[i] * DXF_DIRTY_SMALL,
				      DXF_DIRTY_SMALL);
	if (t->pages_lost)
		__atomic_fetch_add(&t->m->unknown, 1, __ATOMIC_ACQ_REL);
}

void dxf_txn_forget_pages(struct dxf_txn *t)
{
	t->npages = 0;
	t->pages_lost = t->reuses = false;
	if (t->pages_cap <= KEEP_PAGES)
		return;
	free(t->pages);
	t->pages = NULL;
	t->pages_cap = 0;
}

const uint64_t *dxf_txn_pages(const struct dxf_txn *t, size_t *n, bool *all)
{
	*n = t->npages;
	*all = t->pages_lost || t->reuses;
	return t->pages;
}

/* ---- what is freed and used again ---- */

/* A granule of the tree for each of them. */
static dxf_off_t place_of(uint64_t number)
{
	assert(number < (uint64_t)1 << 51);
	return number * DXF_DIRTY_SMALL;
}

void dxf_txn_note_freed(struct dxf_txn *t, uint64_t first, uint64_t n)
{
	struct dxf_txnmgr *m = t->m;

	assert(t->open);
	if (m->freed == NULL)
		return;
	if (dxf_dirty_bytes(m->freed) / DXF_DIRTY_SMALL + n > MAX_FREED ||
	    dxf_dirty_mark(m->freed, place_of(first), place_of(first + n)) != 0)
		m->freed_lost = m->epoch;
}

void dxf_txn_note_used(struct dxf_txn *t, uint64_t first, uint64_t n)
{
	dxf_off_t off = place_of(first), end = place_of(first + n);
	struct dxf_txnmgr *m = t->m;

	assert(t->open);
	if (m->freed == NULL || t->reuses || dxf_mutated(DXF_MUT_PAGE_REUSE))
		return;
	t->reuses = m->freed_lost > get(&m->clean) ||
		dxf_dirty_meets(m->freed, off, end) ||
		dxf_dirty_meets(m->freed_before, off, end);
}

/* ---- sync ---- */

static int sync_failed(struct dxf_txnmgr *m, int err)
{
	dxf_txnmgr_set_ro(m);
	if (__atomic_exchange_n(&m->sync_error, 1, __ATOMIC_ACQ_REL) == 0)
		dxf_log_err("%s: cannot write back (%s): the filesystem is read-only from now on",
			    dxf_region_path(m->region), strerror(-err));
	return -EIO;
}

void dxf_txnmgr_take(struct dxf_txnmgr *m, struct dxf_writeback *wb,
		     uint64_t page)
{
	dxf_writeback_take(wb, m->dirty, page * DXF_DIRTY_SMALL,
			   (page + 1) * DXF_DIRTY_SMALL);
}

void dxf_txnmgr_wait(struct dxf_txnmgr *m, uint64_t page)
{
	dxf_dirty_wait(m->dirty, page * DXF_DIRTY_SMALL,
		       (page + 1) * DXF_DIRTY_SMALL);
}

void dxf_txnmgr_sync_begin(struct dxf_txnmgr *m, struct dxf_txn_sync *s,
			   struct dxf_writeback *wb)
{
	struct dxf_dirty *d;

	assert(dxf_txn_current(m) == NULL && m->dirty != NULL);
	*s = (struct dxf_txn_sync){ .m = m };
	dxf_mutex_lock(&m->meta);
	s->epoch = m->epoch;
	__atomic_store_n(&m->epoch, s->epoch + 1, __ATOMIC_RELEASE);
	s->unknown = get(&m->unknown);
	/* Not while another sync is at it: then the next one does. */
	if (dxf_dirty_is_empty(m->freed_before)) {
		d = m->freed_before;
		m->freed_before = m->freed;
		m->freed = d;
		s->swapped = true;
	}
	dxf_mutex_unlock(&m->meta);
	dxf_writeback_take(wb, m->dirty, 0, TO_END);
}

static void all_is_durable(struct dxf_txn_sync *s)
{
	struct dxf_txnmgr *m = s->m;

	raise_to(&m->unknown_done, s->unknown);
	raise_to(&m->clean, s->epoch);
	if (!s->swapped)
		return;
	dxf_mutex_lock(&m->meta);
	dxf_dirty_drop(m->freed_before, 0, TO_END);
	dxf_mutex_unlock(&m->meta);
}

int dxf_txnmgr_sync_end(struct dxf_txn_sync *s, struct dxf_writeback *wb)
{
	struct dxf_txnmgr *m = s->m;
	int err = 0, err2;

	if (s->unknown > get(&m->unknown_done))
		err = dxf_persist_msync(m->region, 0,
					dxf_region_size(m->region));
	err2 = dxf_writeback_finish(wb);
	if (err != 0 || err2 != 0)
		return sync_failed(m, err != 0 ? err : err2);
	/* What another thread took is durable only when it is done. */
	dxf_dirty_wait(m->dirty, 0, TO_END);
	if (__atomic_load_n(&m->sync_error, __ATOMIC_ACQUIRE) != 0)
		return -EIO;
	all_is_durable(s);
	return 0;
}

/*
 * What goes to sleep now is not to find the last transaction pending when it
 * wakes; without the mark it would be stored once more, so no failure counts.
 */
static void flush_dead(struct dxf_txnmgr *m)
{
	DXF_SCOPED_MUTEX(&m->meta);
	if (m->log == NULL)
		return;
	(void)dxf_txlog_flush_dead(m->log);
	dxf_persist_fence(m->region);
}

int dxf_txnmgr_sync(struct dxf_txnmgr *m)
{
	struct dxf_txn_sync s;
	struct dxf_writeback wb;

	assert(dxf_txn_current(m) == NULL);
	if (m->dirty == NULL) {
		flush_dead(m);
		return 0;
	}
	if (__atomic_load_n(&m->sync_error, __ATOMIC_ACQUIRE) != 0)
		return -EIO;
	dxf_writeback_init(&wb, m->region);
	dxf_txnmgr_sync_begin(m, &s, &wb);
	return dxf_txnmgr_sync_end(&s, &wb);
}
