/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * everythread.c - run a function in every thread of the process.
 *
 * Owns one real-time signal while it runs.
 *
 * Invariant: a pass over /proc/self/task that finds no thread it has not
 * called before is the last: a new thread has what its maker has.
 */
#include "everythread.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX	256
#define WAIT_STEP_NS	(10 * 1000 * 1000)
#define WAIT_STEPS	500

static int (*call)(void);
static sem_t answered;
static atomic_int first_error;

int dxf_everythread_signal(void)
{
	return SIGRTMIN + 1;
}

static void note(int ret)
{
	int none = 0;

	if (ret != 0)
		atomic_compare_exchange_strong(&first_error, &none, ret);
}

static void on_signal(int sig)
{
	int saved = errno;

	note(call());
	sem_post(&answered);
	errno = saved;
}

static bool is_alive(pid_t tid)
{
	return syscall(SYS_tgkill, getpid(), tid, 0) == 0;
}

/* Until one has answered.  Returns: 0; -ESRCH it ended first; -ETIMEDOUT. */
static int wait_answer(pid_t tid)
{
	struct timespec end;
	int i;

	for (i = 0; i < WAIT_STEPS; i++) {
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_nsec += WAIT_STEP_NS;
		if (end.tv_nsec >= 1000000000) {
			end.tv_nsec -= 1000000000;
			end.tv_sec++;
		}
		if (sem_timedwait(&answered, &end) == 0)
			return 0;
		if (errno == ETIMEDOUT && !is_alive(tid))
			return -ESRCH;
	}
	return -ETIMEDOUT;
}

static int call_in(pid_t tid)
{
	int ret;

	assert(tid > 0 && call != NULL);
	if (tid == (pid_t)syscall(SYS_gettid))
		return 0;
	if (syscall(SYS_tgkill, getpid(), tid, dxf_everythread_signal()) != 0)
		return errno == ESRCH ? 0 : -errno;
	ret = wait_answer(tid);
	return ret == -ESRCH ? 0 : ret;
}

struct seen {
	pid_t tid[THREADS_MAX];
	unsigned int n;
};

static bool is_new(struct seen *s, pid_t tid)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->tid[i] == tid)
			return false;
	return true;
}

/* Returns: how many had not been called before; -errno. */
static int one_pass(struct seen *s)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *de;
	int ret = 0, found = 0;

	if (dir == NULL)
		return -errno;
	while (ret == 0 && (de = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)strtol(de->d_name, NULL, 10);

		if (tid <= 0 || !is_new(s, tid))
			continue;
		if (s->n == THREADS_MAX)
			ret = -EAGAIN;
		else
			s->tid[s->n++] = tid;
		if (ret == 0)
			ret = call_in(tid);
		found++;
	}
	closedir(dir);
	return ret ? ret : found;
}

int dxf_everythread_run(int (*fn)(void))
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART }, old;
	struct seen seen = { .n = 0 };
	int ret;

	assert(call == NULL);
	call = fn;
	atomic_store(&first_error, 0);
	sem_init(&answered, 0, 0);
	sigfillset(&sa.sa_mask);
	sigaction(dxf_everythread_signal(), &sa, &old);
	do {
		ret = one_pass(&seen);
	} while (ret > 0);
	if (ret == 0)
		note(fn());
	sigaction(dxf_everythread_signal(), &old, NULL);
	sem_destroy(&answered);
	call = NULL;
	return ret ? ret : atomic_load(&first_error);
}
