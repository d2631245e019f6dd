/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escort.c - a worker that serves one client stays on that client's CPU.
 *
 * Owns the decision when to go there, to stay and to leave.  Must not know how
 * a thread is moved, nor who else listens.
 *
 * The reply wakes the client, and the kernel puts it on an idle CPU if there
 * is one, away from the worker that still runs on its own.  It counts as idle,
 * though, where only tasks of SCHED_IDLE run; so a worker that yields keeps its
 * client, which goes on at once, and gets the CPU back when that waits for the
 * next answer.  It never sleeps in between.
 *
 * The price: where other tasks want the CPU a worker that yields hardly runs at
 * all, whatever it holds.  So
 *	- it yields only while a CPU is idle, and looks again every ROUND
 *	  requests;
 *	- the watch (crew.c) calls it off when it does not get on.
 * On a busy machine it does not yield: no CPU is idle that the client could be
 * moved to.
 *
 * Invariants: what the worker does to itself is known by e->yields before it is
 * done and until it is undone; only the worker writes that.  So one who sees
 * it set, and frees the worker while it stays set, never comes too early for
 * good.
 */
#include "escort.h"

#include <errno.h>

#include "units.h"

/* Requests in a row of one thread before it is followed: at first, at most. */
#define NEED_MIN	32
#define NEED_MAX	2048
/* ... and between two looks at where it is. */
#define ROUND		64
/* Requests of others in a round that end it. */
#define STRANGERS	4
/* A client that moves in so many of so many rounds cannot be kept. */
#define MOVES		4
#define MOVE_ROUNDS	8

void dxf_escort_init(struct dxf_escort *e, const struct dxf_escort_ops *ops,
		     void *ctx, bool may_yield)
{
	*e = (struct dxf_escort){
		.ops = ops, .ctx = ctx, .may_yield = may_yield,
		.need = NEED_MIN, .left = NEED_MIN, .cpu = DXF_ESCORT_ANY,
	};
}

static void set_yield(struct dxf_escort *e, bool on)
{
	if (on == atomic_load(&e->yields))
		return;
	if (on) {
		atomic_store(&e->yields, true);
		if (e->ops->yield(e->ctx, true) == 0)
			return;
		e->may_yield = false;
	}
	/* if this fails the watch goes on */
	if (e->ops->yield(e->ctx, false) == 0)
		atomic_store(&e->yields, false);
}

static int follow(struct dxf_escort *e)
{
	int cpu = e->ops->caller_cpu(e->ctx), err;

	if (cpu < 0 || cpu == e->cpu)
		return DXF_MIN(cpu, 0);
	err = e->ops->go(e->ctx, cpu);
	if (err)
		return err;
	e->cpu = cpu;
	e->moves++;
	return 0;
}

static void ask_later(struct dxf_escort *e)
{
	e->need = DXF_MIN(e->need * 2, NEED_MAX);
	e->left = e->need;
}

int dxf_escort_begin(struct dxf_escort *e, bool spare)
{
	int err;

	assert(!e->on && e->caller != 0);
	atomic_store(&e->called_off, false);
	err = e->ops->meet(e->ctx, e->caller);
	if (err == 0)
		err = follow(e);
	if (err) {
		e->ops->go(e->ctx, DXF_ESCORT_ANY);
		ask_later(e);
		return err;
	}
	e->on = true;
	e->left = ROUND;
	e->strangers = e->rounds = e->moves = 0;
	set_yield(e, spare);
	return 0;
}

void dxf_escort_end(struct dxf_escort *e)
{
	assert(e->on);
	set_yield(e, false);
	e->ops->go(e->ctx, DXF_ESCORT_ANY);
	e->cpu = DXF_ESCORT_ANY;
	e->on = false;
	e->caller = 0;
}

void dxf_escort_parallel(struct dxf_escort *e)
{
	if (!e->on) {
		e->left = e->need;
		return;
	}
	/* seen at the next decision, which is near */
	e->strangers++;
	if (e->strangers > STRANGERS)
		e->left = 1;
}

/* A round is over: where is the client?  Returns: false: leave it. */
static bool stay(struct dxf_escort *e, bool spare)
{
	e->left = ROUND;
	e->strangers = 0;
	if (follow(e) != 0)
		return false;
	if (++e->rounds == MOVE_ROUNDS) {
		if (e->moves >= MOVES)
			return false;
		e->rounds = e->moves = 0;
		e->need = NEED_MIN;
	}
	set_yield(e, spare && e->may_yield);
	/* it would only be taken away; whoever looks for requests from another
	 * CPU serves it better */
	return !spare || atomic_load(&e->yields);
}

static enum dxf_escort_wish leave(struct dxf_escort *e)
{
	ask_later(e);
	return DXF_ESCORT_END;
}

static enum dxf_escort_wish decide_on(struct dxf_escort *e, pid_t caller,
				      bool spare)
{
	if (atomic_load(&e->called_off))
		return DXF_ESCORT_END;
	if (e->strangers > STRANGERS)
		return leave(e);
	if (caller != e->caller) {
		e->strangers++;
		return DXF_ESCORT_STAY;
	}
	return stay(e, spare) ? DXF_ESCORT_STAY : leave(e);
}

enum dxf_escort_wish dxf_escort_decide(struct dxf_escort *e, pid_t caller,
				       bool spare)
{
	assert(e->ops != NULL && caller != 0);
	if (e->on)
		return decide_on(e, caller, spare);
	if (caller != e->caller) {
		e->caller = caller;
		e->left = e->need;
		return DXF_ESCORT_STAY;
	}
	e->left = e->need;
	return spare && !e->may_yield ? DXF_ESCORT_STAY : DXF_ESCORT_BEGIN;
}

void dxf_escort_call_off(struct dxf_escort *e)
{
	assert(e->ops != NULL);
	atomic_store(&e->called_off, true);
	e->ops->free(e->ctx);
}
