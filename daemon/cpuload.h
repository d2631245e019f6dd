/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuload.h - how many tasks want a CPU.
 */
#ifndef DXF_CPULOAD_H
#define DXF_CPULOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Signs that others want the CPUs; a lost race costs or saves one. */
struct dxf_signs {
	atomic_ulong last;
	atomic_uint n;
};

/*
 * There was one more, at @now (ns).
 * Returns: true: a few came together, it is no accident.
 */
bool dxf_signs_add(struct dxf_signs *s, uint64_t now);

struct dxf_cpuload {
	unsigned int ncpus;	/* that the process may use */
	int fd;			/* /proc/loadavg; -1: nobody can tell */
	/* a lost race costs another look */
	atomic_ulong asked;
	atomic_uint last;
	struct dxf_signs crowd;
	atomic_ulong judged;	/* the answer that crowd has seen */
};

/* How many CPUs the process may use; 1 if that cannot be told. */
unsigned int dxf_cpuload_ncpus(void);
/* Before the process is confined. */
void dxf_cpuload_open(struct dxf_cpuload *l);
void dxf_cpuload_close(struct dxf_cpuload *l);

/* The tasks that run, us included; UINT_MAX: too many, or nobody can tell. */
unsigned int dxf_cpuload_ask(const struct dxf_cpuload *l);
/* The same by an answer not older than a millisecond, @now in ns. */
unsigned int dxf_cpuload_recent(struct dxf_cpuload *l, uint64_t now);
/*
 * Do more tasks run than there are CPUs, by such an answer?
 * Returns: true, and whether it @*lasts: so it was a few times in a row.
 */
bool dxf_cpuload_crowded(struct dxf_cpuload *l, uint64_t now, bool *lasts);
/* Never mind the last answer. */
void dxf_cpuload_forget(struct dxf_cpuload *l);

#endif
