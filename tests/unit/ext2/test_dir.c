// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_dir.c - directories against a naive model, aborts and faults, htrees,
 * cookies, limits; every image is checked by e2fsck.
 */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "dir_rig.h"

static const char *const configs[] = {
	"-t ext2 -b 1024",
	"-t ext2 -b 4096 -I 128",
	"-t ext2 -b 2048 -O ^filetype",
	"-t ext4 -b 1024 -O ^has_journal",
	"-t ext4 -b 4096 -O ^has_journal",
	"-t ext4 -b 1024 -O ^has_journal,^extent,^64bit",
	"-t ext4 -b 1024 -O ^has_journal,^metadata_csum,large_dir",
};

#define NCONFIGS	(sizeof(configs) / sizeof(configs[0]))
#define CSUM_1K		"-t ext4 -b 1024 -O ^has_journal"
#define EXT2_1K		"-t ext2 -b 1024"

static struct rig r;

static void fill(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		ck_assert_int_eq(rig_insert(&r, i, true), 0);
}

/* ---- the model ---- */

/* The index knows of each block what a fresh look at it finds. */
static void verify_gaps(void)
{
	struct dxf_dirindex *idx;
	struct dxf_dirview v;
	struct dxf_dirblk b;

	ck_assert_int_eq(dxf_dirview_init(&v, &r.dir, NULL), 0);
	idx = dxf_dirindex_get(&v);
	if (!idx)
		return;
	for (dxf_lblk_t i = 0; i < v.nblk; i += b.span) {
		ck_assert_int_eq(dxf_dirblk_read(&b, &v, i), 0);
		ck_assert_uint_eq(idx->tab.gaps[idx->tab.ngaps + i],
				  dxf_dirblk_max_gap(&b));
	}
	dxf_dirindex_put(idx);
}

START_TEST(test_dir_random_changes_follow_model)
{
	rig_open(&r, configs[_i], 32, 700);
	r.long_names = _i % 2;
	for (int round = 0; round < 6000; round++) {
		uint32_t i = rig_random(&r, r.nnames);

		ck_assert_int_eq(rig_step(&r, i, rig_random(&r, 8) != 0), 0);
		rig_verify_name(&r, rig_random(&r, r.nnames));
		if (round % 500 == 0)
			rig_verify(&r);
		if (round % 50 == 0)
			verify_gaps();
		if (round % 1111 == 0)
			rig_forget(&r);
	}
	/* where the old name was, and elsewhere */
	ck_assert_uint_gt(r.renamed[0], 0);
	ck_assert_uint_gt(r.renamed[1], 0);
	rig_verify(&r);
	rig_check(&r);
	rig_reopen(&r);
	rig_verify(&r);
	ck_assert_int_eq(r.messages, 0);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_emptied_is_empty_and_reused)
{
	uint64_t size;

	rig_open(&r, configs[_i], 32, 400);
	fill(0, 400);
	size = r.dir.di.size;
	for (uint32_t i = 0; i < 400; i++)
		ck_assert_int_eq(rig_remove(&r, i, true), 0);
	ck_assert_int_eq(dxf_dir_is_empty(&r.dir), 1);
	rig_verify(&r);
	fill(0, 400);
	ck_assert_uint_eq(r.dir.di.size, size);
	rig_verify(&r);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

/* Several changes in one transaction, all of them or none. */
START_TEST(test_dir_changes_of_one_transaction_go_together)
{
	struct dxf_dinode di;
	struct dxf_txn *t;
	char name[256];
	size_t len;

	rig_open(&r, configs[_i], 32, 400);
	fill(0, 100);
	t = rig_begin(&r);
	di = r.dir.di;
	for (uint32_t i = 100; i < 300; i++) {
		len = rig_name(&r, i, name);
		ck_assert_int_eq(dxf_dir_insert(&r.dir, &di, t, name, len,
						r.file[0], DT_REG), 0);
	}
	ck_assert_uint_gt(di.size, r.dir.di.size);
	dxf_txn_abort(t);
	rig_verify(&r);

	t = rig_begin(&r);
	di = r.dir.di;
	for (uint32_t i = 100; i < 300; i++) {
		len = rig_name(&r, i, name);
		ck_assert_int_eq(dxf_dir_insert(&r.dir, &di, t, name, len,
						r.file[0], DT_REG), 0);
		r.model[i] = r.file[0];
		r.nlink[0]++;
	}
	ck_assert_int_eq(rig_commit(&r, t, &di), 0);
	rig_verify(&r);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

/* ---- entries ---- */

START_TEST(test_dir_new_has_dot_and_dotdot)
{
	struct dxf_dirent de;

	rig_open(&r, configs[_i], 32, 1);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, ".", 1, &de), 0);
	ck_assert_uint_eq(de.ino, r.dir.ino);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, "..", 2, &de), 0);
	ck_assert_uint_eq(de.ino, DXF_ROOT_INO);
	ck_assert_int_eq(dxf_dir_is_empty(&r.dir), 1);
	ck_assert_uint_eq(r.dir.di.size, r.g->block_size);
	ck_assert_uint_eq(r.dir.di.sectors, r.g->block_size / 512);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_dotdot_can_be_replaced)
{
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;

	rig_open(&r, CSUM_1K, 32, 1);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, "..", 2, &de), 0);
	t = rig_begin(&r);
	di = r.dir.di;
	ck_assert_int_eq(dxf_dir_replace(&r.dir, &di, t, &de, 11, DT_DIR), 0);
	ck_assert_int_eq(rig_commit(&r, t, &di), 0);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, "..", 2, &de), 0);
	ck_assert_uint_eq(de.ino, 11);
	ck_assert_uint_eq(de.type, DT_DIR);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_all_types_come_back)
{
	static const uint8_t types[] = {
		DT_REG, DT_DIR, DT_CHR, DT_BLK, DT_FIFO, DT_SOCK, DT_LNK,
	};
	static const mode_t modes[] = {
		S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK,
	};
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;

	rig_open(&r, EXT2_1K, 16, 1);
	t = rig_begin(&r);
	di = r.dir.di;
	for (int i = 0; i < 7; i++) {
		char name = 'a' + i;

		ck_assert_uint_eq(dxf_dir_type(modes[i] | 0644), types[i]);
		ck_assert_int_eq(dxf_dir_insert(&r.dir, &di, t, &name, 1,
						r.file[0], types[i]), 0);
	}
	ck_assert_int_eq(rig_commit(&r, t, &di), 0);
	for (int i = 0; i < 7; i++) {
		char name = 'a' + i;

		ck_assert_int_eq(dxf_dir_lookup(&r.dir, &name, 1, &de), 0);
		ck_assert_uint_eq(de.type, types[i]);
	}
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_name_too_long_is_enametoolong)
{
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;
	char name[256];

	memset(name, 'x', sizeof(name));
	rig_open(&r, EXT2_1K, 16, 1);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, name, 256, &de),
			 -ENAMETOOLONG);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, name, 255, &de), -ENOENT);
	t = rig_begin(&r);
	di = r.dir.di;
	ck_assert_int_eq(dxf_dir_insert(&r.dir, &di, t, name, 256, r.file[0],
					DT_REG), -ENAMETOOLONG);
	ck_assert_int_eq(dxf_dir_insert(&r.dir, &di, t, name, 255, r.file[0],
					DT_REG), 0);
	ck_assert_int_eq(rig_commit(&r, t, &di), 0);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, name, 255, &de), 0);
	rig_drop(&r);
}
END_TEST

/* ---- cookies ---- */

struct walk {
	uint64_t cookie[512];
	uint32_t name[512];
	int n, max;
};

static int collect(void *ctx, const struct dxf_dirent *de)
{
	struct walk *w = ctx;

	w->cookie[w->n] = de->next;
	w->name[w->n] = dxf_dir_is_dot(de->name, de->name_len) ? ~0u :
		strtoul(de->name, NULL, 16);
	return ++w->n == w->max;
}

START_TEST(test_dir_iterate_resumes_at_every_cookie)
{
	struct walk all = { .max = 512 }, rest;

	rig_open(&r, configs[_i], 32, 200);
	fill(0, 200);
	ck_assert_int_eq(dxf_dir_iterate(&r.dir, 0, collect, &all), 0);
	ck_assert_int_eq(all.n, 202);
	for (int i = 0; i < all.n; i++) {
		memset(&rest, 0, sizeof(rest));
		rest.max = 512;
		ck_assert_int_eq(dxf_dir_iterate(&r.dir, all.cookie[i],
						 collect, &rest), 0);
		ck_assert_int_eq(rest.n, all.n - i - 1);
		ck_assert_mem_eq(rest.name, all.name + i + 1,
				 rest.n * sizeof(rest.name[0]));
	}
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_iterate_cookie_of_removed_entry_goes_on_behind)
{
	struct walk all = { .max = 512 }, rest = { .max = 512 };

	rig_open(&r, EXT2_1K, 16, 60);
	fill(0, 60);
	ck_assert_int_eq(dxf_dir_iterate(&r.dir, 0, collect, &all), 0);
	/* The entry at the cookie and those on both sides are merged away. */
	for (int i = 10; i < 14; i++)
		ck_assert_int_eq(rig_remove(&r, all.name[i], true), 0);
	ck_assert_int_eq(dxf_dir_iterate(&r.dir, all.cookie[11], collect,
					 &rest), 0);
	ck_assert_int_eq(rest.n, all.n - 14);
	ck_assert_mem_eq(rest.name, all.name + 14,
			 rest.n * sizeof(rest.name[0]));
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_iterate_stops_when_told)
{
	struct walk w = { .max = 3 };

	rig_open(&r, EXT2_1K, 16, 20);
	fill(0, 20);
	ck_assert_int_eq(dxf_dir_iterate(&r.dir, 0, collect, &w), 0);
	ck_assert_int_eq(w.n, 3);
	w.n = 0;
	ck_assert_int_eq(dxf_dir_iterate(&r.dir, UINT64_MAX / 2, collect, &w),
			 0);
	ck_assert_int_eq(w.n, 0);
	rig_drop(&r);
}
END_TEST

/* ---- holes and limits ---- */

START_TEST(test_dir_hole_is_skipped)
{
	struct walk all = { .max = 512 };
	struct dxf_dinode di;
	struct dxf_txn *t;
	dxf_lblk_t done;

	rig_open(&r, configs[_i], 32, 300);
	r.long_names = true;
	fill(0, 300);
	ck_assert_uint_gt(r.dir.di.size >> r.g->block_bits, 2);
	t = rig_begin(&r);
	di = r.dir.di;
	ck_assert_int_eq(dxf_bmap_remove(&r.dir, &di, t, 1, 2, &done), 0);
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(rig_commit(&r, t, &di), 0);
	rig_forget(&r);
	ck_assert_int_eq(dxf_dir_iterate(&r.dir, 0, collect, &all), 0);
	ck_assert_int_gt(all.n, 20);
	ck_assert_int_lt(all.n, 302);
	for (int i = 2; i < all.n; i++)
		rig_verify_name(&r, all.name[i]);
	/* What was in the hole is not there; new names go elsewhere. */
	for (int i = 2; i < all.n; i++)
		r.model[all.name[i]] = 0;
	for (uint32_t i = 0; i < 300; i++) {
		if (!r.model[i])
			continue;
		r.model[i] = 0;
		rig_verify_name(&r, i);
		ck_assert_int_eq(rig_insert(&r, i, true), 0);
		rig_verify_name(&r, i);
	}
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_full_filesystem_is_enospc_and_changes_nothing)
{
	struct image before;
	uint32_t i = 0;
	int err;

	rig_open(&r, configs[_i], 2, 60000);
	r.long_names = true;
	while (!(err = rig_insert(&r, i, true)))
		ck_assert_uint_lt(++i, 60000);
	ck_assert_int_eq(err, -ENOSPC);
	rig_snapshot(&r, &before);
	ck_assert_int_eq(rig_insert(&r, i, true), -ENOSPC);
	rig_same(&r, &before);
	rig_free_image(&before);
	/* A name of the same length fits where one was. */
	ck_assert_int_eq(rig_remove(&r, 0, true), 0);
	ck_assert_int_eq(rig_insert(&r, 0, true), 0);
	rig_verify(&r);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_impossible_size_is_euclean)
{
	static const uint64_t sizes[] = {
		1, 1023, 1025, (uint64_t)1 << 33, UINT64_MAX - 1023,
	};
	struct dxf_dirent de;

	rig_open(&r, EXT2_1K, 16, 1);
	r.dir.di.size = sizes[_i];
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, "x", 1, &de), -EUCLEAN);
	ck_assert_int_eq(dxf_dir_is_empty(&r.dir), -EUCLEAN);
	ck_assert_int_gt(r.messages, 0);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_size_zero_is_empty)
{
	struct dxf_dirent de;

	rig_open(&r, EXT2_1K, 16, 1);
	r.dir.di.size = 0;
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, "x", 1, &de), -ENOENT);
	ck_assert_int_eq(dxf_dir_lookup(&r.dir, "..", 2, &de), -ENOENT);
	ck_assert_int_eq(dxf_dir_is_empty(&r.dir), 1);
	rig_drop(&r);
}
END_TEST

/* ---- htrees ---- */

/* e2fsck -D makes htrees of the directories. */
static void make_htree(const char *opts, uint32_t n)
{
	rig_open(&r, opts, 64, n + 100);
	fill(0, n);
	rig_check(&r);
	ck_assert_int_eq(rig_run("e2fsck -fyD %s >/dev/null 2>&1", r.path) &
			 ~0x100, 0);
	rig_reopen(&r);
	ck_assert(r.dir.di.flags & EXT2_INDEX_FL);
}

static const char *const htrees[] = {
	"-t ext4 -b 1024 -O ^has_journal",
	"-t ext4 -b 4096 -O ^has_journal",
	"-t ext4 -b 1024 -O ^has_journal,^extent,^64bit",
	"-t ext4 -b 1024 -O ^has_journal,^metadata_csum",
	"-t ext2 -b 1024 -O dir_index",
	"-t ext2 -b 4096 -O dir_index",
};

START_TEST(test_dir_htree_is_read)
{
	make_htree(htrees[_i], 6000);
	rig_verify(&r);
	ck_assert(r.dir.di.flags & EXT2_INDEX_FL);
	ck_assert_int_eq(r.messages, 0);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_htree_first_change_makes_it_linear)
{
	make_htree(htrees[_i / 3], 6000);
	if (_i % 3 == 0)
		ck_assert_int_eq(rig_insert(&r, 6000, true), 0);
	else if (_i % 3 == 1)
		ck_assert_int_eq(rig_remove(&r, 77, true), 0);
	else
		ck_assert_int_eq(rig_replace(&r, 77, true), 0);
	ck_assert(!(r.dir.di.flags & EXT2_INDEX_FL));
	rig_verify(&r);
	rig_check(&r);
	rig_reopen(&r);
	for (uint32_t i = 0; i < 6100; i += 3)
		ck_assert_int_eq(rig_step(&r, i, true), 0);
	rig_verify(&r);
	ck_assert_int_eq(r.messages, 0);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

/*
 * The kernel makes a root of the first block and leaves the tail's bytes where
 * the index block has its reserved word.
 */
START_TEST(test_dir_htree_root_with_old_tail_is_read)
{
	static const uint8_t old_tail[4] = { 12, 0, 0, 0xde }, zero[4];
	uint8_t buf[DXF_DIR_MAX_BLOCK], *tail;
	struct dxf_run run;
	uint32_t at, crc;
	dxf_off_t off;

	make_htree(htrees[_i], 3000);
	ck_assert_int_eq(dxf_bmap_lookup(&r.dir, &r.dir.di, 0, 1, &run), 0);
	off = dxf_blk_off(r.g, run.pblk);
	ck_assert_int_eq(dxf_load(r.region, off, buf, r.g->block_size), 0);
	at = 32 + dxf_get_le16(buf + 32) * 8;
	ck_assert_uint_eq(at, r.g->block_size - 8);
	tail = buf + at;
	memcpy(tail, old_tail, 4);
	crc = dxf_inode_csum_seed(r.e2, r.dir.ino, r.dir.di.generation);
	crc = dxf_crc32c(crc, buf, 32 + dxf_get_le16(buf + 34) * 8);
	crc = dxf_crc32c(crc, tail, 4);
	dxf_put_le32(tail + 4, dxf_crc32c(crc, zero, 4));
	ck_assert_int_eq(dxf_persist_copy(r.region, off + at, tail, 8,
					  DXF_PERSIST_TEMPORAL), 0);
	rig_verify(&r);
	ck_assert_int_eq(rig_remove(&r, 5, true), 0);
	rig_verify(&r);
	ck_assert_int_eq(r.messages, 0);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dir_htree_aborted_change_leaves_it)
{
	struct image before;

	make_htree(htrees[_i], 6000);
	rig_snapshot(&r, &before);
	ck_assert_int_eq(rig_insert(&r, 6000, false), 0);
	rig_same(&r, &before);
	rig_free_image(&before);
	ck_assert(r.dir.di.flags & EXT2_INDEX_FL);
	rig_verify(&r);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

/* ---- faults ---- */

struct sweep {
	const char *opts;
	enum dxf_fault_kind kind;
	int op;			/* 0 insert, 1 growing insert, 2 remove, 3 replace */
};

static int sweep_op(int op)
{
	if (op == 1) {
		/* A name that no gap has room for: they are all shorter. */
		r.long_names = true;
		return rig_insert(&r, 999, true);
	}
	if (op == 0)
		return rig_insert(&r, 998, true);
	if (op == 4)
		return r.model[7] ? rig_rename(&r, 7, 998, true) :
			rig_rename(&r, 998, 7, true);
	return op == 2 ? rig_remove(&r, 7, true) : rig_replace(&r, 7, true);
}

/* Fail the Nth call for every N; each time nothing may have changed. */
static void sweep(const char *opts, enum dxf_fault_kind kind, int op,
		  uint32_t names)
{
	struct image before;
	bool reached = true;
	int err;

	rig_open(&r, opts, 16, 1000);
	fill(0, names);
	for (uint64_t nth = 1; reached; nth++) {
		ck_assert_uint_lt(nth, 2000);
		if (nth % 2)
			rig_forget(&r);
		rig_snapshot(&r, &before);
		dxf_fault_arm(kind, nth);
		err = sweep_op(op);
		reached = dxf_fault_disarm();
		r.long_names = false;
		ck_assert_msg(!err || reached, "%d without a fault", err);
		if (!err)
			rig_free_image(&before);
		/* No memory for the index is no reason to fail. */
		if (!err && reached && op < 3) {
			r.long_names = op == 1;
			ck_assert_int_eq(op == 2 ? rig_insert(&r, 7, true) :
				rig_remove(&r, op == 1 ? 999 : 998, true), 0);
			r.long_names = false;
		}
		if (!err)
			continue;
		if (kind == DXF_FAULT_PERSIST && dxf_txnmgr_is_ro(r.mgr)) {
			/* A store in place failed: read-only from now on. */
			rig_free_image(&before);
			break;
		}
		rig_same(&r, &before);
		rig_free_image(&before);
		for (uint32_t i = 0; i < names; i += 13)
			rig_verify_name(&r, i);
		rig_verify_name(&r, 998);
	}
	rig_drop(&r);
}

START_TEST(test_dir_fault_changes_nothing)
{
	static const enum dxf_fault_kind kinds[] = {
		DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
		DXF_FAULT_EXT2FS,
	};
	int op = _i % 5;
	enum dxf_fault_kind kind = kinds[_i / 5 % 4];

	sweep(configs[_i / 20], kind, op, _i % 3 ? 30 : 200);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dir");
	TCase *tc = tcase_create("dir");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, test_dir_random_changes_follow_model, 0,
			    NCONFIGS);
	tcase_add_loop_test(tc, test_dir_emptied_is_empty_and_reused, 0,
			    NCONFIGS);
	tcase_add_loop_test(tc, test_dir_changes_of_one_transaction_go_together,
			    0, NCONFIGS);
	tcase_add_loop_test(tc, test_dir_new_has_dot_and_dotdot, 0, NCONFIGS);
	tcase_add_test(tc, test_dir_dotdot_can_be_replaced);
	tcase_add_test(tc, test_dir_all_types_come_back);
	tcase_add_test(tc, test_dir_name_too_long_is_enametoolong);
	tcase_add_loop_test(tc, test_dir_iterate_resumes_at_every_cookie, 0,
			    NCONFIGS);
	tcase_add_test(tc,
		test_dir_iterate_cookie_of_removed_entry_goes_on_behind);
	tcase_add_test(tc, test_dir_iterate_stops_when_told);
	tcase_add_loop_test(tc, test_dir_hole_is_skipped, 0, NCONFIGS);
	tcase_add_loop_test(tc,
		test_dir_full_filesystem_is_enospc_and_changes_nothing, 0,
		NCONFIGS);
	tcase_add_loop_test(tc, test_dir_impossible_size_is_euclean, 0, 5);
	tcase_add_test(tc, test_dir_size_zero_is_empty);
	tcase_add_loop_test(tc, test_dir_htree_is_read, 0, 6);
	tcase_add_loop_test(tc, test_dir_htree_first_change_makes_it_linear, 0,
			    18);
	tcase_add_loop_test(tc, test_dir_htree_root_with_old_tail_is_read, 0,
			    3);
	tcase_add_loop_test(tc, test_dir_htree_aborted_change_leaves_it, 0, 6);
	tcase_add_loop_test(tc, test_dir_fault_changes_nothing, 0,
			    20 * NCONFIGS);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
