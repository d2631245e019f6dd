/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escort.h - a worker that serves one client stays on that client's CPU.
 *
 * Client and worker of serial work take turns.  On one CPU a turn is a switch
 * of tasks; on two it is an interrupt and an exit from idle, each way, which
 * costs several times as much.
 */
#ifndef DXF_ESCORT_H
#define DXF_ESCORT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define DXF_ESCORT_ANY	(-1)	/* all CPUs that the thread may use */

/* What the machine is asked to do; place.h, or a test's own. */
struct dxf_escort_ops {
	/* Get to know thread @caller.  0, -errno: it is not to be found. */
	int (*meet)(void *ctx, pid_t caller);
	/* The CPU of the caller, whom we have met; -errno: it is gone. */
	int (*caller_cpu)(void *ctx);
	/* Let the worker run on @cpu only, or on any.  0, -errno: it may not. */
	int (*go)(void *ctx, int cpu);
	/* Let every other task that wants the CPU have it.  0, -errno. */
	int (*yield)(void *ctx, bool on);
	/* From another thread: let the worker go where and run as it can. */
	void (*free)(void *ctx);
};

struct dxf_escort {
	const struct dxf_escort_ops *ops;	/* NULL: never */
	void *ctx;
	bool may_yield;
	/* the worker's own */
	pid_t caller;
	unsigned int left;	/* its requests until we decide anew */
	unsigned int need;	/* its requests in a row before we go */
	unsigned int strangers;	/* others' requests since we decided */
	unsigned int rounds, moves;
	int cpu;
	bool on;
	/* written by the worker; the watch looks at it */
	atomic_bool yields;
	/* written by the watch */
	atomic_bool called_off;
};

void dxf_escort_init(struct dxf_escort *e, const struct dxf_escort_ops *ops,
		     void *ctx, bool may_yield);

/*
 * The worker got a request of thread @caller; 0: nobody's, which says nothing.
 * Returns: true if it is time to decide - dxf_escort_decide().
 */
static inline bool dxf_escort_request(struct dxf_escort *e, pid_t caller)
{
	if (caller == 0 || (caller == e->caller && --e->left > 0))
		return false;
	return e->ops != NULL;
}

/*
 * It cannot be served as serial work is: the request that it got was not the
 * only one of its client.
 */
void dxf_escort_parallel(struct dxf_escort *e);

enum dxf_escort_wish {
	DXF_ESCORT_STAY,	/* as it is */
	DXF_ESCORT_BEGIN,	/* dxf_escort_begin() may be called */
	DXF_ESCORT_END,		/* dxf_escort_end() is to be called */
};

/*
 * What the worker wants, having got a request of @caller; @spare: there is an
 * idle CPU beside its own, to which the kernel would move the client.
 */
enum dxf_escort_wish dxf_escort_decide(struct dxf_escort *e, pid_t caller,
				       bool spare);
/* Returns: 0; -errno: it is as before, and asks again later. */
int dxf_escort_begin(struct dxf_escort *e, bool spare);
void dxf_escort_end(struct dxf_escort *e);

/*
 * From another thread, again and again while e->yields: it must come to an end,
 * and it may be that it cannot run to see to that.
 */
void dxf_escort_call_off(struct dxf_escort *e);

#endif
