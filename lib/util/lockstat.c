/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lockstat.c - which locks are taken, which are waited for, how long one kind
 * is held.
 *
 * Owns the counts.  Must not take a lock.
 */
#include "lockstat.h"

#include <assert.h>
#include <time.h>

#include "units.h"

#define SHORTEST	32u	/* ns */
#define NS_PER_S	1000000000u

_Thread_local uint64_t dxf_lock_taken_mine[DXF_RANK_N];
enum dxf_rank dxf_lock_timed;

static uint64_t waits[DXF_RANK_N];
static uint64_t held[DXF_HELD_BUCKETS], longest;
static _Thread_local uint64_t since;

void dxf_lock_count_wait(enum dxf_rank rank)
{
	assert(rank < DXF_RANK_N);
	__atomic_fetch_add(&waits[rank], 1, __ATOMIC_RELAXED);
}

uint64_t dxf_lock_waits(enum dxf_rank rank)
{
	assert(rank < DXF_RANK_N);
	return __atomic_load_n(&waits[rank], __ATOMIC_RELAXED);
}

/* ---- how long ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t dxf_lock_held_ns(unsigned int i)
{
	return i == 0 ? 0 : (uint64_t)(4 + (i - 1) % 4) *
			    (SHORTEST / 4) << (i - 1) / 4;
}

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int i, bits;

	if (ns < SHORTEST)
		return 0;
	bits = 63 - (unsigned int)__builtin_clzll(ns);
	i = 1 + 4 * (bits - 5) + (unsigned int)(ns >> (bits - 2) & 3);
	return DXF_MIN(i, DXF_HELD_BUCKETS - 1u);
}

void dxf_lock_time(enum dxf_rank rank)
{
	assert(rank < DXF_RANK_N && rank != DXF_RANK_INODE);
	for (int i = 0; i < DXF_HELD_BUCKETS; i++)
		__atomic_store_n(&held[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&longest, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&dxf_lock_timed, rank, __ATOMIC_RELAXED);
}

uint64_t dxf_lock_held(uint64_t n[DXF_HELD_BUCKETS])
{
	for (int i = 0; i < DXF_HELD_BUCKETS; i++)
		n[i] = __atomic_load_n(&held[i], __ATOMIC_RELAXED);
	return __atomic_load_n(&longest, __ATOMIC_RELAXED);
}

void dxf_lock_begin_held(void)
{
	since = now_ns();
}

void dxf_lock_end_held(void)
{
	uint64_t ns, max = __atomic_load_n(&longest, __ATOMIC_RELAXED);

	/* Taken before the measurement began. */
	if (since == 0)
		return;
	ns = now_ns() - since;
	since = 0;
	__atomic_fetch_add(&held[bucket_of(ns)], 1, __ATOMIC_RELAXED);
	while (ns > max && !__atomic_compare_exchange_n(&longest, &max, ns,
				false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}
