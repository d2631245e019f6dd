/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dirty-extent tree against a naive map of granules: random operations,
 * the structure checked after each; then threads.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dirty.h"
#include "fault.h"
#include "pmem_rig.h"

#define G	DXF_DIRTY_SMALL
#define L	DXF_DIRTY_LARGE

static struct dxf_dirty *d;

static void setup(void)
{
	d = dxf_dirty_new();
	ck_assert_ptr_nonnull(d);
}

static void teardown(void)
{
	dxf_dirty_check(d);
	dxf_dirty_free(d);
}

static void mark(dxf_off_t start, dxf_off_t end)
{
	ck_assert_int_eq(dxf_dirty_mark(d, start, end), 0);
	dxf_dirty_check(d);
}

static void must_take(dxf_off_t from, dxf_off_t to, dxf_off_t start,
		      dxf_off_t end)
{
	dxf_off_t s, e;

	ck_assert(dxf_dirty_take(d, from, to, &s, &e));
	dxf_dirty_check(d);
	ck_assert_uint_eq(s, start);
	ck_assert_uint_eq(e, end);
}

static void must_not_take(dxf_off_t from, dxf_off_t to)
{
	dxf_off_t s = 1, e = 2;

	ck_assert(!dxf_dirty_take(d, from, to, &s, &e));
	ck_assert(s == 1 && e == 2);
}

START_TEST(test_dirty_new_is_empty)
{
	ck_assert(dxf_dirty_is_empty(d));
	ck_assert_uint_eq(dxf_dirty_bytes(d), 0);
	must_not_take(0, UINT64_MAX);
	dxf_dirty_wait(d, 0, UINT64_MAX);
	dxf_dirty_drop(d, 0, UINT64_MAX);
	dxf_dirty_free(NULL);
}
END_TEST

START_TEST(test_dirty_mark_rounds_out_to_granules)
{
	mark(G - 1, G + 1);
	ck_assert_uint_eq(dxf_dirty_bytes(d), 2 * G);
	must_take(0, UINT64_MAX, 0, 2 * G);
	dxf_dirty_done(d, 0, 2 * G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_mark_of_nothing_marks_nothing)
{
	mark(5, 5);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_mark_of_neighbours_merges)
{
	mark(0, G);
	mark(2 * G, 3 * G);
	mark(G, 2 * G);
	must_take(0, UINT64_MAX, 0, 3 * G);
	dxf_dirty_done(d, 0, 3 * G);
}
END_TEST

START_TEST(test_dirty_large_granules_merge_across_chunks)
{
	mark(L - G, 4 * L + G);
	ck_assert_uint_eq(dxf_dirty_bytes(d), 3 * L + 2 * G);
	must_take(0, UINT64_MAX, L - G, 4 * L + G);
	dxf_dirty_done(d, L - G, 4 * L + G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_take_is_clipped_and_leaves_the_rest)
{
	mark(0, 10 * G);
	must_take(3 * G, 5 * G, 3 * G, 5 * G);
	must_take(7 * G + 1, 8 * G + 1, 7 * G, 9 * G);
	must_not_take(3 * G, 5 * G);
	must_take(0, 10 * G, 0, 3 * G);
	must_take(0, 10 * G, 5 * G, 7 * G);
	must_take(0, 10 * G, 9 * G, 10 * G);
	must_not_take(0, 10 * G);
	dxf_dirty_done(d, 0, 10 * G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_take_at_the_end_of_offsets_works)
{
	dxf_off_t top = dxf_align_down(INT64_MAX, G);

	mark(top, INT64_MAX);
	must_not_take(0, top);
	must_take(0, UINT64_MAX, top, top + G);
	dxf_dirty_undo(d, top, top + G);
	must_take(top + 5, top + 6, top, top + G);
	dxf_dirty_done(d, top, top + G);
}
END_TEST

START_TEST(test_dirty_undo_is_dirty_again_without_memory)
{
	mark(G, 3 * G);
	must_take(0, L, G, 3 * G);
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	dxf_dirty_undo(d, G, 3 * G);
	ck_assert(!dxf_fault_disarm());
	dxf_dirty_check(d);
	ck_assert_uint_eq(dxf_dirty_bytes(d), 2 * G);
	must_take(0, L, G, 3 * G);
	dxf_dirty_done(d, G, 3 * G);
}
END_TEST

START_TEST(test_dirty_done_of_parts_is_allowed)
{
	mark(0, 4 * G);
	must_take(0, L, 0, 4 * G);
	dxf_dirty_done(d, 0, G);
	dxf_dirty_undo(d, G, 2 * G);
	dxf_dirty_done(d, 2 * G, 4 * G);
	must_take(0, L, G, 2 * G);
	dxf_dirty_done(d, G, 2 * G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_store_that_races_stays_for_the_next)
{
	mark(0, G);
	must_take(0, L, 0, G);
	mark(0, G);
	dxf_dirty_done(d, 0, G);
	ck_assert_uint_eq(dxf_dirty_bytes(d), G);
	must_take(0, L, 0, G);
	dxf_dirty_done(d, 0, G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_taken_twice_is_empty_after_both_are_done)
{
	for (int i = 0; i < 7; i++) {
		mark(0, G);
		must_take(0, L, 0, G);
	}
	for (int i = 0; i < 7; i++) {
		ck_assert(!dxf_dirty_is_empty(d));
		dxf_dirty_done(d, 0, G);
		dxf_dirty_check(d);
	}
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_mark_without_memory_marks_nothing)
{
	mark(L, L + G);
	for (uint64_t n = 1; n <= 3; n++) {
		dxf_fault_arm(DXF_FAULT_ALLOC, n);
		ck_assert_int_eq(dxf_dirty_mark(d, 0, 4 * L), -ENOMEM);
		ck_assert(dxf_fault_disarm());
		dxf_dirty_check(d);
		ck_assert_uint_eq(dxf_dirty_bytes(d), G);
	}
	dxf_fault_arm(DXF_FAULT_ALLOC, 4);
	ck_assert_int_eq(dxf_dirty_mark(d, 0, 4 * L), 0);
	dxf_fault_disarm();
	ck_assert_uint_eq(dxf_dirty_bytes(d), 4 * L);
}
END_TEST

START_TEST(test_dirty_new_without_memory_is_null)
{
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_ptr_null(dxf_dirty_new());
	dxf_fault_disarm();
}
END_TEST

START_TEST(test_dirty_drop_spares_granules_covered_in_part)
{
	mark(0, 4 * G);
	dxf_dirty_drop(d, 1, 3 * G + 1);
	dxf_dirty_check(d);
	must_take(0, L, 0, G);
	must_take(0, L, 3 * G, 4 * G);
	dxf_dirty_drop(d, 0, G - 1);
	dxf_dirty_done(d, 0, G);
	dxf_dirty_done(d, 3 * G, 4 * G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

START_TEST(test_dirty_drop_of_flushing_waits_for_its_end)
{
	mark(0, 2 * G);
	must_take(0, G, 0, G);
	dxf_dirty_drop(d, 0, UINT64_MAX);
	ck_assert_uint_eq(dxf_dirty_bytes(d), 0);
	ck_assert(!dxf_dirty_is_empty(d));
	dxf_dirty_done(d, 0, G);
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

/* Far apart, in falling, rising and mixed order: the tree stays balanced. */
START_TEST(test_dirty_many_chunks_come_out_in_order)
{
	const uint64_t n = 1000;
	uint64_t order[1000];

	for (uint64_t i = 0; i < n; i++)
		order[i] = _i == 0 ? i : _i == 1 ? n - 1 - i : i * 619 % n;
	for (uint64_t i = 0; i < n; i++)
		mark(order[i] * 3 * L + G, order[i] * 3 * L + 2 * G);
	for (uint64_t i = 0; i < n; i++)
		must_take(0, UINT64_MAX, i * 3 * L + G, i * 3 * L + 2 * G);
	for (uint64_t i = 0; i < n; i++) {
		dxf_dirty_done(d, order[i] * 3 * L + G,
			       order[i] * 3 * L + 2 * G);
		dxf_dirty_check(d);
	}
	ck_assert(dxf_dirty_is_empty(d));
}
END_TEST

/* ---- random operations ---- */

#define SPAN	1700		/* granules: three chunks and a piece */
#define HELD	6

static bool model[SPAN];
static uint8_t flushing[SPAN];
static struct {
	dxf_off_t start, end;
} held[HELD];
static int nheld;

static uint64_t pick(uint64_t n)
{
	return (uint64_t)random() % n;
}

/* Mostly a few granules, sometimes most of all. */
static void pick_range(dxf_off_t *start, dxf_off_t *end)
{
	uint64_t len = pick(8) == 0 ? pick(SPAN * G) : pick(40 * G);

	*start = pick(SPAN * G);
	*end = DXF_MIN(*start + len, SPAN * G);
}

static void random_mark(void)
{
	dxf_off_t start, end;

	pick_range(&start, &end);
	mark(start, end);
	for (uint64_t g = start / G; start < end && g * G < end; g++)
		model[g] = true;
}

static void random_drop(void)
{
	dxf_off_t start, end;

	pick_range(&start, &end);
	dxf_dirty_drop(d, start, end);
	for (uint64_t g = (start + G - 1) / G; (g + 1) * G <= end; g++)
		model[g] = false;
}

static void random_take(void)
{
	dxf_off_t start, end;
	uint64_t a, b, limit;

	if (nheld == HELD)
		return;
	pick_range(&start, &end);
	limit = (end + G - 1) / G;
	for (a = start / G; a < limit && !model[a]; a++)
		;
	for (b = a; b < limit && model[b]; b++)
		;
	if (a >= limit) {
		must_not_take(start, end);
		return;
	}
	must_take(start, end, a * G, b * G);
	held[nheld].start = a * G;
	held[nheld++].end = b * G;
	for (; a < b; a++) {
		model[a] = false;
		flushing[a]++;
	}
}

static void random_end(void)
{
	bool undo = random() & 1;
	int i;

	if (nheld == 0)
		return;
	i = (int)pick((uint64_t)nheld);
	(undo ? dxf_dirty_undo : dxf_dirty_done)(d, held[i].start,
						 held[i].end);
	for (uint64_t g = held[i].start / G; g < held[i].end / G; g++) {
		flushing[g]--;
		model[g] |= undo;
	}
	held[i] = held[--nheld];
}

static void must_equal_model(void)
{
	uint64_t dirty = 0;
	bool any = false;

	for (int g = 0; g < SPAN; g++) {
		dirty += model[g];
		any |= model[g] || flushing[g] > 0;
	}
	dxf_dirty_check(d);
	ck_assert_uint_eq(dxf_dirty_bytes(d), dirty * G);
	ck_assert_int_eq(dxf_dirty_is_empty(d), !any);
}

START_TEST(test_dirty_random_operations_equal_model)
{
	static void (*const ops[])(void) = {
		random_mark, random_mark, random_mark, random_take,
		random_take, random_end, random_end, random_drop,
	};

	srandom((unsigned int)_i);
	for (int n = 0; n < 3000; n++) {
		ops[pick(DXF_ARRAY_SIZE(ops))]();
		must_equal_model();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dirty");
	TCase *tc = tcase_create("dirty");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_dirty_new_is_empty);
	tcase_add_test(tc, test_dirty_mark_rounds_out_to_granules);
	tcase_add_test(tc, test_dirty_mark_of_nothing_marks_nothing);
	tcase_add_test(tc, test_dirty_mark_of_neighbours_merges);
	tcase_add_test(tc, test_dirty_large_granules_merge_across_chunks);
	tcase_add_test(tc, test_dirty_take_is_clipped_and_leaves_the_rest);
	tcase_add_test(tc, test_dirty_take_at_the_end_of_offsets_works);
	tcase_add_test(tc, test_dirty_undo_is_dirty_again_without_memory);
	tcase_add_test(tc, test_dirty_done_of_parts_is_allowed);
	tcase_add_test(tc, test_dirty_store_that_races_stays_for_the_next);
	tcase_add_test(tc,
		       test_dirty_taken_twice_is_empty_after_both_are_done);
	tcase_add_test(tc, test_dirty_mark_without_memory_marks_nothing);
	tcase_add_test(tc, test_dirty_new_without_memory_is_null);
	tcase_add_test(tc, test_dirty_drop_spares_granules_covered_in_part);
	tcase_add_test(tc, test_dirty_drop_of_flushing_waits_for_its_end);
	tcase_add_loop_test(tc, test_dirty_many_chunks_come_out_in_order, 0,
			    3);
	tcase_add_loop_test(tc, test_dirty_random_operations_equal_model, 1,
			    13);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
