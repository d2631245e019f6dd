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
 * that runs; so where this was seen, or more tasks run than there are CPUs,
 * the crew is open for a while, longer each time: all listen, nobody looks, and
 * the kernel wakes whom it likes.
 */
#include "crew.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "units.h"

#define LOOK_NS		50000
/* Two looks that lie so far apart: somebody else ran on this CPU. */
#define LOOK_GAP_NS	10000
/* After so many looks in vain, sleep at once for the next so many times. */
#define LOOK_MISSES	4
#define LOOK_PAUSE	64
/* How long an answer to "who runs?" holds. */
#define LOAD_NS		1000000
/* Requests that waited, in a row, before another worker is called. */
#define STREAK		16
#define WATCH_NS	4000000
/* Looks of the watch at a quiet crew before it sleeps. */
#define WATCH_QUIET	25
/* A look took so long: we had lost the CPU. */
#define LOST_NS		200000
/* How long the crew is open: at least, at most. */
#define OPEN_MIN_NS	UINT64_C(100000000)
#define OPEN_MAX_NS	UINT64_C(3200000000)

struct dxf_crew {
	struct dxf_hand *hands;
	unsigned int n;
	bool all;
	unsigned int ncpus;
	int load_fd;		/* /proc/loadavg; -1: never look nor call */
	atomic_bool dismissed;

	atomic_bool open;	/* all listen */
	/* a lost race makes it open for longer or shorter */
	atomic_ulong open_until, open_for, opened;

	_Alignas(64) atomic_bool listening;
	atomic_int resting;
	sem_t rest;

	/* who runs; a lost race costs another look */
	atomic_ulong load_asked;
	atomic_uint running;

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

/* ---- who runs ---- */

/* The running tasks, us included: the number before the slash. */
static unsigned int ask_running(int load_fd)
{
	char text[64], *slash;
	ssize_t n = pread(load_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return UINT_MAX;
	text[n] = '\0';
	slash = strchr(text, '/');
	if (slash == NULL)
		return UINT_MAX;
	while (slash > text && slash[-1] != ' ')
		slash--;
	return (unsigned int)strtoul(slash, NULL, 10);
}

static unsigned int running(struct dxf_crew *c, uint64_t now)
{
	if (c->load_fd < 0)
		return UINT_MAX;
	if (now - atomic_load(&c->load_asked) > LOAD_NS) {
		atomic_store(&c->load_asked, now);
		atomic_store(&c->running, ask_running(c->load_fd));
	}
	return atomic_load(&c->running);
}

static unsigned int count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

/* ---- open or not ---- */

static void call_all(struct dxf_crew *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		sem_post(&c->rest);
}

/* The CPUs are wanted by others: twice as long as last time, if that was not
 * long ago. */
static void make_open(struct dxf_crew *c, uint64_t now)
{
	uint64_t dur = atomic_load(&c->open_for);

	if (atomic_exchange(&c->open, true))
		return;
	if (dur == 0 || now - atomic_load(&c->opened) > 4 * dur)
		dur = OPEN_MIN_NS;
	else
		dur = DXF_MIN(dur * 2, OPEN_MAX_NS);
	atomic_store(&c->open_for, dur);
	atomic_store(&c->opened, now);
	atomic_store(&c->open_until, now + dur);
	call_all(c);
}

bool dxf_crew_is_open(struct dxf_crew *c)
{
	return c->all || atomic_load(&c->open);
}

static void may_close(struct dxf_crew *c, uint64_t now)
{
	if (atomic_load(&c->open) && now >= atomic_load(&c->open_until)) {
		atomic_store(&c->load_asked, 0);
		atomic_store(&c->open, false);
	}
}

/* ---- listen or rest ---- */

bool dxf_crew_listen(struct dxf_crew *c, bool *alone)
{
	bool none = false;

	*alone = atomic_compare_exchange_strong(&c->listening, &none, true);
	return *alone || dxf_crew_is_open(c);
}

void dxf_crew_listened(struct dxf_crew *c, bool alone)
{
	if (alone)
		atomic_store(&c->listening, false);
}

void dxf_crew_rest(struct dxf_crew *c)
{
	atomic_fetch_add(&c->resting, 1);
	if (!atomic_load(&c->dismissed) && !dxf_crew_is_open(c))
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

void dxf_crew_dismiss(struct dxf_crew *c)
{
	atomic_store(&c->dismissed, true);
	call_all(c);
	sem_post(&c->watch_wake);
}

/* ---- looking ---- */

bool dxf_crew_look(struct dxf_crew *c, struct dxf_hand *h, struct dxf_look *l)
{
	if (atomic_load(&c->open))
		return false;
	if (h->pause > 0) {
		h->pause--;
		return false;
	}
	l->start = l->before = now_ns();
	if (running(c, l->start) <= c->ncpus)
		return true;
	if (!c->all)
		make_open(c, l->start);
	return false;
}

bool dxf_crew_look_on(struct dxf_crew *c, struct dxf_look *l)
{
	uint64_t now = now_ns();

	if (!c->all && now - l->before > LOST_NS)
		make_open(c, now);
	if (now - l->before > LOOK_GAP_NS || now - l->start > LOOK_NS)
		return false;
	l->before = now;
	return true;
}

void dxf_crew_looked(struct dxf_hand *h, bool found)
{
	if (found) {
		h->misses = 0;
	} else if (++h->misses >= LOOK_MISSES) {
		h->misses = 0;
		h->pause = LOOK_PAUSE;
	}
}

/* ---- requests ---- */

void dxf_crew_got(struct dxf_crew *c, struct dxf_hand *h, bool slept,
		  bool waited)
{
	/* watch_sleep() looks at them the other way round */
	atomic_store_explicit(&h->busy, true, slept ? memory_order_seq_cst :
						     memory_order_relaxed);
	if (c->all)
		return;
	if (slept && atomic_load(&c->watch_sleeps) &&
	    atomic_exchange(&c->watch_sleeps, false))
		sem_post(&c->watch_wake);
	if (!waited) {
		h->streak = 0;
		return;
	}
	if (++h->streak < STREAK)
		return;
	h->streak = 0;
	if (!atomic_load(&c->listening) && running(c, now_ns()) < c->ncpus)
		call_one(c);
}

void dxf_crew_done(struct dxf_hand *h)
{
	unsigned long n;

	n = atomic_load_explicit(&h->served, memory_order_relaxed);
	atomic_store_explicit(&h->served, n + 1, memory_order_relaxed);
	atomic_store_explicit(&h->busy, false, memory_order_relaxed);
}

/* ---- the watch ---- */

static unsigned long served(const struct dxf_crew *c, bool *busy)
{
	unsigned long sum = 0;
	unsigned int i;

	*busy = false;
	for (i = 0; i < c->n; i++) {
		sum += atomic_load(&c->hands[i].served);
		*busy = *busy || atomic_load(&c->hands[i].busy);
	}
	return sum;
}

/* Sleep until a worker gets a request in its sleep. */
static void watch_sleep(struct dxf_crew *c, unsigned long last)
{
	bool busy;

	atomic_store(&c->watch_sleeps, true);
	/* one that came in between may not have seen it */
	if (served(c, &busy) == last && !busy)
		while (sem_wait(&c->watch_wake) != 0 && errno == EINTR)
			;
	atomic_store(&c->watch_sleeps, false);
}

static void *watch_main(void *arg)
{
	const struct timespec tick = { .tv_nsec = WATCH_NS };
	struct dxf_crew *c = arg;
	unsigned long last = 0, now;
	unsigned int quiet = 0;
	bool busy;

	while (!atomic_load(&c->dismissed)) {
		nanosleep(&tick, NULL);
		now = served(c, &busy);
		may_close(c, now_ns());
		if (now != last)
			quiet = 0;
		else if (busy && !atomic_load(&c->listening))
			make_open(c, now_ns());
		else if (!busy && ++quiet >= WATCH_QUIET)
			watch_sleep(c, now);
		last = now;
	}
	return NULL;
}

/* ---- start and stop ---- */

int dxf_crew_start(struct dxf_crew **out, struct dxf_hand *hands,
		   unsigned int n, bool all)
{
	struct dxf_crew *c = dxf_aligned_alloc(_Alignof(struct dxf_crew),
					       sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	c->hands = hands;
	c->n = n;
	/* alone, there is nobody to call */
	c->all = all || n == 1;
	c->ncpus = count_cpus();
	c->load_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
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
	if (c->load_fd >= 0)
		close(c->load_fd);
	free(c);
}
