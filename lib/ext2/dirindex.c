// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirindex.c - the life of the name indexes: pin, evict, abort.
 *
 * Owns node->index and e2->index_lru.  Must not know how entries lie in a
 * block, nor what a lookup does with an index.
 *
 * An index is one of
 *	EMPTY	no tables
 *	BUSY	one thread has it for itself: it builds or drops the tables
 *	>= 0	ready, with so many pins
 * in idx->pins.  Threads leave EMPTY and "ready, no pin" for BUSY by
 * compare-and-swap, and leave BUSY under index_lock, so that others can wait.
 * The struct itself lives as long as its node, or is parked (dirpark.c).
 *
 * Invariants:
 *	X1  the tables change only in BUSY, or by a thread that holds a pin and
 *	    the directory's lock exclusively (so there is no reader)
 *	X2  a transaction that may have changed the directory holds a pin of
 *	    its own until it ends; an abort makes the index broken
 *	X3  a broken index is never handed out; it is dropped when its last
 *	    pin goes, at the latest by the next who wants it
 *	X4  idx is on the ring exactly while idx->bytes > 0; the sum of them
 *	    is lru->total
 */
#include <assert.h>
#include <stdlib.h>

#include "alloc.h"
#include "dir_priv.h"

#define EMPTY		(-1)
#define BUSY		(-2)

/*
 * Directories up to so many blocks are scanned; but every so many looks at one
 * of them it gets an index: so the ones that are looked at often have it.
 */
#define SCAN_BLOCKS	2
#define SCAN_LOOKS	8
#define DEFAULT_LIMIT	(256 * DXF_MIB)

struct dxf_dirindex_lru {
	pthread_cond_t idle;		/* an index left BUSY */
	/* protected by index_lock */
	struct dxf_dirindex *hand;	/* of the clock; a ring */
	uint64_t count;
	uint64_t total;
	uint64_t limit;
};

int dxf_dirindex_open(struct dxf_ext2 *e2)
{
	struct dxf_dirindex_lru *lru = dxf_calloc(1, sizeof(*lru));

	if (!lru)
		return -ENOMEM;
	pthread_cond_init(&lru->idle, NULL);
	lru->limit = DEFAULT_LIMIT;
	e2->index_lru = lru;
	return 0;
}

void dxf_dirindex_close(struct dxf_ext2 *e2)
{
	if (!e2->index_lru)
		return;
	assert(e2->index_lru->count == 0 && e2->index_lru->total == 0);
	pthread_cond_destroy(&e2->index_lru->idle);
	free(e2->index_lru);
	e2->index_lru = NULL;
}

uint32_t dxf_dirindex_hash(const struct dxf_ext2 *e2, const char *name,
			   size_t len)
{
	return dxf_hash(&e2->hash_key, name, len);
}

/* ---- states ---- */

static bool state_swap(struct dxf_dirindex *idx, int32_t from, int32_t to)
{
	return __atomic_compare_exchange_n(&idx->pins, &from, to, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static int32_t state(const struct dxf_dirindex *idx)
{
	return __atomic_load_n(&idx->pins, __ATOMIC_ACQUIRE);
}

static void leave_busy_locked(struct dxf_dirindex *idx, int32_t to)
{
	dxf_mutex_assert_held(&idx->e2->index_lock);
	assert(state(idx) == BUSY && to != BUSY);
	__atomic_store_n(&idx->pins, to, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&idx->e2->index_lru->idle);
}

static void wait_not_busy(struct dxf_dirindex *idx)
{
	struct dxf_ext2 *e2 = idx->e2;
	DXF_SCOPED_MUTEX(&e2->index_lock);

	while (state(idx) == BUSY)
		dxf_mutex_wait(&e2->index_lock, &e2->index_lru->idle);
}

/* ---- memory ---- */

static void ring_add(struct dxf_dirindex_lru *lru, struct dxf_dirindex *idx)
{
	if (lru->hand) {
		/* Behind the hand: the clock comes to it last. */
		idx->next = lru->hand;
		idx->prev = lru->hand->prev;
		idx->prev->next = idx;
		idx->next->prev = idx;
	} else {
		idx->next = idx->prev = idx;
		lru->hand = idx;
	}
	lru->count++;
}

static void ring_del(struct dxf_dirindex_lru *lru, struct dxf_dirindex *idx)
{
	assert(lru->count > 0);
	if (lru->hand == idx)
		lru->hand = idx->next == idx ? NULL : idx->next;
	idx->prev->next = idx->next;
	idx->next->prev = idx->prev;
	idx->next = idx->prev = NULL;
	lru->count--;
}

static void account_locked(struct dxf_dirindex *idx, uint64_t bytes)
{
	struct dxf_dirindex_lru *lru = idx->e2->index_lru;

	dxf_mutex_assert_held(&idx->e2->index_lock);
	assert(lru->total >= idx->bytes);
	if (!idx->bytes && bytes)
		ring_add(lru, idx);
	else if (idx->bytes && !bytes)
		ring_del(lru, idx);
	lru->total += bytes - idx->bytes;
	idx->bytes = bytes;
}

/* Give the tables up; the caller made it BUSY. */
static void drop_locked(struct dxf_dirindex *idx)
{
	assert(state(idx) == BUSY);
	dxf_dirtable_free(&idx->tab);
	account_locked(idx, 0);
	idx->nbad = 0;
	__atomic_store_n(&idx->broken, false, __ATOMIC_RELAXED);
	leave_busy_locked(idx, EMPTY);
}

static void drop(struct dxf_dirindex *idx)
{
	DXF_SCOPED_MUTEX(&idx->e2->index_lock);

	drop_locked(idx);
}

/*
 * Release the tables of the first index, from the clock's hand on, that was
 * not used since the hand came by and is not pinned.
 */
static bool evict_locked(struct dxf_dirindex_lru *lru,
			 const struct dxf_dirindex *spare)
{
	struct dxf_dirindex *idx;

	for (uint64_t i = 0; i < lru->count * 2; i++) {
		idx = lru->hand;
		lru->hand = idx->next;
		if (idx == spare)
			continue;
		if (__atomic_exchange_n(&idx->recent, false, __ATOMIC_RELAXED))
			continue;
		if (state_swap(idx, 0, BUSY)) {
			drop_locked(idx);
			return true;
		}
	}
	return false;
}

/* Account for tables of @bytes.  Returns: false: they would be too many. */
static bool reserve(struct dxf_dirindex *idx, uint64_t bytes)
{
	struct dxf_ext2 *e2 = idx->e2;
	struct dxf_dirindex_lru *lru = e2->index_lru;
	DXF_SCOPED_MUTEX(&e2->index_lock);

	if (bytes > lru->limit) {
		idx->refused = lru->limit;
		return false;
	}
	while (lru->total - idx->bytes + bytes > lru->limit)
		if (!evict_locked(lru, idx))
			return false;
	account_locked(idx, bytes);
	return true;
}

bool dxf_dirindex_resize(struct dxf_dirindex *idx, uint32_t nkeys,
			 uint32_t ngaps)
{
	struct dxf_dirtable *tab = &idx->tab;
	struct dxf_dirtable then = { .nkeys = nkeys, .ngaps = ngaps };

	if (nkeys == tab->nkeys && ngaps == tab->ngaps)
		return true;
	if (!reserve(idx, dxf_dirtable_bytes(&then)))
		return false;
	if ((nkeys == tab->nkeys || !dxf_dirtable_resize_keys(tab, nkeys)) &&
	    (ngaps == tab->ngaps || !dxf_dirtable_resize_gaps(tab, ngaps)))
		return true;
	dxf_mutex_lock(&idx->e2->index_lock);
	account_locked(idx, dxf_dirtable_bytes(tab));
	dxf_mutex_unlock(&idx->e2->index_lock);
	return false;
}

void dxf_dir_set_index_limit(struct dxf_ext2 *e2, uint64_t bytes)
{
	struct dxf_dirindex_lru *lru = e2->index_lru;
	DXF_SCOPED_MUTEX(&e2->index_lock);

	lru->limit = bytes;
	while (lru->total > lru->limit && evict_locked(lru, NULL))
		;
}

uint64_t dxf_dir_index_bytes(struct dxf_ext2 *e2)
{
	DXF_SCOPED_MUTEX(&e2->index_lock);

	return e2->index_lru->total;
}

/* ---- the end of a transaction ---- */

static void transaction_ends(struct dxf_txn_hook *h, bool committed)
{
	struct dxf_dirindex *idx = dxf_container_of(h, struct dxf_dirindex,
						    hook);

	assert(idx->hooked && state(idx) >= 1);
	idx->hooked = false;
	if (!committed)
		__atomic_store_n(&idx->broken, true, __ATOMIC_RELAXED);
	dxf_dirindex_put(idx);
}

/* The caller holds a pin; the transaction gets one of its own (X2). */
static void follow_transaction(struct dxf_dirindex *idx, struct dxf_txn *t)
{
	if (idx->hooked)
		return;
	idx->hooked = true;
	__atomic_fetch_add(&idx->pins, 1, __ATOMIC_ACQUIRE);
	idx->hook.fn = transaction_ends;
	dxf_txn_on_end(t, &idx->hook);
}

/* ---- pins ---- */

/* The directory's index, created EMPTY by whoever comes first. */
static struct dxf_dirindex *header(struct dxf_node *dir)
{
	struct dxf_dirindex *idx, *old = NULL;

	idx = __atomic_load_n(&dir->index, __ATOMIC_ACQUIRE);
	if (idx)
		return idx;
	idx = dxf_dirpark_take(dir);
	if (!idx)
		idx = dxf_calloc(1, sizeof(*idx));
	if (!idx)
		return NULL;
	if (!idx->e2) {
		idx->e2 = dir->e2;
		idx->pins = EMPTY;
	}
	if (__atomic_compare_exchange_n(&dir->index, &old, idx, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return idx;
	dxf_dirindex_free(idx);
	return old;
}

static bool is_refused(struct dxf_dirindex *idx)
{
	struct dxf_ext2 *e2 = idx->e2;
	DXF_SCOPED_MUTEX(&e2->index_lock);

	return idx->refused && idx->refused >= e2->index_lru->limit;
}

/* The caller made it BUSY.  Returns: @idx, pinned; NULL, it is EMPTY again. */
static struct dxf_dirindex *build(struct dxf_dirindex *idx,
				  const struct dxf_dirview *v)
{
	struct dxf_ext2 *e2 = idx->e2;
	struct dxf_txn *t = dxf_txn_current(e2->txnmgr);

	assert(!idx->tab.nkeys && !idx->nbad && !idx->hooked);
	if (!dxf_dirindex_fill(idx, v)) {
		drop(idx);
		return NULL;
	}
	dxf_mutex_lock(&e2->index_lock);
	idx->refused = 0;
	leave_busy_locked(idx, 1);
	dxf_mutex_unlock(&e2->index_lock);
	/* It saw what the transaction staged, if that changed the directory. */
	if (t)
		follow_transaction(idx, t);
	return idx;
}

static bool is_scanned(const struct dxf_dirview *v)
{
	struct dxf_dirindex *idx = __atomic_load_n(&v->dir->index,
						   __ATOMIC_ACQUIRE);
	uint32_t *looks = &v->dir->e2->looks, n;

	if (v->nblk > SCAN_BLOCKS || (idx && state(idx) != EMPTY))
		return false;
	/* One that is lost does not matter. */
	n = __atomic_load_n(looks, __ATOMIC_RELAXED) + 1;
	__atomic_store_n(looks, n, __ATOMIC_RELAXED);
	return n % SCAN_LOOKS != 0;
}

struct dxf_dirindex *dxf_dirindex_get(const struct dxf_dirview *v)
{
	struct dxf_dirindex *idx;
	int32_t s;

	if (v->size > DXF_DIR_MAX_SIZE || is_scanned(v))
		return NULL;
	idx = header(v->dir);
	if (!idx)
		return NULL;
	for (;;) {
		s = state(idx);
		if (s == BUSY) {
			wait_not_busy(idx);
		} else if (s == EMPTY) {
			if (is_refused(idx))
				return NULL;
			if (state_swap(idx, EMPTY, BUSY))
				return build(idx, v);
		} else if (state_swap(idx, s, s + 1)) {
			break;
		}
	}
	if (__atomic_load_n(&idx->broken, __ATOMIC_RELAXED)) {
		dxf_dirindex_put(idx);
		return NULL;
	}
	__atomic_store_n(&idx->recent, true, __ATOMIC_RELAXED);
	return idx;
}

void dxf_dirindex_put(struct dxf_dirindex *idx)
{
	bool broken = __atomic_load_n(&idx->broken, __ATOMIC_RELAXED);
	int32_t s = __atomic_fetch_sub(&idx->pins, 1, __ATOMIC_RELEASE);

	assert(s >= 1);
	if (broken && s == 1 && state_swap(idx, 0, BUSY))
		drop(idx);
}

struct dxf_dirindex *dxf_dirindex_get_change(const struct dxf_dirview *v,
					     struct dxf_txn *t)
{
	struct dxf_dirindex *idx = dxf_dirindex_get(v);

	if (idx)
		follow_transaction(idx, t);
	return idx;
}

void dxf_dirindex_free(struct dxf_dirindex *idx)
{
	assert(!idx->hooked && state(idx) <= 0);
	/* Another thread may be evicting it. */
	while (!state_swap(idx, EMPTY, BUSY) && !state_swap(idx, 0, BUSY))
		wait_not_busy(idx);
	drop(idx);
	free(idx);
}

void dxf_dir_forget_index(struct dxf_node *dir)
{
	dxf_dirpark_forget(dir->e2, dir->ino);
	if (dir->index)
		dxf_dirindex_free(DXF_STEAL(dir->index));
}

void dxf_dir_leave_index(struct dxf_node *dir)
{
	struct dxf_dirindex *idx = dir->index;
	uint64_t nblk = dir->di.size >> dir->e2->geom.block_bits;

	if (!idx)
		return;
	assert(!idx->hooked && state(idx) <= 0);
	/* A small one is not asked for by each change: it would grow old. */
	if (dir->di.nlink == 0 || nblk <= SCAN_BLOCKS || state(idx) != 0 ||
	    __atomic_load_n(&idx->broken, __ATOMIC_RELAXED))
		dxf_dir_forget_index(dir);
	else
		dxf_dirpark_put(dir, DXF_STEAL(dir->index));
}

/* ---- changes ---- */

static void break_index(struct dxf_dirindex *idx)
{
	/* The transaction's pin keeps it until the end; nobody gets it. */
	assert(idx->hooked);
	__atomic_store_n(&idx->broken, true, __ATOMIC_RELAXED);
}

void dxf_dirindex_add(struct dxf_dirindex *idx, const char *name, size_t len,
		      uint64_t off)
{
	uint32_t hash = dxf_dirindex_hash(idx->e2, name, len);

	assert(idx->hooked);
	if (!idx->broken && !dxf_dirindex_add_key(idx, hash, off, 1))
		break_index(idx);
}

void dxf_dirindex_del(struct dxf_dirindex *idx, const char *name, size_t len,
		      uint64_t off)
{
	uint32_t hash = dxf_dirindex_hash(idx->e2, name, len);
	struct dxf_dirtable *tab = &idx->tab;

	assert(idx->hooked);
	if (idx->broken || dxf_dir_is_dot(name, len))
		return;
	if (!dxf_dirtable_del(tab, hash, off)) {
		break_index(idx);
		return;
	}
	/* Give memory back; without memory for that, later. */
	if (tab->nkeys > 1024 && tab->used < tab->nkeys / 8)
		dxf_dirindex_resize(idx, tab->nkeys / 2, tab->ngaps);
}

void dxf_dirindex_set_gap(struct dxf_dirindex *idx, dxf_lblk_t lblk,
			  uint32_t gap)
{
	struct dxf_dirtable *tab = &idx->tab;

	assert(idx->hooked);
	if (idx->broken)
		return;
	if (lblk >= tab->ngaps &&
	    !dxf_dirindex_resize(idx, tab->nkeys,
				 dxf_dirtable_want_gaps(tab, lblk + 1))) {
		break_index(idx);
		return;
	}
	dxf_dirtable_set_gap(tab, lblk, gap);
}
