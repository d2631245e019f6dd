/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.h - what the process has done, counted without sharing cache lines.
 *
 * Each thread counts in a piece of memory of its own; who wants the sum adds
 * them up.  Threads beyond the DXF_COUNT_SHARES-th share the last piece and
 * may lose a count.  Nothing of what is stored or named is kept.
 */
#ifndef DXF_COUNT_H
#define DXF_COUNT_H

#include <stdint.h>

enum dxf_count {
	DXF_COUNT_LOADED,	/* bytes copied out of media */
	DXF_COUNT_LENT,		/* bytes of media that the kernel copied */
	DXF_COUNT_FAULT,	/* loads and stores that media failed */
	DXF_COUNT_DIRTIED,	/* granules that became dirty ... */
	DXF_COUNT_CLEANED,	/* ... and that are not any more */
	DXF_COUNT_RUN_HIT,	/* block runs found in memory */
	DXF_COUNT_RUN_MISS,	/* ... and looked up in the map on media */
	DXF_COUNT_INODE_HIT,	/* inodes found in memory */
	DXF_COUNT_INODE_MISS,	/* ... and read from media */
	DXF_COUNT_COMMIT,	/* transactions committed */
	DXF_COUNT_ABORT,
	DXF_COUNT_LOG_SLOT,	/* slots of the redo log written */
	DXF_COUNT_LOG_BYTES,	/* ... and their bytes */
	DXF_COUNT_N
};

#define DXF_COUNT_SHARES	128

/* The calling thread's counters; NULL: it has not counted yet. */
extern _Thread_local uint64_t *dxf_count_mine;

/* Give the calling thread its counters. */
uint64_t *dxf_count_new(void);

static inline void dxf_count(enum dxf_count c, uint64_t n)
{
	uint64_t *mine = dxf_count_mine;

	if (__builtin_expect(mine == 0, 0))
		mine = dxf_count_new();
	__atomic_store_n(&mine[c], __atomic_load_n(&mine[c], __ATOMIC_RELAXED) +
			 n, __ATOMIC_RELAXED);
}

/* The sums over all threads, those that ended too. */
void dxf_count_sum(uint64_t sum[DXF_COUNT_N]);

#endif
