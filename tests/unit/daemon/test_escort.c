/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_escort.c - when a worker goes to its client's CPU, stays, and leaves.
 *
 * The machine is made up: where the client is, and what may be done.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "escort.h"

#define CLIENT		100
#define STRANGER	200

static struct {
	int client_cpu;		/* -errno: it is gone */
	int cpu;		/* the worker's */
	bool yields, may_move, may_yield;
	int met, moved, freed;
} machine;

static struct dxf_escort escort;

static int meet(void *ctx, pid_t caller)
{
	ck_assert_int_gt(caller, 0);
	machine.met++;
	return machine.client_cpu < 0 ? machine.client_cpu : 0;
}

static int caller_cpu(void *ctx)
{
	return machine.client_cpu;
}

static int go(void *ctx, int cpu)
{
	if (!machine.may_move)
		return -EPERM;
	machine.moved += cpu != machine.cpu;
	machine.cpu = cpu;
	return 0;
}

static int yield(void *ctx, bool on)
{
	/* the watch must know first, and must not forget too early */
	ck_assert(atomic_load(&escort.yields));
	if (on && !machine.may_yield)
		return -EPERM;
	machine.yields = on;
	return 0;
}

static void release(void *ctx)
{
	machine.yields = false;
	machine.cpu = DXF_ESCORT_ANY;
	machine.freed++;
}

static const struct dxf_escort_ops ops = {
	.meet = meet, .caller_cpu = caller_cpu, .go = go, .yield = yield,
	.free = release,
};

static void setup(bool may_yield)
{
	memset(&machine, 0, sizeof(machine));
	machine.client_cpu = 1;
	machine.cpu = DXF_ESCORT_ANY;
	machine.may_move = machine.may_yield = true;
	dxf_escort_init(&escort, &ops, NULL, may_yield);
}

/* As the crew does.  Returns: does it escort? */
static bool request(pid_t caller, bool spare)
{
	if (!dxf_escort_request(&escort, caller))
		return escort.on;
	switch (dxf_escort_decide(&escort, caller, spare)) {
	case DXF_ESCORT_BEGIN:
		dxf_escort_begin(&escort, spare);
		break;
	case DXF_ESCORT_END:
		dxf_escort_end(&escort);
		break;
	case DXF_ESCORT_STAY:
		break;
	}
	return escort.on;
}

/* Returns: after how many requests of the client it escorts; 0: never. */
static int requests_until_on(bool spare)
{
	for (int n = 1; n <= 5000; n++)
		if (request(CLIENT, spare))
			return n;
	return 0;
}

/* @n requests of the client.  Returns: does it still escort? */
static bool requests(int n, bool spare)
{
	for (int i = 0; i < n; i++)
		request(CLIENT, spare);
	return escort.on;
}

static void must_be_free(void)
{
	ck_assert(!escort.on);
	ck_assert(!machine.yields && !atomic_load(&escort.yields));
	ck_assert_int_eq(machine.cpu, DXF_ESCORT_ANY);
}

START_TEST(test_escort_one_client_is_followed)
{
	setup(true);
	ck_assert_int_gt(requests_until_on(true), 16);
	ck_assert_int_eq(machine.cpu, 1);
	ck_assert(machine.yields);
	machine.client_cpu = 0;
	ck_assert(requests(100, true));
	ck_assert_int_eq(machine.cpu, 0);
	ck_assert(machine.yields);
}
END_TEST

START_TEST(test_escort_two_clients_never)
{
	setup(true);
	for (int i = 0; i < 5000; i++)
		ck_assert(!request(i & 1 ? CLIENT : STRANGER, true));
	ck_assert_int_eq(machine.met, 0);
	must_be_free();
}
END_TEST

/* Forgets and releases are nobody's. */
START_TEST(test_escort_nobodys_requests_do_not_count)
{
	setup(true);
	for (int i = 0; i < 200; i++) {
		request(CLIENT, true);
		request(0, true);
	}
	ck_assert(escort.on);
	for (int i = 0; i < 200; i++)
		ck_assert(request(0, true));
}
END_TEST

START_TEST(test_escort_stranger_now_and_then_is_borne)
{
	setup(true);
	requests_until_on(true);
	for (int i = 0; i < 50; i++) {
		ck_assert(request(STRANGER, true));
		ck_assert(requests(64, true));
	}
}
END_TEST

START_TEST(test_escort_ends_with_a_second_client)
{
	int first, again;

	setup(true);
	first = requests_until_on(true);
	for (int i = 0; escort.on; i++) {
		ck_assert_int_lt(i, 64);
		request(STRANGER, true);
		request(CLIENT, true);
	}
	must_be_free();
	/* it is not so sure the next time */
	again = requests_until_on(true);
	ck_assert_int_gt(again, first);
}
END_TEST

START_TEST(test_escort_ends_when_client_has_several_requests)
{
	setup(true);
	requests_until_on(true);
	for (int i = 0; i < 64 && escort.on; i++) {
		dxf_escort_parallel(&escort);
		request(CLIENT, true);
	}
	must_be_free();
	for (int i = 0; i < 5000; i++) {
		dxf_escort_parallel(&escort);
		ck_assert(!request(CLIENT, true));
	}
}
END_TEST

START_TEST(test_escort_busy_machine_does_not_yield)
{
	setup(true);
	ck_assert_int_gt(requests_until_on(false), 0);
	ck_assert_int_eq(machine.cpu, 1);
	ck_assert(!machine.yields);
	/* it becomes quiet, and busy again */
	ck_assert(requests(100, true));
	ck_assert(machine.yields);
	ck_assert(requests(100, false));
	ck_assert(!machine.yields && !atomic_load(&escort.yields));
}
END_TEST

/* Who may not yield would chase a client that the kernel moves away. */
START_TEST(test_escort_quiet_machine_without_right_never)
{
	setup(false);
	ck_assert_int_eq(requests_until_on(true), 0);
	ck_assert_int_gt(requests_until_on(false), 0);
	ck_assert(!requests(100, true));
	must_be_free();
}
END_TEST

START_TEST(test_escort_right_lost_is_noticed)
{
	setup(true);
	machine.may_yield = false;
	requests(200, true);
	must_be_free();
	ck_assert(!escort.may_yield);
}
END_TEST

/* A client that moves all the time cannot be kept. */
START_TEST(test_escort_gives_up_a_restless_client)
{
	int moved;

	setup(true);
	requests_until_on(false);
	for (int i = 0; i < 20 && escort.on; i++) {
		machine.client_cpu ^= 1;
		requests(64, false);
	}
	must_be_free();
	moved = machine.moved;
	ck_assert_int_lt(moved, 20);
}
END_TEST

START_TEST(test_escort_client_gone_ends)
{
	setup(true);
	requests_until_on(true);
	machine.client_cpu = -ESRCH;
	requests(64, true);
	must_be_free();
	/* and one that cannot be found at all is asked for ever less often */
	machine.met = 0;
	requests(20000, true);
	must_be_free();
	ck_assert_int_lt(machine.met, 30);
}
END_TEST

START_TEST(test_escort_not_allowed_to_move_leaves_it)
{
	setup(true);
	machine.may_move = false;
	ck_assert_int_eq(requests_until_on(true), 0);
	must_be_free();
}
END_TEST

START_TEST(test_escort_called_off_ends_at_the_next_look)
{
	setup(true);
	requests_until_on(true);
	dxf_escort_call_off(&escort);
	ck_assert_int_eq(machine.freed, 1);
	ck_assert(!machine.yields);
	/* known until the worker has seen it: it may have been on its way */
	ck_assert(atomic_load(&escort.yields));
	requests(64, true);
	must_be_free();
	ck_assert_int_gt(requests_until_on(true), 0);
}
END_TEST

START_TEST(test_escort_without_a_machine_never)
{
	setup(true);
	dxf_escort_init(&escort, NULL, NULL, true);
	for (int i = 0; i < 5000; i++)
		ck_assert(!dxf_escort_request(&escort, CLIENT));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("escort");
	TCase *tc = tcase_create("escort");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_escort_one_client_is_followed);
	tcase_add_test(tc, test_escort_two_clients_never);
	tcase_add_test(tc, test_escort_nobodys_requests_do_not_count);
	tcase_add_test(tc, test_escort_stranger_now_and_then_is_borne);
	tcase_add_test(tc, test_escort_ends_with_a_second_client);
	tcase_add_test(tc, test_escort_ends_when_client_has_several_requests);
	tcase_add_test(tc, test_escort_busy_machine_does_not_yield);
	tcase_add_test(tc, test_escort_quiet_machine_without_right_never);
	tcase_add_test(tc, test_escort_right_lost_is_noticed);
	tcase_add_test(tc, test_escort_gives_up_a_restless_client);
	tcase_add_test(tc, test_escort_client_gone_ends);
	tcase_add_test(tc, test_escort_not_allowed_to_move_leaves_it);
	tcase_add_test(tc, test_escort_called_off_ends_at_the_next_look);
	tcase_add_test(tc, test_escort_without_a_machine_never);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
