/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dirty-extent tree under threads: waiting, and the promise of fsync.
 *
 * Writers store a rising number in a granule and mark it; an fsync takes,
 * copies the numbers to "media" and is done.  After it, media must hold at
 * least the number whose write had returned before it began, whoever of
 * several did the flush.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "dirty.h"
#include "pmem_rig.h"

#define G	DXF_DIRTY_SMALL
#define L	DXF_DIRTY_LARGE

static struct dxf_dirty *d;

static void setup(void)
{
	d = dxf_dirty_new();
	ck_assert_ptr_nonnull(d);
}

static void teardown(void)
{
	dxf_dirty_check(d);
	dxf_dirty_free(d);
}

/* ---- waiting ---- */

static int started, stage;

/* Let a waiter that does not wait run to its end. */
static void let_run(void)
{
	while (__atomic_load_n(&started, __ATOMIC_SEQ_CST) == 0)
		sched_yield();
	for (int i = 0; i < 1000; i++)
		sched_yield();
}

static void *wait_for_range(void *arg)
{
	__atomic_store_n(&started, 1, __ATOMIC_SEQ_CST);
	dxf_dirty_wait(d, 0, G);
	/* Whoever woke us had reached this stage. */
	return __atomic_load_n(&stage, __ATOMIC_SEQ_CST) == 1 ? d : NULL;
}

static void end_taken(bool undo)
{
	__atomic_store_n(&stage, 1, __ATOMIC_SEQ_CST);
	(undo ? dxf_dirty_undo : dxf_dirty_done)(d, 0, G);
}

START_TEST(test_wait_returns_after_the_flush_ended)
{
	dxf_off_t s, e;
	pthread_t t;
	void *ret;

	ck_assert_int_eq(dxf_dirty_mark(d, 0, 3 * G), 0);
	ck_assert(dxf_dirty_take(d, 0, G, &s, &e));
	ck_assert(dxf_dirty_take(d, 2 * G, 3 * G, &s, &e));
	ck_assert_int_eq(pthread_create(&t, NULL, wait_for_range, NULL), 0);
	/* The end of another range's flush is not what it waits for. */
	dxf_dirty_done(d, 2 * G, 3 * G);
	let_run();
	end_taken(_i);
	pthread_join(t, &ret);
	ck_assert_ptr_eq(ret, d);
}
END_TEST

START_TEST(test_wait_for_ranges_not_flushing_returns_at_once)
{
	dxf_off_t s, e;

	ck_assert_int_eq(dxf_dirty_mark(d, 0, 3 * G), 0);
	ck_assert(dxf_dirty_take(d, G, 2 * G, &s, &e));
	dxf_dirty_wait(d, 0, G);
	dxf_dirty_wait(d, 2 * G, UINT64_MAX);
	dxf_dirty_wait(d, L, 2 * L);
	dxf_dirty_done(d, G, 2 * G);
	dxf_dirty_wait(d, 0, UINT64_MAX);
}
END_TEST

static void *take_one(void *arg)
{
	dxf_off_t s, e;
	bool got;

	__atomic_store_n(&started, 1, __ATOMIC_SEQ_CST);
	got = dxf_dirty_take(d, 0, G, &s, &e);
	/* An eighth flush has to wait for one of the seven. */
	return got && __atomic_load_n(&stage, __ATOMIC_SEQ_CST) == 1 ? d :
								       NULL;
}

START_TEST(test_take_of_granule_with_seven_flushes_waits_for_one)
{
	dxf_off_t s, e;
	pthread_t t;
	void *ret;

	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(dxf_dirty_mark(d, 0, G), 0);
		if (i < 7)
			ck_assert(dxf_dirty_take(d, 0, G, &s, &e));
	}
	ck_assert_int_eq(pthread_create(&t, NULL, take_one, NULL), 0);
	let_run();
	end_taken(false);
	pthread_join(t, &ret);
	ck_assert_ptr_eq(ret, d);
	for (int i = 0; i < 7; i++)
		dxf_dirty_done(d, 0, G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

/* ---- the promise ---- */

#define GRANULES	600	/* over the edge of a chunk */
#define BASE		(L - 300 * G)
#define ROUNDS		3000
#define NWRITERS	3
#define NSYNCERS	3

static uint64_t stored[GRANULES], returned[GRANULES], media[GRANULES];
static int broken, running;

static uint64_t get(uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

/* Raise *@p to @v. */
static void raise_to(uint64_t *p, uint64_t v)
{
	uint64_t old = get(p);

	while (old < v && !__atomic_compare_exchange_n(p, &old, v, false,
			__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static void write_granules(unsigned int g, unsigned int n)
{
	uint64_t v[3];

	for (unsigned int k = 0; k < n; k++)
		v[k] = __atomic_add_fetch(&stored[g + k], 1, __ATOMIC_SEQ_CST);
	if (dxf_dirty_mark(d, BASE + g * G, BASE + (g + n) * G) != 0)
		__atomic_store_n(&broken, 1, __ATOMIC_SEQ_CST);
	for (unsigned int k = 0; k < n; k++)
		raise_to(&returned[g + k], v[k]);
}

static void *writer(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned int g = (unsigned int)rand_r(&seed) % GRANULES;
		unsigned int n = 1 + (unsigned int)rand_r(&seed) % 3;

		write_granules(g, DXF_MIN(n, GRANULES - g));
	}
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* The numbers are read before the first of them gets out. */
static void flush_taken(dxf_off_t s, dxf_off_t e)
{
	uint64_t v[GRANULES], first = (s - BASE) / G, n = (e - s) / G;

	for (uint64_t k = 0; k < n; k++)
		v[k] = get(&stored[first + k]);
	sched_yield();
	for (uint64_t k = 0; k < n; k++)
		raise_to(&media[first + k], v[k]);
}

static void flush(dxf_off_t from, dxf_off_t to)
{
	dxf_off_t s, e;

	while (from < to && dxf_dirty_take(d, from, to, &s, &e)) {
		flush_taken(s, e);
		dxf_dirty_done(d, s, e);
		from = e;
	}
}

static void fsync_range(unsigned int a, unsigned int b)
{
	dxf_off_t from = BASE + a * G, to = BASE + b * G;
	uint64_t before[GRANULES];

	for (unsigned int g = a; g < b; g++)
		before[g] = get(&returned[g]);
	flush(from, to);
	dxf_dirty_wait(d, from, to);
	for (unsigned int g = a; g < b; g++) {
		if (get(&media[g]) < before[g])
			__atomic_store_n(&broken, 2, __ATOMIC_SEQ_CST);
	}
}

static void *syncer(void *arg)
{
	unsigned int seed = 1000 + (unsigned int)(uintptr_t)arg;

	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0) {
		unsigned int a = (unsigned int)rand_r(&seed) % GRANULES;
		unsigned int n = 1 + (unsigned int)rand_r(&seed) % 50;

		fsync_range(a, DXF_MIN(a + n, GRANULES));
		dxf_dirty_check(d);
	}
	return NULL;
}

START_TEST(test_fsync_among_threads_misses_no_store)
{
	pthread_t t[NWRITERS + NSYNCERS];

	running = NWRITERS;
	for (uintptr_t i = 0; i < DXF_ARRAY_SIZE(t); i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, i < NWRITERS ?
						writer : syncer, (void *)i),
				 0);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	flush(BASE, BASE + GRANULES * G);
	ck_assert_int_eq(broken, 0);
	ck_assert(dxf_dirty_is_empty(d));
	for (int g = 0; g < GRANULES; g++)
		ck_assert_uint_eq(media[g], stored[g]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dirty threads");
	TCase *tc = tcase_create("threads");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_wait_returns_after_the_flush_ended, 0, 2);
	tcase_add_test(tc,
		       test_wait_for_ranges_not_flushing_returns_at_once);
	tcase_add_test(tc,
		       test_take_of_granule_with_seven_flushes_waits_for_one);
	tcase_add_test(tc, test_fsync_among_threads_misses_no_store);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
