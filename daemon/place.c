/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * place.c - where a thread of ours runs, and before whom.
 *
 * Owns the affinity and the policy of worker threads.  Must not know why they
 * are changed.
 *
 * The CPUs that a thread may use are those it was started with.  Where somebody
 * else has changed them since (taskset(1), a cpuset), they are left alone.
 */
#include "place.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keeper.h"

/* The field of proc(5)'s stat that is the CPU last run on. */
#define STAT_CPU	39

static int set_policy(pid_t tid, int policy)
{
	struct sched_param zero = { 0 };

	return syscall(SYS_sched_setscheduler, tid, policy, &zero) == 0 ?
		0 : -errno;
}

/* ---- may we? ---- */

static bool needs_nice;

/*
 * To get back takes the right to have the nice value that we have: by the limit,
 * which root may raise, or by CAP_SYS_NICE, where root may not (in a container
 * without CAP_SYS_RESOURCE).
 * Returns: is it the limit?
 */
static bool raise_limit(void)
{
	struct rlimit r;
	rlim_t want = (rlim_t)(20 - getpriority(PRIO_PROCESS, 0));

	if (getrlimit(RLIMIT_NICE, &r) != 0)
		return false;
	if (r.rlim_cur >= want)
		return true;
	r.rlim_cur = want;
	if (r.rlim_max < want)
		r.rlim_max = want;
	return setrlimit(RLIMIT_NICE, &r) == 0;
}

static void *try_out(void *arg)
{
	bool *ok = arg;

	*ok = set_policy(0, SCHED_IDLE) == 0 && set_policy(0, SCHED_OTHER) == 0;
	return NULL;
}

bool dxf_place_may_yield(void)
{
	pthread_t t;
	bool ok = false, limit;

	if (syscall(SYS_sched_getscheduler, 0) != SCHED_OTHER)
		return false;
	limit = raise_limit();
	/* in a thread that may be lost by it */
	if (pthread_create(&t, NULL, try_out, &ok) != 0)
		return false;
	pthread_join(t, NULL);
	needs_nice = ok && !limit;
	return ok;
}

bool dxf_place_needs_nice(void)
{
	return needs_nice;
}

/* ---- the caller ---- */

static int open_stat(struct dxf_keeper *keeper, pid_t caller)
{
	char path[64];
	int fd;

	if (keeper != NULL)
		return dxf_keeper_open_stat(keeper, caller);
	snprintf(path, sizeof(path), DXF_KEEPER_STAT, (int)caller, (int)caller);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int meet(void *ctx, pid_t caller)
{
	struct dxf_place *p = ctx;

	if (p->stat_fd >= 0)
		close(p->stat_fd);
	p->stat_fd = -1;
	if (!p->usable)
		return -EPERM;
	p->stat_fd = open_stat(p->keeper, caller);
	return p->stat_fd < 0 ? p->stat_fd : 0;
}

static int caller_cpu(void *ctx)
{
	struct dxf_place *p = ctx;
	char text[1024], *s;
	int field;
	ssize_t n = pread(p->stat_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	/* the second is a name in brackets, which may hold anything */
	s = strrchr(text, ')');
	for (field = 2; s != NULL && field < STAT_CPU; field++)
		s = strchr(s + 1, ' ');
	return s != NULL ? atoi(s + 1) : -ESRCH;
}

/* ---- the thread ---- */

/*
 * Is the affinity one that we have set, or was it somebody else?  All is ours
 * at any time: release() may have come in between.
 */
static bool is_ours(const struct dxf_place *p)
{
	int cpu = atomic_load(&p->cpu);
	cpu_set_t now;

	if (sched_getaffinity(p->tid, sizeof(now), &now) != 0)
		return false;
	return CPU_EQUAL(&now, &p->all) ||
	       (cpu != DXF_ESCORT_ANY && CPU_COUNT(&now) == 1 &&
		CPU_ISSET(cpu, &now));
}

static int go(void *ctx, int cpu)
{
	struct dxf_place *p = ctx;
	cpu_set_t one;

	if (cpu == atomic_load(&p->cpu))
		return 0;
	if (!p->usable || !is_ours(p)) {
		p->usable = false;
		return -EPERM;
	}
	if (cpu != DXF_ESCORT_ANY &&
	    (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &p->all)))
		return -EINVAL;
	CPU_ZERO(&one);
	if (cpu != DXF_ESCORT_ANY)
		CPU_SET(cpu, &one);
	/* known before it is done, as release() needs it */
	atomic_store(&p->cpu, cpu);
	if (sched_setaffinity(p->tid, sizeof(one),
			      cpu == DXF_ESCORT_ANY ? &p->all : &one) != 0)
		return -errno;
	return 0;
}

static int yield(void *ctx, bool on)
{
	struct dxf_place *p = ctx;

	return set_policy(p->tid, on ? SCHED_IDLE : SCHED_OTHER);
}

static void release(void *ctx)
{
	struct dxf_place *p = ctx;
	int cpu = atomic_load(&p->cpu);

	set_policy(p->tid, SCHED_OTHER);
	if (cpu == DXF_ESCORT_ANY || !is_ours(p))
		return;
	sched_setaffinity(p->tid, sizeof(p->all), &p->all);
	/* it may be on its way elsewhere */
	atomic_compare_exchange_strong(&p->cpu, &cpu, DXF_ESCORT_ANY);
}

void dxf_place_init(struct dxf_place *p, struct dxf_keeper *keeper)
{
	memset(p, 0, sizeof(*p));
	p->tid = (pid_t)syscall(SYS_gettid);
	p->keeper = keeper;
	p->stat_fd = -1;
	atomic_store(&p->cpu, DXF_ESCORT_ANY);
	p->usable = sched_getaffinity(0, sizeof(p->all), &p->all) == 0;
	assert(p->tid > 0);
}

void dxf_place_fini(struct dxf_place *p)
{
	if (p->stat_fd >= 0)
		close(p->stat_fd);
	p->stat_fd = -1;
}

const struct dxf_escort_ops dxf_place_ops = {
	.meet = meet,
	.caller_cpu = caller_cpu,
	.go = go,
	.yield = yield,
	.free = release,
};
