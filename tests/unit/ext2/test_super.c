// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_super.c - opening, mount state, corruption, fixed blocks; damaged
 * superblocks and descriptors.
 */
#include "core_rig.h"

#include <signal.h>
#include <time.h>

#include "open.h"

/* ---- opening what mke2fs makes ---- */

START_TEST(test_super_open_agrees_with_mke2fs)
{
	struct ext2_super_block sb;
	struct core c;

	core_open_config(&c, _i);
	core_read_super(&c, &sb);
	ck_assert_uint_eq(c.start.free_blocks, ext2fs_free_blocks_count(&sb));
	ck_assert_uint_eq(c.start.free_inodes, sb.s_free_inodes_count);
	ck_assert_uint_eq(c.g->nblocks, ext2fs_blocks_count(&sb));
	ck_assert_uint_eq(c.g->ninodes, sb.s_inodes_count);
	ck_assert_uint_eq(c.g->block_size, 1024u << sb.s_log_block_size);
	ck_assert_uint_eq(c.g->reserved_blocks, ext2fs_r_blocks_count(&sb));
	ck_assert_int_eq(c.messages, 0);
	core_check_memory(&c);
	core_close(&c);
}
END_TEST

START_TEST(test_super_open_changes_nothing)
{
	struct core c;
	void *before;

	core_open_config(&c, _i);
	before = image_snapshot(c.region);
	core_reopen(&c);
	core_assert_same(&c, before);
	free(before);
	core_close(&c);
}
END_TEST

START_TEST(test_super_fixed_blocks_are_what_mke2fs_uses)
{
	uint64_t fixed, others = 0;
	struct core c;

	core_open_config(&c, _i);
	fixed = c.g->first_block;
	for (dxf_blk_t b = c.g->first_block; b < c.g->nblocks; b++) {
		if (dxf_ext2_is_fixed_block(c.e2, b, 1)) {
			CORE_CHECK(core_block_used(&c, b));
			fixed++;
		} else {
			others += core_block_used(&c, b);
		}
	}
	ck_assert_uint_eq(fixed, dxf_ext2_overhead(c.e2));
	/* The root, lost+found, the resize inode's map, the journal. */
	ck_assert_uint_le(others, 20 + (strstr(core_configs[_i].args, "-J") ?
					1200 : 0));
	ck_assert_uint_ge(others, 2);
	core_close(&c);
}
END_TEST

START_TEST(test_super_fixed_ranges_agree_with_single_blocks)
{
	uint64_t seed = (uint64_t)_i;
	struct core c;

	core_open_config(&c, _i);
	for (int k = 0; k < 2000; k++) {
		dxf_blk_t b = core_random(&seed) % c.g->nblocks;
		uint64_t n = 1 + core_random(&seed) % 300;
		bool any = n > c.g->nblocks - b;

		for (uint64_t i = 0; i < n && !any; i++)
			any = dxf_ext2_is_fixed_block(c.e2, b + i, 1);
		CORE_CHECK(dxf_ext2_is_fixed_block(c.e2, b, n) == any);
	}
	ck_assert(dxf_ext2_is_fixed_block(c.e2, c.g->nblocks, 1));
	ck_assert(dxf_ext2_is_fixed_block(c.e2, UINT64_MAX, 2));
	ck_assert(dxf_ext2_is_fixed_block(c.e2, c.g->nblocks / 2, UINT64_MAX));
	core_close(&c);
}
END_TEST

START_TEST(test_super_group_costs_at_most_128_bytes)
{
	struct core c;
	size_t bytes;

	core_open_config(&c, _i);
	bytes = c.g->ngroups * sizeof(struct dxf_group) +
		c.e2->nfixed * sizeof(struct dxf_fixed) +
		c.e2->ndesc_blocks * sizeof(dxf_blk_t);
	ck_assert_uint_le(bytes / c.g->ngroups, 128);
	core_close(&c);
}
END_TEST

/* ---- mount state ---- */

START_TEST(test_super_mounted_and_clean_leave_their_marks)
{
	struct ext2_super_block sb, then;
	struct core c;

	core_open_config(&c, _i);
	core_read_super(&c, &then);
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	core_read_super(&c, &sb);
	ck_assert_int_eq(sb.s_state & EXT2_VALID_FS, 0);
	ck_assert_int_eq(sb.s_mnt_count, then.s_mnt_count + 1);
	ck_assert_int_le(labs((long)sb.s_mtime - (long)time(NULL)), 10);
	ck_assert_int_lt((long)sb.s_wtime, (long)sb.s_mtime);
	ck_assert_int_eq(dxf_ext2_mark_clean(c.e2), 0);
	core_read_super(&c, &sb);
	ck_assert_int_eq(sb.s_state & EXT2_VALID_FS, EXT2_VALID_FS);
	core_close_clean(&c);
}
END_TEST

/* Opening read-write with what was found must fail, naming ways out. */
static void expect_refused(struct core *c)
{
	struct dxf_ext2_opts opts = { .errors = DXF_ERRORS_SUPER };
	struct dxf_err err;

	ck_assert_int_eq(core_try_open(c, &opts, &err), -EROFS);
	ck_assert_ptr_nonnull(strstr(err.text, "e2fsck -f"));
	ck_assert_ptr_nonnull(strstr(err.text, "-o ro"));
	ck_assert_ptr_nonnull(strstr(err.text, "-o force"));
	opts.ro = true;
	ck_assert_int_eq(core_try_open(c, &opts, &err), 0);
	dxf_ext2_close(c->e2);
	dxf_txnmgr_close(c->mgr);
	opts.ro = false;
	opts.force = true;
	ck_assert_int_eq(core_try_open(c, &opts, &err), 0);
}

/* The helper that all of these trust is not silent about anything. */
START_TEST(test_super_wrong_counts_are_not_clean)
{
	struct ext2_super_block sb;
	struct core c;

	core_open(&c, "-t ext2", 16);
	ck_assert(image_is_clean(c.region));
	core_read_super(&c, &sb);
	sb.s_free_blocks_count--;
	core_write_super(&c, &sb);
	ck_assert(!image_is_clean(c.region));
	core_close(&c);
}
END_TEST

START_TEST(test_super_unclean_is_refused_unless_forced)
{
	struct ext2_super_block sb;
	struct core c;

	core_open(&c, "-t ext2", 16);
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	dxf_ext2_close(c.e2);
	dxf_txnmgr_close(c.mgr);
	expect_refused(&c);
	/* What was unclean does not become clean by being mounted. */
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	ck_assert_int_eq(dxf_ext2_mark_clean(c.e2), 0);
	core_read_super(&c, &sb);
	ck_assert_int_eq(sb.s_state & EXT2_VALID_FS, 0);
	core_close(&c);
}
END_TEST

START_TEST(test_super_recorded_errors_are_refused_unless_forced)
{
	struct ext2_super_block sb;
	struct core c;

	core_open(&c, "-t ext2", 16);
	dxf_ext2_close(c.e2);
	dxf_txnmgr_close(c.mgr);
	core_read_super(&c, &sb);
	sb.s_state |= EXT2_ERROR_FS;
	core_write_super(&c, &sb);
	expect_refused(&c);
	core_close(&c);
}
END_TEST

START_TEST(test_super_need_feature_is_set_once)
{
	struct ext2_super_block sb;
	struct dxf_txn *t;
	struct core c;

	core_open_config(&c, _i);
	for (int i = 0; i < 3; i++) {
		t = core_begin(&c);
		ck_assert_int_eq(dxf_ext2_need_feature(c.e2, t,
						DXF_FEATURE_LARGE_FILE), 0);
		ck_assert_int_eq(dxf_ext2_need_feature(c.e2, t,
						DXF_FEATURE_EXT_ATTR), 0);
		if (i == 0)
			dxf_txn_abort(t);
		else
			core_commit(t);
	}
	core_read_super(&c, &sb);
	ck_assert(ext2fs_has_feature_large_file(&sb));
	ck_assert(ext2fs_has_feature_xattr(&sb));
	ck_assert_uint_ge(sb.s_rev_level, 1);
	core_close(&c);
}
END_TEST

START_TEST(test_super_orphan_head_is_seen_in_the_transaction)
{
	struct dxf_txn *t;
	struct core c;

	core_open_config(&c, _i);
	ck_assert_uint_eq(dxf_ext2_orphan_head(c.e2), 0);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_ext2_set_orphan_head(c.e2, t, 12), 0);
	ck_assert_uint_eq(dxf_ext2_orphan_head(c.e2), 12);
	dxf_txn_abort(t);
	ck_assert_uint_eq(dxf_ext2_orphan_head(c.e2), 0);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_ext2_set_orphan_head(c.e2, t, 12), 0);
	core_commit(t);
	core_reopen(&c);
	ck_assert_uint_eq(dxf_ext2_orphan_head(c.e2), 12);
	core_close(&c);
}
END_TEST

/* ---- corruption ---- */

START_TEST(test_super_corrupt_goes_read_only_and_is_recorded)
{
	struct ext2_super_block sb;
	struct dxf_txn *t;
	struct core c;

	core_open_config(&c, _i);
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	ck_assert_int_eq(dxf_ext2_corrupt(c.e2, 13, 777, "bad %s", "thing"),
			 -EUCLEAN);
	ck_assert(dxf_ext2_errors_pending(c.e2));
	ck_assert_int_eq(dxf_txn_begin(c.mgr, 0, &t), -EROFS);
	dxf_ext2_corrupt(c.e2, 14, 778, "again");
	ck_assert_int_eq(dxf_ext2_write_errors(c.e2), 0);
	ck_assert(!dxf_ext2_errors_pending(c.e2));
	core_read_super(&c, &sb);
	ck_assert_int_ne(sb.s_state & EXT2_ERROR_FS, 0);
	ck_assert_uint_eq(sb.s_error_count, 2);
	ck_assert_uint_eq(sb.s_first_error_ino, 13);
	ck_assert_uint_eq(sb.s_first_error_block, 777);
	ck_assert_uint_eq(sb.s_last_error_ino, 14);
	ck_assert_uint_eq(sb.s_last_error_block, 778);
	/* The image is whole for e2fsck, checksum included. */
	ck_assert_int_le(image_run(c.region, "e2fsck -fy $IMG", true, NULL, 0),
			 1);
	ck_assert(image_is_clean(c.region));
	core_close(&c);
}
END_TEST

START_TEST(test_super_corrupt_logs_the_same_place_once)
{
	struct core c;
	int n;

	core_open(&c, "-t ext2", 16);
	dxf_ext2_corrupt(c.e2, 13, 777, "bad");
	n = c.messages;
	ck_assert_int_ge(n, 1);
	for (int i = 0; i < 5; i++)
		dxf_ext2_corrupt(c.e2, 13, 777, "bad");
	ck_assert_int_eq(c.messages, n);
	core_close(&c);
}
END_TEST

START_TEST(test_super_errors_continue_stays_read_write)
{
	struct dxf_ext2_opts opts = { .errors = DXF_ERRORS_CONTINUE };
	struct ext2_super_block sb;
	struct dxf_err err;
	struct core c;

	core_open(&c, "-t ext2", 16);
	dxf_ext2_close(c.e2);
	dxf_txnmgr_close(c.mgr);
	ck_assert_int_eq(core_try_open(&c, &opts, &err), 0);
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	dxf_ext2_corrupt(c.e2, 13, 777, "bad");
	ck_assert(!dxf_txnmgr_is_ro(c.mgr));
	ck_assert_int_eq(dxf_ext2_write_errors(c.e2), 0);
	ck_assert_int_eq(dxf_ext2_mark_clean(c.e2), 0);
	core_read_super(&c, &sb);
	ck_assert_int_eq(sb.s_state & EXT2_VALID_FS, 0);
	ck_assert_int_ne(sb.s_state & EXT2_ERROR_FS, 0);
	core_close(&c);
}
END_TEST

START_TEST(test_super_errors_panic_aborts)
{
	struct ext2_super_block sb;
	struct core c;

	core_open(&c, "-t ext2", 16);
	core_read_super(&c, &sb);
	sb.s_errors = EXT2_ERRORS_PANIC;
	core_write_super(&c, &sb);
	core_reopen(&c);
	dxf_ext2_corrupt(c.e2, 13, 777, "bad");
}
END_TEST

/* ---- hostile images ---- */

static void expect_message(struct core *c, int want, const char *says)
{
	struct dxf_ext2_opts opts = { 0 };
	struct dxf_err err;

	ck_assert_int_eq(core_try_open(c, &opts, &err), want);
	ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"",
		      err.text, says);
}

START_TEST(test_super_no_filesystem_is_said)
{
	struct core c = { 0 };

	ck_assert_int_eq(dxf_region_open_anon(&c.region, DXF_MIB, true), 0);
	expect_message(&c, -EINVAL, "is blank, there is no filesystem on it");
	ck_assert_int_eq(dxf_persist_copy(c.region, 4096, "x", 1, 0), 0);
	expect_message(&c, -EINVAL, "no ext2 filesystem on");
	dxf_region_close(c.region);
	ck_assert_int_eq(dxf_region_open_anon(&c.region, 1024, true), 0);
	expect_message(&c, -EINVAL, "too small");
	dxf_region_close(c.region);
}
END_TEST

START_TEST(test_super_truncated_image_is_said)
{
	struct ext2_super_block sb;
	struct core c = { 0 };

	c.region = image_make(16 * DXF_MIB, "-t ext2", true);
	core_read_super(&c, &sb);
	sb.s_blocks_count++;
	core_write_super(&c, &sb);
	expect_message(&c, -EINVAL, "too small: the filesystem has");
	dxf_region_close(c.region);
}
END_TEST

/* Open in every way and use what opens: nothing may crash or hang. */
static void use_if_it_opens(struct core *c)
{
	static const struct dxf_ext2_opts ways[] = {
		{ .ro = false }, { .ro = true }, { .force = true },
	};
	struct dxf_ext2_counts counts;
	struct dxf_dinode di;
	struct dxf_err err;
	dxf_blk_t blk;
	uint32_t got;

	for (size_t i = 0; i < DXF_ARRAY_SIZE(ways); i++) {
		int ret = core_try_open(c, &ways[i], &err);

		if (ret < 0) {
			CORE_CHECK(strlen(err.text) > 10);
			continue;
		}
		dxf_ext2_counts(c->e2, &counts);
		dxf_dinode_read(c->e2, DXF_ROOT_INO, &di);
		dxf_dinode_read(c->e2, c->g->ninodes, &di);
		dxf_ialloc_in_use(c->e2, c->g->ninodes);
		if (dxf_balloc_reserve(c->e2, NULL, c->g->nblocks / 2, 100, 0,
				       &blk, &got) == 0)
			dxf_balloc_cancel(c->e2, blk, got);
		dxf_ext2_close(c->e2);
		dxf_txnmgr_close(c->mgr);
	}
}

static void drop_message(void *ctx, enum dxf_log_level level,
			 const char *text)
{
}

static const uint8_t pokes[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

static void poke(struct core *c, dxf_off_t off, uint8_t v)
{
	CORE_CHECK(dxf_persist_copy(c->region, off, &v, 1, 0) == 0);
}

static const char *const sweep_args[] = {
	"-t ext2 -b 1024 -g 1024",
	"-t ext4 -O ^has_journal,^metadata_csum,uninit_bg -b 1024 -g 1024",
	"-t ext4 -O ^has_journal,metadata_csum -b 1024 -g 1024",
};

START_TEST(test_super_any_byte_changed_opens_or_fails_cleanly)
{
	struct ext2_super_block good, sb;
	struct core c = { 0 };

	dxf_log_set_sink(drop_message, NULL);
	c.region = image_make(4 * DXF_MIB, sweep_args[_i], true);
	core_read_super(&c, &good);
	for (size_t off = 0; off < 0x280; off++) {
		for (size_t k = 0; k < DXF_ARRAY_SIZE(pokes); k++) {
			sb = good;
			((uint8_t *)&sb)[off] = pokes[k];
			/* As it is, and as one with tools would make it. */
			poke(&c, DXF_SUPER_OFF + off, pokes[k]);
			if (k % 2 == 0)
				use_if_it_opens(&c);
			core_write_super(&c, &sb);
			use_if_it_opens(&c);
			ck_assert_int_eq(dxf_persist_copy(c.region,
				DXF_SUPER_OFF, &good, sizeof(good), 0), 0);
		}
	}
	dxf_region_close(c.region);
}
END_TEST

START_TEST(test_super_any_descriptor_byte_changed_fails_cleanly)
{
	uint8_t desc[64 * 4];
	struct core c = { 0 };

	dxf_log_set_sink(drop_message, NULL);
	c.region = image_make(4 * DXF_MIB, sweep_args[_i], true);
	ck_assert_int_eq(dxf_load(c.region, 2048, desc, sizeof(desc)), 0);
	for (size_t off = 0; off < sizeof(desc); off++) {
		for (size_t k = 0; k < DXF_ARRAY_SIZE(pokes); k++) {
			poke(&c, 2048 + off, pokes[k]);
			use_if_it_opens(&c);
		}
		poke(&c, 2048 + off, desc[off]);
	}
	dxf_region_close(c.region);
}
END_TEST

START_TEST(test_super_random_superblock_fails_cleanly)
{
	struct ext2_super_block good, sb;
	uint64_t seed = (uint64_t)_i + 99;
	struct core c = { 0 };

	dxf_log_set_sink(drop_message, NULL);
	c.region = image_make(4 * DXF_MIB, sweep_args[_i], true);
	core_read_super(&c, &good);
	for (int n = 0; n < 3000; n++) {
		sb = good;
		for (int k = 0; k < 4; k++) {
			size_t off = core_random(&seed) % 0x280;

			((uint8_t *)&sb)[off] = (uint8_t)core_random(&seed);
		}
		core_write_super(&c, &sb);
		use_if_it_opens(&c);
	}
	dxf_region_close(c.region);
}
END_TEST

START_TEST(test_super_overlapping_metadata_is_refused)
{
	struct core c;
	struct dxf_desc d;
	struct dxf_ext2_opts opts = { 0 };
	struct dxf_err err;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 4);
	ck_assert_int_eq(dxf_desc_read(c.e2, 1, &d), 0);
	d.d.bg_inode_bitmap = (uint32_t)c.e2->groups[2].inode_table + 3;
	ck_assert_int_eq(dxf_persist_copy(c.region,
		dxf_blk_off(c.g, c.e2->desc_loc[0]) + 32, d.raw, 32, 0), 0);
	dxf_ext2_close(c.e2);
	dxf_txnmgr_close(c.mgr);
	ck_assert_int_eq(core_try_open(&c, &opts, &err), -EUCLEAN);
	ck_assert_ptr_nonnull(strstr(err.text, "overlaps"));
	opts.ro = true;
	ck_assert_int_eq(core_try_open(&c, &opts, &err), 0);
	core_close(&c);
}
END_TEST

/* ---- the fault plan ---- */

static void close_handles(struct core *c)
{
	dxf_ext2_close(c->e2);
	dxf_txnmgr_close(c->mgr);
}

static const enum dxf_fault_kind kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_EXT2FS,
};

START_TEST(test_super_open_fault_leaves_nothing)
{
	struct dxf_ext2_opts opts = { 0 };
	struct core c = { 0 };
	struct dxf_err err;
	bool hit = true;
	int ret = -1;

	c.region = image_make(4 * DXF_MIB, sweep_args[2], true);
	for (uint64_t n = 1; hit; n++) {
		ck_assert_uint_lt(n, 500);
		dxf_fault_arm(kinds[_i], n);
		ret = core_try_open(&c, &opts, &err);
		hit = dxf_fault_disarm();
		/* Memory that was to be made smaller is no loss. */
		ck_assert(ret == 0 || hit);
		/* The first allocation is the transaction manager's. */
		if (ret < 0 && (n > 1 || _i != 0))
			ck_assert_uint_gt(strlen(err.text), 10);
		if (ret == 0 && hit)
			close_handles(&c);
	}
	ck_assert_int_eq(ret, 0);
	core_close(&c);
}
END_TEST

static const enum dxf_fault_kind write_kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
	DXF_FAULT_HOSTALLOC,
};

START_TEST(test_super_mark_fault_leaves_the_superblock)
{
	struct core c;
	void *before;
	bool hit = true;
	int ret = -1;

	core_open(&c, sweep_args[2], 4);
	before = image_snapshot(c.region);
	for (uint64_t n = 1; hit; n++) {
		ck_assert_uint_lt(n, 100);
		core_reopen(&c);
		dxf_fault_arm(write_kinds[_i], n);
		ret = dxf_ext2_mark_mounted(c.e2);
		hit = dxf_fault_disarm();
		ck_assert_int_eq(ret < 0, hit);
		if (ret < 0)
			core_assert_same(&c, before);
	}
	ck_assert_int_eq(ret, 0);
	free(before);
	core_close(&c);
}
END_TEST

static void add_hostile(Suite *s)
{
	TCase *tc = tcase_create("hostile");
	int n = DXF_ARRAY_SIZE(sweep_args);

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, test_super_no_filesystem_is_said);
	tcase_add_test(tc, test_super_truncated_image_is_said);
	tcase_add_test(tc, test_super_overlapping_metadata_is_refused);
	tcase_add_loop_test(tc,
		test_super_any_byte_changed_opens_or_fails_cleanly, 0, n);
	tcase_add_loop_test(tc,
		test_super_any_descriptor_byte_changed_fails_cleanly, 0, n);
	tcase_add_loop_test(tc, test_super_random_superblock_fails_cleanly, 0,
			    n);
	tcase_add_loop_test(tc, test_super_open_fault_leaves_nothing, 0,
			    DXF_ARRAY_SIZE(kinds));
	tcase_add_loop_test(tc, test_super_mark_fault_leaves_the_superblock,
			    0, DXF_ARRAY_SIZE(write_kinds));
	suite_add_tcase(s, tc);
}

static Suite *suite(void)
{
	Suite *s = suite_create("super");
	TCase *tc = tcase_create("every format");
	int n = core_nconfigs;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_super_open_agrees_with_mke2fs, 0, n);
	tcase_add_loop_test(tc, test_super_open_changes_nothing, 0, n);
	tcase_add_loop_test(tc, test_super_fixed_blocks_are_what_mke2fs_uses,
			    0, n);
	tcase_add_loop_test(tc,
		test_super_fixed_ranges_agree_with_single_blocks, 0, n);
	tcase_add_loop_test(tc, test_super_group_costs_at_most_128_bytes, 0,
			    n);
	tcase_add_loop_test(tc, test_super_mounted_and_clean_leave_their_marks,
			    0, n);
	tcase_add_loop_test(tc, test_super_need_feature_is_set_once, 0, n);
	tcase_add_loop_test(tc,
		test_super_orphan_head_is_seen_in_the_transaction, 0, n);
	tcase_add_loop_test(tc,
		test_super_corrupt_goes_read_only_and_is_recorded, 0, n);
	suite_add_tcase(s, tc);
	tc = tcase_create("state");
	tcase_add_test(tc, test_super_wrong_counts_are_not_clean);
	tcase_add_test(tc, test_super_unclean_is_refused_unless_forced);
	tcase_add_test(tc, test_super_recorded_errors_are_refused_unless_forced);
	tcase_add_test(tc, test_super_corrupt_logs_the_same_place_once);
	tcase_add_test(tc, test_super_errors_continue_stays_read_write);
	tcase_add_test_raise_signal(tc, test_super_errors_panic_aborts,
				    SIGABRT);
	suite_add_tcase(s, tc);
	add_hostile(s);
	return s;
}

int main(void)
{
	return core_run(suite());
}
