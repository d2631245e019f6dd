// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pages.c - page media: what was fsynced is there after a loss of power and
 * e2fsck -fy; and after a crash of the daemon an operation happened or did not.
 *
 *	crash-pages [--only TEXT] [--seed N] [--random N] [--mutations]
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "log.h"
#include "mutate.h"
#include "pagerun.h"

#define NRANDOM_STEPS	40

static struct {
	struct page_opts run;
	const char *only;
	unsigned int random;		/* random scripts */
} opt = { .run = { .seed = 1, .per_point = 2 }, .random = 6 };

/* ---- the scripts ---- */

static const char *const scripts[] = {
	/* what an fsync promises */
	"creat a; write a 0 3000; fsync a; creat b; write b 0 2000",
	"creat a; append a 9000; fsync a; append a 20000; fsync a; write a 100 5000; fsync a",
	"mkdir d; mkdir d/e; mkdir d/e/f; creat d/e/f/a; write d/e/f/a 0 1500; fsync d/e/f/a; creat d/x",
	"mkdir d; creat a; write a 0 5000; fsync a; rename a d/b; fsync d/b",
	"mkdir d; mkdir e; mkdir d/s; creat d/s/a; fsync d/s/a; rename d/s e/t; append e/t/a 100; fsync e/t/a",
	"creat a; fsync a; link a b; fsync b; unlink a; fsync /",
	"creat a; write a 0 100k; fsync a; trunc a 5000; fsync a; trunc a 40000; fsync a",
	"creat a; falloc a 0 50000; fsync a; write a 3000 20000; fsync a; punch a 8192 8192; fsync a",
	"creat a; setx a user.x 400; fsync a; setx a user.y 100; chmod a 0600; utimes a 5; fsync a",
	"symlink l 200; fsync /; mkdir d; fifo d/p; fsync d; unlink d/p; fsync d; rmdir d; fsync /",
	/* blocks and slots used again while their freeing is not on media */
	"creat a; write a 0 60k; fsync a; creat k; fsync k; unlink a; df; creat b; write b 0 60k; fsync b; fsync k",
	"creat a; write a 0 400k; fsync a; trunc a 0; creat b; append b 300k; fsync b",
	"mkdir d; creat d/a; fsync d/a; unlink d/a; rmdir d; df; mkdir e; creat e/b; write e/b 0 4000; fsync e/b",
	"many / 40 8; sync; unlink 00000003; unlink 00000004; df; mkdir d; creat d/a; fsync d/a; unlink 00000005; df; mkdir d/e; creat d/e/f; fsync d/e/f",
	"creat a; append a 400k; many / 40 8; creat b; sync; trunc a 0; append b 300k; fsync b",
	"mkdir d; creat d/k; append d/k 30k; mkdir e; creat e/k; append e/k 30k; mkdir d/x; sync; rmdir d/x; df; mkdir e/y; creat e/y/f; fsync e/y/f",
	/* a directory that grows under somebody else's names */
	"mkdir d; creat d/a; fsync d/a; many d 60 90; creat d/z; fsync d/z; sync",
	"mkdir d; many d 60 12; fsync d; unlink d/000000000007; creat d/q; fsync d/q",
	/* sync of everything */
	"creat a; write a 0 30k; mkdir d; creat d/b; sync; unlink a; write d/b 0 3000; sync",
	"creat a; write a 0 5000; fsync a; rename a b; creat c; fsync c; sync; exchange b c; fsync b; fsync c",
};

/* A name in one of three directories. */
static int print_name(char *s, size_t cap, uint64_t *seed)
{
	static const char *const dirs[] = { "", "", "d/", "d/e/" };
	uint64_t h = *seed = dxf_hash_u64(*seed + 1);

	return snprintf(s, cap, "%s%c", dirs[h % 4], (char)('p' + h / 7 % 4));
}

static void random_script(char *s, size_t cap, uint64_t seed)
{
	static const char *const ops[] = {
		"creat %s", "creat %s", "append %s 3000", "append %s 30000",
		"write %s 1000 9000", "trunc %s 700", "unlink %s",
		"fsync %s", "fsync %s", "fsync %s", "rename %s %s",
		"rename %s %s", "mkdir %s", "rmdir %s", "link %s %s",
		"setx %s user.a 300", "fsync d", "fsync d/e", "sync", "df",
	};
	size_t n = (size_t)snprintf(s, cap, "mkdir d; mkdir d/e; sync");

	for (int i = 0; i < NRANDOM_STEPS && n + 128 < cap; i++) {
		char a[32], b[32];
		const char *op;

		seed = dxf_hash_u64(seed + 1);
		op = ops[seed % DXF_ARRAY_SIZE(ops)];
		print_name(a, sizeof(a), &seed);
		print_name(b, sizeof(b), &seed);
		n += (size_t)snprintf(s + n, cap - n, "; ?");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		n += (size_t)snprintf(s + n, cap - n, op, a, b);
#pragma GCC diagnostic pop
	}
}

/* Returns: how many failed. */
static unsigned int run_all(bool first_only)
{
	unsigned int failed = 0, n = 0;
	char text[8192];

	for (unsigned int i = 0;
	     i < DXF_ARRAY_SIZE(scripts) + opt.random; i++) {
		const char *s = text;

		if (i < DXF_ARRAY_SIZE(scripts))
			s = scripts[i];
		else
			random_script(text, sizeof(text), opt.run.seed + i);
		if (opt.only != NULL && strstr(s, opt.only) == NULL)
			continue;
		failed += !pagerun_script(s, &run_images[n++ % run_nimages],
				  &opt.run);
		if (failed > 0 && first_only)
			break;
	}
	return failed;
}

#ifndef NDEBUG
/* Each of these is to be noticed. */
static unsigned int run_mutations(void)
{
	unsigned int wrong_ones = 0;

	opt.run.quiet = true;
	for (int s = DXF_MUT_PAGE_BARRIER; s < DXF_NMUTATIONS; s++) {
		bool caught;

		dxf_mutate_arm((enum dxf_mutation)s);
		caught = run_all(true) > 0;
		dxf_mutate_arm(DXF_MUT_NONE);
		printf("%-22s %s\n", dxf_mutate_name((enum dxf_mutation)s),
		       caught ? "caught" : "NOT CAUGHT");
		fflush(stdout);
		wrong_ones += !caught;
	}
	return wrong_ones;
}
#endif

static bool take_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "seed", required_argument, NULL, 's' },
		{ "random", required_argument, NULL, 'r' },
		{ "mutations", no_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	bool mutations = false;
	int c;

	if (*(getenv("DAXFUSE_LONG") ?: "") != '\0') {
		opt.random = 100;
		opt.run.per_point = 8;
	}
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'o')
			opt.only = optarg;
		else if (c == 's')
			opt.run.seed = strtoull(optarg, NULL, 0);
		else if (c == 'r')
			opt.random = (unsigned int)atoi(optarg);
		else if (c == 'm')
			mutations = true;
		else
			exit(1);
	}
	return mutations;
}

static void no_log(void *ctx, enum dxf_log_level level, const char *text)
{
}

int main(int argc, char **argv)
{
	bool mutations = take_options(argc, argv);
	unsigned int failed;

	if (!image_tools_present()) {
		printf("needs e2fsprogs\n");
		return 77;
	}
	run_make_images();
	dxf_log_set_sink(no_log, NULL);
#ifndef NDEBUG
	if (mutations)
		return run_mutations() > 0;
#else
	if (mutations) {
		printf("this build has no mutation sites\n");
		return 77;
	}
#endif
	failed = run_all(false);
	printf("%u failed; %lu power losses at %lu points, %lu promises looked for; %lu dead daemons; seed %lu\n",
	       failed, opt.run.states, opt.run.points, opt.run.checks, opt.run.daemon, opt.run.seed);
	return failed > 0;
}
