/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages: err, log, and the small helpers of units.h and cleanup.h. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "err.h"
#include "log.h"
#include "units.h"

static char seen[2048];
static enum dxf_log_level seen_level;
static int nseen;

static void catch(void *ctx, enum dxf_log_level level, const char *text)
{
	ck_assert_ptr_eq(ctx, seen);
	snprintf(seen, sizeof(seen), "%s", text);
	seen_level = level;
	nseen++;
}

static void setup(void)
{
	nseen = 0;
	seen[0] = '\0';
	dxf_log_set_level(DXF_LOG_INFO);
	dxf_log_set_sink(catch, seen);
}

static void teardown(void)
{
	dxf_log_set_sink(NULL, NULL);
}

START_TEST(test_log_message_reaches_the_sink)
{
	dxf_log_warn("inode %d, block %s", 12, "seven");
	ck_assert_int_eq(nseen, 1);
	ck_assert_int_eq(seen_level, DXF_LOG_WARN);
	ck_assert_str_eq(seen, "inode 12, block seven");
}
END_TEST

START_TEST(test_log_below_the_level_is_dropped)
{
	dxf_log_debug("dropped");
	ck_assert_int_eq(nseen, 0);
	dxf_log_set_level(DXF_LOG_DEBUG);
	dxf_log_debug("kept");
	ck_assert_int_eq(nseen, 1);
	dxf_log_set_level(DXF_LOG_ERR);
	dxf_log_warn("dropped");
	dxf_log_info("dropped");
	dxf_log_err("kept");
	ck_assert_int_eq(nseen, 2);
}
END_TEST

START_TEST(test_log_of_long_text_is_cut)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	dxf_log_err("%s", text);
	ck_assert_uint_gt(strlen(seen), 500);
	ck_assert_uint_lt(strlen(seen), sizeof(seen) - 1);
}
END_TEST

/* What fd 2 gets from one message while the sink is off. */
static ssize_t stderr_of_message(char *buf, size_t len)
{
	int p[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe2(p, O_NONBLOCK), 0);
	dup2(p[1], STDERR_FILENO);
	dxf_log_set_sink(NULL, NULL);
	dxf_log_err("out of %s", "cheese");
	dup2(saved, STDERR_FILENO);
	n = read(p[0], buf, len);
	close(p[0]);
	close(p[1]);
	close(saved);
	return n;
}

START_TEST(test_log_without_sink_goes_to_stderr_with_the_name)
{
	char buf[100] = "";

	ck_assert_int_gt(stderr_of_message(buf, sizeof(buf) - 1), 0);
	ck_assert_str_eq(buf, "daxfuse: out of cheese\n");
}
END_TEST

START_TEST(test_log_to_syslog_leaves_stderr_alone)
{
	char buf[100];

	dxf_log_to_syslog(true);
	ck_assert_int_lt(stderr_of_message(buf, sizeof(buf)), 0);
	dxf_log_to_syslog(false);
	ck_assert_int_gt(stderr_of_message(buf, sizeof(buf)), 0);
}
END_TEST

START_TEST(test_err_set_formats_and_returns_the_negative)
{
	struct dxf_err e;

	ck_assert_int_eq(dxf_err_set(&e, EBUSY, "%s is in use", "it"), -EBUSY);
	ck_assert_str_eq(e.text, "it is in use");
}
END_TEST

START_TEST(test_err_set_without_struct_is_allowed)
{
	ck_assert_int_eq(dxf_err_set(NULL, EIO, "%d", 1), -EIO);
}
END_TEST

START_TEST(test_err_set_of_long_text_is_cut)
{
	struct dxf_err e;
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	dxf_err_set(&e, EIO, "%s", text);
	ck_assert_uint_eq(strlen(e.text), sizeof(e.text) - 1);
}
END_TEST

START_TEST(test_units_align_rounds_both_ways)
{
	ck_assert_uint_eq(dxf_align_down(4097, 4096), 4096);
	ck_assert_uint_eq(dxf_align_up(4097, 4096), 8192);
	ck_assert_uint_eq(dxf_align_down(4096, 4096), 4096);
	ck_assert_uint_eq(dxf_align_up(4096, 4096), 4096);
	ck_assert_uint_eq(dxf_align_up(0, 4096), 0);
}
END_TEST

START_TEST(test_cleanup_close_spares_what_was_stolen)
{
	int kept, closed;

	{
		DXF_CLEANUP_CLOSE int a = dup(0);
		DXF_CLEANUP_CLOSE int b = dup(0);

		closed = b;
		kept = DXF_STEAL_FD(a);
		ck_assert_int_eq(a, -1);
	}
	ck_assert_int_ge(fcntl(kept, F_GETFD), 0);
	ck_assert_int_eq(fcntl(closed, F_GETFD), -1);
	close(kept);
}
END_TEST

START_TEST(test_cleanup_free_spares_what_was_stolen)
{
	char *kept;

	{
		DXF_CLEANUP_FREE char *p = strdup("kept");

		kept = DXF_STEAL(p);
		ck_assert_ptr_null(p);
	}
	ck_assert_str_eq(kept, "kept");
	free(kept);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_log_message_reaches_the_sink);
	tcase_add_test(tc, test_log_below_the_level_is_dropped);
	tcase_add_test(tc, test_log_of_long_text_is_cut);
	tcase_add_test(tc,
		       test_log_without_sink_goes_to_stderr_with_the_name);
	tcase_add_test(tc, test_log_to_syslog_leaves_stderr_alone);
	tcase_add_test(tc, test_err_set_formats_and_returns_the_negative);
	tcase_add_test(tc, test_err_set_without_struct_is_allowed);
	tcase_add_test(tc, test_err_set_of_long_text_is_cut);
	tcase_add_test(tc, test_units_align_rounds_both_ways);
	tcase_add_test(tc, test_cleanup_close_spares_what_was_stolen);
	tcase_add_test(tc, test_cleanup_free_spares_what_was_stolen);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
