/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringyield.h - a ring's worker that serves one client keeps it on its CPU.
 *
 * The client's CPU is where the worker runs.  An answer wakes the client, and
 * the kernel moves it to an idle CPU, where its next request goes to another
 * worker: so both move from one to the other, at several times the cost.  It
 * stays where only tasks of SCHED_IDLE run (escort.c has more on that).  So the
 * worker yields while requests come one by one from one thread and a CPU is
 * idle; and a watch takes that back where the worker does not get on.
 */
#ifndef DXF_RINGYIELD_H
#define DXF_RINGYIELD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cpuload.h"
#include "escort.h"

/* Of one worker. */
struct dxf_ringyield {
	const struct dxf_escort_ops *ops;	/* yield and free */
	void *ctx;
	/* the worker's own */
	pid_t caller;
	unsigned int row;	/* its requests, until we decide anew */
	unsigned int others;	/* requests of others since we did */
	/* written by the worker; the watch looks at them */
	atomic_ulong served;
	atomic_bool on;
	/* written by the watch */
	atomic_bool called_off;
	unsigned long seen;
};

/* Over all of them. */
struct dxf_ringwatch {
	struct dxf_ringyield **y;
	unsigned int n;
	struct dxf_cpuload load;
	pthread_t thread;
	atomic_bool sleeps, dismissed;
	sem_t wake;
};

/*
 * Watch @y[0..@n), which outlive it - before the process is confined.
 * Returns: 0; -errno of pthread_create: none may yield.
 */
int dxf_ringwatch_start(struct dxf_ringwatch *w, struct dxf_ringyield **y,
			unsigned int n);
/* No worker yields any more, nor begins to. */
void dxf_ringwatch_dismiss(struct dxf_ringwatch *w);
/* When the workers have ended. */
void dxf_ringwatch_stop(struct dxf_ringwatch *w);

/*
 * The worker has served a request of thread @caller - 0: nobody's, which says
 * nothing; not @alone: others came with it.
 */
void dxf_ringyield_turn(struct dxf_ringyield *y, struct dxf_ringwatch *w,
			pid_t caller, bool alone);
/* It ends: it yields no more. */
void dxf_ringyield_end(struct dxf_ringyield *y, struct dxf_ringwatch *w);

#endif
