/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long loads are made by two loops: all but the end of the range is fetched
 * ahead.  Either gives what is there and stops where nothing is.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pmem_rig.h"

static const size_t longs[] = { 65535, 65536, 65600, 100001, 300000 };

START_TEST(test_long_load_copies_it_and_no_more)
{
	static unsigned char media[300100], buf[300100];
	struct dxf_region *r = rig_anon(RIG_SIZE, true);
	size_t len = longs[_i];

	rig_pattern(media, sizeof(media), 1);
	ck_assert_int_eq(dxf_persist_copy(r, 0, media, sizeof(media), 0), 0);
	for (size_t off = 0; off <= 64; off += 1 + off / 2) {
		memset(buf, 0, sizeof(buf));
		ck_assert_int_eq(dxf_load(r, off, buf, len), 0);
		ck_assert_int_eq(memcmp(buf, media + off, len), 0);
		ck_assert_int_eq(buf[len], 0);
	}
	dxf_region_close(r);
}
END_TEST

/* It ends in either of its two loops. */
START_TEST(test_long_load_of_truncated_image_gives_what_is_left)
{
	static const size_t gone[] = { 1, 64, 2047, 2048, 2049, 4096, 90000 };
	static unsigned char media[131072], buf[131072];
	const char *image = rig_image(rig_shm, RIG_SIZE, true);
	struct dxf_region *t = rig_open(image, false, DXF_GRANULARITY_AUTO);

	rig_pattern(media, sizeof(media), 1);
	ck_assert_int_eq(dxf_persist_copy(t, 0, media, sizeof(media), 0), 0);
	ck_assert_int_eq(truncate(image, sizeof(media)), 0);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(gone); i++) {
		size_t left = sizeof(buf) - gone[i];

		memset(buf, 0, sizeof(buf));
		ck_assert_int_eq(dxf_load(t, gone[i], buf, sizeof(buf)), -EIO);
		ck_assert_int_eq(dxf_load_some(t, gone[i], buf, sizeof(buf)),
				 left);
		ck_assert_int_eq(memcmp(buf, media + gone[i], left), 0);
	}
	dxf_region_close(t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("load-long");
	TCase *tc = tcase_create("long");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_loop_test(tc, test_long_load_copies_it_and_no_more,
			    0, DXF_ARRAY_SIZE(longs));
	tcase_add_test(tc,
		       test_long_load_of_truncated_image_gives_what_is_left);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
