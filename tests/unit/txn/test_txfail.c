// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commits whose stores in place fail and cannot be undone either; large ones,
 * whose lines are looked up after they were put in order.
 */
#include "txlog_rig.h"

#include <errno.h>

#include "fault.h"
#include "load.h"
#include "persist.h"
#include "region_priv.h"

#define NLINES	3
#define NEW	"12345678"

/* Falling, so that the commit has to order them. */
static const dxf_off_t falling[NLINES] = {
	RIG_DATA + 2 * 4096, RIG_DATA + 4096, RIG_DATA
};

/* The second store in place has failed: from now on the first place is bad. */
static void spoil_first(void *ctx, const struct dxf_persist_event *ev)
{
	if (ev->op == DXF_PERSIST_OP_COPY && ev->off == falling[0])
		dxf_region_add_bad(rig.r, falling[NLINES - 1], 8);
}

static void commit_and_fail(void)
{
	struct dxf_txn *t;

	ck_assert_int_eq(dxf_txn_begin(rig.m, 0, &t), 0);
	for (int i = 0; i < NLINES; i++)
		ck_assert_int_eq(dxf_txn_store(t, falling[i], NEW, 8), 0);
	dxf_persist_set_hook(rig.r, spoil_first, NULL);
	/* The slot is one store, for it does not reach into the second run. */
	dxf_fault_arm(DXF_FAULT_PERSIST, 3);
	ck_assert_int_eq(dxf_txn_commit(t), -EIO);
	ck_assert(dxf_fault_disarm());
	dxf_persist_set_hook(rig.r, NULL, NULL);
	dxf_badblock_clear(rig.r, 0, RIG_SPACE);
}

START_TEST(test_txfail_what_cannot_be_put_back_is_hidden)
{
	uint8_t got[8], none[8] = { 0 };
	struct dxf_txn *t;

	commit_and_fail();
	ck_assert_int_eq(dxf_load(rig.r, RIG_DATA, got, 8), 0);
	ck_assert_mem_eq(got, NEW, 8);
	for (int i = 0; i < NLINES; i++) {
		ck_assert_int_eq(dxf_txn_read(rig.m, falling[i], got, 8), 0);
		ck_assert_mem_eq(got, none, 8);
	}
	ck_assert_int_eq(dxf_txn_begin(rig.m, DXF_TXN_FORCE, &t), -EROFS);
}
END_TEST

START_TEST(test_txfail_next_recovery_completes_it)
{
	commit_and_fail();
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
	ck_assert(rig.replayed);
	for (int i = 0; i < NLINES; i++) {
		uint8_t got[8];

		ck_assert_int_eq(dxf_load(rig.r, falling[i], got, 8), 0);
		ck_assert_mem_eq(got, NEW, 8);
	}
}
END_TEST

/* ---- large transactions ---- */

/*
 * With more lines than the watched range has they are looked up one by one:
 * the fingerprint has to be that of what is staged, in whatever order it came.
 */
START_TEST(test_txfail_fingerprint_of_many_falling_lines_fits)
{
	enum { MANY = 40 };
	struct dxf_txn *t;

	ck_assert_int_eq(dxf_txn_begin(rig.m, 0, &t), 0);
	for (int i = MANY; i-- > 0; )
		ck_assert_int_eq(dxf_txn_store(t, RIG_DATA + i * 64, NEW, 8),
				 0);
	for (int i = 1024 / 64; i-- > 0; )
		ck_assert_int_eq(dxf_txn_store(t, RIG_WATCHED + i * 64, NEW, 8),
				 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("txfail");
	TCase *tc = tcase_create("txfail");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_txfail_what_cannot_be_put_back_is_hidden);
	tcase_add_test(tc, test_txfail_next_recovery_completes_it);
	tcase_add_test(tc, test_txfail_fingerprint_of_many_falling_lines_fits);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
