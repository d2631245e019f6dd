/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_crew.c - one worker listens, the others rest; nobody is forgotten.
 *
 * Nothing here depends on how fast or how busy the machine is: what is waited
 * for must come, what must not come is not waited for.
 */
#include <check.h>
#include <pthread.h>
#include <string.h>

#include "crew.h"

#define N	3

static struct dxf_hand hands[N];
static struct dxf_crew *crew;

static bool nothing_waits(void *ctx)
{
	return false;
}

static void start(bool all)
{
	const struct dxf_crew_conf conf = {
		.hands = hands, .n = N, .all = all, .waits = nothing_waits,
	};

	memset(hands, 0, sizeof(hands));
	ck_assert_int_eq(dxf_crew_start(&crew, &conf), 0);
}

static bool is_open(void)
{
	return dxf_crew_sleeps(crew, &hands[0]);
}

static void stop(void)
{
	dxf_crew_dismiss(crew);
	dxf_crew_stop(crew);
}

START_TEST(test_crew_one_listens_alone)
{
	bool alone, other;

	start(false);
	ck_assert(dxf_crew_listen(crew, &hands[0], &alone));
	ck_assert(alone);
	/* a second one may only where the crew was made open meanwhile */
	ck_assert(dxf_crew_listen(crew, &hands[1], &other) == is_open());
	ck_assert(!other);
	dxf_crew_listened(crew, other);
	ck_assert(dxf_crew_listen(crew, &hands[1], &other) == is_open());
	dxf_crew_listened(crew, alone);
	ck_assert(dxf_crew_listen(crew, &hands[0], &alone));
	ck_assert(alone);
	stop();
}
END_TEST

START_TEST(test_crew_of_slow_media_listens_all)
{
	bool alone;

	start(true);
	ck_assert(is_open());
	for (int i = 0; i < N; i++)
		ck_assert(dxf_crew_listen(crew, &hands[0], &alone));
	stop();
}
END_TEST

static void *rest(void *arg)
{
	dxf_crew_rest(crew);
	return NULL;
}

/* A request that takes for ever must not keep the others waiting. */
START_TEST(test_crew_rest_ends_when_nobody_gets_on)
{
	pthread_t t;
	bool alone;

	start(false);
	ck_assert(dxf_crew_listen(crew, &hands[0], &alone));
	dxf_crew_listened(crew, alone);
	dxf_crew_got(crew, &hands[0], true, false);
	ck_assert_int_eq(pthread_create(&t, NULL, rest, NULL), 0);
	/* the watch calls it, or the test times out */
	pthread_join(t, NULL);
	dxf_crew_done(&hands[0]);
	ck_assert_uint_eq(hands[0].served, 1);
	stop();
}
END_TEST

/* The same after the watch had gone to sleep over a quiet crew. */
START_TEST(test_crew_watch_wakes_up)
{
	struct timespec quiet = { .tv_nsec = 300000000 };
	pthread_t t;

	start(false);
	nanosleep(&quiet, NULL);
	dxf_crew_got(crew, &hands[1], true, false);
	ck_assert_int_eq(pthread_create(&t, NULL, rest, NULL), 0);
	pthread_join(t, NULL);
	dxf_crew_done(&hands[1]);
	stop();
}
END_TEST

START_TEST(test_crew_dismissed_nobody_rests)
{
	pthread_t t[N];

	start(false);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, rest, NULL), 0);
	dxf_crew_dismiss(crew);
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	dxf_crew_rest(crew);
	dxf_crew_stop(crew);
}
END_TEST

/* Looks in vain make a worker sleep at once for a while, not for ever. */
START_TEST(test_crew_looks_in_vain_pause)
{
	struct dxf_hand *h = &hands[0];

	start(false);
	for (int i = 0; i < 4; i++)
		dxf_crew_looked(h, false);
	ck_assert_uint_gt(h->pause, 0);
	h->misses = 3;
	dxf_crew_looked(h, true);
	ck_assert_uint_eq(h->misses, 0);
	stop();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crew");
	TCase *tc = tcase_create("crew");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_crew_one_listens_alone);
	tcase_add_test(tc, test_crew_of_slow_media_listens_all);
	tcase_add_test(tc, test_crew_rest_ends_when_nobody_gets_on);
	tcase_add_test(tc, test_crew_watch_wakes_up);
	tcase_add_test(tc, test_crew_dismissed_nobody_rests);
	tcase_add_test(tc, test_crew_looks_in_vain_pause);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
