/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_hist.c - every value is in the one bucket between whose bounds it lies.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "hist.h"

START_TEST(test_bucket_holds_what_lies_between_its_bounds)
{
	unsigned int i;

	for (i = 0; i < DXF_HIST_N - 1; i++) {
		uint64_t bound = dxf_hist_bound(i);

		ck_assert_uint_eq(dxf_hist_bucket(bound - 1), i);
		ck_assert_uint_eq(dxf_hist_bucket(bound), i + 1);
		ck_assert_uint_gt(dxf_hist_bound(i + 1), bound);
	}
	ck_assert_uint_eq(dxf_hist_bucket(0), 0);
	ck_assert_uint_eq(dxf_hist_bucket(UINT64_MAX), DXF_HIST_N - 1);
	ck_assert_uint_eq(dxf_hist_bound(DXF_HIST_N - 1), UINT64_MAX);
}
END_TEST

START_TEST(test_quantile_is_the_bound_that_so_many_are_below)
{
	uint64_t hist[DXF_HIST_N] = { 0 };

	ck_assert_uint_eq(dxf_hist_quantile(hist, 0, 0, 500), 0);
	hist[dxf_hist_bucket(1000)] = 90;
	hist[dxf_hist_bucket(1000000)] = 9;
	hist[dxf_hist_bucket(5000000)] = 1;
	ck_assert_uint_eq(dxf_hist_quantile(hist, 100, 5000000, 500),
			  dxf_hist_bound(dxf_hist_bucket(1000)));
	ck_assert_uint_eq(dxf_hist_quantile(hist, 100, 5000000, 900),
			  dxf_hist_bound(dxf_hist_bucket(1000)));
	ck_assert_uint_eq(dxf_hist_quantile(hist, 100, 5000000, 990),
			  dxf_hist_bound(dxf_hist_bucket(1000000)));
	/* the bucket's bound is more than the longest */
	ck_assert_uint_eq(dxf_hist_quantile(hist, 100, 5000000, 1000),
			  5000000);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hist");
	Suite *suite = suite_create("hist");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_bucket_holds_what_lies_between_its_bounds);
	tcase_add_test(tc, test_quantile_is_the_bound_that_so_many_are_below);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
