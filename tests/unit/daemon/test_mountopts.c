/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libfuse is given.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mountopts.h"
#include "options.h"

static struct dxf_options o;

/* The list made of `-o @given`; freed by the caller. */
static char *made_of(const char *given, bool selinux)
{
	const char *argv[] = { "daxfuse", "S", "D", "-o", "fsname=F", "-o",
			       given, NULL };
	struct dxf_session s = { .opt = &o };
	struct dxf_err err;
	char *list;

	ck_assert_int_eq(dxf_options_parse(&o, 7, (char **)argv, &err), 0);
	s.ro = o.region.ro;
	ck_assert_int_eq(dxf_mountopts_list(&s, selinux, &list), 0);
	dxf_options_free(&o);
	return list;
}

static bool has(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *p;

	for (p = strstr(list, word); p != NULL; p = strstr(p + 1, word))
		if ((p == list || p[-1] == ',') &&
		    (p[len] == ',' || p[len] == '\0'))
			return true;
	return false;
}

static void expect(const char *given, const char *word, bool wanted)
{
	char *list = made_of(given, true);

	ck_assert_msg(has(list, word) == wanted, "%s %s in %s", word,
		      wanted ? "is not" : "is", list);
	free(list);
}

START_TEST(test_mountopts_no_time_option_reaches_libfuse)
{
	static const char *const times[] = {
		"atime", "noatime", "relatime", "norelatime", "strictatime",
		"nostrictatime", "diratime", "nodiratime", "lazytime",
		"nolazytime", "nosymfollow",
	};
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		expect(times[i], times[i], false);
}
END_TEST

START_TEST(test_mountopts_flags_are_passed)
{
	expect("ro", "ro", true);
	expect("rw", "ro", false);
	expect("sync", "sync", true);
	expect("dirsync", "dirsync", true);
	expect("noexec", "noexec", true);
	expect("nosuid", "suid", false);
	expect("nodev", "dev", false);
	expect("allow_root", "allow_root", true);
	expect("allow_root", "allow_other", false);
	expect("suid", "suid", geteuid() == 0);
	expect("dev", "dev", geteuid() == 0);
	expect("rw", "allow_other", geteuid() == 0);
	expect("rw", "default_permissions", true);
	expect("subtype=x\\,y", "subtype=x\\,y", true);
}
END_TEST

START_TEST(test_mountopts_fakeroot_makes_nothing_privileged)
{
	expect("fakeroot", "default_permissions", false);
	expect("fakeroot,suid", "suid", false);
	expect("fakeroot,dev", "dev", false);
}
END_TEST

START_TEST(test_mountopts_labels_are_quoted_and_escaped)
{
	static const char want[] = "context=\"u:o:t:s0:c1\\,c2\"";
	char *list = made_of("context=\"u:o:t:s0:c1,c2\",fscontext=a:b", true);

	ck_assert_msg(strstr(list, want) != NULL, "%s", list);
	ck_assert_msg(has(list, "fscontext=\"a:b\""), "%s", list);
	ck_assert_ptr_null(strstr(list, "rootcontext"));
	free(list);
	list = made_of("context=u,defcontext=u,rootcontext=u", true);
	ck_assert(has(list, "context=\"u\""));
	ck_assert(has(list, "defcontext=\"u\""));
	ck_assert(has(list, "rootcontext=\"u\""));
	free(list);
}
END_TEST

START_TEST(test_mountopts_no_label_without_selinux)
{
	char *list = made_of("context=u,fscontext=u", false);

	ck_assert_ptr_null(strstr(list, "context"));
	free(list);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mountopts");
	TCase *t = tcase_create("mountopts");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_mountopts_no_time_option_reaches_libfuse);
	tcase_add_test(t, test_mountopts_flags_are_passed);
	tcase_add_test(t, test_mountopts_fakeroot_makes_nothing_privileged);
	tcase_add_test(t, test_mountopts_labels_are_quoted_and_escaped);
	tcase_add_test(t, test_mountopts_no_label_without_selinux);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
