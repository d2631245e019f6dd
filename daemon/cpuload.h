/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuload.h - how many tasks want a CPU.
 */
#ifndef DXF_CPULOAD_H
#define DXF_CPULOAD_H

#include <stdatomic.h>
#include <stdint.h>

struct dxf_cpuload {
	unsigned int ncpus;	/* that the process may use */
	int fd;			/* /proc/loadavg; -1: nobody can tell */
	/* a lost race costs another look */
	atomic_ulong asked;
	atomic_uint last;
};

/* Before the process is confined. */
void dxf_cpuload_open(struct dxf_cpuload *l);
void dxf_cpuload_close(struct dxf_cpuload *l);

/* The tasks that run, us included; UINT_MAX: too many, or nobody can tell. */
unsigned int dxf_cpuload_ask(const struct dxf_cpuload *l);
/* The same by an answer not older than a millisecond, @now in ns. */
unsigned int dxf_cpuload_recent(struct dxf_cpuload *l, uint64_t now);
/* Never mind the last answer. */
void dxf_cpuload_forget(struct dxf_cpuload *l);

#endif
