/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The staged lines of a transaction against a plain array. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "stage.h"

#define SPACE	(64 * 1024)

static struct dxf_stage s;

static void setup(void)
{
	memset(&s, 0, sizeof(s));
}

static void teardown(void)
{
	dxf_stage_fini(&s);
}

START_TEST(test_stage_find_in_empty_finds_nothing)
{
	ck_assert_ptr_null(dxf_stage_find(&s, 0));
	ck_assert(!dxf_stage_meets(&s, 0, SPACE));
}
END_TEST

START_TEST(test_stage_span_of_mask_covers_its_words)
{
	uint8_t old[DXF_CACHELINE] = { 0 };
	struct dxf_line *l = dxf_stage_add(&s, 128, old);

	l->mask = 0x24;
	ck_assert_uint_eq(dxf_line_first(l), 16);
	ck_assert_uint_eq(dxf_line_end(l), 48);
}
END_TEST

/* Stage random words; every read must see the model. */
START_TEST(test_stage_overlay_of_random_words_equals_model)
{
	static uint8_t media[SPACE], model[SPACE], got[SPACE];
	/* few lines, just more than that, and many */
	int words = _i % 2 != 0 ? 700 : _i * 3;

	srandom((unsigned int)_i);
	for (int i = 0; i < SPACE; i++)
		media[i] = model[i] = (uint8_t)random();
	for (int n = 0; n < words; n++) {
		uint64_t word = (uint64_t)random() % (SPACE / DXF_WORD);
		dxf_off_t off = word * DXF_WORD;
		dxf_off_t line = dxf_align_down(off, DXF_CACHELINE);
		struct dxf_line *l = dxf_stage_find(&s, line);

		if (l == NULL)
			l = dxf_stage_add(&s, line, media + line);
		ck_assert_ptr_nonnull(l);
		for (unsigned int b = 0; b < DXF_WORD; b++)
			model[off + b] = l->new[off - line + b] =
				(uint8_t)random();
		l->mask |= (uint8_t)(1u << (off - line) / DXF_WORD);
	}
	for (int n = 0; n < 2000; n++) {
		dxf_off_t off = (dxf_off_t)random() % SPACE;
		size_t len = (size_t)random() % (SPACE - off) + 1;

		if (n % 2 == 0)
			len = len % 200 + 1 <= SPACE - off ? len % 200 + 1 : 1;
		memcpy(got, media + off, len);
		dxf_stage_overlay(&s, off, got, len);
		ck_assert_mem_eq(got, model + off, len);
	}
	dxf_stage_sort(&s);
	for (uint32_t i = 1; i < s.n; i++)
		ck_assert_uint_lt(dxf_stage_nth(&s, i - 1)->off,
				  dxf_stage_nth(&s, i)->off);
	/* Lines are found, and laid over reads, as before. */
	for (uint32_t i = 0; i < s.n; i++)
		ck_assert_ptr_eq(dxf_stage_find(&s, s.lines[i].off),
				 &s.lines[i]);
	for (dxf_off_t off = 0; off < SPACE; off += 64) {
		memcpy(got, media + off, 64);
		dxf_stage_overlay(&s, off, got, 64);
		ck_assert_mem_eq(got, model + off, 64);
	}
}
END_TEST

START_TEST(test_stage_add_without_memory_keeps_the_lines)
{
	uint8_t old[DXF_CACHELINE] = { 1 };
	uint32_t n = 0;

	for (uint64_t nth = 1; nth <= 6; nth++) {
		dxf_fault_arm(DXF_FAULT_ALLOC, nth);
		while (n < 400 && dxf_stage_add(&s, n * 64u, old) != NULL)
			n++;
		dxf_fault_disarm();
		ck_assert_uint_eq(s.n, n);
		for (uint32_t i = 0; i < n; i++)
			ck_assert_ptr_eq(dxf_stage_find(&s, i * 64u),
					 &s.lines[i]);
	}
	ck_assert_uint_eq(n, 400);
}
END_TEST

START_TEST(test_stage_reset_forgets_all)
{
	uint8_t old[DXF_CACHELINE] = { 0 };

	for (unsigned int n = 0; n < (unsigned int)_i; n++)
		dxf_stage_add(&s, n * 64u, old);
	dxf_stage_reset(&s);
	ck_assert_uint_eq(s.n, 0);
	ck_assert_ptr_null(dxf_stage_find(&s, 0));
	ck_assert_ptr_nonnull(dxf_stage_add(&s, 0, old));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stage");
	TCase *tc = tcase_create("stage");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_stage_find_in_empty_finds_nothing);
	tcase_add_test(tc, test_stage_span_of_mask_covers_its_words);
	tcase_add_loop_test(tc, test_stage_overlay_of_random_words_equals_model,
			    1, 9);
	tcase_add_test(tc, test_stage_add_without_memory_keeps_the_lines);
	tcase_add_loop_test(tc, test_stage_reset_forgets_all, 1, 3);
	tcase_add_loop_test(tc, test_stage_reset_forgets_all, 2000, 2001);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
