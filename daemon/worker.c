/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker.c - the threads that serve the connection.
 *
 * Each worker waits in read(2) of the connection, so the kernel wakes one per
 * request.  After a request it looks for the next one for a moment before it
 * sleeps, as long as that pays and there is a CPU that nobody else wants:
 * waking a thread costs more than most requests take.  One worker at a time
 * does so.
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
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"
#include "ops.h"
#include "opstat.h"
#include "rawreq.h"

#define SPIN_NS		50000
/* Two looks that lie so far apart: somebody else ran on this CPU. */
#define SPIN_GAP_NS	10000
/* How long an answer to "is a CPU free?" holds. */
#define CPU_FREE_NS	1000000
/* After so many spins in vain, sleep at once for the next so many times. */
#define SPIN_MISSES	4
#define SPIN_PAUSE	64

/* For one thread each; never sent to the process. */
#define KICK		(SIGRTMIN + 2)
#define STOP_RETRY_MS	20
/* Programs may go on with files of a detached mount: not for ever. */
#define DRAIN_NS	UINT64_C(5000000000)

struct worker {
	pthread_t thread;
	struct dxf_workers *all;
	unsigned int misses;	/* spins in vain, in a row */
	unsigned int pause;	/* sleeps left before the next spin */
	atomic_bool done;
};

struct dxf_workers {
	struct dxf_session *s;
	int ended_fd;
	atomic_bool stop;
	atomic_flag spinning;	/* a worker polls */
	int load_fd;		/* /proc/loadavg; -1: never poll */
	unsigned int ncpus;
	/* protected by spinning */
	uint64_t cpu_asked;	/* when cpu_free was found out */
	bool cpu_free;
	unsigned int n;
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

static void scratch_free(void)
{
	free(scratch.p);
	scratch.p = NULL;
	scratch.len = 0;
}

/* ---- one request ---- */

static void process(struct dxf_session *s, const struct fuse_buf *buf)
{
	uint64_t start = dxf_opstat_now();

	assert(!(buf->flags & FUSE_BUF_IS_FD));
	dxf_rawreq_parse(buf->mem, buf->size);
	if (!dxf_raw_process(s, buf->mem, buf->size))
		fuse_session_process_buf(s->se, buf);
	dxf_opstat_done(dxf_rawreq.opcode, start, dxf_rawreq.error,
			dxf_rawreq.bytes);
}

int dxf_worker_one(struct dxf_session *s)
{
	struct fuse_buf buf = { .mem = NULL };
	int n;

	assert(s->se != NULL);
	n = fuse_session_receive_buf(s->se, &buf);

	if (n > 0)
		process(s, &buf);
	free(buf.mem);
	if (n == 0)
		return -ENODEV;
	return n < 0 ? n : 0;
}

/* ---- waiting for the next ---- */

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

/* The running tasks, us included: the number before the slash. */
static unsigned int tasks_running(int load_fd)
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

/* May we keep a CPU busy?  Not one that another task waits for. */
static bool cpu_is_free(struct dxf_workers *all, uint64_t now)
{
	if (all->load_fd < 0)
		return false;
	assert(all->ncpus > 0 && now >= all->cpu_asked);
	if (now - all->cpu_asked > CPU_FREE_NS) {
		all->cpu_free = tasks_running(all->load_fd) <= all->ncpus;
		all->cpu_asked = now;
	}
	return all->cpu_free;
}

/* Returns: true when a request (or the end) came; false: better sleep. */
static bool spin(struct dxf_workers *all)
{
	uint64_t start = now_ns(), before = start, after;

	if (!cpu_is_free(all, start))
		return false;
	for (;;) {
		if (request_waits(all->s))
			return true;
		after = now_ns();
		if (after - before > SPIN_GAP_NS || after - start > SPIN_NS)
			return false;
		before = after;
	}
}

static void wait_awake(struct worker *w)
{
	struct dxf_workers *all = w->all;

	if (w->pause > 0) {
		w->pause--;
		return;
	}
	if (atomic_flag_test_and_set(&all->spinning))
		return;
	if (spin(all)) {
		w->misses = 0;
	} else if (++w->misses >= SPIN_MISSES) {
		w->misses = 0;
		w->pause = SPIN_PAUSE;
	}
	atomic_flag_clear(&all->spinning);
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
	scratch_free();
}

/* ---- threads ---- */

static bool goes_on(struct worker *w)
{
	return !atomic_load(&w->all->stop) &&
	       !fuse_session_exited(w->all->s->se);
}

static void serve(struct worker *w)
{
	struct dxf_session *s = w->all->s;
	struct fuse_buf buf = { .mem = NULL };
	int n;

	while (goes_on(w)) {
		n = fuse_session_receive_buf(s->se, &buf);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0) {
			if (n < 0)
				dxf_log_err("reading requests: error %d", -n);
			break;
		}
		process(s, &buf);
		wait_awake(w);
	}
	free(buf.mem);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	uint64_t one = 1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, KICK);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	serve(w);
	scratch_free();
	atomic_store(&w->done, true);
	if (write(w->all->ended_fd, &one, sizeof(one)) != sizeof(one))
		dxf_log_err("a worker cannot say that it ended");
	return NULL;
}

static void on_kick(int sig)
{
	/* only to interrupt read(2) */
}

static void install_kick(void)
{
	struct sigaction sa = { .sa_handler = on_kick };

	sigemptyset(&sa.sa_mask);
	sigaction(KICK, &sa, NULL);
}

static unsigned int ncpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

int dxf_workers_start(struct dxf_workers **out, struct dxf_session *s,
		      unsigned int n)
{
	struct dxf_workers *all;
	int err;

	assert(n >= 1 && n <= DXF_WORKERS_MAX);
	all = dxf_calloc(1, sizeof(*all) + n * sizeof(all->w[0]));
	if (all == NULL)
		return -ENOMEM;
	all->s = s;
	all->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->ended_fd < 0) {
		err = -errno;
		free(all);
		return err;
	}
	all->load_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	all->ncpus = ncpus();
	install_kick();
	for (all->n = 0; all->n < n; all->n++) {
		struct worker *w = &all->w[all->n];

		w->all = all;
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
		pthread_kill(all->w[i].thread, KICK);
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

	atomic_store(&all->stop, true);
	while (kick(all) > 0)
		wait_ended(all);
	for (i = 0; i < all->n; i++)
		pthread_join(all->w[i].thread, NULL);
	close(all->ended_fd);
	if (all->load_fd >= 0)
		close(all->load_fd);
	free(all);
}

unsigned int dxf_workers_default(void)
{
	return DXF_MIN(DXF_MAX(ncpus(), 2u), 8u);
}
