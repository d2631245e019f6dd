/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.c - what the process has done, counted without sharing cache lines.
 *
 * Owns the counters of all threads.  A thread's piece stays when it ends.
 */
#include "count.h"

#include <assert.h>

#include "units.h"

/* Two lines apart: the prefetcher fetches pairs. */
struct share {
	uint64_t n[DXF_COUNT_N];
} __attribute__((aligned(128)));

static struct share shares[DXF_COUNT_SHARES];
static unsigned int nshares;

_Thread_local uint64_t *dxf_count_mine;

uint64_t *dxf_count_new(void)
{
	unsigned int i = __atomic_fetch_add(&nshares, 1, __ATOMIC_RELAXED);

	assert(dxf_count_mine == NULL);
	dxf_count_mine = shares[DXF_MIN(i, DXF_COUNT_SHARES - 1u)].n;
	return dxf_count_mine;
}

void dxf_count_sum(uint64_t sum[DXF_COUNT_N])
{
	unsigned int i, c;

	for (c = 0; c < DXF_COUNT_N; c++) {
		sum[c] = 0;
		for (i = 0; i < DXF_COUNT_SHARES; i++)
			sum[c] += __atomic_load_n(&shares[i].n[c],
						  __ATOMIC_RELAXED);
	}
}
