/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringplan.h - which worker serves the queues of which CPUs.
 */
#ifndef DXF_RINGPLAN_H
#define DXF_RINGPLAN_H

#include <sched.h>
#include <stdbool.h>

struct dxf_ringplan {
	cpu_set_t cpus;		/* those that we may run on */
	unsigned int ncpus;	/* so many */
	unsigned int nqueues;	/* one for each CPU that is possible */
	unsigned int nworkers;
	unsigned int depth;	/* entries a worker has in a queue of its own */
};

/*
 * @want workers, or with 0 as many as CPUs; each more than that is another one
 * for a CPU.  With @slow, where a request may wait for a disk, a worker takes
 * one request at a time, so that none waits behind another one's wait, and with
 * 0 there are several for each CPU.
 */
void dxf_ringplan_make(struct dxf_ringplan *p, unsigned int want, bool slow);

/*
 * How many entries does worker @w have in queue @q?  Of every queue somebody
 * has at least one: the kernel begins only when each has.
 */
unsigned int dxf_ringplan_entries(const struct dxf_ringplan *p, unsigned int w,
				  unsigned int q);

/*
 * The CPUs whose queues worker @w serves.
 * Returns: false: those of all that we may run on.
 */
bool dxf_ringplan_cpus(const struct dxf_ringplan *p, unsigned int w,
		       cpu_set_t *set);

#endif
