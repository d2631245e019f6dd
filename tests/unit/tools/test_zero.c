/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zeroing: what is zero is not stored to, what is not becomes so. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "pmem_rig.h"
#include "zero.h"

#define SIZE	(32 * DXF_MIB)

static struct dxf_persist_stats stats(const struct dxf_region *r)
{
	struct dxf_persist_stats s;

	dxf_persist_get_stats(r, &s);
	return s;
}

static uint8_t byte_at(struct dxf_region *r, dxf_off_t off)
{
	uint8_t b;

	ck_assert_int_eq(dxf_load(r, off, &b, 1), 0);
	return b;
}

static void put(struct dxf_region *r, dxf_off_t off, char c)
{
	ck_assert_int_eq(dxf_persist_copy(r, off, &c, 1, 0), 0);
}

START_TEST(test_zero_of_zeros_stores_nothing_and_flushes)
{
	struct dxf_region *r = rig_anon(DXF_MIB, true);

	ck_assert_int_eq(dxf_zero(r, 0, DXF_MIB, NULL, NULL), 0);
	ck_assert_uint_eq(stats(r).bytes_stored, 0);
	ck_assert_uint_eq(stats(r).lines_flushed, DXF_MIB / DXF_CACHELINE);
	ck_assert_uint_ge(stats(r).calls[DXF_PERSIST_OP_FENCE], 1);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_zero_stores_where_there_is_something)
{
	struct dxf_region *r = rig_anon(DXF_MIB, true);
	uint64_t before;

	put(r, 99, 'a');
	put(r, 300000, 'b');
	put(r, 300001, 'c');
	put(r, 700000, 'd');
	before = stats(r).bytes_stored;
	ck_assert_int_eq(dxf_zero(r, 100, 300001 - 100, NULL, NULL), 0);
	ck_assert_uint_eq(byte_at(r, 99), 'a');
	ck_assert_uint_eq(byte_at(r, 300000), 0);
	ck_assert_uint_eq(byte_at(r, 300001), 'c');
	ck_assert_uint_eq(byte_at(r, 700000), 'd');
	ck_assert_uint_gt(stats(r).bytes_stored, before);
	ck_assert_uint_le(stats(r).bytes_stored - before, 64 * DXF_KIB);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_zero_leaves_holes)
{
	const char *image = rig_image(rig_shm, SIZE, false);
	const struct dxf_region_opts opts = { .thin = true };
	struct dxf_region *r;
	struct stat st;

	ck_assert_int_eq(dxf_region_open(&r, image, &opts, NULL), 0);
	put(r, SIZE / 2, 'x');
	ck_assert_int_eq(dxf_zero(r, 0, SIZE, NULL, NULL), 0);
	ck_assert_uint_eq(byte_at(r, SIZE / 2), 0);
	ck_assert_int_eq(stat(image, &st), 0);
	ck_assert_int_le(st.st_blocks, 2 * 4096 / 512);
	dxf_region_close(r);
}
END_TEST

static bool stop_at_third(void *ctx)
{
	return ++*(int *)ctx == 3;
}

START_TEST(test_zero_ends_when_it_is_told_to)
{
	struct dxf_region *r = rig_anon(SIZE, false);
	int asked = 0;

	put(r, SIZE - 1, 'x');
	ck_assert_int_eq(dxf_zero(r, 0, SIZE, stop_at_third, &asked), -EINTR);
	ck_assert_int_eq(asked, 3);
	ck_assert_uint_eq(byte_at(r, SIZE - 1), 'x');
	dxf_region_close(r);
}
END_TEST

START_TEST(test_zero_outside_or_read_only_is_an_error)
{
	const char *image = rig_image(rig_shm, DXF_MIB, true);
	struct dxf_region *r = rig_open(image, true, DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(dxf_zero(r, 0, 1, NULL, NULL), -EROFS);
	dxf_region_close(r);
	r = rig_anon(DXF_MIB, false);
	ck_assert_int_eq(dxf_zero(r, 0, DXF_MIB + 1, NULL, NULL), -ERANGE);
	ck_assert_int_eq(dxf_zero(r, 1, UINT64_MAX, NULL, NULL), -ERANGE);
	ck_assert_int_eq(dxf_zero(r, DXF_MIB, 0, NULL, NULL), 0);
	dxf_region_close(r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("zero");
	TCase *tc = tcase_create("zero");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_zero_of_zeros_stores_nothing_and_flushes);
	tcase_add_test(tc, test_zero_stores_where_there_is_something);
	if (rig_has_tmpfs())
		tcase_add_test(tc, test_zero_leaves_holes);
	tcase_add_test(tc, test_zero_ends_when_it_is_told_to);
	tcase_add_test(tc, test_zero_outside_or_read_only_is_an_error);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
