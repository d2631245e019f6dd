/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ringyield.c - when a ring's worker yields, and who takes that back.
 *
 * The load is made up: a CPU is always idle, or none.  Where the machine is slow
 * the watch may come in between at any time, so what it allows is waited for.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "ringyield.h"

#define CLIENT		100
#define STRANGER	200
#define ENOUGH		1000	/* requests */

static struct dxf_ringyield y;
static struct dxf_ringyield *all[] = { &y };
static struct dxf_ringwatch watch;
static atomic_bool yields;
static atomic_int freed;
static bool may_yield;
static atomic_uint running;

/* ---- in the place of cpuload.c ---- */

void dxf_cpuload_open(struct dxf_cpuload *l)
{
	l->ncpus = 2;
}

void dxf_cpuload_close(struct dxf_cpuload *l)
{
}

unsigned int dxf_cpuload_ask(const struct dxf_cpuload *l)
{
	return atomic_load(&running);
}

unsigned int dxf_cpuload_recent(struct dxf_cpuload *l, uint64_t now)
{
	return atomic_load(&running);
}

/* ---- the worker's side ---- */

static int yield(void *ctx, bool on)
{
	/* the watch must know first, and must not forget too early */
	ck_assert(atomic_load(&y.on));
	if (on && !may_yield)
		return -EPERM;
	atomic_store(&yields, on);
	return 0;
}

static void release(void *ctx)
{
	atomic_store(&yields, false);
	atomic_fetch_add(&freed, 1);
}

static const struct dxf_escort_ops ops = { .yield = yield, .free = release };

static void setup(void)
{
	memset(&y, 0, sizeof(y));
	y.ops = &ops;
	may_yield = true;
	atomic_store(&running, 1);
	atomic_store(&freed, 0);
	ck_assert_int_eq(dxf_ringwatch_start(&watch, all, 1), 0);
}

static void teardown(void)
{
	dxf_ringwatch_dismiss(&watch);
	dxf_ringwatch_stop(&watch);
}

static void serve(pid_t caller, bool alone, unsigned int n)
{
	while (n-- > 0)
		dxf_ringyield_turn(&y, &watch, caller, alone);
}

static void serve_until_it_yields(void)
{
	while (!atomic_load(&y.on))
		serve(CLIENT, true, 1);
}

START_TEST(test_yield_to_one_that_comes_again_and_again)
{
	serve(CLIENT, true, 3);
	ck_assert(!atomic_load(&y.on));
	serve_until_it_yields();
	serve(0, true, ENOUGH);
	ck_assert(atomic_load(&y.on));
	serve(STRANGER, true, 1);
	ck_assert(atomic_load(&y.on));
	serve(STRANGER, true, 10);
	ck_assert(!atomic_load(&y.on));
	ck_assert(!atomic_load(&yields));
}
END_TEST

START_TEST(test_yield_not_to_many)
{
	unsigned int i;

	for (i = 0; i < ENOUGH; i++)
		serve(i % 2 ? CLIENT : STRANGER, true, 1);
	ck_assert(!atomic_load(&y.on));
	serve(CLIENT, false, ENOUGH);
	ck_assert(!atomic_load(&y.on));
}
END_TEST

START_TEST(test_yield_not_where_no_cpu_is_idle)
{
	atomic_store(&running, 2);
	serve(CLIENT, true, ENOUGH);
	ck_assert(!atomic_load(&y.on));
	ck_assert(!atomic_load(&yields));
}
END_TEST

START_TEST(test_yield_that_is_forbidden_is_none)
{
	may_yield = false;
	serve(CLIENT, true, ENOUGH);
	ck_assert(!atomic_load(&y.on));
	ck_assert(!atomic_load(&yields));
}
END_TEST

START_TEST(test_watch_frees_one_that_does_not_get_on)
{
	serve_until_it_yields();
	while (atomic_load(&freed) == 0 || !atomic_load(&y.called_off))
		sched_yield();
	ck_assert(atomic_load(&y.on));
	/* the next request is told, and goes on as an ordinary one */
	serve(CLIENT, true, 1);
	ck_assert(!atomic_load(&y.on));
	serve_until_it_yields();
}
END_TEST

START_TEST(test_watch_frees_where_no_cpu_is_left)
{
	serve_until_it_yields();
	atomic_store(&running, 4);
	while (!atomic_load(&y.called_off))
		serve(0, true, 1);
	serve(CLIENT, true, ENOUGH);
	ck_assert(!atomic_load(&y.on));
}
END_TEST

START_TEST(test_end_and_dismissal)
{
	serve_until_it_yields();
	dxf_ringyield_end(&y, &watch);
	ck_assert(!atomic_load(&y.on));
	serve_until_it_yields();
	dxf_ringwatch_dismiss(&watch);
	serve(CLIENT, true, ENOUGH);
	ck_assert(!atomic_load(&y.on));
	ck_assert(!atomic_load(&yields));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ringyield");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_yield_to_one_that_comes_again_and_again);
	tcase_add_test(t, test_yield_not_to_many);
	tcase_add_test(t, test_yield_not_where_no_cpu_is_idle);
	tcase_add_test(t, test_yield_that_is_forbidden_is_none);
	tcase_add_test(t, test_watch_frees_one_that_does_not_get_on);
	tcase_add_test(t, test_watch_frees_where_no_cpu_is_left);
	tcase_add_test(t, test_end_and_dismissal);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
