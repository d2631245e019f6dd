// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hostile.c - many damaged images, each from a number: what a number stands for
 * never changes on one machine and version of mke2fs.
 *
 *	hostile [--seed N] [--cases N] [--seconds N] [--case N] [--jobs N]
 *		[--keep-going]
 *
 * Cases run in processes that take one after the other; one that dies, or does
 * not end in time, is named and the next process goes on behind it.
 */
#include "fuzz.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image.h"
#include "log.h"
#include "mutate.h"
#include "persist.h"

/* Seconds for a case: of processor time, and of waiting for others. */
#define TIME_LIMIT	60
#define WAIT_LIMIT	600

struct options {
	uint64_t seed, cases, only;
	unsigned int seconds, jobs;
	bool one, keep_going;
};

/* What processes tell each other. */
struct shared {
	uint64_t next;		/* atomic: a case that nobody took yet */
	uint64_t mounted;	/* atomic: cases whose mount succeeded */
	uint64_t done;
};

static struct shared *shared;
static struct options opt = { .seed = 1, .cases = 600, .jobs = 1 };

static uint8_t *damaged;

static void load_image(struct dxf_region *r, const uint8_t *bytes)
{
	if (dxf_persist_copy(r, 0, bytes, dxf_region_size(r), 0) != 0)
		abort();
	dxf_persist_fence(r);
}

static struct dxf_region *region_of(const struct fuzz_base *b)
{
	struct dxf_region *r;

	if (dxf_region_open_anon(&r, b->size, true) != 0)
		abort();
	return r;
}

static void arm(bool checksums_count)
{
	dxf_mutate_arm(checksums_count ? DXF_MUT_NONE : DXF_MUT_EXT2_CSUM);
}

static void run_case(uint64_t number)
{
	struct fuzz_rng rng = { opt.seed * 0x100000000u + number };
	const struct fuzz_base *b =
		fuzz_base((unsigned int)fuzz_below(&rng, fuzz_nbases()));
	struct dxf_region *r = region_of(b);
	struct fuzz_visit how = {
		.ro = fuzz_below(&rng, 4) == 0,
		.force = fuzz_below(&rng, 2) == 0,
		.continues = fuzz_below(&rng, 2) == 0,
		.nolog = fuzz_below(&rng, 6) == 0,
	};

	arm(fuzz_below(&rng, 8) == 0);
	memcpy(damaged, b->bytes, b->size);
	/* Some of the damage may come while it is mounted. */
	if (fuzz_below(&rng, 4) == 0)
		how.live = b;
	if (how.live == NULL || fuzz_below(&rng, 2) == 0)
		fuzz_damage(b, &rng, damaged);
	load_image(r, damaged);
	how.rng.state = fuzz_random(&rng);
	if (fuzz_visit(r, &how) == 0)
		__atomic_fetch_add(&shared->mounted, 1, __ATOMIC_RELAXED);
	/* What a mount left must be fit for another one. */
	how.rng.state = fuzz_random(&rng);
	how.force = true;
	fuzz_visit(r, &how);
	dxf_region_close(r);
}

static void limit_time(void)
{
	struct itimerval t = { .it_value.tv_sec = TIME_LIMIT };

	if (setitimer(ITIMER_PROF, &t, NULL) != 0)
		abort();
	alarm(WAIT_LIMIT);
}

/* The case that a process is at; each has its own. */
static uint64_t *current;

static void work(time_t end)
{
	while (time(NULL) < end) {
		uint64_t n = opt.one ? opt.only :
			__atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED);

		if (!opt.one && n >= opt.cases)
			break;
		__atomic_store_n(current, n, __ATOMIC_RELAXED);
		limit_time();
		run_case(n);
		__atomic_fetch_add(&shared->done, 1, __ATOMIC_RELAXED);
		if (opt.one)
			break;
	}
	_exit(0);
}

static const char *how_it_died(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
		snprintf(buf, size, "did not end in %d s", TIME_LIMIT);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(buf, size, "stood still for %d s", WAIT_LIMIT);
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "died: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "exited with %d", WEXITSTATUS(status));
	return buf;
}

/* One process after the other until the cases are done.  Returns: dead ones. */
static unsigned int run_job(unsigned int job, time_t end)
{
	unsigned int dead = 0;
	char why[100];
	int status;

	current = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (current == MAP_FAILED)
		abort();
	do {
		pid_t pid = fork();

		if (pid == 0)
			work(end);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			abort();
		if (status == 0)
			break;
		dead++;
		printf("case %llu of seed %llu %s\n",
		       (unsigned long long)*current,
		       (unsigned long long)opt.seed,
		       how_it_died(status, why, sizeof(why)));
		fflush(stdout);
	} while (opt.keep_going && !opt.one);
	(void)job;
	return dead;
}

static unsigned int run_all(void)
{
	time_t end = opt.seconds != 0 ? time(NULL) + opt.seconds :
		(time_t)1 << 40;
	unsigned int dead = 0;
	int status;

	for (unsigned int i = 1; i < opt.jobs; i++)
		if (fork() == 0)
			_exit(run_job(i, end) != 0);
	dead = run_job(0, end);
	while (wait(&status) > 0)
		dead += status != 0;
	return dead;
}

static bool parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "cases", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
		{ "case", required_argument, NULL, 'c' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "keep-going", no_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		uint64_t n = optarg != NULL ? strtoull(optarg, NULL, 0) : 0;

		switch (c) {
		case 's':
			opt.seed = n;
			break;
		case 'n':
			opt.cases = n;
			break;
		case 't':
			opt.seconds = (unsigned int)n;
			opt.cases = UINT64_MAX;
			break;
		case 'c':
			opt.only = n;
			opt.one = true;
			break;
		case 'j':
			opt.jobs = DXF_MAX((unsigned int)n, 1u);
			break;
		case 'k':
			opt.keep_going = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc;
}

/* Before the first fork: all processes have the same bytes. */
static void prepare(void)
{
	uint64_t largest = 0;

	for (unsigned int i = 0; i < fuzz_nbases(); i++)
		largest = DXF_MAX(largest, fuzz_base(i)->size);
	damaged = malloc(largest);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (damaged == NULL || shared == MAP_FAILED)
		abort();
}

int main(int argc, char **argv)
{
	unsigned int dead;

	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: hostile [--seed N] [--cases N] [--seconds N] [--case N] [--jobs N] [--keep-going]\n");
		return 2;
	}
	if (!image_tools_present())
		return 77;
	if (!opt.one || getenv("FUZZ_VERBOSE") == NULL)
		fuzz_be_quiet();
	prepare();
	dead = run_all();
	printf("seed %llu: %llu cases, %llu mounted, %u died\n",
	       (unsigned long long)opt.seed,
	       (unsigned long long)shared->done,
	       (unsigned long long)shared->mounted, dead);
	return dead != 0;
}
