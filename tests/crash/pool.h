/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool.h - running many workloads in a few processes: one that dies, by an
 * assertion, a stray store or a hang, is a workload that failed.
 */
#ifndef CRASH_POOL_H
#define CRASH_POOL_H

#include "run.h"

struct pool_opts {
	struct run_opts run;
	unsigned int jobs;
	unsigned int stop_after;	/* failures; 0: never */
	bool quiet;			/* print no failure */
	bool verbose;			/* print every workload */
};

struct pool_result {
	struct run_result sum;
	unsigned int failed, done;
	bool *bad;			/* per workload; free(3) it */
};

void pool_run(const struct run_workload *w, unsigned int n,
	      const struct pool_opts *o, struct pool_result *res);

#endif
