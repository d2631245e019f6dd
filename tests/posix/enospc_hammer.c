/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * enospc_hammer.c - processes that keep a filesystem full.
 *
 *	enospc_hammer DIR SECONDS [SEED [PROCESSES]]
 *
 * Each process works in a directory of its own until SECONDS have passed:
 * writes, extends, fills holes, allocates, makes directories, links and
 * xattrs, renames, truncates, removes, all by chance.  It knows what every
 * byte of its files has to be and reads them back.  Only ENOSPC is an error
 * that may come.  At the end everything is removed.  The last line tells how
 * often ENOSPC was returned and the seed.
 *
 * Invariants it checks: a write that returned n changed n bytes as told and no
 * other; a failed operation changed nothing (a failed fallocate may be done up
 * to some block); nothing but ENOSPC ever fails.  A process that makes no
 * progress for 30 s is a deadlock: exit status 3.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hammer.h"

enum { MAX_PROCS = 64, STALL = 30 };

static struct hammer_shared *shared;

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static pid_t start(const char *dir, int id, uint64_t seed, time_t end)
{
	struct hammer h = {
		.id = id,
		.seed = seed * 1000003 + id * 7919 + 1,
		.end = end,
		.counts = &shared->of[id],
	};
	pid_t pid = fork();
	char path[4096];

	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/p%d", dir, id);
	if ((mkdir(path, 0755) && errno != EEXIST) || chdir(path)) {
		perror(path);
		_exit(1);
	}
	_exit(hammer_run(&h));
}

/* Watch @n children.  Returns: 0; 1 one failed; 3 no progress. */
static int watch(const pid_t *pids, int n)
{
	uint64_t last[MAX_PROCS] = { 0 };
	time_t since[MAX_PROCS];
	int alive = n, status, i;

	for (i = 0; i < n; i++)
		since[i] = now();
	while (alive) {
		while (waitpid(-1, &status, WNOHANG) > 0) {
			alive--;
			if (status)
				return 1;
		}
		for (i = 0; i < n; i++) {
			uint64_t ops = shared->of[i].ops;

			if (ops != last[i] || shared->of[i].done) {
				last[i] = ops;
				since[i] = now();
			}
			if (now() - since[i] < STALL)
				continue;
			fprintf(stderr, "process %d (pid %d) hangs\n", i,
				(int)pids[i]);
			return 3;
		}
		usleep(50000);
	}
	return 0;
}

static void report(int n, uint64_t seed)
{
	uint64_t ops = 0, enospc = 0, bytes = 0;
	int i;

	for (i = 0; i < n; i++) {
		ops += shared->of[i].ops;
		enospc += shared->of[i].enospc;
		bytes += shared->of[i].bytes;
	}
	printf("%d processes, %ju operations, %ju MiB written, "
	       "%ju ENOSPC, seed %ju\n", n, (uintmax_t)ops,
	       (uintmax_t)bytes >> 20, (uintmax_t)enospc, (uintmax_t)seed);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) :
		(uint64_t)time(NULL);
	int n = argc > 4 ? atoi(argv[4]) : 8, i, status;
	pid_t pids[MAX_PROCS];
	time_t end;

	if (argc < 3 || n < 1 || n > MAX_PROCS) {
		fprintf(stderr, "usage: enospc_hammer DIR SECONDS [SEED "
			"[PROCESSES]]\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	end = now() + atoi(argv[2]);
	for (i = 0; i < n; i++) {
		pids[i] = start(argv[1], i, seed, end);
		if (pids[i] < 0)
			return 2;
	}
	status = watch(pids, n);
	if (status)
		for (i = 0; i < n; i++)
			kill(pids[i], SIGKILL);
	report(n, seed);
	return status;
}
