// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extent trees: against a naive model, up to trees several levels deep and
 * back, under abort and faults, and with trees that no sane writer leaves.
 */
#include "map_rig.h"

#define EXT4	"-t ext4 -O ^has_journal,^resize_inode"

static struct rig r;

static const struct {
	const char *opts;
	unsigned int mib;
	bool fragment;
} images[] = {
	{ EXT4 ",metadata_csum -b 1024", 32, false },
	{ EXT4 ",metadata_csum -b 1024", 32, true },
	{ EXT4 ",^metadata_csum,^64bit -b 1024", 32, true },
	{ EXT4 ",metadata_csum -b 2048", 32, true },
	{ EXT4 ",metadata_csum -b 4096", 64, false },
	{ EXT4 ",^metadata_csum -b 4096", 64, true },
};

static void setup(void)
{
	rig_open(&r, EXT4 ",metadata_csum -b 1024", 32);
}

static void setup_no_csum(void)
{
	rig_open(&r, EXT4 ",^metadata_csum -b 1024", 32);
}

static void teardown(void)
{
	rig_close(&r);
}

static int depth(void)
{
	return dxf_get_le16(r.node.di.block + 6);
}

/* Pack the tree as the last close does.  Returns: whether it was loose. */
static int tidy(void)
{
	int loose = dxf_bmap_is_loose(&r.node, &r.node.di);
	uint64_t pos = 0;

	ck_assert_int_ge(loose, 0);
	while (loose && pos != UINT64_MAX) {
		struct dxf_dinode di = r.node.di;
		struct dxf_txn *t = rig_begin(&r);

		ck_assert_int_eq(dxf_bmap_tidy(&r.node, &di, t, &pos), 0);
		rig_commit(&r, t, &di);
	}
	ck_assert_int_eq(dxf_bmap_is_loose(&r.node, &r.node.di), 0);
	return loose;
}

static void add_zones(void)
{
	rig_add_zone(&r, 0, 300);
	rig_add_zone(&r, 5000, 300);
	rig_add_zone(&r, (dxf_lblk_t)1 << 31, 300);
	rig_add_zone(&r, UINT32_MAX - 300, 300);
}

START_TEST(test_extent_random_changes_match_the_model)
{
	rig_open(&r, images[_i].opts, images[_i].mib);
	r.fragment = images[_i].fragment;
	r.seed = (unsigned int)_i * 104729u + 3u;
	add_zones();
	for (int i = 0; i < 2500; i++) {
		rig_step(&r);
		rig_verify(&r);
	}
	tidy();
	rig_verify(&r);
	rig_check_and_close(&r);
}
END_TEST

/* Scatter @n lone extents over @zone. */
static void scatter(uint32_t zone, uint32_t n)
{
	r.fragment = true;
	while (n > 0) {
		uint32_t at = rig_random(&r, zone);
		bool u;

		if (rig_model(&r, at, &u) != 0)
			continue;
		ck_assert_int_eq(rig_insert(&r, at, 1, n % 3 == 0, true), 0);
		n--;
	}
}

START_TEST(test_extent_tree_grows_deep_and_shrinks_to_the_inode)
{
	struct dxf_ext2_counts c;
	int ntxn;

	rig_add_zone(&r, 0, 16000);
	scatter(16000, 6000);
	ck_assert_int_ge(depth(), 2);
	rig_verify(&r);
	for (dxf_lblk_t at = 15990; depth() > 0; at -= 10)
		ck_assert_int_eq(rig_remove(&r, at, at + 10, true, &ntxn), 0);
	rig_verify(&r);
	ck_assert_int_eq(rig_remove(&r, 0, UINT64_MAX, true, &ntxn), 0);
	dxf_ext2_counts(r.e2, &c);
	ck_assert_uint_eq(c.free_blocks, r.start.free_blocks);
	ck_assert_uint_eq(r.node.di.sectors, 0);
}
END_TEST

START_TEST(test_extent_scattered_file_is_packed_for_e2fsck)
{
	rig_open(&r, images[_i].opts, images[_i].mib);
	r.seed = (unsigned int)_i + 1;
	rig_add_zone(&r, 0, 12000);
	scatter(12000, 5000);
	tidy();
	rig_verify(&r);
	rig_check_and_close(&r);
}
END_TEST

START_TEST(test_extent_file_grown_from_the_end_needs_no_packing)
{
	rig_add_zone(&r, 0, 8000);
	for (uint32_t at = 0; at < 8000; at += 2)
		ck_assert_int_eq(rig_insert(&r, at, 1, false, true), 0);
	ck_assert_int_ge(depth(), 2);
	ck_assert_int_eq(dxf_bmap_is_loose(&r.node, &r.node.di), 0);
	rig_check_and_close(&r);
}
END_TEST

START_TEST(test_extent_punched_to_few_goes_back_into_the_inode)
{
	int ntxn;

	rig_add_zone(&r, 0, 64);
	ck_assert_int_eq(rig_insert(&r, 0, 64, false, true), 0);
	for (uint32_t at = 1; at < 20; at += 2)
		ck_assert_int_eq(rig_remove(&r, at, at + 1, true, &ntxn), 0);
	ck_assert_int_eq(depth(), 1);
	ck_assert_int_eq(rig_remove(&r, 3, 61, true, &ntxn), 0);
	ck_assert_int_eq(depth(), 0);
	rig_verify(&r);
	rig_check_and_close(&r);
}
END_TEST

/* The runs of the first @nblk blocks: none may continue the one before. */
static int count_runs(uint32_t nblk)
{
	struct dxf_run run, last = { 0 };
	int n = 0;

	for (dxf_lblk_t at = 0; at < nblk; at += run.nblk, n++) {
		ck_assert_int_eq(dxf_bmap_lookup(&r.node, &r.node.di, at,
						 UINT64_MAX, &run), 0);
		ck_assert(n == 0 || last.pblk + last.nblk != run.pblk);
		last = run;
	}
	return n;
}

START_TEST(test_extent_converted_at_random_is_whole_again)
{
	static uint32_t order[4000];
	int runs;

	rig_add_zone(&r, 0, 4000);
	ck_assert_int_eq(rig_insert(&r, 0, 4000, true, true), 0);
	for (uint32_t i = 0; i < 4000; i++) {
		uint32_t k = rig_random(&r, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (uint32_t i = 0; i < 4000; i++)
		ck_assert_int_eq(rig_convert(&r, order[i], 1, true), 0);
	rig_verify(&r);
	/* The zone lies in a few pieces where its group has metadata. */
	runs = count_runs(4000);
	ck_assert_int_lt(runs, 8);
	ck_assert_int_eq(depth(), runs >= 4);
	if (runs < 4)
		ck_assert_int_eq(dxf_get_le16(r.node.di.block + 2), runs);
	rig_check_and_close(&r);
}
END_TEST

START_TEST(test_extent_longest_run_is_cut_by_the_format)
{
	struct dxf_run run;

	rig_open(&r, EXT4 " -b 4096 -E lazy_itable_init=1", 600);
	rig_add_zone(&r, 0, 60000);
	for (uint32_t at = 0; at < 60000; ) {
		bool u;

		ck_assert_int_eq(rig_insert(&r, at, 60000 - at, at == 0, true),
				 0);
		while (at < 60000 && rig_model(&r, at, &u) != 0)
			at++;
	}
	ck_assert_int_eq(dxf_bmap_lookup(&r.node, &r.node.di, 7, UINT64_MAX,
					 &run), 0);
	ck_assert_uint_le(run.nblk, 32768);
	rig_verify(&r);
	rig_check_and_close(&r);
}
END_TEST

START_TEST(test_extent_insert_beyond_the_format_is_efbig)
{
	rig_add_zone(&r, UINT32_MAX - 1, 3);
	ck_assert_int_eq(rig_insert(&r, UINT32_MAX, 1, false, true), -EFBIG);
	ck_assert_int_eq(rig_insert(&r, UINT32_MAX - 1, 2, false, true),
			 -EFBIG);
	ck_assert_int_eq(rig_insert(&r, UINT32_MAX - 1, 1, false, true), 0);
	rig_verify(&r);
}
END_TEST

START_TEST(test_extent_insert_over_a_mapped_block_is_corruption)
{
	rig_add_zone(&r, 0, 200);
	ck_assert_int_eq(rig_insert(&r, 50, 20, false, true), 0);
	ck_assert_int_eq(rig_insert(&r, 60, 1, false, true), -EUCLEAN);
	ck_assert_int_eq(rig_insert(&r, 45, 10, false, true), -EUCLEAN);
	rig_verify(&r);
}
END_TEST

START_TEST(test_extent_convert_of_a_written_block_is_corruption)
{
	rig_add_zone(&r, 0, 200);
	ck_assert_int_eq(rig_insert(&r, 50, 20, false, true), 0);
	ck_assert_int_eq(rig_convert(&r, 55, 1, true), -EUCLEAN);
	ck_assert_int_eq(rig_convert(&r, 5, 1, true), -EUCLEAN);
	rig_verify(&r);
}
END_TEST

START_TEST(test_extent_abort_leaves_media_alone)
{
	struct image im;
	int ntxn;

	rig_add_zone(&r, 0, 2000);
	scatter(2000, 700);
	rig_snapshot(&r, &im);
	for (uint32_t at = 0; at < 2000; at += 37) {
		bool u;

		if (rig_model(&r, at, &u) == 0)
			ck_assert_int_eq(rig_insert(&r, at, 1, true, false),
					 0);
		else if (u)
			ck_assert_int_eq(rig_convert(&r, at, 1, false), 0);
		ck_assert_int_eq(rig_remove(&r, at, at + 300, false, &ntxn),
				 0);
	}
	ck_assert_int_eq(rig_remove(&r, 0, UINT64_MAX, false, &ntxn), 0);
	rig_same(&r, &im);
	rig_drop(&im);
	rig_verify(&r);
}
END_TEST

START_TEST(test_extent_remove_of_a_scattered_file_is_cut_into_transactions)
{
	int ntxn;

	rig_add_zone(&r, 0, 24000);
	r.fragment = true;
	for (uint32_t at = 0; at < 24000; at += 2)
		ck_assert_int_eq(rig_insert(&r, at, 1, false, true), 0);
	ck_assert_int_eq(rig_remove(&r, 1, UINT64_MAX, true, &ntxn), 0);
	ck_assert_int_ge(ntxn, 1);
	rig_verify(&r);
	rig_check_and_close(&r);
}
END_TEST

/* ---- faults ---- */

/* A block of the zone that is (not) mapped, near its middle. */
static dxf_lblk_t pick(bool mapped, bool unwritten)
{
	for (dxf_lblk_t at = 700; at < 2000; at++) {
		bool u = false;

		if ((rig_model(&r, at, &u) != 0) == mapped && u == unwritten)
			return at;
	}
	ck_abort_msg("no such block");
}

static int op_insert(void)
{
	return rig_insert(&r, pick(false, false), 1, false, false);
}

static int op_convert(void)
{
	return rig_convert(&r, 2020, 3, false);
}

static int op_cut(void)
{
	int ntxn;

	return rig_remove(&r, 2030, 2031, false, &ntxn);
}

static int op_remove(void)
{
	int ntxn;

	return rig_remove(&r, 3, UINT64_MAX, false, &ntxn);
}

static int op_remove_many(void)
{
	int ntxn;

	return rig_remove(&r, 100, 1900, false, &ntxn);
}

static int op_tidy(void)
{
	struct dxf_dinode di = r.node.di;
	struct dxf_txn *t = rig_begin(&r);
	uint64_t pos = 0;
	int err = dxf_bmap_tidy(&r.node, &di, t, &pos);

	dxf_txn_abort(t);
	return err;
}

static int op_lookup(void)
{
	int err = dxf_bmap_is_loose(&r.node, &r.node.di);

	return err < 0 ? err : rig_walk(&r, &r.node.di);
}

static int (*const ops[])(void) = {
	op_insert, op_convert, op_cut, op_remove, op_remove_many, op_tidy,
	op_lookup,
};
static const enum dxf_fault_kind kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST, DXF_FAULT_EXT2FS,
};

START_TEST(test_extent_fault_changes_nothing)
{
	int (*op)(void) = ops[_i / (int)DXF_ARRAY_SIZE(kinds)];
	enum dxf_fault_kind kind = kinds[_i % (int)DXF_ARRAY_SIZE(kinds)];
	struct dxf_ext2_counts before, after;
	struct image im;
	int failed = 0;

	rig_add_zone(&r, 0, 2100);
	scatter(2000, 700);
	ck_assert_int_eq(rig_insert(&r, 2010, 80, true, true), 0);
	dxf_ext2_counts(r.e2, &before);
	rig_snapshot(&r, &im);
	for (uint64_t nth = 1; ; nth++) {
		int err;

		dxf_bmap_forget(&r.node);
		dxf_fault_arm(kind, nth);
		err = op();
		if (!dxf_fault_disarm())
			break;
		failed += err != 0;
		ck_assert(err == 0 || err == -ENOMEM || err == -EIO);
		if (nth % 16 == 1)
			rig_verify(&r);
		dxf_ext2_counts(r.e2, &after);
		ck_assert_uint_eq(after.free_blocks, before.free_blocks);
	}
	rig_verify(&r);
	rig_same(&r, &im);
	rig_drop(&im);
	if (kind == DXF_FAULT_LOAD || kind == DXF_FAULT_ALLOC)
		ck_assert_int_gt(failed, 0);
}
END_TEST

/* ---- trees that no sane writer leaves ---- */

static void hostile(const struct dxf_dinode *bad)
{
	struct dxf_dinode di = *bad;
	struct dxf_txn *t;
	dxf_lblk_t from;

	dxf_bmap_forget(&r.node);
	r.messages = 0;
	ck_assert_int_eq(rig_walk(&r, bad), -EUCLEAN);
	ck_assert_int_ge(r.messages, 1);
	t = rig_begin(&r);
	ck_assert_int_eq(dxf_bmap_remove(&r.node, &di, t, 0, UINT64_MAX,
					 &from), -EUCLEAN);
	dxf_txn_abort(t);
}

/* Bytes of the root that make it wrong. */
static const struct {
	int off;
	uint16_t value;
} wrong[] = {
	{ 0, 0 },			/* magic */
	{ 2, 5 },			/* entries beyond capacity */
	{ 4, 5 },			/* capacity beyond the inode */
	{ 4, 0 },
	{ 6, 1 },			/* depth: the extent becomes an index */
	{ 6, 6 },
	{ 6, 0xffff },
	{ 12 + 4, 0 },			/* length */
	{ 12 + 2, 0xffff },		/* first block: end overflows */
	{ 12 + 6, 0xffff },		/* outside the filesystem */
};

START_TEST(test_extent_wrong_root_is_corruption)
{
	struct dxf_dinode di;

	rig_add_zone(&r, 0xfff0, 40);
	ck_assert_int_eq(rig_insert(&r, 0xffff, 20, false, true), 0);
	di = r.node.di;
	dxf_put_le16(di.block + wrong[_i].off, wrong[_i].value);
	hostile(&di);
}
END_TEST

START_TEST(test_extent_to_metadata_is_corruption)
{
	struct dxf_dinode di;

	rig_add_zone(&r, 0, 40);
	ck_assert_int_eq(rig_insert(&r, 0, 20, false, true), 0);
	di = r.node.di;
	dxf_put_le32(di.block + 12 + 8,
		     (uint32_t)r.e2->groups[0].inode_table);
	hostile(&di);
}
END_TEST

START_TEST(test_extent_node_that_points_to_itself_is_corruption)
{
	struct dxf_dinode di = r.node.di;
	uint8_t node[1024];
	dxf_blk_t blk;

	di.sectors = 1000;
	memset(node, 0, sizeof(node));
	memcpy(node, di.block, 12);
	dxf_put_le16(node + 2, 1);
	dxf_put_le16(node + 4, 84);
	dxf_put_le16(node + 6, (uint16_t)(_i + 1));
	blk = rig_raw_block(&r, node, sizeof(node));
	dxf_put_le32(node + 12 + 4, (uint32_t)blk);
	ck_assert_int_eq(dxf_persist_copy(r.region, dxf_blk_off(r.g, blk),
					  node, sizeof(node), 0), 0);
	memcpy(di.block, node, 24);
	dxf_put_le16(di.block + 4, 4);
	dxf_put_le16(di.block + 6, (uint16_t)(_i + 2));
	hostile(&di);
}
END_TEST

START_TEST(test_extent_wrong_checksum_is_corruption)
{
	uint8_t byte;
	dxf_off_t off;

	rig_add_zone(&r, 0, 400);
	scatter(400, 50);
	ck_assert_int_eq(depth(), 1);
	off = dxf_blk_off(r.g, dxf_get_le32(r.node.di.block + 12 + 4)) + 900;
	ck_assert_int_eq(dxf_load(r.region, off, &byte, 1), 0);
	byte ^= 1;
	ck_assert_int_eq(dxf_persist_copy(r.region, off, &byte, 1, 0), 0);
	hostile(&r.node.di);
}
END_TEST

/* A tree two levels deep, one of whose nodes is hit at random places. */
START_TEST(test_extent_random_bytes_end_without_harm)
{
	uint8_t node[1024], bad[1024];
	dxf_blk_t blk;

	r.seed = (unsigned int)_i + 1;
	rig_add_zone(&r, 0, 3000);
	scatter(3000, 1000);
	ck_assert_int_eq(depth(), 2);
	blk = dxf_get_le32(r.node.di.block + 12 + 4);
	ck_assert_int_eq(dxf_load(r.region, dxf_blk_off(r.g, blk), node,
				  sizeof(node)), 0);
	for (int i = 0; i < 300; i++) {
		struct dxf_dinode di = r.node.di;
		struct dxf_txn *t = rig_begin(&r);
		uint64_t pos = 0;
		dxf_lblk_t from;

		memcpy(bad, node, sizeof(bad));
		for (uint32_t k = rig_random(&r, 4) + 1; k > 0; k--)
			bad[rig_random(&r, 100)] = (uint8_t)rig_random(&r,
								       256);
		ck_assert_int_eq(dxf_persist_copy(r.region,
						  dxf_blk_off(r.g, blk), bad,
						  sizeof(bad), 0), 0);
		di.sectors = 1 << 30;
		rig_walk(&r, &di);
		dxf_bmap_is_loose(&r.node, &di);
		if (i % 2)
			dxf_bmap_tidy(&r.node, &di, t, &pos);
		dxf_bmap_remove(&r.node, &di, t, rig_random(&r, 3000),
				UINT64_MAX, &from);
		dxf_txn_abort(t);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("extent");
	TCase *own = tcase_create("model"), *tc = tcase_create("extent");
	TCase *raw = tcase_create("raw"), *closing = tcase_create("closing");
	int nimages = (int)DXF_ARRAY_SIZE(images);
	int nfaults = (int)(DXF_ARRAY_SIZE(ops) * DXF_ARRAY_SIZE(kinds));

	tcase_set_timeout(own, 240);
	tcase_add_loop_test(own, test_extent_random_changes_match_the_model,
			    0, nimages);
	tcase_add_loop_test(own,
		test_extent_scattered_file_is_packed_for_e2fsck, 0, nimages);
	tcase_add_test(own, test_extent_longest_run_is_cut_by_the_format);
	tcase_add_test(closing,
		test_extent_file_grown_from_the_end_needs_no_packing);
	tcase_add_test(closing,
		test_extent_punched_to_few_goes_back_into_the_inode);
	tcase_add_test(closing,
		test_extent_converted_at_random_is_whole_again);
	tcase_add_test(closing,
		test_extent_remove_of_a_scattered_file_is_cut_into_transactions);
	suite_add_tcase(s, own);
	tcase_set_timeout(closing, 240);
	tcase_add_checked_fixture(closing, setup, NULL);
	suite_add_tcase(s, closing);
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(s, tc);
	tcase_set_timeout(raw, 240);
	tcase_add_checked_fixture(raw, setup_no_csum, teardown);
	tcase_add_loop_test(raw, test_extent_random_bytes_end_without_harm, 0,
			    6);
	tcase_add_loop_test(raw,
		test_extent_node_that_points_to_itself_is_corruption, 0, 4);
	suite_add_tcase(s, raw);
	tcase_add_test(tc,
		test_extent_tree_grows_deep_and_shrinks_to_the_inode);
	tcase_add_test(tc,
		test_extent_insert_beyond_the_format_is_efbig);
	tcase_add_test(tc,
		test_extent_insert_over_a_mapped_block_is_corruption);
	tcase_add_test(tc,
		test_extent_convert_of_a_written_block_is_corruption);
	tcase_add_test(tc, test_extent_abort_leaves_media_alone);
	tcase_add_loop_test(tc, test_extent_fault_changes_nothing, 0, nfaults);
	tcase_add_loop_test(tc, test_extent_wrong_root_is_corruption, 0,
			    (int)DXF_ARRAY_SIZE(wrong));
	tcase_add_test(tc, test_extent_to_metadata_is_corruption);
	tcase_add_test(tc, test_extent_wrong_checksum_is_corruption);
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
