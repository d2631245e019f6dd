/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A name in a program's arguments. */
#include <stdlib.h>

#include "fault.h"
#include "pmem_rig.h"
#include "subst.h"

START_TEST(test_subst_replaces_each_pair_of_braces)
{
	const char *argv[] = { "p", "{}", "-{}-{}", "{", "}{", "", "{{}}", NULL };
	const char *want[] = { "p", "NAME", "-NAME-NAME", "{", "}{", "",
			       "{NAME}" };
	char **got = dxf_subst((char *const *)argv, "NAME");

	ck_assert_ptr_nonnull(got);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(want); i++)
		ck_assert_str_eq(got[i], want[i]);
	ck_assert_ptr_null(got[DXF_ARRAY_SIZE(want)]);
	free(got);
}
END_TEST

START_TEST(test_subst_with_braces_in_the_name_replaces_once)
{
	const char *argv[] = { "{}", NULL };
	char **got = dxf_subst((char *const *)argv, "a{}b");

	ck_assert_str_eq(got[0], "a{}b");
	free(got);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("subst");
	TCase *tc = tcase_create("subst");

	tcase_add_test(tc, test_subst_replaces_each_pair_of_braces);
	tcase_add_test(tc, test_subst_with_braces_in_the_name_replaces_once);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
