/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workloads.h - what is crashed.
 */
#ifndef CRASH_WORKLOADS_H
#define CRASH_WORKLOADS_H

#include "run.h"

enum workloads_set {
	WORKLOADS_SEQ1 = 1 << 0,	/* every operation by itself */
	WORKLOADS_MORE = 1 << 1,	/* longer ones, mounts, recovery */
	WORKLOADS_SEQ2 = 1 << 2,	/* all pairs */
	WORKLOADS_RANDOM = 1 << 3,
};

/*
 * The workloads of the sets on all images, without those marked RUN_FULL
 * unless @full.  Ownership: never released.
 */
struct run_workload *workloads_make(unsigned int sets, bool full,
				    uint64_t seed, unsigned int nrandom,
				    unsigned int *n);

#endif
