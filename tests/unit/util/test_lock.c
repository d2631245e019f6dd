/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks: what they keep out, and the ranks that debug builds assert. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "lockstat.h"

static struct dxf_mutex low, high;
static struct dxf_rwlock five, nine;

static void setup(void)
{
	dxf_mutex_init(&low, DXF_RANK_ICACHE);
	dxf_mutex_init(&high, DXF_RANK_ALLOC);
	dxf_rwlock_init(&five, DXF_RANK_INODE, 5);
	dxf_rwlock_init(&nine, DXF_RANK_INODE, 9);
}

static void teardown(void)
{
	dxf_mutex_destroy(&low);
	dxf_mutex_destroy(&high);
	dxf_rwlock_destroy(&five);
	dxf_rwlock_destroy(&nine);
}

/* Run @fn in a thread of its own.  Returns what it returns. */
static bool elsewhere(void *(*fn)(void *))
{
	pthread_t t;
	void *ret;

	ck_assert_int_eq(pthread_create(&t, NULL, fn, NULL), 0);
	ck_assert_int_eq(pthread_join(t, &ret), 0);
	return ret != NULL;
}

static void *try_low(void *arg)
{
	if (!dxf_mutex_trylock(&low))
		return NULL;
	dxf_mutex_unlock(&low);
	return &low;
}

static void *try_write_five(void *arg)
{
	if (!dxf_rwlock_trywrlock(&five))
		return NULL;
	dxf_rwlock_unlock(&five);
	return &five;
}

static void *read_five(void *arg)
{
	dxf_rwlock_rdlock(&five);
	dxf_rwlock_unlock(&five);
	return &five;
}

START_TEST(test_mutex_held_keeps_others_out)
{
	dxf_mutex_lock(&low);
	ck_assert(!elsewhere(try_low));
	dxf_mutex_unlock(&low);
	ck_assert(elsewhere(try_low));
}
END_TEST

START_TEST(test_mutex_scoped_is_released_at_the_end)
{
	{
		DXF_SCOPED_MUTEX(&low);
		dxf_mutex_assert_held(&low);
		ck_assert(!elsewhere(try_low));
	}
	ck_assert(elsewhere(try_low));
}
END_TEST

START_TEST(test_rwlock_read_admits_readers_only)
{
	DXF_SCOPED_RDLOCK(&five);
	dxf_rwlock_assert_held(&five);
	ck_assert(elsewhere(read_five));
	ck_assert(!elsewhere(try_write_five));
}
END_TEST

START_TEST(test_rwlock_write_admits_nobody)
{
	{
		DXF_SCOPED_WRLOCK(&five);
		dxf_rwlock_assert_wrheld(&five);
		ck_assert(!elsewhere(try_write_five));
	}
	ck_assert(elsewhere(try_write_five));
}
END_TEST

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool flag;

static void *raise_flag(void *arg)
{
	DXF_SCOPED_MUTEX(&low);
	flag = true;
	pthread_cond_signal(&cond);
	return NULL;
}

START_TEST(test_mutex_wait_lets_others_in)
{
	pthread_t t;

	flag = false;
	dxf_mutex_lock(&low);
	ck_assert_int_eq(pthread_create(&t, NULL, raise_flag, NULL), 0);
	while (!flag)
		dxf_mutex_wait(&low, &cond);
	dxf_mutex_assert_held(&low);
	dxf_mutex_unlock(&low);
	pthread_join(t, NULL);
}
END_TEST

START_TEST(test_rank_rising_is_allowed_in_any_order_of_release)
{
	dxf_rwlock_wrlock(&five);
	dxf_rwlock_rdlock(&nine);
	dxf_mutex_lock(&low);
	dxf_mutex_lock(&high);
	dxf_rwlock_unlock(&five);
	dxf_mutex_unlock(&low);
	dxf_mutex_unlock(&high);
	dxf_rwlock_unlock(&nine);
	ck_assert(elsewhere(try_write_five));
}
END_TEST

START_TEST(test_rank_trylock_may_fall)
{
	dxf_mutex_lock(&high);
	ck_assert(dxf_mutex_trylock(&low));
	ck_assert(dxf_rwlock_trywrlock(&nine));
	dxf_mutex_assert_held(&low);
	dxf_rwlock_unlock(&nine);
	dxf_mutex_unlock(&low);
	dxf_mutex_unlock(&high);
}
END_TEST

START_TEST(test_lockstat_counts_what_the_thread_takes)
{
	uint64_t mutexes = dxf_lock_taken(DXF_RANK_ICACHE);
	uint64_t rwlocks = dxf_lock_taken(DXF_RANK_INODE);

	dxf_mutex_lock(&low);
	dxf_mutex_unlock(&low);
	ck_assert(dxf_mutex_trylock(&low));
	ck_assert(!elsewhere(try_low));
	dxf_mutex_unlock(&low);
	dxf_rwlock_rdlock(&five);
	dxf_rwlock_unlock(&five);
	dxf_rwlock_wrlock(&five);
	dxf_rwlock_unlock(&five);
	ck_assert_uint_eq(dxf_lock_taken(DXF_RANK_ICACHE), mutexes + 2);
	ck_assert_uint_eq(dxf_lock_taken(DXF_RANK_INODE), rwlocks + 2);
	ck_assert_uint_eq(dxf_lock_taken(DXF_RANK_ALLOC), 0);
}
END_TEST

static void *lock_low(void *arg)
{
	dxf_mutex_lock(&low);
	dxf_mutex_unlock(&low);
	return &low;
}

START_TEST(test_lockstat_counts_who_had_to_wait)
{
	uint64_t waits = dxf_lock_waits(DXF_RANK_ICACHE);
	pthread_t t;

	dxf_mutex_lock(&low);
	ck_assert_uint_eq(dxf_lock_waits(DXF_RANK_ICACHE), waits);
	ck_assert_int_eq(pthread_create(&t, NULL, lock_low, NULL), 0);
	while (dxf_lock_waits(DXF_RANK_ICACHE) == waits)
		sched_yield();
	dxf_mutex_unlock(&low);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_uint_eq(dxf_lock_waits(DXF_RANK_ICACHE), waits + 1);
}
END_TEST

/* The shortest and the longest that a time in a bucket can be follow on. */
START_TEST(test_lockstat_times_one_rank)
{
	uint64_t n[DXF_HELD_BUCKETS], sum = 0, longest, below = 0;

	dxf_lock_time(DXF_RANK_ALLOC);
	for (int i = 0; i < 10; i++) {
		dxf_mutex_lock(&low);
		dxf_mutex_lock(&high);
		dxf_mutex_unlock(&high);
		dxf_mutex_unlock(&low);
	}
	longest = dxf_lock_held(n);
	dxf_lock_time(0);
	for (unsigned int i = 0; i < DXF_HELD_BUCKETS; i++) {
		sum += n[i];
		if (n[i] > 0)
			below = dxf_lock_held_ns(i);
		ck_assert(i == 0 ||
			  dxf_lock_held_ns(i) > dxf_lock_held_ns(i - 1));
	}
	ck_assert_uint_eq(sum, 10);
	ck_assert_uint_ge(longest, below);
	dxf_mutex_lock(&high);
	dxf_mutex_unlock(&high);
	ck_assert_uint_eq(dxf_lock_held(n), 0);
}
END_TEST

#ifndef NDEBUG
START_TEST(test_rank_falling_dies)
{
	dxf_mutex_lock(&high);
	dxf_mutex_lock(&low);
}
END_TEST

START_TEST(test_rank_same_twice_dies)
{
	struct dxf_mutex other;

	dxf_mutex_init(&other, DXF_RANK_ICACHE);
	dxf_mutex_lock(&low);
	dxf_mutex_lock(&other);
}
END_TEST

START_TEST(test_rank_inode_keys_falling_dies)
{
	dxf_rwlock_rdlock(&nine);
	dxf_rwlock_rdlock(&five);
}
END_TEST

START_TEST(test_rank_same_lock_twice_dies)
{
	dxf_rwlock_rdlock(&five);
	dxf_rwlock_rdlock(&five);
}
END_TEST

START_TEST(test_unlock_of_free_lock_dies)
{
	dxf_mutex_unlock(&low);
}
END_TEST

START_TEST(test_assert_held_of_free_lock_dies)
{
	dxf_mutex_assert_held(&low);
}
END_TEST

START_TEST(test_assert_wrheld_of_read_lock_dies)
{
	dxf_rwlock_rdlock(&five);
	dxf_rwlock_assert_wrheld(&five);
}
END_TEST

static void *assert_low(void *arg)
{
	dxf_mutex_assert_held(&low);
	return NULL;
}

START_TEST(test_assert_held_by_another_thread_dies)
{
	dxf_mutex_lock(&low);
	elsewhere(assert_low);
}
END_TEST

static void add_deaths(Suite *suite)
{
	TCase *tc = tcase_create("deaths");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test_raise_signal(tc, test_rank_falling_dies, SIGABRT);
	tcase_add_test_raise_signal(tc, test_rank_same_twice_dies, SIGABRT);
	tcase_add_test_raise_signal(tc, test_rank_inode_keys_falling_dies,
				    SIGABRT);
	tcase_add_test_raise_signal(tc, test_rank_same_lock_twice_dies,
				    SIGABRT);
	tcase_add_test_raise_signal(tc, test_unlock_of_free_lock_dies,
				    SIGABRT);
	tcase_add_test_raise_signal(tc, test_assert_held_of_free_lock_dies,
				    SIGABRT);
	tcase_add_test_raise_signal(tc, test_assert_wrheld_of_read_lock_dies,
				    SIGABRT);
	tcase_add_test_raise_signal(tc,
				    test_assert_held_by_another_thread_dies,
				    SIGABRT);
	suite_add_tcase(suite, tc);
}
#else
static void add_deaths(Suite *suite)
{
}
#endif

int main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tc = tcase_create("lock");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_mutex_held_keeps_others_out);
	tcase_add_test(tc, test_mutex_scoped_is_released_at_the_end);
	tcase_add_test(tc, test_rwlock_read_admits_readers_only);
	tcase_add_test(tc, test_rwlock_write_admits_nobody);
	tcase_add_test(tc, test_mutex_wait_lets_others_in);
	tcase_add_test(tc,
		       test_rank_rising_is_allowed_in_any_order_of_release);
	tcase_add_test(tc, test_rank_trylock_may_fall);
	tcase_add_test(tc, test_lockstat_counts_what_the_thread_takes);
	tcase_add_test(tc, test_lockstat_counts_who_had_to_wait);
	tcase_add_test(tc, test_lockstat_times_one_rank);
	suite_add_tcase(suite, tc);
	/* What dies needs a process of its own. */
	if (srunner_fork_status(sr) == CK_FORK)
		add_deaths(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
