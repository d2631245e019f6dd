// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Indirect maps: against a naive model at the borders of the trees, under
 * abort and faults, and with maps that no sane writer leaves.
 */
#include "map_rig.h"

#define EXT2	"-t ext2 -O ^resize_inode -I 256"

static struct rig r;

static const struct {
	const char *opts;
	unsigned int mib;
	bool fragment;
} images[] = {
	{ EXT2 " -b 1024", 32, false },
	{ EXT2 " -b 1024", 32, true },
	{ EXT2 " -b 2048", 32, true },
	{ EXT2 " -b 4096", 64, false },
	{ EXT2 " -b 4096", 64, true },
	{ "-t ext4 -O ^has_journal,^extents,^64bit,metadata_csum -b 1024", 32,
	  true },
};

static void setup(void)
{
	rig_open(&r, EXT2 " -b 1024", 32);
}

static void teardown(void)
{
	rig_close(&r);
}

static void add_zones(void)
{
	dxf_lblk_t per = r.g->block_size / 4, dind = 12 + per,
		tind = dind + per * per, end = tind + per * per * per;

	rig_add_zone(&r, 0, 120);
	rig_add_zone(&r, dind - 60, 120);
	rig_add_zone(&r, dind + per * 7 - 60, 120);
	rig_add_zone(&r, tind - 60, 120);
	rig_add_zone(&r, tind + 3 * per * per - 60, 120);
	rig_add_zone(&r, end - 100, 100);
}

static dxf_lblk_t reach(void)
{
	dxf_lblk_t per = r.g->block_size / 4;

	return 12 + per + per * per + per * per * per;
}

START_TEST(test_ind_random_changes_match_the_model)
{
	rig_open(&r, images[_i].opts, images[_i].mib);
	r.fragment = images[_i].fragment;
	r.seed = (unsigned int)_i * 7919u + 5u;
	add_zones();
	for (int i = 0; i < 1200; i++) {
		rig_step(&r);
		rig_verify(&r);
	}
	rig_check_and_close(&r);
}
END_TEST

START_TEST(test_ind_remove_all_gives_every_block_back)
{
	struct dxf_ext2_counts c;
	int ntxn;

	add_zones();
	r.fragment = true;
	for (int i = 0; i < 150; i++)
		rig_step(&r);
	ck_assert_int_eq(rig_remove(&r, 0, UINT64_MAX, true, &ntxn), 0);
	dxf_ext2_counts(r.e2, &c);
	ck_assert_uint_eq(c.free_blocks, r.start.free_blocks);
	ck_assert_uint_eq(r.node.di.sectors, 0);
	for (size_t i = 0; i < sizeof(r.node.di.block); i++)
		ck_assert_uint_eq(r.node.di.block[i], 0);
}
END_TEST

START_TEST(test_ind_insert_over_a_map_block_border_fills_both)
{
	struct dxf_run run;

	rig_add_zone(&r, 0, 1200);
	/* 12 direct, 256 below the first map block, the rest in two more */
	ck_assert_int_eq(rig_insert(&r, 5, 700, false, true), 0);
	ck_assert_int_eq(dxf_bmap_lookup(&r.node, &r.node.di, 5, UINT64_MAX,
					 &run), 0);
	ck_assert_uint_eq(run.nblk, 700);
	ck_assert_uint_eq(r.node.di.sectors, 2 * (700 + 1 + 3));
	rig_verify(&r);
}
END_TEST

START_TEST(test_ind_lone_block_at_the_end_is_found_and_removed_quickly)
{
	struct dxf_run run;
	int ntxn;

	rig_add_zone(&r, reach() - 1, 1);
	ck_assert_int_eq(rig_insert(&r, reach() - 1, 1, false, true), 0);
	ck_assert_int_eq(dxf_bmap_lookup(&r.node, &r.node.di, 0, UINT64_MAX,
					 &run), 0);
	ck_assert_uint_eq(run.pblk, 0);
	/* the null pointers of the upper levels are long holes */
	ck_assert_uint_ge(run.nblk, 12 + 256 + 65536);
	rig_verify(&r);
	ck_assert_int_eq(rig_remove(&r, 0, UINT64_MAX, true, &ntxn), 0);
	ck_assert_int_eq(ntxn, 1);
	ck_assert_uint_eq(r.node.di.sectors, 0);
}
END_TEST

START_TEST(test_ind_insert_beyond_the_reach_is_efbig)
{
	rig_add_zone(&r, reach() - 1, 2);
	ck_assert_int_eq(rig_insert(&r, reach(), 1, false, true), -EFBIG);
	ck_assert_int_eq(rig_insert(&r, reach() - 1, 2, false, true), -EFBIG);
	ck_assert_int_eq(rig_insert(&r, UINT64_MAX - 3, 1, false, true),
			 -EFBIG);
}
END_TEST

START_TEST(test_ind_lookup_beyond_the_reach_is_a_hole)
{
	struct dxf_run run;

	ck_assert_int_eq(dxf_bmap_lookup(&r.node, &r.node.di, reach() + 9,
					 1000, &run), 0);
	ck_assert_uint_eq(run.pblk, 0);
	ck_assert_uint_eq(run.nblk, 1000);
}
END_TEST

START_TEST(test_ind_insert_over_a_mapped_block_is_corruption)
{
	rig_add_zone(&r, 0, 2000);
	ck_assert_int_eq(rig_insert(&r, 10, 300, false, true), 0);
	ck_assert_int_eq(rig_insert(&r, 11, 1, false, true), -EUCLEAN);
	ck_assert_int_eq(rig_insert(&r, 309, 1, false, true), -EUCLEAN);
	rig_verify(&r);
}
END_TEST

START_TEST(test_ind_remove_of_a_scattered_file_is_cut_into_transactions)
{
	struct dxf_ext2_counts c;
	int ntxn;

	rig_add_zone(&r, 0, 14000);
	/* map blocks of their own, and no two data blocks together */
	for (uint32_t l = 0; l < 14000; l += 14)
		ck_assert_int_eq(rig_insert(&r, l, 1, false, true), 0);
	r.fragment = true;
	for (uint32_t l = 7; l < 14000; l += 2 + rig_random(&r, 3)) {
		bool u;

		if (rig_model(&r, l, &u) == 0)
			ck_assert_int_eq(rig_insert(&r, l, 1, false, true), 0);
	}
	rig_verify(&r);
	ck_assert_int_eq(rig_remove(&r, 3, UINT64_MAX, true, &ntxn), 0);
	ck_assert_int_ge(ntxn, 1);
	rig_verify(&r);
	ck_assert_int_eq(rig_remove(&r, 0, 3, true, &ntxn), 0);
	dxf_ext2_counts(r.e2, &c);
	ck_assert_uint_eq(c.free_blocks, r.start.free_blocks);
}
END_TEST

START_TEST(test_ind_abort_leaves_media_alone)
{
	struct image im;
	int ntxn;

	rig_add_zone(&r, 0, 400);
	rig_add_zone(&r, 12 + 256 + 300, 400);
	ck_assert_int_eq(rig_insert(&r, 0, 200, false, true), 0);
	rig_snapshot(&r, &im);
	ck_assert_int_eq(rig_insert(&r, 200, 100, false, false), 0);
	ck_assert_int_eq(rig_insert(&r, 12 + 256 + 300, 300, false, false),
			 0);
	ck_assert_int_eq(rig_remove(&r, 0, UINT64_MAX, false, &ntxn), 0);
	ck_assert_int_eq(rig_remove(&r, 50, 60, false, &ntxn), 0);
	rig_same(&r, &im);
	rig_drop(&im);
	rig_verify(&r);
}
END_TEST

/* ---- faults: every call of a kind fails once ---- */

static int op_grow(void)
{
	return rig_insert(&r, 12 + 256 + 65536 + 100, 700, false, false);
}

static int op_append(void)
{
	return rig_insert(&r, 300, 30, false, false);
}

static int op_remove(void)
{
	int ntxn;

	return rig_remove(&r, 5, UINT64_MAX, false, &ntxn);
}

static int op_lookup(void)
{
	return rig_walk(&r, &r.node.di);
}

static int (*const ops[])(void) = { op_grow, op_append, op_remove, op_lookup };
static const enum dxf_fault_kind kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
};

START_TEST(test_ind_fault_changes_nothing)
{
	int (*op)(void) = ops[_i / (int)DXF_ARRAY_SIZE(kinds)];
	enum dxf_fault_kind kind = kinds[_i % (int)DXF_ARRAY_SIZE(kinds)];
	struct dxf_ext2_counts before, after;
	struct image im;
	bool reached;
	int failed = 0;

	rig_add_zone(&r, 0, 400);
	ck_assert_int_eq(rig_insert(&r, 0, 300, false, true), 0);
	dxf_ext2_counts(r.e2, &before);
	rig_snapshot(&r, &im);
	for (uint64_t nth = 1; ; nth++) {
		int err;

		dxf_bmap_forget(&r.node);
		dxf_fault_arm(kind, nth);
		err = op();
		reached = dxf_fault_disarm();
		if (!reached)
			break;
		failed += err != 0;
		ck_assert(err == 0 || err == -ENOMEM || err == -EIO);
		rig_verify(&r);
		dxf_ext2_counts(r.e2, &after);
		ck_assert_uint_eq(after.free_blocks, before.free_blocks);
	}
	rig_same(&r, &im);
	rig_drop(&im);
	/* only lookup allocates nothing, only insert stores before commit */
	if (kind == DXF_FAULT_LOAD)
		ck_assert_int_gt(failed, 0);
}
END_TEST

/* ---- maps that no sane writer leaves ---- */

static void point(uint32_t slot, dxf_blk_t blk)
{
	dxf_put_le32(r.node.di.block + 4 * slot, (uint32_t)blk);
}

static void hostile(int expect)
{
	struct dxf_dinode di = r.node.di;
	struct dxf_txn *t;
	dxf_lblk_t from;
	int err;

	dxf_bmap_forget(&r.node);
	r.messages = 0;
	ck_assert_int_eq(rig_walk(&r, &r.node.di), expect);
	if (expect != 0)
		ck_assert_int_ge(r.messages, 1);
	t = rig_begin(&r);
	err = dxf_bmap_remove(&r.node, &di, t, 0, UINT64_MAX, &from);
	ck_assert_int_eq(err, -EUCLEAN);
	dxf_txn_abort(t);
}

START_TEST(test_ind_pointer_outside_is_corruption)
{
	static const uint32_t slots[] = { 0, 11, 12, 13, 14 };

	r.node.di.sectors = 1000;
	point(slots[_i], r.g->nblocks);
	hostile(-EUCLEAN);
	point(slots[_i], UINT32_MAX);
	hostile(-EUCLEAN);
}
END_TEST

START_TEST(test_ind_pointer_to_metadata_is_corruption)
{
	r.node.di.sectors = 1000;
	point((uint32_t)_i * 6, r.e2->groups[0].block_bitmap);
	hostile(-EUCLEAN);
}
END_TEST

START_TEST(test_ind_block_that_points_to_itself_ends)
{
	uint8_t ptrs[1024];
	dxf_blk_t blk;

	memset(ptrs, 0, sizeof(ptrs));
	blk = rig_raw_block(&r, ptrs, sizeof(ptrs));
	for (size_t i = 0; i < sizeof(ptrs); i += 4 * 31)
		dxf_put_le32(ptrs + i, (uint32_t)blk);
	ck_assert_int_eq(dxf_persist_copy(r.region, dxf_blk_off(r.g, blk),
					  ptrs, sizeof(ptrs), 0), 0);
	r.node.di.sectors = 1 << 30;
	point(12 + (uint32_t)_i, blk);
	/* as data it maps a block in use: for lookup nothing is wrong */
	hostile(0);
}
END_TEST

START_TEST(test_ind_remove_with_too_small_a_block_count_is_corruption)
{
	struct dxf_dinode di;
	struct dxf_txn *t;
	dxf_lblk_t from;

	rig_add_zone(&r, 0, 400);
	ck_assert_int_eq(rig_insert(&r, 0, 300, false, true), 0);
	di = r.node.di;
	di.sectors = 2;
	t = rig_begin(&r);
	ck_assert_int_eq(dxf_bmap_remove(&r.node, &di, t, 0, UINT64_MAX,
					 &from), -EUCLEAN);
	dxf_txn_abort(t);
	rig_verify(&r);
}
END_TEST

START_TEST(test_ind_random_bytes_end_without_harm)
{
	uint8_t bytes[1024];
	dxf_blk_t blk;

	memset(bytes, 0, sizeof(bytes));
	blk = rig_raw_block(&r, bytes, sizeof(bytes));
	r.seed = (unsigned int)_i + 77;
	for (int i = 0; i < 200; i++) {
		struct dxf_dinode di = r.node.di;
		struct dxf_txn *t = rig_begin(&r);
		dxf_lblk_t from;

		for (size_t k = 0; k < sizeof(bytes); k += 4)
			dxf_put_le32(bytes + k, rig_random(&r, 8) ? 0 :
				     rig_random(&r, (uint32_t)r.g->nblocks));
		ck_assert_int_eq(dxf_persist_copy(r.region,
						  dxf_blk_off(r.g, blk), bytes,
						  sizeof(bytes), 0), 0);
		di.sectors = 1 << 30;
		dxf_put_le32(di.block + 4 * (12 + rig_random(&r, 3)),
			     (uint32_t)blk);
		rig_walk(&r, &di);
		dxf_bmap_remove(&r.node, &di, t, rig_random(&r, 1000),
				UINT64_MAX, &from);
		dxf_txn_abort(t);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ind");
	TCase *own = tcase_create("model"), *tc = tcase_create("ind");
	int nimages = (int)DXF_ARRAY_SIZE(images);
	int nfaults = (int)(DXF_ARRAY_SIZE(ops) * DXF_ARRAY_SIZE(kinds));

	tcase_set_timeout(own, 240);
	tcase_add_loop_test(own, test_ind_random_changes_match_the_model, 0,
			    nimages);
	suite_add_tcase(s, own);
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_ind_remove_all_gives_every_block_back);
	tcase_add_test(tc, test_ind_insert_over_a_map_block_border_fills_both);
	tcase_add_test(tc,
		test_ind_lone_block_at_the_end_is_found_and_removed_quickly);
	tcase_add_test(tc, test_ind_insert_beyond_the_reach_is_efbig);
	tcase_add_test(tc, test_ind_lookup_beyond_the_reach_is_a_hole);
	tcase_add_test(tc, test_ind_insert_over_a_mapped_block_is_corruption);
	tcase_add_test(tc,
		test_ind_remove_of_a_scattered_file_is_cut_into_transactions);
	tcase_add_test(tc, test_ind_abort_leaves_media_alone);
	tcase_add_loop_test(tc, test_ind_fault_changes_nothing, 0, nfaults);
	tcase_add_loop_test(tc, test_ind_pointer_outside_is_corruption, 0, 5);
	tcase_add_loop_test(tc, test_ind_pointer_to_metadata_is_corruption, 0,
			    3);
	tcase_add_loop_test(tc, test_ind_block_that_points_to_itself_ends, 0,
			    3);
	tcase_add_test(tc,
		test_ind_remove_with_too_small_a_block_count_is_corruption);
	tcase_add_loop_test(tc, test_ind_random_bytes_end_without_harm, 0, 4);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
