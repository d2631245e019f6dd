// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_runs.c - the run cache: what was added is found, whole, until it is
 * forgotten, by many threads at once.
 *
 * The map that it caches is made up: run k starts at block k * STEP.
 */
#include <pthread.h>

#include "map_rig.h"
#include "runs.h"

#define STEP		700u
#define NRUNS		400u
#define NTHREADS	4
#define ROUNDS		40000

static struct rig r;

static struct dxf_run made_up(dxf_lblk_t lblk)
{
	uint64_t k = lblk / STEP;

	return (struct dxf_run){
		.lblk = k * STEP, .nblk = STEP - 1,
		.pblk = k % 5 ? k * 1000 + 100 : 0, .unwritten = k % 7 == 0,
	};
}

static void same(const struct dxf_run *a, const struct dxf_run *b)
{
	ck_assert_uint_eq(a->lblk, b->lblk);
	ck_assert_uint_eq(a->nblk, b->nblk);
	ck_assert_uint_eq(a->pblk, b->pblk);
	ck_assert_int_eq(a->unwritten, b->unwritten);
}

static void setup(void)
{
	rig_open(&r, "-t ext2 -b 4096", 16);
	r.node.di.size = (uint64_t)NRUNS * STEP * 4096;
}

static void teardown(void)
{
	r.node.di.size = 0;
	dxf_runs_forget(&r.node);
	rig_close(&r);
}

static void add(dxf_lblk_t lblk)
{
	struct dxf_run run = made_up(lblk), got;
	uint32_t gen;

	dxf_runs_find(&r.node, lblk, &got, &gen);
	dxf_runs_add(&r.node, lblk, &run, gen);
}

START_TEST(test_runs_of_a_large_file_are_all_kept)
{
	struct dxf_run run, want;
	uint32_t gen;

	for (dxf_lblk_t k = 0; k < NRUNS; k++)
		add(k * STEP);
	for (dxf_lblk_t k = 0; k < NRUNS; k++) {
		want = made_up(k * STEP);
		ck_assert(dxf_runs_find(&r.node, k * STEP, &run, &gen));
		same(&run, &want);
		/* between two runs nothing is known */
		ck_assert(!dxf_runs_find(&r.node, k * STEP + STEP - 1, &run,
					 &gen));
	}
}
END_TEST

START_TEST(test_runs_forgotten_are_not_found)
{
	struct dxf_run run;
	uint32_t gen, old;

	for (dxf_lblk_t k = 0; k < NRUNS; k++)
		add(k * STEP);
	ck_assert(dxf_runs_find(&r.node, 0, &run, &old));
	dxf_runs_forget(&r.node);
	for (dxf_lblk_t k = 0; k < NRUNS; k++)
		ck_assert(!dxf_runs_find(&r.node, k * STEP, &run, &gen));
	/* what was looked up before the change is not kept */
	run = made_up(0);
	dxf_runs_add(&r.node, 0, &run, old);
	ck_assert(!dxf_runs_find(&r.node, 0, &run, &gen));
	/* the table is used again, by those of after it only */
	for (dxf_lblk_t k = 0; k < NRUNS; k += 2)
		add(k * STEP);
	for (dxf_lblk_t k = 0; k < NRUNS; k++)
		ck_assert_int_eq(dxf_runs_find(&r.node, k * STEP, &run, &gen),
				 k % 2 == 0);
}
END_TEST

START_TEST(test_runs_without_memory_a_few_are_kept)
{
	struct dxf_run run;
	uint32_t gen;

	for (dxf_lblk_t k = 0; k < DXF_NRUNS; k++)
		add(k * STEP);
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	add(DXF_NRUNS * STEP);
	ck_assert(dxf_fault_disarm());
	ck_assert(dxf_runs_find(&r.node, DXF_NRUNS * STEP, &run, &gen));
	ck_assert_uint_eq(run.lblk, DXF_NRUNS * STEP);
}
END_TEST

/* What the cache says of @lblk; 0: nothing. */
static uint64_t known(dxf_lblk_t lblk, struct dxf_run *run)
{
	uint32_t gen;

	return dxf_runs_find(&r.node, lblk, run, &gen) ? run->nblk : 0;
}

static void keep(const struct dxf_run *run)
{
	struct dxf_run got;
	uint32_t gen;

	dxf_runs_find(&r.node, run->lblk, &got, &gen);
	dxf_runs_add(&r.node, run->lblk, run, gen);
}

START_TEST(test_runs_filled_holes_are_holes_no_longer)
{
	const struct dxf_run hole = { .lblk = 10, .nblk = 1000 };
	const struct dxf_run data = { .lblk = 0, .nblk = 10, .pblk = 500 };
	struct dxf_run run;

	keep(&data);
	keep(&hole);
	dxf_runs_fill(&r.node, 10, 20);
	ck_assert_uint_eq(known(10, &run), 0);
	ck_assert_uint_eq(known(29, &run), 0);
	ck_assert_uint_eq(known(30, &run), 980);
	ck_assert_uint_eq(run.pblk, 0);
	ck_assert_uint_eq(run.lblk, 30);
	/* in the middle: no block of it may be left a hole */
	dxf_runs_fill(&r.node, 100, 10);
	for (dxf_lblk_t l = 100; l < 110; l++)
		ck_assert_uint_eq(known(l, &run), 0);
	/* its end */
	dxf_runs_fill(&r.node, 1005, 5);
	ck_assert_uint_gt(known(1004, &run), 0);
	ck_assert_uint_eq(known(1005, &run), 0);
	ck_assert_uint_eq(known(1009, &run), 0);
	/* all of it, and around */
	dxf_runs_fill(&r.node, 20, 2000);
	for (dxf_lblk_t l = 10; l < 1010; l++)
		ck_assert_uint_eq(known(l, &run), 0);
	ck_assert_uint_eq(known(0, &run), 10);
	same(&run, &data);
}
END_TEST

START_TEST(test_runs_filling_forgets_what_is_in_the_table)
{
	struct dxf_run run;

	for (dxf_lblk_t k = 0; k < NRUNS; k++)
		add(k * STEP);
	dxf_runs_fill(&r.node, 20 * STEP, NRUNS * STEP);
	for (dxf_lblk_t l = 20 * STEP; l < NRUNS * STEP; l += 7)
		if (known(l, &run) != 0)
			ck_assert_uint_ne(run.pblk, 0);
	ck_assert_uint_eq(known(20 * STEP, &run), 0);
}
END_TEST

START_TEST(test_runs_filled_go_on_where_the_last_ends)
{
	const struct dxf_run data = { .lblk = 5, .nblk = 10, .pblk = 500 };
	struct dxf_run next = { .lblk = 15, .nblk = 4, .pblk = 510 }, run;

	keep(&data);
	dxf_runs_fill(&r.node, 15, 4);
	dxf_runs_filled(&r.node, &next);
	ck_assert_uint_eq(known(18, &run), 14);
	ck_assert_uint_eq(run.lblk, 5);
	ck_assert_uint_eq(run.pblk, 500);
	/* elsewhere on media, or unwritten: a run of its own */
	next = (struct dxf_run){ .lblk = 19, .nblk = 2, .pblk = 600 };
	dxf_runs_filled(&r.node, &next);
	ck_assert_uint_eq(known(20, &run), 2);
	same(&run, &next);
	next = (struct dxf_run){ .lblk = 21, .nblk = 2, .pblk = 602,
				 .unwritten = true };
	dxf_runs_filled(&r.node, &next);
	ck_assert_uint_eq(known(22, &run), 2);
	same(&run, &next);
	ck_assert_uint_eq(known(18, &run), 14);
}
END_TEST

/* No ck_assert in a thread: what is wrong is counted. */
static void *finder(void *arg)
{
	uint64_t seed = (uintptr_t)arg, wrong = 0;
	struct dxf_run run, want;
	uint32_t gen;

	for (int i = 0; i < ROUNDS; i++) {
		dxf_lblk_t lblk;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		lblk = (seed >> 33) % (NRUNS * 4) * STEP + (seed >> 20) % 600;
		want = made_up(lblk);
		if (!dxf_runs_find(&r.node, lblk, &run, &gen))
			dxf_runs_add(&r.node, lblk, &want, gen);
		else
			wrong += run.lblk != want.lblk ||
				 run.nblk != want.nblk ||
				 run.pblk != want.pblk ||
				 run.unwritten != want.unwritten;
	}
	return (void *)(uintptr_t)wrong;
}

START_TEST(test_runs_found_by_threads_are_whole)
{
	pthread_t t[NTHREADS];
	void *wrong;

	for (uintptr_t i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, finder,
						(void *)(i + 1)), 0);
	for (int i = 0; i < NTHREADS; i++) {
		pthread_join(t[i], &wrong);
		ck_assert_uint_eq((uintptr_t)wrong, 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("runs");
	TCase *tc = tcase_create("runs");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_runs_of_a_large_file_are_all_kept);
	tcase_add_test(tc, test_runs_forgotten_are_not_found);
	tcase_add_test(tc, test_runs_without_memory_a_few_are_kept);
	tcase_add_test(tc, test_runs_filled_holes_are_holes_no_longer);
	tcase_add_test(tc, test_runs_filling_forgets_what_is_in_the_table);
	tcase_add_test(tc, test_runs_filled_go_on_where_the_last_ends);
	tcase_add_test(tc, test_runs_found_by_threads_are_whole);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
