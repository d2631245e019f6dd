/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transactions on a guarded anonymous region: a store to media that does not
 * come from persist is a SIGSEGV here.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "load.h"
#include "log.h"
#include "persist.h"
#include "txn.h"

#define SPACE	(256 * 1024)

static struct dxf_region *r;
static struct dxf_txnmgr *m;
static uint8_t before[SPACE], after[SPACE];

struct hook {
	struct dxf_txn_hook h;
	int ran;
	bool committed;
};

static void hook_fn(struct dxf_txn_hook *h, bool committed)
{
	struct hook *k = dxf_container_of(h, struct hook, h);

	k->ran++;
	k->committed = committed;
}

static void quiet(void *ctx, enum dxf_log_level level, const char *text)
{
}

static void setup(void)
{
	dxf_log_set_sink(quiet, NULL);
	for (size_t i = 0; i < SPACE; i++)
		before[i] = (uint8_t)(i * 7 + i / 251);
	ck_assert_int_eq(dxf_region_open_anon(&r, SPACE, true), 0);
	ck_assert_int_eq(dxf_persist_copy(r, 0, before, SPACE, 0), 0);
	dxf_persist_fence(r);
	ck_assert_int_eq(dxf_txnmgr_open(&m, r), 0);
}

static void teardown(void)
{
	dxf_txnmgr_close(m);
	dxf_region_close(r);
}

static void load_after(void)
{
	ck_assert_int_eq(dxf_load(r, 0, after, SPACE), 0);
}

static struct dxf_txn *begin(void)
{
	struct dxf_txn *t;

	ck_assert_int_eq(dxf_txn_begin(m, 0, &t), 0);
	return t;
}

START_TEST(test_txn_store_is_seen_by_read_and_not_on_media)
{
	struct dxf_txn *t = begin();
	char got[8];

	ck_assert_int_eq(dxf_txn_store(t, 1003, "staged", 6), 0);
	ck_assert_int_eq(dxf_txn_read(m, 1002, got, 8), 0);
	ck_assert_mem_eq(got + 1, "staged", 6);
	ck_assert_int_eq((uint8_t)got[0], before[1002]);
	load_after();
	ck_assert_mem_eq(after, before, SPACE);
	dxf_txn_abort(t);
}
END_TEST

START_TEST(test_txn_abort_changes_nothing)
{
	struct dxf_txn *t = begin();
	struct hook k = { .h.fn = hook_fn };

	dxf_txn_on_end(t, &k.h);
	ck_assert_int_eq(dxf_txn_store(t, 0, "x", 1), 0);
	dxf_txn_abort(t);
	load_after();
	ck_assert_mem_eq(after, before, SPACE);
	ck_assert_int_eq(k.ran, 1);
	ck_assert(!k.committed);
	ck_assert_ptr_null(dxf_txn_current(m));
}
END_TEST

/* Random stores in one transaction: media after the commit is the model. */
START_TEST(test_txn_commit_of_random_stores_equals_model)
{
	struct dxf_txn *t;
	struct hook k = { .h.fn = hook_fn };

	srandom((unsigned int)_i);
	t = begin();
	dxf_txn_on_end(t, &k.h);
	for (int n = 0; n < 300; n++) {
		uint8_t bytes[300];
		size_t len = (size_t)random() % sizeof(bytes) + 1;
		dxf_off_t off = (dxf_off_t)random() % (SPACE - len);

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)random();
		ck_assert_int_eq(dxf_txn_store(t, off, bytes, len), 0);
		memcpy(before + off, bytes, len);
		ck_assert_int_eq(dxf_txn_read(m, off, after, len), 0);
		ck_assert_mem_eq(after, before + off, len);
	}
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	load_after();
	ck_assert_mem_eq(after, before, SPACE);
	ck_assert_int_eq(k.ran, 1);
	ck_assert(k.committed);
}
END_TEST

static void count_word(void *ctx, dxf_off_t off, const void *old_word,
		       const void *new_word)
{
	ck_assert_mem_ne(old_word, new_word, DXF_WORD);
	ck_assert_uint_eq(off % DXF_WORD, 0);
	++*(int *)ctx;
}

START_TEST(test_txn_store_of_equal_bytes_stages_nothing)
{
	struct dxf_txn *t = begin();
	int words = 0;

	ck_assert_int_eq(dxf_txn_store(t, 100, before + 100, 5000), 0);
	dxf_txn_for_each(t, count_word, &words);
	ck_assert_int_eq(words, 0);
	ck_assert_int_eq(dxf_txn_store(t, 4096, "\xff\xff", 2), 0);
	dxf_txn_for_each(t, count_word, &words);
	ck_assert_int_eq(words, 1);
	dxf_txn_abort(t);
}
END_TEST

START_TEST(test_txn_store_outside_is_erange)
{
	struct dxf_txn *t = begin();

	ck_assert_int_eq(dxf_txn_store(t, SPACE - 1, "ab", 2), -ERANGE);
	ck_assert_int_eq(dxf_txn_store(t, UINT64_MAX - 1, "ab", 2), -ERANGE);
	dxf_txn_abort(t);
}
END_TEST

START_TEST(test_txn_too_large_is_efbig_and_has_room_warns)
{
	struct dxf_txn *t = begin();
	size_t line = 0;
	int err = 0;

	ck_assert(dxf_txn_has_room(t, 1024));
	for (; line < SPACE / DXF_CACHELINE && err == 0; line++) {
		uint8_t byte = (uint8_t)~before[line * DXF_CACHELINE];

		err = dxf_txn_store(t, line * DXF_CACHELINE, &byte, 1);
	}
	/* The region has exactly as many lines as a transaction may have. */
	ck_assert_int_eq(err, 0);
	ck_assert(!dxf_txn_has_room(t, 8));
	ck_assert_int_eq(dxf_txn_commit(t), 0);
}
END_TEST

START_TEST(test_txn_fill_reaches_media_at_once)
{
	struct dxf_txn *t = begin();

	ck_assert_int_eq(dxf_txn_fill(t, 8192, "detached", 8), 0);
	ck_assert_int_eq(dxf_txn_fill_zero(t, 12288, 4096), 0);
	dxf_txn_abort(t);
	load_after();
	ck_assert_mem_eq(after + 8192, "detached", 8);
	for (int i = 0; i < 4096; i++)
		ck_assert_int_eq(after[12288 + i], 0);
}
END_TEST

struct trace {
	int n;
	enum dxf_persist_op op[64];
	dxf_off_t off[64];
};

static void trace_fn(void *ctx, const struct dxf_persist_event *ev)
{
	struct trace *tr = ctx;

	ck_assert_int_lt(tr->n, 64);
	tr->op[tr->n] = ev->op;
	tr->off[tr->n++] = ev->off;
}

/* F0 lies between what was filled and the stores in place, F2 behind them. */
START_TEST(test_txn_commit_fences_filled_bytes_before_stores_in_place)
{
	struct dxf_txn *t = begin();
	struct trace tr = { 0 };
	int fences = 0, in_place = -1;

	dxf_persist_set_hook(r, trace_fn, &tr);
	ck_assert_int_eq(dxf_txn_fill(t, 8192, "detached", 8), 0);
	ck_assert_int_eq(dxf_txn_store(t, 64, "linked", 6), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	dxf_persist_set_hook(r, NULL, NULL);
	for (int i = 0; i < tr.n; i++) {
		if (tr.op[i] == DXF_PERSIST_OP_FENCE)
			fences++;
		if (tr.op[i] == DXF_PERSIST_OP_COPY && tr.off[i] < 4096) {
			ck_assert_int_eq(fences, 1);
			in_place = i;
		}
	}
	ck_assert_int_ge(in_place, 0);
	ck_assert_int_eq(fences, 2);
	ck_assert_int_eq(tr.op[tr.n - 1], DXF_PERSIST_OP_FENCE);
}
END_TEST

START_TEST(test_txn_begin_on_ro_is_erofs_unless_forced)
{
	struct dxf_txn *t = NULL;

	dxf_txnmgr_set_ro(m);
	ck_assert_int_eq(dxf_txn_begin(m, 0, &t), -EROFS);
	ck_assert_ptr_null(t);
	ck_assert_int_eq(dxf_txn_begin(m, DXF_TXN_FORCE, &t), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
}
END_TEST

static void *other_thread_reads(void *arg)
{
	char got[8] = "";

	ck_assert_ptr_null(dxf_txn_current(m));
	ck_assert_int_eq(dxf_txn_read(m, 64, got, 6), 0);
	*(bool *)arg = memcmp(got, before + 64, 6) == 0;
	return NULL;
}

START_TEST(test_txn_staged_bytes_are_not_seen_by_other_threads)
{
	struct dxf_txn *t = begin();
	bool old = false;
	pthread_t th;

	ck_assert_int_eq(dxf_txn_store(t, 64, "staged", 6), 0);
	ck_assert_int_eq(pthread_create(&th, NULL, other_thread_reads, &old), 0);
	pthread_join(th, NULL);
	ck_assert(old);
	dxf_txn_abort(t);
}
END_TEST

static int some_stores(struct dxf_txn *t)
{
	int err = 0;

	for (int i = 0; i < 100 && err == 0; i++)
		err = dxf_txn_store(t, (dxf_off_t)i * 1000, "0123456789", 10);
	return err;
}

/* Fail the Nth load or allocation while staging: abort leaves no trace. */
START_TEST(test_txn_fault_while_staging_changes_nothing)
{
	static const enum dxf_fault_kind kinds[] = {
		DXF_FAULT_LOAD, DXF_FAULT_ALLOC,
	};
	struct dxf_txn *t;
	bool hit = true;

	for (uint64_t nth = 1; hit; nth++) {
		int err;

		t = begin();
		dxf_fault_arm(kinds[_i], nth);
		err = some_stores(t);
		hit = dxf_fault_disarm();
		ck_assert_int_eq(err != 0, hit);
		dxf_txn_abort(t);
		load_after();
		ck_assert_mem_eq(after, before, SPACE);
	}
}
END_TEST

/* Fail the Nth store of the commit: the old bytes are put back, then ro. */
START_TEST(test_txn_fault_in_commit_restores_media_and_goes_ro)
{
	bool hit = true;

	for (uint64_t nth = 1; hit; nth++) {
		struct hook k = { .h.fn = hook_fn };
		struct dxf_txn *t;
		int err;

		teardown();
		setup();
		t = begin();
		dxf_txn_on_end(t, &k.h);
		ck_assert_int_eq(some_stores(t), 0);
		dxf_fault_arm(DXF_FAULT_PERSIST, nth);
		err = dxf_txn_commit(t);
		hit = dxf_fault_disarm();
		ck_assert_int_eq(err, hit ? -EIO : 0);
		ck_assert_int_eq(k.ran, 1);
		ck_assert_int_eq(k.committed, !hit);
		ck_assert_int_eq(dxf_txnmgr_is_ro(m), hit);
		load_after();
		ck_assert_int_eq(memcmp(after, before, SPACE) == 0, hit);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("txn");
	TCase *tc = tcase_create("txn");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_txn_store_is_seen_by_read_and_not_on_media);
	tcase_add_test(tc, test_txn_abort_changes_nothing);
	tcase_add_loop_test(tc, test_txn_commit_of_random_stores_equals_model,
			    1, 20);
	tcase_add_test(tc, test_txn_store_of_equal_bytes_stages_nothing);
	tcase_add_test(tc, test_txn_store_outside_is_erange);
	tcase_add_test(tc, test_txn_too_large_is_efbig_and_has_room_warns);
	tcase_add_test(tc, test_txn_fill_reaches_media_at_once);
	tcase_add_test(tc,
		test_txn_commit_fences_filled_bytes_before_stores_in_place);
	tcase_add_test(tc, test_txn_begin_on_ro_is_erofs_unless_forced);
	tcase_add_test(tc, test_txn_staged_bytes_are_not_seen_by_other_threads);
	tcase_add_loop_test(tc, test_txn_fault_while_staging_changes_nothing,
			    0, 2);
	tcase_add_test(tc,
		test_txn_fault_in_commit_restores_media_and_goes_ro);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
