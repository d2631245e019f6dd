/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fault plan, and the allocations under it. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "fault.h"

START_TEST(test_fault_unarmed_never_fails)
{
	for (int i = 0; i < 100; i++)
		ck_assert(!dxf_fault(DXF_FAULT_LOAD));
}
END_TEST

START_TEST(test_fault_armed_fails_nth_call_once)
{
	dxf_fault_arm(DXF_FAULT_LOAD, 3);
	for (int i = 1; i <= 10; i++)
		ck_assert_int_eq(dxf_fault(DXF_FAULT_LOAD), i == 3);
	ck_assert_uint_eq(dxf_fault_count(), 10);
	ck_assert(dxf_fault_disarm());
	ck_assert(!dxf_fault(DXF_FAULT_LOAD));
}
END_TEST

START_TEST(test_fault_not_reached_is_reported)
{
	dxf_fault_arm(DXF_FAULT_LOAD, 3);
	ck_assert(!dxf_fault(DXF_FAULT_LOAD));
	ck_assert(!dxf_fault_disarm());
}
END_TEST

START_TEST(test_fault_zeroth_counts_only)
{
	dxf_fault_arm(DXF_FAULT_PERSIST, 0);
	for (int i = 0; i < 5; i++)
		ck_assert(!dxf_fault(DXF_FAULT_PERSIST));
	ck_assert_uint_eq(dxf_fault_count(), 5);
	ck_assert(!dxf_fault_disarm());
}
END_TEST

START_TEST(test_fault_other_kinds_pass)
{
	dxf_fault_arm(DXF_FAULT_LOAD, 1);
	for (int k = 0; k < DXF_FAULT_NKINDS; k++) {
		if (k != DXF_FAULT_LOAD)
			ck_assert(!dxf_fault((enum dxf_fault_kind)k));
	}
	ck_assert_uint_eq(dxf_fault_count(), 0);
	ck_assert(dxf_fault(DXF_FAULT_LOAD));
	dxf_fault_disarm();
}
END_TEST

static void *ask(void *hit)
{
	*(bool *)hit = dxf_fault(DXF_FAULT_LOAD);
	return NULL;
}

START_TEST(test_fault_other_threads_pass)
{
	pthread_t t;
	bool hit = true;

	dxf_fault_arm(DXF_FAULT_LOAD, 1);
	ck_assert_int_eq(pthread_create(&t, NULL, ask, &hit), 0);
	pthread_join(t, NULL);
	ck_assert(!hit);
	ck_assert_uint_eq(dxf_fault_count(), 0);
	dxf_fault_disarm();
}
END_TEST

START_TEST(test_fault_rearmed_starts_anew)
{
	dxf_fault_arm(DXF_FAULT_LOAD, 1);
	ck_assert(dxf_fault(DXF_FAULT_LOAD));
	dxf_fault_arm(DXF_FAULT_LOAD, 2);
	ck_assert(!dxf_fault(DXF_FAULT_LOAD));
	ck_assert(!dxf_fault_disarm());
}
END_TEST

static void *alloc_by(int how)
{
	switch (how) {
	case 0:
		return dxf_malloc(16);
	case 1:
		return dxf_calloc(2, 8);
	case 2:
		return dxf_realloc(NULL, 16);
	case 3:
		return dxf_aligned_alloc(64, 64);
	default:
		return dxf_strdup("fifteen letters");
	}
}

START_TEST(test_alloc_each_without_plan_gives_memory)
{
	char *p = alloc_by(_i);

	ck_assert_ptr_nonnull(p);
	if (_i == 1)
		ck_assert(memcmp(p, (char[16]){ 0 }, 16) == 0);
	if (_i == 3)
		ck_assert_uint_eq((uintptr_t)p % 64, 0);
	if (_i == 4)
		ck_assert_str_eq(p, "fifteen letters");
	free(p);
}
END_TEST

START_TEST(test_alloc_each_under_plan_gives_null)
{
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_ptr_null(alloc_by(_i));
	ck_assert(dxf_fault_disarm());
}
END_TEST

START_TEST(test_alloc_realloc_under_plan_keeps_the_old)
{
	char *p = dxf_strdup("old");

	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_ptr_null(dxf_realloc(p, 1000));
	dxf_fault_disarm();
	ck_assert_str_eq(p, "old");
	free(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *tc = tcase_create("fault");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_test(tc, test_fault_unarmed_never_fails);
	tcase_add_test(tc, test_fault_armed_fails_nth_call_once);
	tcase_add_test(tc, test_fault_not_reached_is_reported);
	tcase_add_test(tc, test_fault_zeroth_counts_only);
	tcase_add_test(tc, test_fault_other_kinds_pass);
	tcase_add_test(tc, test_fault_other_threads_pass);
	tcase_add_test(tc, test_fault_rearmed_starts_anew);
	tcase_add_loop_test(tc, test_alloc_each_without_plan_gives_memory,
			    0, 5);
	tcase_add_loop_test(tc, test_alloc_each_under_plan_gives_null, 0, 5);
	tcase_add_test(tc, test_alloc_realloc_under_plan_keeps_the_old);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
