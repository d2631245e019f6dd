// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ialloc.c - choosing, marking and freeing inodes.
 */
#include "core_rig.h"

#include <time.h>

static const mode_t kinds_of_file[] = { S_IFREG | 0644, S_IFDIR | 0755 };

/* A new inode with its slot, in a transaction of its own. */
static int new_inode(struct core *c, dxf_ino_t parent, mode_t mode,
		     dxf_ino_t *ino)
{
	struct timespec now = { .tv_sec = time(NULL) };
	struct dxf_dinode di;
	struct dxf_txn *t;
	int ret;

	t = core_begin(c);
	dxf_dinode_fresh(c->e2, &di, mode, 0, &now);
	ret = dxf_ialloc_new(c->e2, t, parent, mode, ino, &di.generation);
	if (ret == 0)
		ret = dxf_dinode_create(c->e2, t, *ino, &di);
	if (ret < 0) {
		dxf_txn_abort(t);
		return ret;
	}
	return dxf_txn_commit(t);
}

static void free_inode(struct core *c, dxf_ino_t ino)
{
	struct dxf_dinode di;
	struct dxf_txn *t = core_begin(c);

	ck_assert_int_eq(dxf_dinode_read(c->e2, ino, &di), 0);
	di.nlink = 0;
	di.dtime = (uint32_t)time(NULL);
	ck_assert_int_eq(dxf_dinode_write(c->e2, t, ino, &di), 0);
	ck_assert_int_eq(dxf_ialloc_free(c->e2, t, ino, di.mode), 0);
	core_commit(t);
}

/* ---- every format ---- */

START_TEST(test_ialloc_new_and_free_leave_clean)
{
	dxf_ino_t ino[200];
	struct core c;

	core_open_config(&c, _i);
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	for (int i = 0; i < 200; i++) {
		mode_t mode = kinds_of_file[i % 3 == 0];
		dxf_ino_t parent = i < 20 ? DXF_ROOT_INO :
			ino[i / 3 * 3 % i / 3];

		ck_assert_int_eq(new_inode(&c, parent, mode, &ino[i]), 0);
		ck_assert_uint_ge(ino[i], c.g->first_ino);
		ck_assert_int_eq(dxf_ialloc_in_use(c.e2, ino[i]), 1);
		for (int k = 0; k < i; k++)
			CORE_CHECK(ino[k] != ino[i]);
	}
	core_check_memory(&c);
	ck_assert_uint_eq(c.e2->free_inodes, c.start.free_inodes - 200);
	for (int i = 0; i < 200; i++) {
		free_inode(&c, ino[i]);
		ck_assert_int_eq(dxf_ialloc_in_use(c.e2, ino[i]), 0);
	}
	ck_assert_uint_eq(c.e2->free_inodes, c.start.free_inodes);
	core_close_clean(&c);
}
END_TEST

START_TEST(test_ialloc_linked_files_satisfy_e2fsck)
{
	char command[4096] = "debugfs -w -f /dev/stdin $IMG <<END\n";
	dxf_ino_t ino;
	struct core c;

	core_open_config(&c, _i);
	for (int i = 0; i < 60; i++) {
		ck_assert_int_eq(new_inode(&c, (dxf_ino_t)(i < 10 ? 2 : ino),
					   S_IFREG | 0600, &ino), 0);
		sprintf(command + strlen(command), "ln <%u> f%d\n", ino, i);
	}
	strcat(command, "END\n");
	core_check_memory(&c);
	ck_assert_int_eq(dxf_ext2_mark_clean(c.e2), 0);
	/* Blocks and inodes agree with the counts; only names are missing. */
	ck_assert_int_eq(image_run(c.region, command, true, NULL, 0), 0);
	ck_assert(image_is_clean(c.region));
	core_close(&c);
}
END_TEST

START_TEST(test_ialloc_enospc_after_exactly_all)
{
	uint64_t n = 0;
	dxf_ino_t ino;
	uint8_t *seen;
	struct core c;
	int ret;

	core_open(&c, _i == 0 ? "-t ext2 -b 1024 -g 1024 -N 2048" :
		  "-t ext4 -O ^has_journal -b 1024 -g 1024 -N 2048", 8);
	seen = calloc(c.g->ninodes + 1, 1);
	ck_assert_ptr_nonnull(seen);
	while ((ret = new_inode(&c, (dxf_ino_t)(1 + n % c.g->ninodes),
				kinds_of_file[n % 2], &ino)) == 0) {
		ck_assert_int_eq(seen[ino], 0);
		seen[ino] = 1;
		n++;
	}
	ck_assert_int_eq(ret, -ENOSPC);
	ck_assert_uint_eq(n, c.start.free_inodes);
	for (dxf_ino_t i = 1; i <= c.g->ninodes; i++)
		if (seen[i])
			free_inode(&c, i);
	free(seen);
	core_close_clean(&c);
}
END_TEST

START_TEST(test_ialloc_abort_changes_nothing)
{
	uint32_t gen;
	dxf_ino_t a, b;
	struct dxf_txn *t;
	struct core c;
	void *before;

	core_open_config(&c, _i);
	before = image_snapshot(c.region);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_ialloc_new(c.e2, t, DXF_ROOT_INO, S_IFREG, &a,
					&gen), 0);
	ck_assert_int_eq(dxf_ialloc_new(c.e2, t, DXF_ROOT_INO, S_IFDIR, &b,
					&gen), 0);
	ck_assert_uint_ne(a, b);
	ck_assert_int_eq(dxf_ialloc_in_use(c.e2, a), 1);
	dxf_txn_abort(t);
	ck_assert_int_eq(dxf_ialloc_in_use(c.e2, a), 0);
	core_assert_same(&c, before);
	core_check_memory(&c);
	free(before);
	core_close(&c);
}
END_TEST

START_TEST(test_ialloc_freed_inode_is_not_reused_by_its_transaction)
{
	dxf_ino_t first, second, third;
	struct dxf_txn *t;
	struct core c;
	uint32_t gen;

	core_open_config(&c, _i);
	ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFREG | 0600, &first),
			 0);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_ialloc_free(c.e2, t, first, S_IFREG), 0);
	ck_assert_int_eq(dxf_ialloc_new(c.e2, t, DXF_ROOT_INO, S_IFREG,
					&second, &gen), 0);
	ck_assert_uint_ne(first, second);
	core_commit(t);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_ialloc_new(c.e2, t, DXF_ROOT_INO, S_IFREG,
					&third, &gen), 0);
	ck_assert_uint_eq(third, first);
	core_commit(t);
	core_check_memory(&c);
	core_close(&c);
}
END_TEST

/* ---- where inodes go ---- */

START_TEST(test_ialloc_directories_of_the_root_are_spread)
{
	uint32_t used = 0;
	dxf_ino_t ino;
	struct core c;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 16);
	ck_assert_uint_eq(c.g->ngroups, 16);
	for (int i = 0; i < 12; i++) {
		ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFDIR | 0755,
					   &ino), 0);
		used |= 1u << dxf_group_of_ino(c.e2, ino);
	}
	ck_assert_int_ge(__builtin_popcount(used), 10);
	core_close(&c);
}
END_TEST

START_TEST(test_ialloc_files_and_subdirectories_stay_near)
{
	dxf_ino_t dir, ino;
	struct core c;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 16);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFDIR | 0755,
					   &dir), 0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(new_inode(&c, dir, kinds_of_file[i % 10 == 0],
					   &ino), 0);
		ck_assert_uint_eq(dxf_group_of_ino(c.e2, ino),
				  dxf_group_of_ino(c.e2, dir));
	}
	core_close(&c);
}
END_TEST

START_TEST(test_ialloc_generations_differ_and_are_not_zero)
{
	uint32_t gen[50];
	dxf_ino_t ino;
	struct core c;
	struct dxf_txn *t;

	core_open(&c, "-t ext2", 16);
	t = core_begin(&c);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(dxf_ialloc_new(c.e2, t, DXF_ROOT_INO, S_IFREG,
						&ino, &gen[i]), 0);
		ck_assert_uint_ne(gen[i], 0);
		for (int k = 0; k < i; k++)
			ck_assert_uint_ne(gen[k], gen[i]);
	}
	dxf_txn_abort(t);
	core_close(&c);
}
END_TEST

/* ---- damage ---- */

START_TEST(test_ialloc_in_use_rejects_impossible_numbers)
{
	struct core c;

	core_open(&c, "-t ext2", 16);
	ck_assert_int_eq(dxf_ialloc_in_use(c.e2, 0), -EINVAL);
	ck_assert_int_eq(dxf_ialloc_in_use(c.e2, c.g->ninodes + 1), -EINVAL);
	ck_assert_int_eq(dxf_ialloc_in_use(c.e2, UINT32_MAX), -EINVAL);
	ck_assert_int_eq(dxf_ialloc_in_use(c.e2, DXF_ROOT_INO), 1);
	ck_assert_int_eq(dxf_ialloc_in_use(c.e2, c.g->ninodes), 0);
	core_close(&c);
}
END_TEST

START_TEST(test_ialloc_double_free_is_reported)
{
	struct dxf_txn *t;
	dxf_ino_t ino;
	struct core c;

	core_open_config(&c, _i);
	ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFREG | 0600, &ino), 0);
	free_inode(&c, ino);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_ialloc_free(c.e2, t, ino, S_IFREG), -EUCLEAN);
	dxf_txn_abort(t);
	ck_assert_int_ge(c.messages, 1);
	core_close(&c);
}
END_TEST

static void poke_inode_bitmap(struct core *c, uint32_t group, uint8_t v)
{
	ck_assert_int_eq(dxf_persist_copy(c->region,
		dxf_blk_off(c->g, c->e2->groups[group].inode_bitmap) + 2, &v,
		1, 0), 0);
}

START_TEST(test_ialloc_wrong_checksum_moves_to_another_group)
{
	struct dxf_ext2_opts opts = { .errors = DXF_ERRORS_CONTINUE };
	struct dxf_err err;
	dxf_ino_t ino;
	struct core c;

	core_open(&c, "-t ext4 -O ^has_journal,metadata_csum -b 1024 -g 1024",
		  16);
	dxf_ext2_close(c.e2);
	dxf_txnmgr_close(c.mgr);
	ck_assert_int_eq(core_try_open(&c, &opts, &err), 0);
	poke_inode_bitmap(&c, 0, 0x55);
	ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFREG | 0600, &ino), 0);
	ck_assert_uint_ne(dxf_group_of_ino(c.e2, ino), 0);
	ck_assert_int_ge(c.messages, 1);
	core_close(&c);
}
END_TEST

START_TEST(test_ialloc_unreadable_bitmap_is_skipped)
{
	struct dxf_ext2_opts opts = { .errors = DXF_ERRORS_CONTINUE };
	struct dxf_err err;
	dxf_ino_t ino;
	struct core c;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 2);
	dxf_ext2_close(c.e2);
	dxf_txnmgr_close(c.mgr);
	ck_assert_int_eq(core_try_open(&c, &opts, &err), 0);
	dxf_region_add_bad(c.region,
			   dxf_blk_off(c.g, c.e2->groups[0].inode_bitmap),
			   1024);
	ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFREG | 0600, &ino), 0);
	ck_assert_uint_eq(dxf_group_of_ino(c.e2, ino), 1);
	dxf_region_add_bad(c.region,
			   dxf_blk_off(c.g, c.e2->groups[1].inode_bitmap),
			   1024);
	ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFREG | 0600, &ino),
			 -EIO);
	core_close(&c);
}
END_TEST

START_TEST(test_ialloc_full_bitmap_with_free_count_is_enospc)
{
	uint8_t ones[128];
	dxf_ino_t ino;
	struct core c;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 4);
	memset(ones, 0xff, sizeof(ones));
	for (uint32_t i = 0; i < c.g->ngroups; i++)
		ck_assert_int_eq(dxf_persist_copy(c.region,
			dxf_blk_off(c.g, c.e2->groups[i].inode_bitmap), ones,
			c.g->inodes_per_group / 8, 0), 0);
	ck_assert_int_eq(new_inode(&c, DXF_ROOT_INO, S_IFREG | 0600, &ino),
			 -ENOSPC);
	core_check_memory(&c);
	core_close(&c);
}
END_TEST

/* ---- the fault plan ---- */

static const enum dxf_fault_kind kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
	DXF_FAULT_HOSTALLOC,
};

/* A load that fails may be that of a bitmap: then another group serves. */
static void check_after_fault(struct core *c, int ret, const void *before)
{
	core_check_memory(c);
	if (ret < 0)
		core_assert_same(c, before);
}

static void sweep(int config, enum dxf_fault_kind kind)
{
	struct core c;
	dxf_ino_t ino;
	void *before;
	bool hit = true;
	int ret = -1;

	core_open_config(&c, config);
	for (uint64_t n = 1; hit; n++) {
		ck_assert_uint_lt(n, 1000);
		before = image_snapshot(c.region);
		core_reopen(&c);
		dxf_fault_arm(kind, n);
		ret = new_inode(&c, DXF_ROOT_INO, S_IFDIR | 0755, &ino);
		hit = dxf_fault_disarm();
		ck_assert(ret == 0 || hit);
		check_after_fault(&c, ret, before);
		free(before);
	}
	ck_assert_int_eq(ret, 0);
	core_close(&c);
}

START_TEST(test_ialloc_fault_leaves_nothing_behind)
{
	static const int configs[] = { 0, 8, 9, 11 };

	for (size_t i = 0; i < DXF_ARRAY_SIZE(configs); i++)
		sweep(configs[i], kinds[_i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ialloc");
	TCase *tc = tcase_create("every format");
	int n = core_nconfigs;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_ialloc_new_and_free_leave_clean, 0, n);
	tcase_add_loop_test(tc, test_ialloc_linked_files_satisfy_e2fsck, 0, n);
	tcase_add_loop_test(tc, test_ialloc_abort_changes_nothing, 0, n);
	tcase_add_loop_test(tc,
		test_ialloc_freed_inode_is_not_reused_by_its_transaction, 0, n);
	tcase_add_loop_test(tc, test_ialloc_double_free_is_reported, 0, n);
	tcase_add_loop_test(tc, test_ialloc_enospc_after_exactly_all, 0, 2);
	suite_add_tcase(s, tc);
	tc = tcase_create("policy and damage");
	tcase_add_test(tc, test_ialloc_directories_of_the_root_are_spread);
	tcase_add_test(tc, test_ialloc_files_and_subdirectories_stay_near);
	tcase_add_test(tc, test_ialloc_generations_differ_and_are_not_zero);
	tcase_add_test(tc, test_ialloc_in_use_rejects_impossible_numbers);
	tcase_add_test(tc, test_ialloc_wrong_checksum_moves_to_another_group);
	tcase_add_test(tc, test_ialloc_unreadable_bitmap_is_skipped);
	tcase_add_test(tc, test_ialloc_full_bitmap_with_free_count_is_enospc);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_ialloc_fault_leaves_nothing_behind, 0,
			    DXF_ARRAY_SIZE(kinds));
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return core_run(suite());
}
