/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lock.h"

#include <assert.h>

#include "lockstat.h"
#include "units.h"

#ifndef NDEBUG
/*
 * The locks this thread holds.  Rising order is asserted against the highest
 * held, so locks may be released in any order.
 */
#define MAX_HELD 24

static _Thread_local struct held {
	const void *lock;
	enum dxf_rank rank;
	uint32_t key;
	bool write;
} held[MAX_HELD];
static _Thread_local int nheld;

/* @blocking: a trylock cannot deadlock, so it may come out of order. */
static void note_lock(const void *l, enum dxf_rank rank, uint32_t key,
		      bool write, bool blocking)
{
	for (int i = 0; i < nheld && blocking; i++) {
		assert(held[i].lock != l);
		assert(held[i].rank < rank ||
		       (held[i].rank == rank && rank == DXF_RANK_INODE &&
			held[i].key < key));
	}
	assert(nheld < MAX_HELD);
	held[nheld++] = (struct held){ l, rank, key, write };
}

static void note_unlock(const void *l)
{
	for (int i = nheld - 1; i >= 0; i--) {
		if (held[i].lock != l)
			continue;
		for (nheld--; i < nheld; i++)
			held[i] = held[i + 1];
		return;
	}
	assert(!"unlock of a lock that is not held");
}

void dxf_lock_assert_held(const void *l, bool write)
{
	for (int i = 0; i < nheld; i++) {
		if (held[i].lock == l && (held[i].write || !write))
			return;
	}
	assert(!"the caller does not hold the lock");
}
#else
#define note_lock(l, rank, key, write, blocking)	((void)0)
#define note_unlock(l)					((void)0)
#endif

/* A pthread lock call fails only when its arguments are wrong. */
static void must(int err)
{
	if (err != 0)
		abort();
}

void dxf_mutex_init(struct dxf_mutex *l, enum dxf_rank rank)
{
	l->m = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	l->rank = rank;
	l->key = 0;
}

void dxf_mutex_destroy(struct dxf_mutex *l)
{
	must(pthread_mutex_destroy(&l->m));
}

static void count_wait(enum dxf_rank rank)
{
	if (DXF_LOCK_COUNTS)
		dxf_lock_count_wait(rank);
}

/* It is ours now. */
static void mutex_taken(const struct dxf_mutex *l)
{
	dxf_lock_count_taken(l->rank);
	if (dxf_lock_is_timed(l->rank))
		dxf_lock_begin_held();
}

void dxf_mutex_lock(struct dxf_mutex *l)
{
	note_lock(&l->m, l->rank, l->key, true, true);
	if (!DXF_LOCK_COUNTS || pthread_mutex_trylock(&l->m) != 0) {
		count_wait(l->rank);
		must(pthread_mutex_lock(&l->m));
	}
	mutex_taken(l);
}

bool dxf_mutex_trylock(struct dxf_mutex *l)
{
	if (pthread_mutex_trylock(&l->m) != 0)
		return false;
	note_lock(&l->m, l->rank, l->key, true, false);
	mutex_taken(l);
	return true;
}

void dxf_mutex_unlock(struct dxf_mutex *l)
{
	note_unlock(&l->m);
	if (dxf_lock_is_timed(l->rank))
		dxf_lock_end_held();
	must(pthread_mutex_unlock(&l->m));
}

void dxf_mutex_wait(struct dxf_mutex *l, pthread_cond_t *c)
{
	dxf_mutex_assert_held(l);
	must(pthread_cond_wait(c, &l->m));
}

void dxf_rwlock_init(struct dxf_rwlock *l, enum dxf_rank rank, uint32_t key)
{
	/* Readers that keep coming must not starve a truncate. */
	l->rw = (pthread_rwlock_t)
		PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
	l->rank = rank;
	l->key = key;
}

void dxf_rwlock_destroy(struct dxf_rwlock *l)
{
	must(pthread_rwlock_destroy(&l->rw));
}

void dxf_rwlock_rdlock(struct dxf_rwlock *l)
{
	note_lock(&l->rw, l->rank, l->key, false, true);
	if (!DXF_LOCK_COUNTS || pthread_rwlock_tryrdlock(&l->rw) != 0) {
		count_wait(l->rank);
		must(pthread_rwlock_rdlock(&l->rw));
	}
	dxf_lock_count_taken(l->rank);
}

void dxf_rwlock_wrlock(struct dxf_rwlock *l)
{
	note_lock(&l->rw, l->rank, l->key, true, true);
	if (!DXF_LOCK_COUNTS || pthread_rwlock_trywrlock(&l->rw) != 0) {
		count_wait(l->rank);
		must(pthread_rwlock_wrlock(&l->rw));
	}
	dxf_lock_count_taken(l->rank);
}

bool dxf_rwlock_trywrlock(struct dxf_rwlock *l)
{
	if (pthread_rwlock_trywrlock(&l->rw) != 0)
		return false;
	note_lock(&l->rw, l->rank, l->key, true, false);
	dxf_lock_count_taken(l->rank);
	return true;
}

void dxf_rwlock_unlock(struct dxf_rwlock *l)
{
	note_unlock(&l->rw);
	must(pthread_rwlock_unlock(&l->rw));
}
