/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringyield.c - a ring's worker that serves one client keeps it on its CPU.
 *
 * Owns the decision to yield, and the watch.  Must not know rings.
 *
 * Invariant: that the worker yields is known by y->on before it is done and
 * until it is undone; only the worker writes that.  So the watch, which frees a
 * worker that does not get on again and again while it sees y->on, never comes
 * too early for good.
 */
#include "ringyield.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

/* Requests of one thread until we decide, and decide anew. */
#define ROW		64
/* Requests of others meanwhile that end it. */
#define OTHERS		4
#define TICK_NS		4000000
/* Looks at workers that do not get on, before the watch sleeps. */
#define QUIET		25

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- the worker ---- */

static void wake(struct dxf_ringwatch *w)
{
	if (atomic_exchange(&w->sleeps, false))
		sem_post(&w->wake);
}

static void set(struct dxf_ringyield *y, struct dxf_ringwatch *w, bool on)
{
	if (on == atomic_load(&y->on))
		return;
	if (on) {
		atomic_store(&y->called_off, false);
		atomic_store(&y->on, true);
		if (y->ops->yield(y->ctx, true) == 0) {
			wake(w);
			return;
		}
	}
	/* if this fails the watch goes on */
	if (y->ops->yield(y->ctx, false) == 0)
		atomic_store(&y->on, false);
}

/* Is a CPU idle, beside the worker's own, whose client waits? */
static bool is_spare(struct dxf_ringwatch *w)
{
	return dxf_cpuload_recent(&w->load, now_ns()) < w->load.ncpus;
}

static void begin_row(struct dxf_ringyield *y, pid_t caller)
{
	y->caller = caller;
	y->row = y->others = 0;
}

static void see_other(struct dxf_ringyield *y, struct dxf_ringwatch *w,
		      pid_t caller)
{
	if (y->caller != 0 && ++y->others <= OTHERS)
		return;
	set(y, w, false);
	begin_row(y, caller);
}

void dxf_ringyield_turn(struct dxf_ringyield *y, struct dxf_ringwatch *w,
			pid_t caller, bool alone)
{
	unsigned long n = atomic_load_explicit(&y->served,
					       memory_order_relaxed);
	bool called_off;

	atomic_store_explicit(&y->served, n + 1, memory_order_relaxed);
	if (caller == 0 || w->n == 0)
		return;
	if (caller != y->caller || !alone) {
		see_other(y, w, caller);
		return;
	}
	called_off = atomic_load_explicit(&y->called_off,
					  memory_order_relaxed);
	if (++y->row < ROW && !called_off)
		return;
	if (called_off)
		/* it was made an ordinary one behind our back */
		set(y, w, false);
	set(y, w, y->row >= ROW && is_spare(w) &&
		  !atomic_load(&w->dismissed));
	atomic_store(&y->called_off, false);
	begin_row(y, caller);
}

void dxf_ringyield_end(struct dxf_ringyield *y, struct dxf_ringwatch *w)
{
	assert(y->ops != NULL);
	set(y, w, false);
}

/* ---- the watch ---- */

/* Returns: does one yield that got on? */
static bool look(struct dxf_ringwatch *w, bool crowded)
{
	bool gets_on = false;
	unsigned long now;
	unsigned int i;

	for (i = 0; i < w->n; i++) {
		struct dxf_ringyield *y = w->y[i];

		if (!atomic_load(&y->on))
			continue;
		now = atomic_load(&y->served);
		if (now == y->seen || crowded) {
			atomic_store(&y->called_off, true);
			y->ops->free(y->ctx);
		}
		gets_on = gets_on || now != y->seen;
		y->seen = now;
	}
	return gets_on;
}

/* The watch runs, and so does a worker or its client. */
static bool is_crowded(struct dxf_ringwatch *w)
{
	return dxf_cpuload_ask(&w->load) > w->load.ncpus + 1;
}

static void sleep_on(struct dxf_ringwatch *w)
{
	unsigned int i;

	atomic_store(&w->sleeps, true);
	/* one that began in between may not have seen it */
	if (look(w, false) || atomic_load(&w->dismissed)) {
		atomic_store(&w->sleeps, false);
		return;
	}
	/* nobody looks after them now, whatever they believe of themselves */
	for (i = 0; i < w->n; i++)
		w->y[i]->ops->free(w->y[i]->ctx);
	while (sem_wait(&w->wake) != 0)
		assert(errno == EINTR);
}

static void *watch_main(void *arg)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };
	struct dxf_ringwatch *w = arg;
	unsigned int quiet = 0;

	while (!atomic_load(&w->dismissed)) {
		quiet = look(w, is_crowded(w)) ? 0 : quiet + 1;
		if (quiet > QUIET) {
			sleep_on(w);
			quiet = 0;
		}
		nanosleep(&tick, NULL);
	}
	return NULL;
}

int dxf_ringwatch_start(struct dxf_ringwatch *w, struct dxf_ringyield **y,
			unsigned int n)
{
	int err;

	assert(n > 0);
	memset(w, 0, sizeof(*w));
	w->y = y;
	w->n = n;
	sem_init(&w->wake, 0, 0);
	dxf_cpuload_open(&w->load);
	err = pthread_create(&w->thread, NULL, watch_main, w);
	if (err) {
		dxf_cpuload_close(&w->load);
		sem_destroy(&w->wake);
		w->n = 0;
	}
	return -err;
}

void dxf_ringwatch_dismiss(struct dxf_ringwatch *w)
{
	unsigned int i;

	if (w->n == 0)
		return;
	atomic_store(&w->dismissed, true);
	sem_post(&w->wake);
	for (i = 0; i < w->n; i++)
		if (atomic_load(&w->y[i]->on))
			w->y[i]->ops->free(w->y[i]->ctx);
}

void dxf_ringwatch_stop(struct dxf_ringwatch *w)
{
	if (w->n == 0)
		return;
	assert(atomic_load(&w->dismissed));
	pthread_join(w->thread, NULL);
	dxf_cpuload_close(&w->load);
	sem_destroy(&w->wake);
	w->n = 0;
}
