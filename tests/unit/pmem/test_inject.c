/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Poison under every kind of access: an error for it, nothing for others. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "pmem_rig.h"
#include "poison.h"
#include "region_priv.h"

#define BAD	(64 * DXF_KIB)
#define PAGE	POISON_PAGE

static struct dxf_region *r;
static unsigned char pattern[3 * PAGE], buf[3 * PAGE];

/* Around BAD a pattern; BAD itself is poisoned.  Both kinds of region. */
static void setup(bool guard)
{
	rig_setup();
	r = rig_anon(RIG_SIZE, guard);
	rig_pattern(pattern, sizeof(pattern), 7);
	ck_assert_int_eq(dxf_persist_copy(r, BAD - PAGE, pattern,
					  sizeof(pattern), 0), 0);
	poison_add(r, BAD);
}

static void setup_one(void)
{
	setup(false);
}

static void setup_two(void)
{
	setup(true);
}

static void teardown(void)
{
	poison_heal(r);
	dxf_region_close(r);
	rig_teardown();
}

static bool is_bad(dxf_off_t off)
{
	dxf_off_t start, end;

	return dxf_region_find_bad(r, off, 1, &start, &end);
}

/* The page is known, its neighbours are not, and it was said once. */
static void check_known(void)
{
	ck_assert(is_bad(BAD));
	ck_assert(is_bad(BAD + PAGE - 1));
	ck_assert(!is_bad(BAD - 1));
	ck_assert(!is_bad(BAD + PAGE));
	ck_assert_int_eq(rig_nlog, 1);
	ck_assert_ptr_nonnull(strstr(rig_log, "media error"));
}

START_TEST(test_inject_load_of_each_length_is_eio_and_remembered)
{
	ck_assert_int_eq(dxf_load(r, BAD + (unsigned int)_i, buf,
				  (size_t)_i + 1), -EIO);
	ck_assert(dxf_load_met_media());
	check_known();
	ck_assert_int_eq(poison_hits(), 1);
	/* It is not touched again. */
	ck_assert_int_eq(dxf_load(r, BAD + 4088, buf, 8), -EIO);
	ck_assert_int_eq(dxf_load(r, BAD - 1, buf, 2), -EIO);
	ck_assert_int_eq(poison_hits(), 1);
	ck_assert_int_eq(dxf_load(r, BAD - PAGE, buf, PAGE), 0);
	ck_assert_int_eq(memcmp(buf, pattern, PAGE), 0);
	ck_assert_int_eq(dxf_load(r, BAD + PAGE, buf, PAGE), 0);
	ck_assert_int_eq(memcmp(buf, pattern + 2 * PAGE, PAGE), 0);
}
END_TEST

START_TEST(test_inject_load_some_ends_before_it)
{
	ck_assert_int_eq(dxf_load_some(r, BAD - 100, buf, 300), 100);
	ck_assert_int_eq(memcmp(buf, pattern + PAGE - 100, 100), 0);
	check_known();
	/* The same when it is known. */
	ck_assert_int_eq(dxf_load_some(r, BAD - PAGE, buf, 3 * PAGE), PAGE);
	ck_assert_int_eq(memcmp(buf, pattern, PAGE), 0);
	ck_assert_int_eq(dxf_load_some(r, BAD + 5, buf, 1), -EIO);
	ck_assert_int_eq(dxf_load_some(r, BAD + PAGE, buf, 9), 9);
}
END_TEST

/* A store of part of a line has to read the rest of it. */
START_TEST(test_inject_store_of_part_of_a_line_is_eio)
{
	ck_assert_int_eq(dxf_persist_copy(r, BAD + 64 * (unsigned int)_i + 3,
					  "abc", 3, 0), -EIO);
	check_known();
	ck_assert_int_eq(dxf_persist_copy(r, BAD + 64 * (unsigned int)_i + 3,
					  "abc", 3, 0), -EIO);
	ck_assert_int_eq(poison_hits(), 1);
	poison_heal(r);
	ck_assert_int_eq(dxf_load(r, BAD - PAGE, buf, sizeof(buf)), 0);
	ck_assert_int_eq(memcmp(buf, pattern, sizeof(buf)), 0);
}
END_TEST

static const unsigned int kinds[] = {
	DXF_PERSIST_DATA, DXF_PERSIST_TEMPORAL, DXF_PERSIST_NOFLUSH,
	DXF_PERSIST_TEMPORAL | DXF_PERSIST_NOFLUSH,
};

/* Bytes before it may be stored, none behind it. */
START_TEST(test_inject_store_across_is_eio)
{
	unsigned char new[3 * PAGE];

	memset(new, 0xee, sizeof(new));
	ck_assert_int_eq(dxf_persist_copy(r, BAD - 1000, new, PAGE + 2000,
					  kinds[_i]), -EIO);
	check_known();
	poison_heal(r);
	ck_assert_int_eq(dxf_load(r, BAD - PAGE, buf, sizeof(buf)), 0);
	ck_assert_int_eq(memcmp(buf, pattern, PAGE - 1000), 0);
	for (size_t i = PAGE - 1000; i < PAGE; i++)
		ck_assert(buf[i] == 0xee || buf[i] == pattern[i]);
	ck_assert_int_eq(memcmp(buf + PAGE, pattern + PAGE, 2 * PAGE), 0);
}
END_TEST

START_TEST(test_inject_zero_and_move_are_eio)
{
	ck_assert_int_eq(dxf_persist_zero(r, BAD, 10, 0), -EIO);
	check_known();
	poison_heal(r);
	poison_add(r, BAD);
	ck_assert_int_eq(dxf_persist_move(r, 0, BAD - 64, 128, 0), -EIO);
	ck_assert(is_bad(BAD));
	ck_assert_int_eq(dxf_persist_move(r, BAD - 64, 0, 128, 0), -EIO);
	ck_assert_int_eq(poison_hits(), 1);
}
END_TEST

/* A driver that cannot clear: the block stays bad. */
START_TEST(test_inject_recovery_of_what_stays_bad_is_eio)
{
	dxf_region_add_bad(r, BAD, PAGE);
	ck_assert_int_eq(dxf_persist_copy(r, BAD, pattern, PAGE,
					  DXF_PERSIST_RECOVERY), -EIO);
	ck_assert(is_bad(BAD));
}
END_TEST

/* A store says nothing, the load afterwards does. */
START_TEST(test_inject_recovery_looks_at_what_it_stored)
{
	if (r->wr == r->rd)
		return;
	poison_heal(r);
	poison_add_reads(r, BAD);
	dxf_region_add_bad(r, BAD, PAGE);
	ck_assert_int_eq(dxf_persist_copy(r, BAD, pattern, PAGE,
					  DXF_PERSIST_RECOVERY), -EIO);
	ck_assert_int_gt(poison_hits(), 0);
	ck_assert(is_bad(BAD));
}
END_TEST

/* One that can: it was good again before it was stored to. */
START_TEST(test_inject_recovery_clears_what_can_be_read_again)
{
	poison_heal(r);
	dxf_region_add_bad(r, BAD, PAGE);
	ck_assert_int_eq(dxf_persist_copy(r, BAD, pattern, PAGE - 1,
					  DXF_PERSIST_RECOVERY), -EIO);
	ck_assert_int_eq(dxf_persist_copy(r, BAD, pattern, PAGE,
					  DXF_PERSIST_RECOVERY), 0);
	ck_assert(!is_bad(BAD));
	ck_assert_int_eq(dxf_load(r, BAD, buf, PAGE), 0);
	ck_assert_int_eq(memcmp(buf, pattern, PAGE), 0);
}
END_TEST

/* ---- who dies ---- */

/* An access of somebody else's code is not ours to mend. */
START_TEST(test_inject_access_outside_the_loops_dies)
{
	(void)*(volatile const char *)(r->rd + BAD);
}
END_TEST

START_TEST(test_foreign_segv_dies)
{
	static char *volatile nowhere;

	*(volatile char *)nowhere = 1;
}
END_TEST

/* A signal that only says it is poison was sent by a process. */
START_TEST(test_queued_sigbus_dies)
{
	union sigval v = { .sival_ptr = (void *)(r->rd + BAD) };

	ck_assert_int_eq(sigqueue(getpid(), SIGBUS, v), 0);
}
END_TEST

int main(void)
{
	void (*const setups[])(void) = { setup_one, setup_two };
	Suite *suite = suite_create("inject");

	for (size_t i = 0; i < DXF_ARRAY_SIZE(setups); i++) {
		TCase *tc = tcase_create(i == 0 ? "one mapping" : "two");

		tcase_add_checked_fixture(tc, setups[i], teardown);
		tcase_add_loop_test(tc,
			test_inject_load_of_each_length_is_eio_and_remembered,
			0, 200);
		tcase_add_test(tc, test_inject_load_some_ends_before_it);
		tcase_add_loop_test(tc,
			test_inject_store_of_part_of_a_line_is_eio, 0, 5);
		tcase_add_loop_test(tc, test_inject_store_across_is_eio, 0,
				    DXF_ARRAY_SIZE(kinds));
		tcase_add_test(tc, test_inject_zero_and_move_are_eio);
		tcase_add_test(tc,
			test_inject_recovery_of_what_stays_bad_is_eio);
		tcase_add_test(tc,
			test_inject_recovery_looks_at_what_it_stored);
		tcase_add_test(tc,
			test_inject_recovery_clears_what_can_be_read_again);
		tcase_add_test_raise_signal(tc,
			test_inject_access_outside_the_loops_dies, SIGBUS);
		tcase_add_test_raise_signal(tc, test_foreign_segv_dies,
					    SIGSEGV);
		tcase_add_test_raise_signal(tc, test_queued_sigbus_dies,
					    SIGBUS);
		suite_add_tcase(suite, tc);
	}
	return rig_run(suite);
}
