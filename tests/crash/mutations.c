// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mutations.c - leave out one flush, fence or check after the other and see
 * which workloads notice.
 *
 *	mutations [--site NAME] [--jobs N] [--all]
 *
 * Fails if one is noticed by none.  Sites that cannot be noticed are listed
 * below, each with the reason; with DAXFUSE_LONG in the environment they are
 * tried too, and must not be noticed, and three workloads that notice are
 * looked for instead of one; all with --all.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "caps.h"
#include "image.h"
#include "mutate.h"
#include "pool.h"
#include "workloads.h"

static const struct {
	enum dxf_mutation site;
	const char *reason;
} equivalent[] = {
	{ DXF_MUT_LOG_ZERO_SLOT, "a slot's checksum is keyed with its "
	  "session's seed and its number lies below the next session's first: "
	  "emptying it is a second lock on the same door" },
	{ DXF_MUT_LOG_ZERO_FENCE, "as LOG_ZERO_SLOT" },
	{ DXF_MUT_LOG_SESSION_FENCE, "at mount the next transaction's F1 comes "
	  "from the same thread before anything of it is in place; at unmount "
	  "nothing is pending and the superblock is clean, whatever the record "
	  "says" },
	{ DXF_MUT_CREATE_FENCE_MAP, "the fence behind the inode's rest comes "
	  "from the same thread before the word that leads to the map" },
	{ DXF_MUT_CREATE_FENCE_MODE, "the next transaction's F1 comes from the "
	  "same thread before anything of it is in place" },
	{ DXF_MUT_SETTLE_FENCE, "the fence at the end of the write comes from "
	  "the same thread; only an fsync of another thread in between would be "
	  "told too early, and such a moment is not in any script" },
	{ DXF_MUT_SHRINK_FENCE, "the zeros behind a new end of file are stored "
	  "again by whoever grows the file, before his own fence, and a word "
	  "never goes back to an older version" },
	{ DXF_MUT_EXT2_CSUM, "checksums that are right are no fewer for being "
	  "looked at; tests/fuzz leaves them out" },
};

/*
 * Workloads with these in their names have noticed one or the other site: they
 * come first, which saves most of the time.  Nothing else depends on the list.
 */
static const char *const keen[] = {
	"trunc big 12k", "chmod A/foo 0600", "append big 1", "append big 2k",
	"mount; umount", "unlink big", "write A/foo 5 1000", "write f 20k 1k",
	"open f 0; write f 100", "open f 0; write f 0 6000", "falloc A/foo 3k",
	"punch A/bar 1100", "trunc A/foo 4000",
};

struct options {
	struct pool_opts pool;
	const char *site;
	bool equivalent;	/* try those as well */
};

static bool is_keen(const struct run_workload *w)
{
	for (size_t i = 0; i < DXF_ARRAY_SIZE(keen); i++) {
		if (strstr(w->name, keen[i]) != NULL)
			return true;
	}
	return false;
}

static void put_keen_first(struct run_workload *w, unsigned int n)
{
	unsigned int to = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct run_workload k = w[i];

		if (!is_keen(&k))
			continue;
		memmove(&w[to + 1], &w[to], (i - to) * sizeof(*w));
		w[to++] = k;
	}
}

static const char *why_equivalent(enum dxf_mutation site)
{
	for (size_t i = 0; i < DXF_ARRAY_SIZE(equivalent); i++) {
		if (equivalent[i].site == site)
			return equivalent[i].reason;
	}
	return NULL;
}

static void print_catchers(const struct run_workload *w, unsigned int n,
			   const struct pool_result *r)
{
	unsigned int shown = 0;

	for (unsigned int i = 0; i < n && shown < 3; i++) {
		if (!r->bad[i])
			continue;
		printf("%s%s [%s]", shown++ ? "; " : ": ", w[i].name,
		       run_images[w[i].image].name);
	}
	printf("\n");
}

/* Returns: is this site as it should be? */
static bool try_site(const struct options *o, const struct run_workload *w,
		     unsigned int n, enum dxf_mutation site)
{
	const char *reason = why_equivalent(site);
	struct pool_result r;
	bool caught;

	if (reason != NULL && !o->equivalent && o->site == NULL) {
		printf("%-22s equivalent: %s\n", dxf_mutate_name(site), reason);
		return true;
	}
	dxf_mutate_arm(site);
	pool_run(w, n, &o->pool, &r);
	dxf_mutate_arm(DXF_MUT_NONE);
	caught = r.failed > 0;
	printf("%-22s %s", dxf_mutate_name(site), caught ? "caught" :
	       reason != NULL ? "equivalent" : "NOT CAUGHT");
	if (caught)
		print_catchers(w, n, &r);
	else
		printf("%s%s (%lu states)\n", reason != NULL ? ": " : "",
		       reason != NULL ? reason : "", r.sum.states);
	fflush(stdout);
	free(r.bad);
	return caught != (reason != NULL);
}

static void take_options(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "site", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	o->pool.run.seed = 1;
	o->pool.jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	o->pool.quiet = true;
	o->equivalent = *(getenv("DAXFUSE_LONG") ?: "") != '\0';
	o->pool.stop_after = o->equivalent ? 3 : 1;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 's')
			o->site = optarg;
		else if (c == 'j')
			o->pool.jobs = (unsigned int)atoi(optarg);
		else if (c == 'a')
			o->pool.stop_after = 0;
		else
			exit(1);
	}
	if (o->pool.jobs == 0 || o->pool.jobs > 16)
		o->pool.jobs = 16;
	caps_set_least(&o->pool.run);
}

int main(int argc, char **argv)
{
	struct options o = { .site = NULL };
	unsigned int n, wrong = 0, sites = 0;
	struct run_workload *w;

#ifdef NDEBUG
	printf("this build has no mutation sites\n");
	return 77;
#endif
	if (!image_tools_present()) {
		printf("needs e2fsprogs\n");
		return 77;
	}
	take_options(&o, argc, argv);
	run_make_images();
	w = workloads_make(WORKLOADS_MORE | WORKLOADS_SEQ1, false, 1, 0, &n);
	put_keen_first(w, n);
	for (int s = DXF_MUT_NONE + 1; s < DXF_MUT_PAGE_BARRIER; s++) {
		const char *name = dxf_mutate_name((enum dxf_mutation)s);

		if (o.site != NULL && strcmp(o.site, name) != 0)
			continue;
		sites++;
		if (!try_site(&o, w, n, (enum dxf_mutation)s))
			wrong++;
	}
	printf("%u sites, %u not as they should be\n", sites, wrong);
	return wrong != 0 || sites == 0;
}
