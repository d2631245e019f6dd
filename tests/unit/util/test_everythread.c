/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_everythread.c - the function runs once in each thread, the caller's too,
 * also in those that block all other signals.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "everythread.h"

#define THREADS	12

static atomic_int calls;
static atomic_bool stop;
static _Thread_local int mine;
static int by_thread[THREADS];
static pthread_barrier_t all_there;

static int count(void)
{
	atomic_fetch_add(&calls, 1);
	mine++;
	return 0;
}

static int fail_everywhere(void)
{
	return -EXDEV;
}

static void *waiter(void *arg)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, dxf_everythread_signal());
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_barrier_wait(&all_there);
	while (!atomic_load(&stop))
		usleep(1000);
	by_thread[(intptr_t)arg] = mine;
	return NULL;
}

static void run_waiters(pthread_t t[THREADS])
{
	atomic_store(&calls, 0);
	atomic_store(&stop, false);
	mine = 0;
	pthread_barrier_init(&all_there, NULL, THREADS + 1);
	for (intptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, waiter,
						(void *)i), 0);
	pthread_barrier_wait(&all_there);
}

static void end_waiters(pthread_t t[THREADS])
{
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&all_there);
}

START_TEST(test_function_runs_once_in_each_thread)
{
	pthread_t t[THREADS];

	run_waiters(t);
	ck_assert_int_eq(dxf_everythread_run(count), 0);
	end_waiters(t);
	ck_assert_int_eq(atomic_load(&calls), THREADS + 1);
	ck_assert_int_eq(mine, 1);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(by_thread[i], 1);
}
END_TEST

START_TEST(test_an_error_in_a_thread_is_returned)
{
	pthread_t t[THREADS];

	run_waiters(t);
	ck_assert_int_eq(dxf_everythread_run(fail_everywhere), -EXDEV);
	/* and the next run starts afresh */
	ck_assert_int_eq(dxf_everythread_run(count), 0);
	end_waiters(t);
	ck_assert_int_eq(atomic_load(&calls), THREADS + 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("everythread");
	Suite *suite = suite_create("everythread");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_function_runs_once_in_each_thread);
	tcase_add_test(tc, test_an_error_in_a_thread_is_returned);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
