// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pool.c - worker processes that take the next workload from a counter.
 */
#include "pool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "must.h"

#define MAX_JOBS	64
#define TIME_LIMIT	900	/* seconds for one workload */

/* Shared by all processes. */
struct board {
	unsigned int next, failed, done;	/* atomic */
	int current[MAX_JOBS];			/* -1: none */
	struct run_result sum;			/* counters atomic */
	bool bad[];
};

struct pool {
	const struct run_workload *w;
	unsigned int n;
	const struct pool_opts *o;
	struct board *b;
	pid_t pid[MAX_JOBS];
};

static void add(uint64_t *to, uint64_t n)
{
	__atomic_fetch_add(to, n, __ATOMIC_RELAXED);
}

static void add_result(struct run_result *sum, const struct run_result *r)
{
	add(&sum->states, r->states);
	add(&sum->same, r->same);
	add(&sum->inside, r->inside);
	add(&sum->points, r->points);
	add(&sum->fences, r->fences);
	add(&sum->compared, r->compared);
}

static void failed(struct pool *p, unsigned int i, const char *why)
{
	const struct run_workload *w = &p->w[i];

	p->b->bad[i] = true;
	__atomic_fetch_add(&p->b->failed, 1, __ATOMIC_RELAXED);
	if (!p->o->quiet)
		printf("FAILED %s [%s]: %s\n\tscript: %s\n\tsetup: %s\n",
		       w->name, run_images[w->image].name, why, w->script,
		       w->setup);
	fflush(stdout);
}

static void quiet_log(void *ctx, enum dxf_log_level level, const char *text)
{
}

static void work(struct pool *p, unsigned int job)
{
	struct run_result *res = calloc(1, sizeof(*res));
	struct rlimit none = { 0, 0 };
	struct board *b = p->b;

	must(res != NULL);
	setrlimit(RLIMIT_CORE, &none);
	dxf_log_set_sink(quiet_log, NULL);
	if (p->o->quiet && freopen("/dev/null", "w", stderr) == NULL)
		_exit(1);
	for (;;) {
		unsigned int i = __atomic_fetch_add(&b->next, 1,
						    __ATOMIC_RELAXED);

		if (i >= p->n || (p->o->stop_after != 0 &&
				  b->failed >= p->o->stop_after))
			break;
		b->current[job] = (int)i;
		alarm(TIME_LIMIT);
		if (!run_workload(&p->w[i], &p->o->run, res))
			failed(p, i, res->why);
		if (p->o->verbose) {
			printf("%s [%s]: %lu states\n", p->w[i].name,
			       run_images[p->w[i].image].name, res->states);
			fflush(stdout);
		}
		alarm(0);
		b->current[job] = -1;
		add_result(&b->sum, res);
		__atomic_fetch_add(&b->done, 1, __ATOMIC_RELAXED);
	}
	free(res);
}

static void start(struct pool *p, unsigned int job)
{
	fflush(stdout);
	p->b->current[job] = -1;
	p->pid[job] = fork();
	must(p->pid[job] >= 0);
	if (p->pid[job] == 0) {
		work(p, job);
		_exit(0);
	}
}

/* Returns: must the worker be replaced? */
static bool ended(struct pool *p, unsigned int job, int status)
{
	char why[128];

	p->pid[job] = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	must(p->b->current[job] >= 0);
	snprintf(why, sizeof(why), "died: %s", WIFSIGNALED(status) ?
		 strsignal(WTERMSIG(status)) : "exit");
	failed(p, (unsigned int)p->b->current[job], why);
	return true;
}

static void wait_all(struct pool *p)
{
	int status;
	pid_t pid;

	while ((pid = wait(&status)) > 0) {
		for (unsigned int j = 0; j < p->o->jobs; j++) {
			if (p->pid[j] == pid && ended(p, j, status))
				start(p, j);
		}
	}
}

void pool_run(const struct run_workload *w, unsigned int n,
	      const struct pool_opts *o, struct pool_result *res)
{
	size_t len = sizeof(struct board) + n;
	struct pool p = { .w = w, .n = n, .o = o };

	must(o->jobs > 0 && o->jobs <= MAX_JOBS);
	p.b = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(p.b != MAP_FAILED);
	for (unsigned int j = 0; j < o->jobs; j++)
		start(&p, j);
	wait_all(&p);
	res->sum = p.b->sum;
	res->failed = p.b->failed;
	res->done = p.b->done;
	res->bad = malloc(n + 1);
	must(res->bad != NULL);
	memcpy(res->bad, p.b->bad, n);
	munmap(p.b, len);
}
