/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringplan.c - which worker serves the queues of which CPUs.
 *
 * Owns the assignment.  Must not know io_uring.
 *
 * The kernel puts a request into the queue of the CPU that its caller runs on.
 * CPUs that are offline, or that we must not run on, have queues as well: each
 * is somebody's besides.
 */
#include "ringplan.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "units.h"

#define DEPTH		2
/* Workers of a CPU where requests wait for a disk. */
#define SLOW_WORKERS	4

void dxf_ringplan_make(struct dxf_ringplan *p, unsigned int want, bool slow)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	memset(p, 0, sizeof(*p));
	if (sched_getaffinity(0, sizeof(p->cpus), &p->cpus) != 0)
		CPU_SET(0, &p->cpus);
	p->ncpus = (unsigned int)CPU_COUNT(&p->cpus);
	p->nqueues = n < 1 ? 1 : (unsigned int)n;
	if (want == 0)
		want = p->ncpus * (slow ? SLOW_WORKERS : 1);
	p->nworkers = DXF_MIN(want, DXF_WORKERS_MAX);
	p->depth = slow ? 1 : DEPTH;
	assert(p->ncpus >= 1 && p->nworkers >= 1);
}

/* The how-manyeth of our CPUs is @cpu?  It is one. */
static unsigned int index_of(const struct dxf_ringplan *p, unsigned int cpu)
{
	unsigned int i, n = 0;

	for (i = 0; i < cpu; i++)
		n += CPU_ISSET(i, &p->cpus) != 0;
	return n;
}

static bool is_ours(const struct dxf_ringplan *p, unsigned int cpu)
{
	return cpu < CPU_SETSIZE && CPU_ISSET(cpu, &p->cpus);
}

/* Either several CPUs have one worker, or one has several. */
static bool serves(const struct dxf_ringplan *p, unsigned int w,
		   unsigned int cpu)
{
	unsigned int i = index_of(p, cpu);

	return p->nworkers < p->ncpus ? i % p->nworkers == w :
					w % p->ncpus == i;
}

unsigned int dxf_ringplan_entries(const struct dxf_ringplan *p, unsigned int w,
				  unsigned int q)
{
	assert(w < p->nworkers && q < p->nqueues);
	if (!is_ours(p, q))
		return q % p->nworkers == w;
	return serves(p, w, q) ? p->depth : 0;
}

bool dxf_ringplan_cpus(const struct dxf_ringplan *p, unsigned int w,
		       cpu_set_t *set)
{
	unsigned int i;

	assert(w < p->nworkers);
	CPU_ZERO(set);
	for (i = 0; i < CPU_SETSIZE; i++)
		if (is_ours(p, i) && serves(p, w, i))
			CPU_SET(i, set);
	assert(CPU_COUNT(set) >= 1);
	return p->nworkers > 1;
}
