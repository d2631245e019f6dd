/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock.h - mutexes and read-write locks with ranks.
 *
 * Every lock has a rank (LOCKING.md gives the table and the argument).  A
 * thread takes locks in rising rank; of one rank only DXF_RANK_INODE may be
 * held more than once, in rising key (the inode number).  Unless NDEBUG is
 * defined each lock call asserts that, and dxf_*_assert_* assert that the
 * caller holds what it says.
 */
#ifndef DXF_LOCK_H
#define DXF_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"

enum dxf_rank {
	DXF_RANK_RENAME = 1,	/* one cross-directory directory rename */
	DXF_RANK_INODE,		/* per inode: data, map, dirents, xattrs; by ino */
	DXF_RANK_ICACHE,	/* the inode cache's table */
	DXF_RANK_QUIET,		/* whether the superblock says clean meanwhile */
	DXF_RANK_META,		/* the one running transaction */
	DXF_RANK_ALLOC,		/* reservations, group counters */
	DXF_RANK_ATTR,		/* an inode's in-memory attributes */
	DXF_RANK_DIRTY,		/* a dirty-extent tree */
	DXF_RANK_REGION,	/* host allocation map, bad-block list */
	DXF_RANK_LEAF,		/* anything that takes no lock inside */
	DXF_RANK_N,
};

struct dxf_mutex {
	pthread_mutex_t m;
	enum dxf_rank rank;
	uint32_t key;
};

struct dxf_rwlock {
	pthread_rwlock_t rw;
	enum dxf_rank rank;
	uint32_t key;
};

void dxf_mutex_init(struct dxf_mutex *l, enum dxf_rank rank);
void dxf_mutex_destroy(struct dxf_mutex *l);
void dxf_mutex_lock(struct dxf_mutex *l);
bool dxf_mutex_trylock(struct dxf_mutex *l);
void dxf_mutex_unlock(struct dxf_mutex *l);
/* Wait on @c, which is used with @l only; @l is held before and after. */
void dxf_mutex_wait(struct dxf_mutex *l, pthread_cond_t *c);

void dxf_rwlock_init(struct dxf_rwlock *l, enum dxf_rank rank, uint32_t key);
void dxf_rwlock_destroy(struct dxf_rwlock *l);
void dxf_rwlock_rdlock(struct dxf_rwlock *l);
void dxf_rwlock_wrlock(struct dxf_rwlock *l);
bool dxf_rwlock_trywrlock(struct dxf_rwlock *l);
void dxf_rwlock_unlock(struct dxf_rwlock *l);

#ifndef NDEBUG
void dxf_lock_assert_held(const void *l, bool write);
#else
static inline void dxf_lock_assert_held(const void *l, bool write)
{
}
#endif
/* The calling thread holds the lock (for a rwlock: shared or exclusive). */
#define dxf_mutex_assert_held(l)	dxf_lock_assert_held(&(l)->m, true)
#define dxf_rwlock_assert_held(l)	dxf_lock_assert_held(&(l)->rw, false)
#define dxf_rwlock_assert_wrheld(l)	dxf_lock_assert_held(&(l)->rw, true)

static inline void dxf_cleanup_mutex(struct dxf_mutex **l)
{
	dxf_mutex_unlock(*l);
}

static inline void dxf_cleanup_rwlock(struct dxf_rwlock **l)
{
	dxf_rwlock_unlock(*l);
}

#define DXF_LOCK_PASTE2(a, b)	a##b
#define DXF_LOCK_PASTE(a, b)	DXF_LOCK_PASTE2(a, b)

/* Hold the lock to the end of the scope. */
#define DXF_SCOPED_MUTEX(l) \
	DXF_CLEANUP(dxf_cleanup_mutex) \
	__attribute__((unused)) struct dxf_mutex * \
	DXF_LOCK_PASTE(dxf_scoped_, __LINE__) = \
		({ dxf_mutex_lock(l); (l); })
#define DXF_SCOPED_RDLOCK(l) \
	DXF_CLEANUP(dxf_cleanup_rwlock) \
	__attribute__((unused)) struct dxf_rwlock * \
	DXF_LOCK_PASTE(dxf_scoped_, __LINE__) = \
		({ dxf_rwlock_rdlock(l); (l); })
#define DXF_SCOPED_WRLOCK(l) \
	DXF_CLEANUP(dxf_cleanup_rwlock) \
	__attribute__((unused)) struct dxf_rwlock * \
	DXF_LOCK_PASTE(dxf_scoped_, __LINE__) = \
		({ dxf_rwlock_wrlock(l); (l); })

#endif
