// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash.c - crash every workload at every fence and return, in every sampled
 * state, and require what the filesystem promises.
 *
 *	crash [--full] [--only TEXT] [--image NAME] [--seed N] [--jobs N]
 *	      [--script TEXT [--setup TEXT]] [--keep FILE] [--mutate SITE]
 *	      [--e2fsck] [--checker] [--set seq1,more,seq2,random] [--list] [--verbose]
 *	      [--print]
 *
 * --e2fsck holds our checker against e2fsck, on what each crash left and on what
 * recovery made of it; --checker does only the first.
 *
 * Quick by default; --full, or DAXFUSE_LONG in the environment.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "caps.h"
#include "image.h"
#include "must.h"
#include "mutate.h"
#include "pool.h"
#include "workloads.h"

struct options {
	struct pool_opts pool;
	bool full, list;
	const char *only, *image, *script, *setup;
	unsigned int sets, flags;
};

static unsigned int parse_sets(const char *s)
{
	static const char *const names[] = { "seq1", "more", "seq2", "random" };
	unsigned int sets = 0;

	for (unsigned int i = 0; i < DXF_ARRAY_SIZE(names); i++) {
		if (strstr(s, names[i]) != NULL)
			sets |= 1u << i;
	}
	return sets;
}

static enum dxf_mutation site_of(const char *name)
{
	for (int s = DXF_MUT_NONE + 1; s < DXF_NMUTATIONS; s++) {
		if (strcmp(dxf_mutate_name((enum dxf_mutation)s), name) == 0)
			return (enum dxf_mutation)s;
	}
	fprintf(stderr, "no mutation site %s\n", name);
	exit(1);
}

static const struct option long_options[] = {
	{ "full", no_argument, NULL, 'f' },
	{ "only", required_argument, NULL, 'o' },
	{ "image", required_argument, NULL, 'i' },
	{ "seed", required_argument, NULL, 's' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "script", required_argument, NULL, 'S' },
	{ "setup", required_argument, NULL, 'U' },
	{ "keep", required_argument, NULL, 'k' },
	{ "mutate", required_argument, NULL, 'm' },
	{ "e2fsck", no_argument, NULL, 'e' },
	{ "set", required_argument, NULL, 't' },
	{ "fsync", no_argument, NULL, 'F' },
	{ "list", no_argument, NULL, 'l' },
	{ "checker", no_argument, NULL, 'c' },
	{ "print", no_argument, NULL, 'p' },
	{ "verbose", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'f': o->full = true; break;
	case 'o': o->only = optarg; break;
	case 'i': o->image = optarg; break;
	case 's': o->pool.run.seed = strtoull(optarg, NULL, 0); break;
	case 'j': o->pool.jobs = (unsigned int)atoi(optarg); break;
	case 'S': o->script = optarg; break;
	case 'U': o->setup = optarg; break;
	case 'k': o->pool.run.keep = optarg; break;
	case 'm': dxf_mutate_arm(site_of(optarg)); break;
	case 'e': o->pool.run.e2fsck = true; break;
	case 't': o->sets = parse_sets(optarg); break;
	case 'F': o->flags |= RUN_FSYNC; break;
	case 'l': o->list = true; break;
	case 'c': o->pool.run.checker_only = o->pool.run.e2fsck = true; break;
	case 'p': o->pool.run.print = true; break;
	case 'v': o->pool.verbose = true; break;
	default: exit(1);
	}
}

static void take_options(struct options *o, int argc, char **argv)
{
	struct timespec now;
	int c;

	clock_gettime(CLOCK_REALTIME, &now);
	o->pool.run.seed = (uint64_t)now.tv_sec;
	o->pool.jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	o->full = *(getenv("DAXFUSE_LONG") ?: "") != '\0';
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(o, c);
	if (o->pool.jobs == 0 || o->pool.jobs > 16)
		o->pool.jobs = 16;
	if (o->sets == 0)
		o->sets = WORKLOADS_SEQ1 | WORKLOADS_MORE | WORKLOADS_RANDOM |
			  (o->full ? WORKLOADS_SEQ2 : 0);
	caps_set(&o->pool.run, o->full);
}

/* Only those that the options name. */
static unsigned int filter(const struct options *o, struct run_workload *w,
			   unsigned int n)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (o->only != NULL && strstr(w[i].name, o->only) == NULL &&
		    strstr(w[i].script, o->only) == NULL)
			continue;
		if (o->image != NULL &&
		    strcmp(o->image, run_images[w[i].image].name) != 0)
			continue;
		w[k++] = w[i];
	}
	return k;
}

static struct run_workload *choose(struct options *o, unsigned int *n)
{
	struct run_workload *w;

	if (o->script != NULL) {
		w = calloc(run_nimages, sizeof(*w));
		must(w != NULL);
		for (unsigned int k = 0; k < run_nimages; k++)
			w[k] = (struct run_workload){
				.name = "given", .image = k,
				.script = strdup(o->script),
				.setup = o->setup != NULL ? o->setup : "",
				.flags = o->flags,
			};
		*n = run_nimages;
	} else {
		w = workloads_make(o->sets, o->full, o->pool.run.seed,
				   o->full ? 60 : 6, n);
	}
	*n = filter(o, w, *n);
	return w;
}

static int report(const struct pool_result *r, unsigned int n, double seconds)
{
	printf("%u workloads, %u failed; %lu crash states (%lu of them inside "
	       "recovery, %lu more were equal to one of these), %lu crash "
	       "points, %lu fences recorded, shadow or e2fsck compared %lu "
	       "times; %.1f s\n", n, r->failed, r->sum.states, r->sum.inside,
	       r->sum.same, r->sum.points, r->sum.fences, r->sum.compared,
	       seconds);
	return r->failed != 0;
}

int main(int argc, char **argv)
{
	struct options o = { .sets = 0 };
	struct timespec start, end;
	struct pool_result res;
	struct run_workload *w;
	unsigned int n;

	if (!image_tools_present()) {
		printf("needs e2fsprogs\n");
		return 77;
	}
	take_options(&o, argc, argv);
	clock_gettime(CLOCK_MONOTONIC, &start);
	run_make_images();
	w = choose(&o, &n);
	if (o.list) {
		for (unsigned int i = 0; i < n; i++)
			printf("%s [%s]\n", w[i].name,
			       run_images[w[i].image].name);
		return 0;
	}
	printf("seed %lu, %u jobs\n", o.pool.run.seed, o.pool.jobs);
	pool_run(w, n, &o.pool, &res);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return report(&res, n, (double)(end.tv_sec - start.tv_sec) +
		      (double)(end.tv_nsec - start.tv_nsec) / 1e9);
}
