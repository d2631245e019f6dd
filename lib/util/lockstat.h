/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lockstat.h - which locks are taken, which are waited for, how long one kind
 * is held.
 *
 * Taken locks are counted in memory of the thread's own, so that counting does
 * not make threads meet; but it costs as much as a tenth of a lock, so builds with
 * NDEBUG do not count.  Times are taken only of the kind that was asked for, and
 * in every build.
 */
#ifndef DXF_LOCKSTAT_H
#define DXF_LOCKSTAT_H

#include <stdint.h>

#include "lock.h"

/* Four buckets to each doubling, from 32 ns on; the last has all above. */
#define DXF_HELD_BUCKETS	64

#ifndef NDEBUG
#define DXF_LOCK_COUNTS	1
#else
#define DXF_LOCK_COUNTS	0
#endif

extern _Thread_local uint64_t dxf_lock_taken_mine[DXF_RANK_N];
extern enum dxf_rank dxf_lock_timed;

/* How many locks of @rank the calling thread has taken so far, or 0. */
static inline uint64_t dxf_lock_taken(enum dxf_rank rank)
{
	return dxf_lock_taken_mine[rank];
}

/* How many times a lock of @rank was found taken, by all threads, or 0. */
uint64_t dxf_lock_waits(enum dxf_rank rank);

/*
 * Measure from now on how long mutexes of @rank are held, a rank of which a
 * thread holds one at a time; 0: no more.  Call it while nobody holds one.
 */
void dxf_lock_time(enum dxf_rank rank);
/*
 * How many were held for dxf_lock_held_ns(i) ns at least, and less than
 * dxf_lock_held_ns(i + 1), since dxf_lock_time(); bucket 0 has all shorter ones.
 * Returns: the longest time, in ns.
 */
uint64_t dxf_lock_held(uint64_t n[DXF_HELD_BUCKETS]);
uint64_t dxf_lock_held_ns(unsigned int i);

/* ---- for lock.c ---- */

void dxf_lock_count_wait(enum dxf_rank rank);
void dxf_lock_begin_held(void);
void dxf_lock_end_held(void);

static inline void dxf_lock_count_taken(enum dxf_rank rank)
{
	if (DXF_LOCK_COUNTS)
		dxf_lock_taken_mine[rank]++;
}

static inline bool dxf_lock_is_timed(enum dxf_rank rank)
{
	return __builtin_expect(__atomic_load_n(&dxf_lock_timed,
				__ATOMIC_RELAXED) == rank, 0);
}

#endif
