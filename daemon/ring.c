/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.c - serve the connection over io_uring.
 *
 * Owns rings, their threads and the entries' memory.  Must not know what a
 * request asks for.
 *
 * Each thread has a ring of its own that no other thread enters, and runs where
 * the callers do that it serves: they sleep while it works.
 *
 * Ending: an entry ends with the connection (ENOTCONN), a thread with its last
 * entry; or it was told to stop, which it notices between two waits, out of
 * which a signal gets it.  The signal may come just before the wait, so it is
 * sent until the thread has ended.
 */
#include "fuse_api.h"
#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi.h"
#include "alloc.h"
#include "log.h"
#include "place.h"
#include "rawreq.h"
#include "ringabi.h"
#include "ringcmd.h"
#include "ringent.h"
#include "ringplan.h"
#include "ringyield.h"
#include "units.h"
#include "worker.h"

/* What a large request holds, or its answer, bytes. */
#define LARGE		(32 * 1024)
/* So long a worker is free to run anywhere after large ones came together. */
#define FREE_NS		UINT64_C(20000000)
#define STOP_RETRY_NS	20000000
/* Programs may go on with files of a detached mount: not for ever. */
#define DRAIN_NS	UINT64_C(5000000000)

struct hand {
	pthread_t thread;
	struct dxf_ring *all;
	struct io_uring uring;
	struct dxf_ringent *ents;
	unsigned int n;		/* of ents[]: have memory */
	unsigned int left;	/* not given back with the connection's end */
	cpu_set_t cpus;
	struct dxf_place place;
	struct dxf_ringyield yield;
	bool bound;
	bool free;		/* not bound just now */
	uint64_t free_until;
	pid_t caller;		/* of the last request */
	bool has_ring, has_thread;
	int error;		/* of handing the entries over */
	atomic_bool done;
};

struct dxf_ring {
	struct dxf_session *s;
	struct dxf_ringplan plan;
	atomic_bool go, stop;
	sem_t start;		/* for each thread: go, or stop */
	sem_t told;		/* from each: its entries are with the kernel */
	sem_t ended;		/* from each */
	unsigned int n;		/* of h[]: have something */
	struct dxf_ringwatch watch;
	struct dxf_ringyield **yields;	/* those of h[] */
	struct hand h[];
};

/* ---- a request ---- */

static void process(struct hand *h, struct dxf_ringent *e)
{
	void *buf;
	ssize_t n = dxf_ringent_request(e, &buf);

	if (n < 0) {
		struct fuse_in_header in;

		memcpy(&in, e->head->in_out, sizeof(in));
		dxf_log_err("a request that makes no sense: operation %u, "
			    "%u bytes", in.opcode, in.len);
		dxf_ringent_fail(e, in.unique, -EIO);
		return;
	}
	h->caller = (pid_t)((struct fuse_in_header *)buf)->pid;
	dxf_rawreq_ent = e;
	dxf_worker_process(h->all->s, buf, (size_t)n);
	dxf_rawreq_ent = NULL;
	if (!e->answered)
		dxf_ringent_fail(e, dxf_rawreq.unique, -EIO);
}

/*
 * A completion without a request.  Something else ran in its place (EINTR,
 * EAGAIN): it is tried again.
 */
static void failed(struct hand *h, struct dxf_ringent *e, int err)
{
	if (err == -EINTR || err == -EAGAIN) {
		dxf_ringcmd_put(&h->uring, e, e->fetched ?
				DXF_RING_COMMIT_AND_FETCH :
					  DXF_RING_REGISTER);
		return;
	}
	if (err != -ENOTCONN && err != -ECONNABORTED && err != -ECANCELED)
		dxf_log_err("reading requests: queue %u: %s", e->qid,
			    strerror(-err));
	assert(h->left > 0);
	h->left--;
}

/* Returns: true if it was a large request. */
static bool complete(struct hand *h, const struct io_uring_cqe *cqe)
{
	struct dxf_ringent *e = io_uring_cqe_get_data(cqe);
	bool large;

	if (cqe->res < 0) {
		failed(h, e, cqe->res);
		return false;
	}
	large = e->head->ent.payload >= LARGE;
	process(h, e);
	dxf_ringcmd_put(&h->uring, e, DXF_RING_COMMIT_AND_FETCH);
	large = large || e->head->ent.payload >= LARGE;
	/* out of the near cache, before the next one fills it */
	if (large)
		io_uring_submit(&h->uring);
	return large;
}

/* ---- where it runs ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Where it may not run, it works from elsewhere. */
static void run_on(const struct hand *h, const cpu_set_t *cpus)
{
	sched_setaffinity(h->place.tid, sizeof(*cpus), cpus);
}

/*
 * Large requests that come together are read ahead, or written back: nobody
 * sleeps until they are answered.  Another CPU may have the time.
 */
static void set_free(struct hand *h)
{
	if (!h->bound)
		return;
	if (!h->free)
		run_on(h, &h->all->plan.cpus);
	h->free = true;
	h->free_until = now_ns() + FREE_NS;
}

static void may_bind(struct hand *h)
{
	if (now_ns() < h->free_until)
		return;
	run_on(h, &h->cpus);
	h->free = false;
}

/* All that is there.  Returns: how many. */
static unsigned int reap(struct hand *h)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0, large = 0;

	io_uring_for_each_cqe(&h->uring, head, cqe) {
		if (complete(h, cqe))
			large++;
		n++;
	}
	io_uring_cq_advance(&h->uring, n);
	if (n > 0)
		dxf_ringyield_turn(&h->yield, &h->all->watch, h->caller,
				   n == 1 && large == 0);
	if (large > 1)
		set_free(h);
	else if (h->free)
		may_bind(h);
	return n;
}

/* ---- threads ---- */

static bool goes_on(const struct hand *h)
{
	return h->left > 0 && !atomic_load(&h->all->stop) &&
	       !fuse_session_exited(h->all->s->se);
}

/* What the kernel has queued: an answer brings the next one at once. */
static void drain(struct hand *h)
{
	uint64_t end = now_ns() + DRAIN_NS;

	do {
		if (io_uring_submit_and_get_events(&h->uring) < 0)
			break;
	} while (reap(h) > 0 && now_ns() < end);
}

static void serve(struct hand *h)
{
	int n;

	while (goes_on(h)) {
		n = io_uring_submit_and_wait(&h->uring, 1);
		if (n < 0 && n != -EINTR && n != -EAGAIN) {
			dxf_log_err("reading requests: %s", strerror(-n));
			return;
		}
		reap(h);
	}
	drain(h);
}

/* Those that the kernel refuses come back at once. */
static int hand_over(struct hand *h)
{
	struct io_uring_cqe *cqe;
	unsigned int i, head;
	int n;

	for (i = 0; i < h->n; i++)
		dxf_ringcmd_put(&h->uring, &h->ents[i], DXF_RING_REGISTER);
	n = io_uring_submit_and_get_events(&h->uring);
	if (n < 0)
		return n;
	io_uring_for_each_cqe(&h->uring, head, cqe)
		if (cqe->res < 0)
			return cqe->res;
	return 0;
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		assert(errno == EINTR);
}

static void run(struct hand *h)
{
	if (h->bound)
		run_on(h, &h->cpus);
	wait_for(&h->all->start);
	if (!atomic_load(&h->all->go))
		return;
	h->error = dxf_ringcmd_enable(&h->uring);
	if (h->error == 0)
		h->error = hand_over(h);
	sem_post(&h->all->told);
	if (h->error == 0)
		serve(h);
}

static void *thread_main(void *arg)
{
	struct hand *h = arg;

	dxf_worker_accept_kick();
	dxf_place_init(&h->place, NULL);
	run(h);
	dxf_ringyield_end(&h->yield, &h->all->watch);
	dxf_place_fini(&h->place);
	dxf_worker_scratch_free();
	atomic_store(&h->done, true);
	sem_post(&h->all->ended);
	return NULL;
}

/* ---- open ---- */

static int open_entries(struct hand *h, unsigned int w)
{
	const struct dxf_ringplan *p = &h->all->plan;
	unsigned int q, i, total = 0;
	int ret;

	for (q = 0; q < p->nqueues; q++)
		total += dxf_ringplan_entries(p, w, q);
	assert(total > 0);
	h->ents = dxf_calloc(total, sizeof(*h->ents));
	if (h->ents == NULL)
		return -ENOMEM;
	for (q = 0; q < p->nqueues; q++) {
		for (i = dxf_ringplan_entries(p, w, q); i > 0; i--) {
			ret = dxf_ringent_open(&h->ents[h->n], (uint16_t)q,
					       DXF_RING_PAYLOAD);
			if (ret)
				return ret;
			h->n++;
		}
	}
	h->left = h->n;
	return 0;
}

static int open_hand(struct dxf_ring *r, unsigned int w)
{
	struct hand *h = &r->h[w];
	int ret;

	h->all = r;
	h->yield.ops = &dxf_place_ops;
	h->yield.ctx = &h->place;
	r->yields[w] = &h->yield;
	h->bound = dxf_ringplan_cpus(&r->plan, w, &h->cpus);
	ret = open_entries(h, w);
	if (ret == 0)
		ret = dxf_ringcmd_open(&h->uring, h->n,
				       fuse_session_fd(r->s->se));
	if (ret)
		return ret;
	h->has_ring = true;
	ret = pthread_create(&h->thread, NULL, thread_main, h);
	h->has_thread = ret == 0;
	return -ret;
}

/* Requests wait for a disk. */
static bool is_slow(const struct dxf_session *s)
{
	return s->region != NULL &&
	       dxf_region_media(s->region) == DXF_MEDIA_PAGE;
}

static int no_ring(struct dxf_err *err, int ret)
{
	if (ret == -EPERM || ret == -ENOSYS)
		return dxf_err_set(err, -ret, "io_uring is forbidden here "
			"(kernel.io_uring_disabled of sysctl, or a "
			"container's filter of system calls)");
	return dxf_err_set(err, -ret, "io_uring: %s", strerror(-ret));
}

/* Where it cannot be, none yields. */
static void start_watch(struct dxf_ring *r)
{
	if (r->n > 1 && !is_slow(r->s) && dxf_place_may_yield())
		dxf_ringwatch_start(&r->watch, r->yields, r->n);
}

int dxf_ring_open(struct dxf_ring **out, struct dxf_session *s,
		  struct dxf_err *err)
{
	struct dxf_ringplan plan;
	struct dxf_ring *r;
	int ret = 0;

	dxf_ringplan_make(&plan, s->opt->workers, is_slow(s));
	r = dxf_calloc(1, sizeof(*r) + plan.nworkers * sizeof(r->h[0]));
	if (r == NULL)
		return dxf_err_set(err, ENOMEM, "io_uring: no memory");
	r->s = s;
	r->plan = plan;
	sem_init(&r->start, 0, 0);
	sem_init(&r->told, 0, 0);
	sem_init(&r->ended, 0, 0);
	dxf_worker_install_kick();
	r->yields = dxf_calloc(plan.nworkers, sizeof(*r->yields));
	if (r->yields == NULL)
		ret = -ENOMEM;
	while (ret == 0 && r->n < plan.nworkers)
		ret = open_hand(r, r->n++);
	if (ret == 0)
		start_watch(r);
	if (ret) {
		dxf_ring_stop(r);
		return no_ring(err, ret);
	}
	*out = r;
	return 0;
}

int dxf_ring_start(struct dxf_ring *r)
{
	unsigned int i;
	int ret = 0;

	assert(r->n == r->plan.nworkers);
	atomic_store(&r->go, true);
	for (i = 0; i < r->n; i++)
		sem_post(&r->start);
	for (i = 0; i < r->n; i++)
		wait_for(&r->told);
	for (i = 0; i < r->n && ret == 0; i++)
		ret = r->h[i].error;
	return ret;
}

unsigned int dxf_ring_workers(const struct dxf_ring *r)
{
	return r->n;
}

/* ---- stop ---- */

static void close_hand(struct hand *h)
{
	unsigned int i;

	if (h->has_ring)
		dxf_ringcmd_close(&h->uring);
	for (i = 0; i < h->n; i++)
		dxf_ringent_close(&h->ents[i]);
	free(h->ents);
}

/* Returns: how many still run. */
static unsigned int kick(struct dxf_ring *r)
{
	unsigned int i, left = 0;

	for (i = 0; i < r->n; i++) {
		if (!r->h[i].has_thread || atomic_load(&r->h[i].done))
			continue;
		dxf_worker_kick(r->h[i].thread);
		left++;
	}
	return left;
}

/* Wait for one to end, or for the time to kick again. */
static void wait_ended(struct dxf_ring *r)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += STOP_RETRY_NS;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	while (sem_timedwait(&r->ended, &ts) != 0 && errno == EINTR)
		;
}

void dxf_ring_stop(struct dxf_ring *r)
{
	unsigned int i;

	atomic_store(&r->stop, true);
	dxf_ringwatch_dismiss(&r->watch);
	for (i = 0; i < r->n; i++)
		sem_post(&r->start);
	while (kick(r) > 0)
		wait_ended(r);
	for (i = 0; i < r->n; i++)
		if (r->h[i].has_thread)
			pthread_join(r->h[i].thread, NULL);
	dxf_ringwatch_stop(&r->watch);
	for (i = 0; i < r->n; i++)
		close_hand(&r->h[i]);
	free(r->yields);
	sem_destroy(&r->start);
	sem_destroy(&r->told);
	sem_destroy(&r->ended);
	free(r);
}
