// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_dirgaps.c - the room that the index remembers of each block is the room
 * that is there, after any change: what is not counted again must follow.
 */
#include "dir_rig.h"

static const char *const configs[] = {
	"-t ext2 -b 1024",
	"-t ext2 -b 4096",
	"-t ext4 -b 1024 -O ^has_journal",
	"-t ext4 -b 4096 -O ^has_journal",
};

static struct rig r;

/* The greatest gap, counted entry by entry. */
static uint32_t count_gap(const struct dxf_dirblk *b)
{
	struct dxf_dirslot s;
	uint32_t max = 0, gap;

	for (uint32_t off = 0; off < b->end; off += s.rec_len) {
		dxf_dirblk_slot(b, off, &s);
		gap = s.rec_len;
		if (s.ino)
			gap -= dxf_dir_rec_len(s.name_len);
		max = DXF_MAX(max, gap);
	}
	return max;
}

/* Compare them all.  Returns: how many blocks the index has. */
static uint64_t verify_gaps(void)
{
	struct dxf_dirindex *idx;
	struct dxf_dirview v;
	struct dxf_dirblk b;
	uint64_t n = 0;

	ck_assert_int_eq(dxf_dirview_init(&v, &r.dir, NULL), 0);
	idx = dxf_dirindex_get(&v);
	if (!idx)
		return 0;
	for (n = 0; n < v.nblk; n++) {
		ck_assert_int_eq(dxf_dirblk_read(&b, &v, n), 0);
		ck_assert_uint_eq(idx->tab.gaps[idx->tab.ngaps + n],
				  count_gap(&b));
		ck_assert_uint_eq(dxf_dirblk_max_gap(&b), count_gap(&b));
	}
	dxf_dirindex_put(idx);
	return n;
}

START_TEST(test_dirgaps_of_the_index_are_those_of_the_blocks)
{
	uint64_t most = 0, n;

	rig_open(&r, configs[_i / 2], 32, 600);
	r.long_names = _i % 2;
	for (int round = 0; round < 3000; round++) {
		uint32_t i = rig_random(&r, r.nnames);

		ck_assert_int_eq(rig_step(&r, i, rig_random(&r, 8) != 0), 0);
		if (round % 3)
			continue;
		n = verify_gaps();
		most = DXF_MAX(most, n);
	}
	ck_assert_uint_gt(most, 2);
	rig_check(&r);
	rig_reopen(&r);
	verify_gaps();
	rig_drop(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dirgaps");
	TCase *tc = tcase_create("dirgaps");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc,
		test_dirgaps_of_the_index_are_those_of_the_blocks, 0, 8);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
