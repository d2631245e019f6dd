/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker.c - the threads that serve the connection.
 *
 * Each worker has its own end of the connection (chan.c); which of them listen
 * and which rest is for the crew to say (crew.c).
 *
 * Owns the threads and their memory.  Must not know what a request asks for.
 *
 * Ending: a worker ends when its read says that the connection is gone, or
 * when it was told to stop, which it notices between two requests; a signal
 * gets it out of a read.  The signal may come just before the read, so it is
 * sent until the worker has ended.  fuse_session_exit() is never called for
 * that: libfuse would drop a request that another worker has just read.
 */
#include "fuse_api.h"
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "alloc.h"
#include "chan.h"
#include "cpuload.h"
#include "crew.h"
#include "log.h"
#include "ops.h"
#include "opstat.h"
#include "place.h"
#include "rawreq.h"
#include "ring.h"

#define STOP_RETRY_MS	20
/* On a busy machine each waits for a turn of its own at a CPU. */
#define FEWEST		4u
#define GATHER_NS	1000000
/* Programs may go on with files of a detached mount: not for ever. */
#define DRAIN_NS	UINT64_C(5000000000)
/* A read of so much by the page cache is likely to be ahead of its client. */
#define READ_AHEAD	65536
/* So much is copied for longer than it takes to get there and back. */
#define BULK		(512 * 1024)

struct worker {
	pthread_t thread;
	struct dxf_workers *all;
	struct dxf_hand *hand;
	struct dxf_chan chan;
	struct dxf_place place;
	atomic_bool done;
};

struct dxf_workers {
	struct dxf_session *s;
	struct dxf_crew *crew;
	struct dxf_hand *hands;
	int ended_fd;
	bool beside;		/* a ring serves */
	atomic_bool stop;
	unsigned int nchan;	/* of w[]: have their end open */
	unsigned int n;		/* of w[]: run */
	struct worker w[];
};

/* ---- memory of a thread ---- */

static __thread struct {
	void *p;
	size_t len;
} scratch;

void *dxf_worker_scratch(size_t len)
{
	if (len == 0)
		len = 1;	/* a buffer, if an empty one */
	assert(scratch.len == 0 || scratch.p != NULL);
	if (len <= scratch.len)
		return scratch.p;
	free(scratch.p);
	scratch.p = dxf_aligned_alloc(DXF_CACHELINE,
				      dxf_align_up(len, DXF_CACHELINE));
	scratch.len = scratch.p ? dxf_align_up(len, DXF_CACHELINE) : 0;
	return scratch.p;
}

void dxf_worker_scratch_free(void)
{
	free(scratch.p);
	scratch.p = NULL;
	scratch.len = 0;
}

/* ---- one request ---- */

void dxf_worker_process(struct dxf_session *s, void *mem, size_t len)
{
	const struct fuse_buf buf = { .mem = mem, .size = len };
	uint64_t start = dxf_opstat_now();

	dxf_rawreq_parse(mem, len);
	if (!dxf_ops_process(s, mem, len))
		fuse_session_process_buf(s->se, &buf);
	dxf_opstat_done(dxf_rawreq.opcode, start, dxf_rawreq.error,
			dxf_rawreq.bytes);
}

int dxf_worker_one(struct dxf_session *s)
{
	struct fuse_buf buf = { .mem = NULL };
	int n;

	assert(s->se != NULL);
	n = fuse_session_receive_buf(s->se, &buf);

	assert(!(buf.flags & FUSE_BUF_IS_FD));
	if (n > 0)
		dxf_worker_process(s, buf.mem, buf.size);
	free(buf.mem);
	if (n == 0)
		return -ENODEV;
	return n < 0 ? n : 0;
}

/* ---- the rest after an end ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool request_waits(struct dxf_session *s)
{
	struct pollfd p = {
		.fd = fuse_session_fd(s->se),
		.events = POLLIN,
	};

	return poll(&p, 1, 0) != 0;
}

/*
 * What the kernel has queued is done when nothing is: an answer makes it queue
 * the next of its background writes before writev(2) returns.
 */
void dxf_worker_drain(struct dxf_session *s)
{
	uint64_t end = now_ns() + DRAIN_NS;

	while (request_waits(s) && now_ns() < end)
		if (dxf_worker_one(s) != 0)
			break;
	dxf_worker_scratch_free();
}

/* ---- threads ---- */

static bool goes_on(struct worker *w)
{
	return !atomic_load(&w->all->stop) &&
	       !fuse_session_exited(w->all->s->se);
}

/* Look for a request again and again, as long as that may pay. */
static ssize_t look(struct worker *w)
{
	struct dxf_crew *crew = w->all->crew;
	struct dxf_look l;
	ssize_t n;

	if (!dxf_crew_look(crew, w->hand, &l))
		return -EAGAIN;
	do {
		n = dxf_chan_read(&w->chan, false);
	} while (n == -EAGAIN && dxf_crew_look_on(crew, &l));
	dxf_crew_looked(w->hand, n != -EAGAIN);
	return n;
}

static ssize_t listen_for(struct worker *w, bool alone)
{
	/* what matters comes to the ring, and wants the CPU */
	ssize_t n = alone && !w->all->beside ? look(w) : -EAGAIN;
	bool slept = n == -EAGAIN;

	if (slept)
		n = dxf_chan_read(&w->chan, true);
	dxf_crew_listened(w->all->crew, alone);
	if (n > 0)
		dxf_crew_got(w->all->crew, w->hand, slept, false);
	return n;
}

/* Returns: as dxf_chan_read(). */
static ssize_t next_request(struct worker *w)
{
	struct dxf_crew *crew = w->all->crew;
	ssize_t n = -EAGAIN;
	bool alone;

	if (!dxf_crew_sleeps(crew, w->hand))
		n = dxf_chan_read(&w->chan, false);
	if (n > 0)
		dxf_crew_got(crew, w->hand, false, true);
	if (n != -EAGAIN)
		return n;
	if (dxf_crew_listen(crew, w->hand, &alone))
		return listen_for(w, alone);
	dxf_crew_rest(crew);
	return -EAGAIN;
}

/*
 * The page cache reads ahead: its client goes on meanwhile, and is better off
 * with a worker on another CPU.  By the flags of the open file - those of
 * dax=always pass the page cache by without O_DIRECT.
 */
static bool is_read_ahead(const struct worker *w, const struct fuse_read_in *in)
{
	return in != NULL && in->size >= READ_AHEAD &&
	       !(in->flags & O_DIRECT) &&
	       w->all->s->opt->dax != DXF_DAX_ALWAYS;
}

static void see_caller(struct worker *w, size_t len)
{
	const struct fuse_in_header *h = (const void *)w->chan.buf;
	const struct fuse_read_in *in = h->opcode != FUSE_READ ? NULL :
		dxf_rawreq_body(h, len, sizeof(*in));
	struct dxf_escort *e = &w->hand->escort;
	bool bulk = len >= BULK || (in != NULL && in->size >= BULK);

	if (is_read_ahead(w, in) ||
	    (bulk && e->on && !atomic_load(&e->yields)))
		dxf_escort_parallel(e);
	dxf_crew_caller(w->all->crew, w->hand, (pid_t)h->pid);
}

/*
 * What comes here beside a ring nobody waits for, and most of it is forgets: a
 * moment later there are many, and they come in one request.
 */
static void let_gather(void)
{
	const struct timespec t = { .tv_nsec = GATHER_NS };

	if (dxf_rawreq.opcode == FUSE_FORGET ||
	    dxf_rawreq.opcode == FUSE_BATCH_FORGET)
		nanosleep(&t, NULL);
}

static void serve(struct worker *w)
{
	ssize_t n;

	while (goes_on(w)) {
		n = next_request(w);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n < 0) {
			if (n != -ENODEV)
				dxf_log_err("reading requests: error %zd", -n);
			break;
		}
		if (!w->all->beside)
			see_caller(w, (size_t)n);
		dxf_worker_process(w->all->s, w->chan.buf, (size_t)n);
		dxf_crew_done(w->hand);
		if (w->all->beside)
			let_gather();
	}
}

static void on_kick(int sig)
{
	/* only to interrupt a system call */
}

void dxf_worker_install_kick(void)
{
	struct sigaction sa = { .sa_handler = on_kick };

	sigemptyset(&sa.sa_mask);
	sigaction(DXF_WORKER_KICK, &sa, NULL);
}

void dxf_worker_accept_kick(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, DXF_WORKER_KICK);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void dxf_worker_kick(pthread_t t)
{
	pthread_kill(t, DXF_WORKER_KICK);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	uint64_t one = 1;

	dxf_worker_accept_kick();
	dxf_place_init(&w->place, w->all->s->keeper);
	serve(w);
	dxf_place_fini(&w->place);
	dxf_worker_scratch_free();
	atomic_store(&w->done, true);
	if (write(w->all->ended_fd, &one, sizeof(one)) != sizeof(one))
		dxf_log_err("a worker cannot say that it ended");
	return NULL;
}

static void free_all(struct dxf_workers *all)
{
	unsigned int i;

	for (i = 0; i < all->nchan; i++)
		dxf_chan_close(&all->w[i].chan);
	if (all->crew != NULL)
		dxf_crew_stop(all->crew);
	if (all->ended_fd >= 0)
		close(all->ended_fd);
	free(all->hands);
	free(all);
}

static bool any_waits(void *ctx)
{
	return request_waits(ctx);
}

/* Requests wait for a disk: they are better off with a worker each. */
static bool is_slow(const struct dxf_session *s)
{
	return s->region != NULL &&
	       dxf_region_media(s->region) == DXF_MEDIA_PAGE;
}

/* All that may fail but the threads. */
static int prepare(struct dxf_workers *all, unsigned int n)
{
	struct dxf_session *s = all->s;
	size_t size = n * sizeof(*all->hands);
	struct dxf_crew_conf conf = {
		.n = n, .all = is_slow(s), .waits = any_waits, .ctx = s,
	};
	bool may_yield = dxf_place_may_yield();
	int err;

	all->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->ended_fd < 0)
		return -errno;
	all->hands = dxf_aligned_alloc(_Alignof(struct dxf_hand), size);
	if (all->hands == NULL)
		return -ENOMEM;
	memset(all->hands, 0, size);
	for (; all->nchan < n; all->nchan++) {
		err = dxf_chan_open(&all->w[all->nchan].chan,
				    fuse_session_fd(s->se));
		if (err)
			return err;
	}
	/* the crew's watch looks at them before their threads do */
	for (unsigned int i = 0; i < n; i++)
		dxf_escort_init(&all->hands[i].escort, &dxf_place_ops,
				&all->w[i].place, may_yield);
	conf.hands = all->hands;
	return dxf_crew_start(&all->crew, &conf);
}

static void stop_ring(struct dxf_session *s)
{
	if (s->ring != NULL)
		dxf_ring_stop(s->ring);
	/* a worker at /dev/fuse may be asked what serves */
	__atomic_store_n(&s->ring, NULL, __ATOMIC_RELAXED);
}

/* Returns: how many threads are to listen at /dev/fuse. */
static unsigned int start_ring(struct dxf_session *s, unsigned int n)
{
	int ret;

	if (s->ring == NULL)
		return n;
	ret = dxf_ring_start(s->ring);
	if (ret == 0) {
		s->nworkers = dxf_ring_workers(s->ring);
		return 1;
	}
	dxf_log_warn("io_uring: the kernel refuses it (%s); served over "
		     "/dev/fuse", strerror(-ret));
	stop_ring(s);
	return n;
}

int dxf_workers_start(struct dxf_workers **out, struct dxf_session *s,
		      unsigned int n)
{
	struct dxf_workers *all;
	int err;

	assert(n >= 1 && n <= DXF_WORKERS_MAX);
	n = start_ring(s, n);
	all = dxf_calloc(1, sizeof(*all) + n * sizeof(all->w[0]));
	if (all == NULL) {
		stop_ring(s);
		return -ENOMEM;
	}
	all->s = s;
	all->beside = s->ring != NULL;
	err = prepare(all, n);
	if (err) {
		stop_ring(s);
		free_all(all);
		return err;
	}
	dxf_worker_install_kick();
	for (all->n = 0; all->n < n; all->n++) {
		struct worker *w = &all->w[all->n];

		w->all = all;
		w->hand = &all->hands[all->n];
		err = pthread_create(&w->thread, NULL, worker_main, w);
		if (err) {
			dxf_workers_stop(all);
			return -err;
		}
	}
	*out = all;
	return 0;
}

int dxf_workers_fd(const struct dxf_workers *all)
{
	return all->ended_fd;
}

static unsigned int kick(struct dxf_workers *all)
{
	unsigned int i, left = 0;

	for (i = 0; i < all->n; i++) {
		if (atomic_load(&all->w[i].done))
			continue;
		dxf_worker_kick(all->w[i].thread);
		left++;
	}
	return left;
}

/* Wait for a worker to end, or for the time to kick again. */
static void wait_ended(struct dxf_workers *all)
{
	struct pollfd p = { .fd = all->ended_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&p, 1, STOP_RETRY_MS) > 0 &&
	    read(all->ended_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		dxf_log_warn("cannot see that a worker ended");
}

void dxf_workers_stop(struct dxf_workers *all)
{
	unsigned int i;

	stop_ring(all->s);
	atomic_store(&all->stop, true);
	dxf_crew_dismiss(all->crew);
	while (kick(all) > 0)
		wait_ended(all);
	for (i = 0; i < all->n; i++)
		pthread_join(all->w[i].thread, NULL);
	free_all(all);
}

unsigned int dxf_workers_default(void)
{
	unsigned int n = dxf_cpuload_ncpus();

	return DXF_MIN(DXF_MAX(n, FEWEST), DXF_WORKERS_MAX);
}
