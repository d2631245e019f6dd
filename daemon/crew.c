/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crew.c - how many workers are about: who listens, who rests.
 *
 * Owns the decision; must not know requests, nor how they are read.
 *
 * What it rests on: waking a thread costs more than most requests take.  So
 *	- one worker listens; it looks for the next request for a moment
 *	  before it sleeps, as long as that pays and no other task wants the
 *	  CPU;
 *	- a worker that finds another one listening rests;
 *	- one is called when requests queue up behind those that work, and a
 *	  CPU is free for it;
 *	- the watch sees to it that no request waits behind a long one: while
 *	  requests come it looks every few milliseconds whether anybody listens
 *	  or gets on.  When none come, it sleeps.
 *
 * All that is so while the machine is quiet.  One that listens or works and
 * loses its CPU to another task would keep all requests waiting for as long as
 * that runs; so where it lost a slice, or something looks like it a few times
 * together - once may be anybody's moment, or the host's -, the crew is open for a
 * while, longer each time: all listen, nobody looks, and the kernel wakes whom it
 * likes.
 *
 * A worker that serves one client alone, request by request, may escort it
 * (escort.c): then it alone listens, on a quiet machine and on a busy one, and
 * it neither looks nor rests.  The watch ends that when it does not get on.
 *
 * Invariant: the watch does not sleep while a worker yields.
 */
#include "crew.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "cpuload.h"
#include "units.h"

#define LOOK_NS		50000
/* Two looks that lie so far apart: somebody else ran on this CPU. */
#define LOOK_GAP_NS	10000
/* After so many looks in vain, sleep at once for the next so many times. */
#define LOOK_MISSES	4
#define LOOK_PAUSE	64
/* Requests that waited, in a row, before another worker is called. */
#define STREAK		16
#define WATCH_NS	4000000
/* Looks of the watch at a quiet crew before it sleeps. */
#define WATCH_QUIET	25
/* A look took so long: we had lost the CPU - to whom had a slice of it. */
#define LOST_NS		200000
#define SLICE_NS	1000000
/* Requests found by looking since it was open: it was right to close. */
#define FOUND_MANY	16384
/* How long the crew is open: at least, at most. */
#define OPEN_MIN_NS	UINT64_C(100000000)
#define OPEN_MAX_NS	UINT64_C(3200000000)
/* Looks of the watch at an escort that does not get on: one that yields may
 * wait for ever, another one only for its turn. */
#define STUCK_YIELDING	1
#define STUCK		4

struct dxf_crew {
	struct dxf_hand *hands;
	unsigned int n;
	bool all;
	bool (*waits)(void *ctx);
	void *ctx;
	struct dxf_cpuload load;
	atomic_bool dismissed;

	atomic_bool open;	/* all listen */
	/* a lost race makes it open for longer or shorter */
	atomic_ulong open_until, open_for, opened;
	struct dxf_signs lost;
	atomic_ulong found;	/* by looking, when it was opened */

	_Alignas(64) atomic_bool listening;
	struct dxf_hand *_Atomic escort;	/* who escorts a client */
	atomic_int resting;
	sem_t rest;

	pthread_t watch;
	atomic_bool watch_sleeps;
	sem_t watch_wake;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Is a CPU idle, beside that of the worker who asks? */
static bool is_spare(struct dxf_crew *c)
{
	return dxf_cpuload_recent(&c->load, now_ns()) < c->load.ncpus;
}

/* ---- open or not ---- */

static void call_all(struct dxf_crew *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		sem_post(&c->rest);
}

static unsigned long looks_found(const struct dxf_crew *c)
{
	unsigned long n = 0;

	for (unsigned int i = 0; i < c->n; i++)
		n += atomic_load(&c->hands[i].found);
	return n;
}

/* The CPUs are wanted by others: twice as long as last time, unless that was
 * long ago, or many looks found something since. */
static void make_open(struct dxf_crew *c, uint64_t now)
{
	uint64_t dur = atomic_load(&c->open_for), found = looks_found(c);

	if (atomic_exchange(&c->open, true))
		return;
	if (dur == 0 || now - atomic_load(&c->opened) > 4 * dur ||
	    found - atomic_exchange(&c->found, found) > FOUND_MANY)
		dur = OPEN_MIN_NS;
	else
		dur = DXF_MIN(dur * 2, OPEN_MAX_NS);
	atomic_store(&c->open_for, dur);
	atomic_store(&c->opened, now);
	atomic_store(&c->open_until, now + dur);
	call_all(c);
}

static bool is_open(struct dxf_crew *c)
{
	return c->all ||
	       (atomic_load(&c->open) && atomic_load(&c->escort) == NULL);
}

bool dxf_crew_sleeps(struct dxf_crew *c, const struct dxf_hand *h)
{
	return is_open(c) || atomic_load(&c->escort) == h;
}

static void may_close(struct dxf_crew *c, uint64_t now)
{
	if (atomic_load(&c->open) && now >= atomic_load(&c->open_until)) {
		dxf_cpuload_forget(&c->load);
		atomic_store(&c->open, false);
	}
}

/* ---- listen or rest ---- */

bool dxf_crew_listen(struct dxf_crew *c, const struct dxf_hand *h, bool *alone)
{
	const struct dxf_hand *escort = atomic_load(&c->escort);
	bool none = false;

	*alone = (escort == NULL || escort == h) &&
		 atomic_compare_exchange_strong(&c->listening, &none, true);
	return *alone || escort == h || is_open(c);
}

void dxf_crew_listened(struct dxf_crew *c, bool alone)
{
	if (alone)
		atomic_store(&c->listening, false);
}

void dxf_crew_rest(struct dxf_crew *c)
{
	atomic_fetch_add(&c->resting, 1);
	if (!atomic_load(&c->dismissed) && !is_open(c))
		/* a signal, too, ends it */
		sem_wait(&c->rest);
	atomic_fetch_sub(&c->resting, 1);
}

/* Somebody may rest no more by then: the next one's rest is short. */
static void call_one(struct dxf_crew *c)
{
	int posted = 0;

	if (atomic_load(&c->resting) > 0 &&
	    sem_getvalue(&c->rest, &posted) == 0 && posted == 0)
		sem_post(&c->rest);
}

static void free_hands(struct dxf_crew *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (atomic_load(&c->hands[i].escort.yields))
			dxf_escort_call_off(&c->hands[i].escort);
}

void dxf_crew_dismiss(struct dxf_crew *c)
{
	atomic_store(&c->dismissed, true);
	free_hands(c);
	call_all(c);
	sem_post(&c->watch_wake);
}

/* ---- looking ---- */

bool dxf_crew_look(struct dxf_crew *c, struct dxf_hand *h, struct dxf_look *l)
{
	bool lasts;

	if (dxf_crew_sleeps(c, h))
		return false;
	if (h->pause > 0) {
		h->pause--;
		return false;
	}
	l->start = l->before = now_ns();
	if (!dxf_cpuload_crowded(&c->load, l->start, &lasts))
		return true;
	if (lasts && !c->all)
		make_open(c, l->start);
	return false;
}

bool dxf_crew_look_on(struct dxf_crew *c, struct dxf_look *l)
{
	uint64_t now = now_ns(), gap = now - l->before;

	if (!c->all && gap > LOST_NS &&
	    (gap > SLICE_NS || dxf_signs_add(&c->lost, now)))
		make_open(c, now);
	if (now - l->before > LOOK_GAP_NS || now - l->start > LOOK_NS)
		return false;
	l->before = now;
	return true;
}

void dxf_crew_looked(struct dxf_hand *h, bool found)
{
	unsigned long n;

	if (found) {
		n = atomic_load_explicit(&h->found, memory_order_relaxed);
		atomic_store_explicit(&h->found, n + 1, memory_order_relaxed);
		h->misses = 0;
	} else if (++h->misses >= LOOK_MISSES) {
		h->misses = 0;
		h->pause = LOOK_PAUSE;
	}
}

/* ---- requests ---- */

static void wake_watch(struct dxf_crew *c)
{
	if (atomic_load(&c->watch_sleeps) &&
	    atomic_exchange(&c->watch_sleeps, false))
		sem_post(&c->watch_wake);
}

void dxf_crew_got(struct dxf_crew *c, struct dxf_hand *h, bool slept,
		  bool waited)
{
	/* watch_sleep() looks at them the other way round */
	atomic_store_explicit(&h->busy, true, slept ? memory_order_seq_cst :
						     memory_order_relaxed);
	if (c->all)
		return;
	if (slept)
		wake_watch(c);
	if (!waited) {
		h->streak = 0;
		return;
	}
	if (++h->streak < STREAK)
		return;
	h->streak = 0;
	if (!atomic_load(&c->listening) && is_spare(c))
		call_one(c);
}

void dxf_crew_done(struct dxf_hand *h)
{
	unsigned long n;

	n = atomic_load_explicit(&h->served, memory_order_relaxed);
	atomic_store_explicit(&h->served, n + 1, memory_order_relaxed);
	atomic_store_explicit(&h->busy, false, memory_order_relaxed);
}

/* ---- the escort ---- */

/* Others may listen again. */
static void no_escort(struct dxf_crew *c, struct dxf_hand *h)
{
	if (atomic_compare_exchange_strong(&c->escort, &h, NULL) &&
	    atomic_load(&c->open))
		call_all(c);
}

static void begin_escort(struct dxf_crew *c, struct dxf_hand *h, bool spare)
{
	struct dxf_hand *none = NULL;

	if (!atomic_compare_exchange_strong(&c->escort, &none, h))
		return;
	if (dxf_escort_begin(&h->escort, spare) != 0) {
		no_escort(c, h);
		return;
	}
	/* watch_sleep() looks at them the other way round */
	if (atomic_load(&h->escort.yields))
		wake_watch(c);
}

void dxf_crew_turn(struct dxf_crew *c, struct dxf_hand *h, pid_t caller)
{
	/* the caller waits for us */
	bool spare = is_spare(c);

	if (c->all || atomic_load(&c->dismissed))
		return;
	switch (dxf_escort_decide(&h->escort, caller, spare)) {
	case DXF_ESCORT_STAY:
		break;
	case DXF_ESCORT_BEGIN:
		begin_escort(c, h, spare);
		break;
	case DXF_ESCORT_END:
		no_escort(c, h);
		dxf_escort_end(&h->escort);
		break;
	}
}

/* ---- the watch ---- */

/* What the watch sees in one look at the hands. */
struct seen {
	unsigned long served;
	bool busy, yields;
};

static struct seen look_at_hands(const struct dxf_crew *c)
{
	struct seen s = { 0 };
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		s.served += atomic_load(&c->hands[i].served);
		s.busy |= atomic_load(&c->hands[i].busy);
		s.yields |= atomic_load(&c->hands[i].escort.yields);
	}
	return s;
}

/* Who escorts is to go where it likes, and others may listen. */
static void end_escort(struct dxf_crew *c)
{
	struct dxf_hand *escort = atomic_load(&c->escort);

	if (escort != NULL) {
		dxf_escort_call_off(&escort->escort);
		no_escort(c, escort);
	}
	/* ... and one that was about to */
	free_hands(c);
}

/*
 * Sleep until a worker gets a request in its sleep.  One that yields might not
 * get the CPU for it, so none does then: a worker decides to while it is at a
 * request, and none was since @last.
 */
static void watch_sleep(struct dxf_crew *c, unsigned long last)
{
	struct seen s;

	end_escort(c);
	atomic_store(&c->watch_sleeps, true);
	/* one that came in between may not have seen it */
	s = look_at_hands(c);
	if (s.served == last && !s.busy)
		while (sem_wait(&c->watch_wake) != 0 && errno == EINTR)
			;
	atomic_store(&c->watch_sleeps, false);
}

/*
 * No CPU is left that is idle: yielding gains nothing and may cost much.  The
 * escort and its client are one or two of those who run, and we are one.
 */
static bool is_crowded(struct dxf_crew *c)
{
	return dxf_cpuload_ask(&c->load) > c->load.ncpus + 1;
}

/* The crew has served nothing since the last look.  Returns: it is at rest. */
static bool watch_idle(struct dxf_crew *c, const struct seen *s,
		       unsigned int stuck)
{
	struct dxf_hand *escort = atomic_load(&c->escort);

	if (!s->busy && !c->waits(c->ctx))
		return true;
	if (stuck >= (s->yields ? STUCK_YIELDING : STUCK)) {
		end_escort(c);
		make_open(c, now_ns());
	} else if (escort == NULL && s->busy && !atomic_load(&c->listening)) {
		make_open(c, now_ns());
	}
	return false;
}

static void *watch_main(void *arg)
{
	const struct timespec tick = { .tv_nsec = WATCH_NS };
	struct dxf_crew *c = arg;
	unsigned int quiet = 0, stuck = 0;
	unsigned long last = 0;
	struct seen now;

	while (!atomic_load(&c->dismissed)) {
		nanosleep(&tick, NULL);
		now = look_at_hands(c);
		may_close(c, now_ns());
		if (now.served != last) {
			quiet = stuck = 0;
			if (now.yields && is_crowded(c))
				free_hands(c);
		} else if (!watch_idle(c, &now, ++stuck)) {
			quiet = 0;
		} else {
			stuck = 0;
			if (++quiet >= WATCH_QUIET)
				watch_sleep(c, now.served);
		}
		last = now.served;
	}
	return NULL;
}

/* ---- start and stop ---- */

int dxf_crew_start(struct dxf_crew **out, const struct dxf_crew_conf *conf)
{
	struct dxf_crew *c = dxf_aligned_alloc(_Alignof(struct dxf_crew),
					       sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	c->hands = conf->hands;
	c->n = conf->n;
	c->waits = conf->waits;
	c->ctx = conf->ctx;
	/* alone, there is nobody to call */
	c->all = conf->all || conf->n == 1;
	dxf_cpuload_open(&c->load);
	sem_init(&c->rest, 0, 0);
	sem_init(&c->watch_wake, 0, 0);
	err = c->all ? 0 : pthread_create(&c->watch, NULL, watch_main, c);
	if (err) {
		c->all = true;
		dxf_crew_stop(c);
		return -err;
	}
	*out = c;
	return 0;
}

void dxf_crew_stop(struct dxf_crew *c)
{
	if (!c->all)
		pthread_join(c->watch, NULL);
	sem_destroy(&c->rest);
	sem_destroy(&c->watch_wake);
	dxf_cpuload_close(&c->load);
	free(c);
}
