// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_badmeta.c - bad blocks below the format: what is allocated around them,
 * and what a bad block of metadata does.
 */
#include "core_rig.h"

#include <signal.h>
#include <time.h>

#include "poison.h"

static void add_bad(struct core *c, dxf_blk_t blk, uint32_t n)
{
	dxf_region_add_bad(c->region, dxf_blk_off(c->g, blk),
			   (uint64_t)n << c->g->block_bits);
}

static bool is_bad(struct core *c, dxf_blk_t blk, uint32_t n)
{
	dxf_off_t start, end;

	return dxf_region_find_bad(c->region, dxf_blk_off(c->g, blk),
				   (uint64_t)n << c->g->block_bits, &start,
				   &end);
}

/* ---- free blocks ---- */

START_TEST(test_badmeta_run_ends_before_a_bad_block)
{
	struct core c;
	dxf_blk_t blk;
	uint32_t got;

	core_open(&c, "-t ext2 -b 1024", 16);
	add_bad(&c, 5008, 1);
	ck_assert_int_eq(dxf_balloc_reserve(c.e2, NULL, 5000, 20, 0, &blk,
					    &got), 0);
	ck_assert_uint_eq(blk, 5000);
	ck_assert_uint_eq(got, 8);
	dxf_balloc_cancel(c.e2, blk, got);
	ck_assert_int_eq(dxf_balloc_reserve(c.e2, NULL, 5008, 20, 0, &blk,
					    &got), 0);
	ck_assert(!is_bad(&c, blk, got));
	dxf_balloc_cancel(c.e2, blk, got);
	core_close(&c);
}
END_TEST

/* A bad sector spoils its block, and no window reaches over it. */
START_TEST(test_badmeta_all_but_the_bad_blocks_are_given_out)
{
	static const dxf_blk_t bad[] = { 9, 700, 701, 702, 1500, 1501, 1999 };
	struct dxf_window w = { 0 };
	uint64_t total = 0, nbad = 0;
	struct core c;
	dxf_blk_t blk;
	uint32_t got;

	core_open(&c, "-t ext2 -b 1024 -g 1024 -m 0", 2);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(bad); i++) {
		dxf_region_add_bad(c.region, dxf_blk_off(c.g, bad[i]) + 512,
				   512);
		nbad += !core_block_used(&c, bad[i]);
	}
	ck_assert_uint_ge(nbad, 6);
	while (dxf_balloc_reserve(c.e2, &w, c.g->first_block + total, 37, 0,
				  &blk, &got) == 0) {
		CORE_CHECK(!is_bad(&c, blk, got));
		total += got;
	}
	ck_assert_uint_eq(total, c.start.free_blocks - nbad);
	ck_assert_int_eq(dxf_balloc_reserve(c.e2, NULL, 9, 1, 0, &blk, &got),
			 -ENOSPC);
	core_close(&c);
}
END_TEST

/* ---- inodes ---- */

static int new_inode(struct core *c, dxf_ino_t *ino)
{
	struct timespec now = { .tv_sec = time(NULL) };
	struct dxf_dinode di;
	struct dxf_txn *t = core_begin(c);
	int ret;

	dxf_dinode_fresh(c->e2, &di, S_IFREG | 0644, 0, &now);
	ret = dxf_ialloc_new(c->e2, t, DXF_ROOT_INO, S_IFREG | 0644, ino,
			     &di.generation);
	di.nlink = 0;
	di.dtime = (uint32_t)time(NULL);
	if (ret == 0)
		ret = dxf_dinode_create(c->e2, t, *ino, &di);
	if (ret < 0) {
		dxf_txn_abort(t);
		return ret;
	}
	return dxf_txn_commit(t);
}

static const char *const inode_images[] = {
	"-t ext2 -b 1024 -g 1024 -N 256",
	"-t ext4 -O ^has_journal,metadata_csum -b 1024 -g 1024 -N 256 "
	"-E lazy_itable_init=1",
	"-t ext4 -O ^has_journal,metadata_csum -b 1024 -g 1024 -N 256 "
	"-E lazy_itable_init=0",
};

START_TEST(test_badmeta_inodes_in_bad_blocks_are_left_out)
{
	dxf_ino_t ino[64];
	struct core c;
	dxf_off_t off, start, end;

	core_open(&c, inode_images[_i], 4);
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	off = dxf_inode_slot_off(c.e2, c.g->first_ino + 10);
	dxf_region_add_bad(c.region, off, 1);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(ino); i++) {
		ck_assert_int_eq(new_inode(&c, &ino[i]), 0);
		ck_assert(!dxf_region_find_bad(c.region,
			dxf_inode_slot_off(c.e2, ino[i]), c.g->inode_size,
			&start, &end));
	}
	/* Good again, for the checker to look at. */
	ck_assert_int_eq(dxf_persist_zero(c.region, start = off & ~511ull, 512,
					  DXF_PERSIST_RECOVERY), 0);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(ino); i++) {
		struct dxf_txn *t = core_begin(&c);

		ck_assert_int_eq(dxf_ialloc_free(c.e2, t, ino[i],
						 S_IFREG | 0644), 0);
		core_commit(t);
	}
	core_close_clean(&c);
}
END_TEST

/* ---- a bad block of metadata is an error of the filesystem ---- */

static void open_with(struct core *c, enum dxf_errors errors)
{
	struct dxf_ext2_opts opts = { .errors = errors };
	struct dxf_err err;

	core_open(c, "-t ext2 -b 4096", 16);
	dxf_ext2_close(c->e2);
	dxf_txnmgr_close(c->mgr);
	ck_assert_int_eq(core_try_open(c, &opts, &err), 0);
}

static int read_root(struct core *c)
{
	struct dxf_dinode di;

	return dxf_dinode_read(c->e2, DXF_ROOT_INO, &di);
}

static void poison_root(struct core *c)
{
	poison_add(c->region, dxf_align_down(
		dxf_inode_slot_off(c->e2, DXF_ROOT_INO), POISON_PAGE));
}

START_TEST(test_badmeta_read_makes_read_only)
{
	struct ext2_super_block sb;
	struct core c;

	open_with(&c, DXF_ERRORS_SUPER);
	poison_root(&c);
	ck_assert_int_eq(read_root(&c), -EIO);
	ck_assert(dxf_txnmgr_is_ro(c.mgr));
	ck_assert(dxf_ext2_errors_pending(c.e2));
	ck_assert_int_eq(dxf_ext2_write_errors(c.e2), 0);
	core_read_super(&c, &sb);
	ck_assert(sb.s_state & EXT2_ERROR_FS);
	ck_assert_uint_eq(sb.s_first_error_ino, DXF_ROOT_INO);
	ck_assert_uint_eq(sb.s_first_error_errcode, 2);
	poison_heal(c.region);
	ck_assert_int_eq(read_root(&c), 0);
	core_close(&c);
}
END_TEST

START_TEST(test_badmeta_read_with_errors_continue_goes_on)
{
	struct core c;
	int said;

	open_with(&c, DXF_ERRORS_CONTINUE);
	poison_root(&c);
	ck_assert_int_eq(read_root(&c), -EIO);
	ck_assert(!dxf_txnmgr_is_ro(c.mgr));
	ck_assert(dxf_ext2_errors_pending(c.e2));
	said = c.messages;
	/* The same place again is worth no line. */
	ck_assert_int_eq(read_root(&c), -EIO);
	ck_assert_int_eq(c.messages, said);
	poison_heal(c.region);
	core_close(&c);
}
END_TEST

START_TEST(test_badmeta_read_with_errors_panic_ends)
{
	struct core c;

	open_with(&c, DXF_ERRORS_PANIC);
	poison_root(&c);
	read_root(&c);
}
END_TEST

/* The fault plan tests errors of calls, not of the filesystem. */
START_TEST(test_badmeta_planned_failure_is_no_error_of_the_filesystem)
{
	struct core c;

	open_with(&c, DXF_ERRORS_SUPER);
	dxf_fault_arm(DXF_FAULT_LOAD, 1);
	ck_assert_int_eq(read_root(&c), -EIO);
	dxf_fault_disarm();
	ck_assert(!dxf_txnmgr_is_ro(c.mgr));
	ck_assert(!dxf_ext2_errors_pending(c.e2));
	core_close(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("badmeta");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_badmeta_run_ends_before_a_bad_block);
	tcase_add_test(tc, test_badmeta_all_but_the_bad_blocks_are_given_out);
	tcase_add_loop_test(tc, test_badmeta_inodes_in_bad_blocks_are_left_out,
			    0, DXF_ARRAY_SIZE(inode_images));
	tcase_add_test(tc, test_badmeta_read_makes_read_only);
	tcase_add_test(tc, test_badmeta_read_with_errors_continue_goes_on);
	tcase_add_test_raise_signal(tc,
		test_badmeta_read_with_errors_panic_ends, SIGABRT);
	tcase_add_test(tc,
		test_badmeta_planned_failure_is_no_error_of_the_filesystem);
	suite_add_tcase(s, tc);
	return core_run(s);
}
