/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_crew.c - one worker listens, the others rest; nobody is forgotten.
 *
 * Nothing here depends on how fast or how busy the machine is: what is waited
 * for must come, what must not come is not waited for.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "cpuload.h"
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

/* ---- are the CPUs wanted by others? ---- */

#define MS	UINT64_C(1000000)

START_TEST(test_signs_count_only_together)
{
	struct dxf_signs s = { 0 };
	uint64_t now = 1000 * MS;

	/* one in a while never says anything */
	for (int i = 0; i < 20; i++, now += 60 * MS)
		ck_assert(!dxf_signs_add(&s, now));
	/* the last of three says so, and then it begins again */
	for (int i = 0; i < 4; i++, now += 1000 * MS) {
		ck_assert(!dxf_signs_add(&s, now));
		ck_assert(!dxf_signs_add(&s, now + 20 * MS));
		ck_assert(dxf_signs_add(&s, now + 40 * MS));
	}
}
END_TEST

/* As long as the answer is the same one it is one sign. */
START_TEST(test_cpuload_crowd_lasts_after_three_answers)
{
	struct dxf_cpuload l;
	uint64_t now = 1000 * MS;
	bool lasts;

	dxf_cpuload_open(&l);
	dxf_cpuload_close(&l);	/* nobody can tell: too many */
	for (int i = 0; i < 3; i++, now += 2 * MS) {
		ck_assert(dxf_cpuload_crowded(&l, now, &lasts));
		ck_assert(lasts == (i == 2));
		ck_assert(dxf_cpuload_crowded(&l, now + 1000, &lasts));
		ck_assert(!lasts);
	}
	/* one good answer in between, and it takes three again */
	ck_assert(dxf_cpuload_crowded(&l, now, &lasts) && !lasts);
	atomic_store(&l.asked, now + MS);
	atomic_store(&l.last, l.ncpus);
	ck_assert(!dxf_cpuload_crowded(&l, now + MS, &lasts) && !lasts);
	for (int i = 0; i < 3; i++) {
		now += 3 * MS;
		ck_assert(dxf_cpuload_crowded(&l, now, &lasts));
		ck_assert(lasts == (i == 2));
	}
}
END_TEST

/* ---- an escort ---- */

#define CLIENT	100

/* The machine: what was done to the worker. */
static atomic_int cpu, freed;
static atomic_bool waiting;

static int meet(void *ctx, pid_t caller)
{
	return 0;
}

static int caller_cpu(void *ctx)
{
	return 1;
}

static int go(void *ctx, int to)
{
	atomic_store(&cpu, to);
	return 0;
}

static int yield(void *ctx, bool on)
{
	return 0;
}

static void release(void *ctx)
{
	atomic_store(&cpu, DXF_ESCORT_ANY);
	atomic_fetch_add(&freed, 1);
}

static const struct dxf_escort_ops ops = {
	.meet = meet, .caller_cpu = caller_cpu, .go = go, .yield = yield,
	.free = release,
};

static bool is_waiting(void *ctx)
{
	return atomic_load(&waiting);
}

/*
 * The first hand escorts a client.  The watch may end that at any time, as it
 * does where this test is kept from running; then it begins again.
 */
static void start_escort(void)
{
	const struct dxf_crew_conf conf = {
		.hands = hands, .n = N, .waits = is_waiting,
	};

	memset(hands, 0, sizeof(hands));
	atomic_store(&cpu, DXF_ESCORT_ANY);
	atomic_store(&freed, 0);
	for (int i = 0; i < N; i++)
		dxf_escort_init(&hands[i].escort, &ops, NULL, true);
	ck_assert_int_eq(dxf_crew_start(&crew, &conf), 0);
}

static void serve_client(struct dxf_hand *h)
{
	dxf_crew_got(crew, h, true, false);
	dxf_crew_caller(crew, h, CLIENT);
	dxf_crew_done(h);
}

START_TEST(test_crew_escort_listens_others_rest)
{
	bool alone, done = false;

	atomic_store(&waiting, false);
	start_escort();
	for (int i = 0; i < 1000000 && !done; i++) {
		serve_client(&hands[0]);
		if (!hands[0].escort.on)
			continue;
		alone = true;
		done = !dxf_crew_listen(crew, &hands[1], &alone) && !alone &&
		       dxf_crew_listen(crew, &hands[0], &alone) && alone;
		if (alone)
			dxf_crew_listened(crew, true);
	}
	ck_assert(done);
	stop();
}
END_TEST

START_TEST(test_crew_only_one_escorts)
{
	start_escort();
	for (int i = 0; i < 1000000 && !hands[0].escort.on; i++)
		serve_client(&hands[0]);
	ck_assert(hands[0].escort.on);
	/* unless the watch has called the first one off */
	for (int i = 0; i < 100; i++)
		serve_client(&hands[1]);
	ck_assert(!hands[1].escort.on || atomic_load(&freed) > 0);
	stop();
}
END_TEST

/* A worker that cannot run holds a request, or leaves it unread. */
START_TEST(test_crew_escort_that_does_not_get_on_is_freed)
{
	struct timespec ts = { .tv_nsec = 1000000 };

	for (int busy = 0; busy < 2; busy++) {
		atomic_store(&waiting, !busy);
		start_escort();
		for (int i = 0; i < 1000000 && !hands[0].escort.on; i++)
			serve_client(&hands[0]);
		if (busy)
			dxf_crew_got(crew, &hands[0], true, false);
		/* the watch comes, or the test times out */
		while (atomic_load(&freed) == 0 ||
		       atomic_load(&cpu) != DXF_ESCORT_ANY)
			nanosleep(&ts, NULL);
		ck_assert(atomic_load(&hands[0].escort.called_off));
		atomic_store(&waiting, false);
		stop();
	}
}
END_TEST

/*
 * Nobody asks for anything: it must not be left where it is, and the watch goes
 * to sleep over it.
 */
START_TEST(test_crew_escort_at_rest_is_freed)
{
	struct timespec ts = { .tv_nsec = 1000000 };
	int before = -1;

	atomic_store(&waiting, false);
	start_escort();
	for (int i = 0; i < 1000000 && !hands[0].escort.on; i++)
		serve_client(&hands[0]);
	while (atomic_load(&freed) == 0)
		nanosleep(&ts, NULL);
	ck_assert_int_eq(atomic_load(&cpu), DXF_ESCORT_ANY);
	/* many times as long as it waits between two looks, or a timeout */
	ts.tv_nsec = 100000000;
	while (before != atomic_load(&freed)) {
		before = atomic_load(&freed);
		nanosleep(&ts, NULL);
	}
	/* and the next request finds a crew as any other */
	serve_client(&hands[1]);
	ck_assert(hands[1].served > 0);
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
	tcase_add_test(tc, test_signs_count_only_together);
	tcase_add_test(tc, test_cpuload_crowd_lasts_after_three_answers);
	tcase_add_test(tc, test_crew_escort_listens_others_rest);
	tcase_add_test(tc, test_crew_only_one_escorts);
	tcase_add_test(tc, test_crew_escort_that_does_not_get_on_is_freed);
	tcase_add_test(tc, test_crew_escort_at_rest_is_freed);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
