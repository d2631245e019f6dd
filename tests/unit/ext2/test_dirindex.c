// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_dirindex.c - the name index: its tables against a naive model, and its
 * life: bounded memory, eviction under readers, aborts, faults, threads.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>

#include "dir_rig.h"

static struct rig r;

/* ---- the tables ---- */

#define KEYS	3000

static void make_room(struct dxf_dirtable *t)
{
	uint32_t want = dxf_dirtable_want_keys(t);

	if (want != t->nkeys)
		ck_assert_int_eq(dxf_dirtable_resize_keys(t, want), 0);
}

static bool holds(const struct dxf_dirtable *t, uint32_t hash, uint64_t off)
{
	uint32_t pos = hash;
	uint64_t at;

	while (dxf_dirtable_next(t, hash, &pos, &at))
		if (at == off)
			return true;
	return false;
}

/* @spread: how many hashes there are; few mean long probes. */
static void table_model(uint32_t spread, uint64_t seed)
{
	struct dxf_dirtable t = { 0 };
	bool there[KEYS] = { false };
	uint32_t used = 0;

	r.seed = seed;
	for (int round = 0; round < 30000; round++) {
		uint32_t i = rig_random(&r, KEYS);
		uint32_t hash = dxf_hash_u64(i) % spread - spread / 2;

		if (there[i]) {
			ck_assert(dxf_dirtable_del(&t, hash, i * 12));
			used--;
		} else {
			ck_assert(!dxf_dirtable_del(&t, hash, i * 12));
			make_room(&t);
			dxf_dirtable_add(&t, hash, i * 12);
			used++;
		}
		there[i] = !there[i];
		ck_assert_uint_eq(t.used, used);
		if (round % 1000)
			continue;
		for (uint32_t k = 0; k < KEYS; k++)
			ck_assert(holds(&t, dxf_hash_u64(k) % spread -
					spread / 2, k * 12) == there[k]);
	}
	dxf_dirtable_free(&t);
}

START_TEST(test_dirtable_random_changes_follow_model)
{
	static const uint32_t spreads[] = { 2, 37, 5000, UINT32_MAX };

	table_model(spreads[_i], _i + 1);
}
END_TEST

START_TEST(test_dirtable_first_gap_is_found)
{
	struct dxf_dirtable t = { 0 };
	uint32_t gap[500] = { 0 };

	r.seed = 5;
	for (int round = 0; round < 20000; round++) {
		uint32_t n = 1 + round / 40, blk = rig_random(&r, n);
		uint32_t need = 12 + rig_random(&r, 1020), want = 0;
		uint32_t ngaps = dxf_dirtable_want_gaps(&t, n);
		dxf_lblk_t found = 0;

		if (ngaps != t.ngaps)
			ck_assert_int_eq(dxf_dirtable_resize_gaps(&t, ngaps),
					 0);
		gap[blk] = rig_random(&r, 3) ? 0 : rig_random(&r, 1025);
		dxf_dirtable_set_gap(&t, blk, gap[blk]);
		while (want < 500 && gap[want] < need)
			want++;
		ck_assert_int_eq(dxf_dirtable_find_gap(&t, need, &found),
				 want < 500);
		if (want < 500)
			ck_assert_uint_eq(found, want);
	}
	dxf_dirtable_free(&t);
}
END_TEST

START_TEST(test_dirtable_no_memory_changes_nothing)
{
	struct dxf_dirtable t = { 0 };

	make_room(&t);
	dxf_dirtable_add(&t, 1, 12);
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_int_eq(dxf_dirtable_resize_keys(&t, 1024), -ENOMEM);
	ck_assert(dxf_fault_disarm());
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_int_eq(dxf_dirtable_resize_gaps(&t, 1024), -ENOMEM);
	ck_assert(dxf_fault_disarm());
	ck_assert(holds(&t, 1, 12));
	dxf_dirtable_free(&t);
}
END_TEST

/* ---- life ---- */

#define OPTS	"-t ext2 -b 1024"

static void fill(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		ck_assert_int_eq(rig_insert(&r, i, true), 0);
}

/* A look and a change each. */
START_TEST(test_dirindex_small_directory_has_one_when_looked_at_often)
{
	rig_open(&r, OPTS, 16, 20);
	fill(3);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), 0);
	for (uint32_t i = 3; i < 20; i++)
		ck_assert_int_eq(rig_insert(&r, i, true), 0);
	ck_assert_uint_gt(dxf_dir_index_bytes(r.e2), 0);
	for (uint32_t i = 0; i < 20; i++)
		rig_verify_name(&r, i);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dirindex_takes_few_bytes_a_name)
{
	rig_open(&r, OPTS, 64, 20000);
	for (uint32_t i = 0; i < 20000; i++) {
		ck_assert_int_eq(rig_insert(&r, i, true), 0);
		/* While it is small the tables' least size counts. */
		if (i > 200)
			ck_assert_uint_le(dxf_dir_index_bytes(r.e2), i * 30);
	}
	rig_drop(&r);
}
END_TEST

START_TEST(test_dirindex_shrinks_with_the_directory)
{
	uint64_t full;

	rig_open(&r, OPTS, 64, 20000);
	fill(20000);
	full = dxf_dir_index_bytes(r.e2);
	for (uint32_t i = 0; i < 19900; i++)
		ck_assert_int_eq(rig_remove(&r, i, true), 0);
	ck_assert_uint_lt(dxf_dir_index_bytes(r.e2), full / 8);
	rig_verify(&r);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dirindex_forgotten_gives_all_back)
{
	rig_open(&r, OPTS, 16, 500);
	fill(500);
	ck_assert_uint_gt(dxf_dir_index_bytes(r.e2), 0);
	dxf_dir_forget_index(&r.dir);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), 0);
	rig_verify(&r);
	ck_assert_uint_gt(dxf_dir_index_bytes(r.e2), 0);
	rig_drop(&r);
}
END_TEST

/* The node goes and comes back: another node would do as well. */
START_TEST(test_dirindex_outlives_its_node)
{
	struct dxf_dirindex *idx;
	uint64_t bytes;

	rig_open(&r, OPTS, 16, 500);
	fill(400);
	idx = r.dir.index;
	bytes = dxf_dir_index_bytes(r.e2);
	dxf_dir_leave_index(&r.dir);
	ck_assert_ptr_null(r.dir.index);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), bytes);
	ck_assert_int_eq(rig_insert(&r, 450, true), 0);
	ck_assert_ptr_eq(r.dir.index, idx);
	rig_verify(&r);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dirindex_parked_goes_with_its_directory)
{
	rig_open(&r, OPTS, 16, 500);
	fill(400);
	dxf_dir_leave_index(&r.dir);
	r.dir.di.generation++;
	rig_verify_name(&r, 1);
	ck_assert_ptr_nonnull(r.dir.index);
	dxf_dir_leave_index(&r.dir);
	dxf_dir_forget_index(&r.dir);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), 0);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dirindex_parked_ones_are_evicted)
{
	rig_open(&r, OPTS, 16, 500);
	fill(400);
	dxf_dir_leave_index(&r.dir);
	dxf_dir_set_index_limit(r.e2, 100);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), 0);
	rig_verify(&r);
	rig_drop(&r);
}
END_TEST

/* Nobody needs to know: it is the node that goes. */
START_TEST(test_dirindex_removed_directory_parks_none)
{
	rig_open(&r, OPTS, 16, 500);
	fill(400);
	r.dir.di.nlink = 0;
	dxf_dir_leave_index(&r.dir);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), 0);
	rig_drop(&r);
}
END_TEST

START_TEST(test_dirindex_abort_drops_it)
{
	rig_open(&r, OPTS, 16, 500);
	fill(400);
	ck_assert_int_eq(rig_insert(&r, 400, false), 0);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), 0);
	rig_verify(&r);
	rig_drop(&r);
}
END_TEST

/* The limit is too low for this directory: it is scanned. */
START_TEST(test_dirindex_no_room_scans)
{
	rig_open(&r, OPTS, 16, 600);
	dxf_dir_set_index_limit(r.e2, 1000);
	fill(500);
	ck_assert_uint_eq(dxf_dir_index_bytes(r.e2), 0);
	rig_verify(&r);
	for (uint32_t i = 0; i < 600; i += 7)
		ck_assert_int_eq(rig_step(&r, i, true), 0);
	rig_verify(&r);
	dxf_dir_set_index_limit(r.e2, 1 << 20);
	rig_verify(&r);
	ck_assert_uint_gt(dxf_dir_index_bytes(r.e2), 0);
	rig_drop(&r);
}
END_TEST

/* In the middle of growing it runs into the limit. */
START_TEST(test_dirindex_outgrown_scans)
{
	rig_open(&r, OPTS, 64, 8000);
	dxf_dir_set_index_limit(r.e2, 20000);
	fill(4000);
	ck_assert_uint_le(dxf_dir_index_bytes(r.e2), 20000);
	for (uint32_t i = 0; i < 4000; i += 97)
		rig_verify_name(&r, i);
	rig_drop(&r);
}
END_TEST

/* No memory at any point is no reason to fail, and lookups stay right. */
START_TEST(test_dirindex_no_memory_scans)
{
	bool reached = true;

	rig_open(&r, OPTS, 16, 600);
	fill(500);
	for (uint64_t nth = 1; reached; nth++) {
		dxf_dir_forget_index(&r.dir);
		dxf_fault_arm(DXF_FAULT_ALLOC, nth);
		rig_verify_name(&r, 77);
		rig_verify_name(&r, 555);
		reached = dxf_fault_disarm();
		rig_verify_name(&r, 78);
	}
	rig_drop(&r);
}
END_TEST

/* ---- several directories ---- */

#define DIRS	6

static struct dxf_node dirs[DIRS];

static dxf_ino_t make_dir(struct dxf_node *dir, struct dxf_dinode *di)
{
	struct timespec now = { .tv_sec = 1700000000 };
	struct dxf_txn *t = rig_begin(&r);
	dxf_ino_t ino;
	uint32_t gen;

	ck_assert_int_eq(dxf_ialloc_new(r.e2, t, r.dir.ino, S_IFDIR, &ino,
					&gen), 0);
	dxf_dinode_fresh(r.e2, di, S_IFDIR | 0755, 0, &now);
	di->nlink = 2;
	di->generation = gen;
	dxf_node_init(dir, r.e2, ino);
	ck_assert_int_eq(dxf_dinode_create(r.e2, t, ino, di), 0);
	ck_assert_int_eq(dxf_dir_make_empty(dir, di, t, r.dir.ino), 0);
	for (int i = 0; i < 400; i++) {
		char name[256];
		size_t len = rig_name(&r, i, name);

		ck_assert_int_eq(dxf_dir_insert(dir, di, t, name, len,
						r.file[0], DT_REG), 0);
	}
	ck_assert_int_eq(dxf_dinode_write(r.e2, t, ino, di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	dir->di = *di;
	return ino;
}

static void open_dirs(void)
{
	struct dxf_dinode di;

	rig_open(&r, OPTS, 32, 400);
	for (int i = 0; i < DIRS; i++)
		make_dir(&dirs[i], &di);
}

static void drop_dirs(void)
{
	for (int i = 0; i < DIRS; i++)
		dxf_node_fini(&dirs[i]);
	rig_drop(&r);
}

static int look(struct dxf_node *dir, uint32_t i)
{
	struct dxf_dirent de;
	char name[256];
	size_t len = rig_name(&r, i, name);

	return dxf_dir_lookup(dir, name, len, &de);
}

START_TEST(test_dirindex_limit_holds_over_directories)
{
	uint64_t one, limit;

	open_dirs();
	for (int i = 0; i < DIRS; i++)
		dxf_dir_forget_index(&dirs[i]);
	ck_assert_int_eq(look(&dirs[0], 1), 0);
	one = dxf_dir_index_bytes(r.e2);
	ck_assert_uint_gt(one, 0);
	limit = one * 3 + 10;
	dxf_dir_set_index_limit(r.e2, limit);
	for (int round = 0; round < 200; round++) {
		int i = rig_random(&r, DIRS);

		ck_assert_int_eq(look(&dirs[i], rig_random(&r, 400)), 0);
		ck_assert_int_eq(look(&dirs[i], 5000), -ENOENT);
		ck_assert_uint_le(dxf_dir_index_bytes(r.e2), limit);
	}
	ck_assert_uint_ge(dxf_dir_index_bytes(r.e2), one * 2);
	dxf_dir_set_index_limit(r.e2, one);
	ck_assert_uint_le(dxf_dir_index_bytes(r.e2), one);
	drop_dirs();
}
END_TEST

/* Readers of all directories at once, with room for two indexes. */
static void *reader(void *arg)
{
	uint64_t seed = (uintptr_t)arg;
	intptr_t wrong = 0;

	for (int round = 0; round < 4000; round++) {
		seed = dxf_hash_u64(seed + 0x9e3779b97f4a7c15u);
		wrong += look(&dirs[seed % DIRS], (seed >> 8) % 400) != 0;
		wrong += look(&dirs[seed % DIRS], 7000) != -ENOENT;
	}
	return (void *)wrong;
}

START_TEST(test_dirindex_eviction_under_readers_is_right)
{
	pthread_t thread[4];
	void *wrong;
	uint64_t one;

	open_dirs();
	for (int i = 0; i < DIRS; i++)
		dxf_dir_forget_index(&dirs[i]);
	ck_assert_int_eq(look(&dirs[0], 1), 0);
	one = dxf_dir_index_bytes(r.e2);
	dxf_dir_set_index_limit(r.e2, one * 2 + 10);
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, reader,
						(void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(thread[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
	ck_assert_uint_le(dxf_dir_index_bytes(r.e2), one * 2 + 10);
	drop_dirs();
}
END_TEST

/* One directory, shared lookups and exclusive changes as the lock allows. */
static struct dxf_rwlock dir_lock;

static void *locked_reader(void *arg)
{
	intptr_t wrong = 0;

	for (uint32_t round = 0; round < 4000; round++) {
		dxf_rwlock_rdlock(&dir_lock);
		wrong += look(&r.dir, round % 300) != 0;
		wrong += look(&r.dir, 7000) != -ENOENT;
		dxf_rwlock_unlock(&dir_lock);
	}
	return (void *)wrong;
}

static void *locked_writer(void *arg)
{
	struct rig *rig = arg;
	intptr_t wrong = 0;

	for (uint32_t round = 0; round < 1500; round++) {
		uint32_t i = 300 + round % 50;
		struct dxf_dinode di;
		struct dxf_txn *t;
		struct dxf_dirent de;
		char name[256];
		size_t len = rig_name(rig, i, name);

		dxf_rwlock_wrlock(&dir_lock);
		wrong += dxf_txn_begin(rig->mgr, 0, &t) != 0;
		di = rig->dir.di;
		if (dxf_dir_lookup(&rig->dir, name, len, &de))
			wrong += dxf_dir_insert(&rig->dir, &di, t, name, len,
						rig->file[0], DT_REG) != 0;
		else
			wrong += dxf_dir_remove(&rig->dir, &di, t, &de) != 0;
		if (round % 7 == 0)
			dxf_txn_abort(t);
		else
			wrong += rig_commit(rig, t, &di) != 0;
		dxf_rwlock_unlock(&dir_lock);
	}
	return (void *)wrong;
}

START_TEST(test_dirindex_changes_and_aborts_beside_readers_are_right)
{
	pthread_t thread[3];
	void *wrong;

	rig_open(&r, OPTS, 32, 400);
	fill(300);
	dxf_rwlock_init(&dir_lock, DXF_RANK_INODE, r.dir.ino);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL,
			i ? locked_reader : locked_writer, &r), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_join(thread[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
	dxf_rwlock_destroy(&dir_lock);
	rig_drop(&r);
}
END_TEST

/* ---- damage ---- */

START_TEST(test_dirindex_damaged_block_hides_only_its_names)
{
	static const uint8_t bad[12] = { 1, 0, 0, 0, 3 };
	uint32_t found = 0, unsure = 0;
	struct dxf_run run;
	uint8_t old[12];

	rig_open(&r, OPTS, 16, 600);
	fill(500);
	rig_forget(&r);
	ck_assert_int_eq(dxf_bmap_lookup(&r.dir, &r.dir.di, 3, 1, &run), 0);
	ck_assert_int_eq(dxf_load(r.region, dxf_blk_off(r.g, run.pblk), old,
				  12), 0);
	ck_assert_int_eq(dxf_persist_copy(r.region,
					  dxf_blk_off(r.g, run.pblk), bad, 12,
					  DXF_PERSIST_TEMPORAL), 0);
	for (uint32_t i = 0; i < 600; i++) {
		int err = look(&r.dir, i);

		found += !err;
		unsure += err == -EUCLEAN;
		ck_assert(!err || err == -EUCLEAN);
	}
	ck_assert_uint_gt(found, 400);
	ck_assert_uint_gt(unsure, 100);
	/* Repaired, it is read again. */
	ck_assert_int_eq(dxf_persist_copy(r.region,
					  dxf_blk_off(r.g, run.pblk), old, 12,
					  DXF_PERSIST_TEMPORAL), 0);
	rig_verify(&r);
	rig_drop(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dirindex");
	TCase *tc = tcase_create("dirindex");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_dirtable_random_changes_follow_model, 0,
			    4);
	tcase_add_test(tc, test_dirtable_first_gap_is_found);
	tcase_add_test(tc, test_dirtable_no_memory_changes_nothing);
	tcase_add_test(tc, test_dirindex_small_directory_has_one_when_looked_at_often);
	tcase_add_test(tc, test_dirindex_takes_few_bytes_a_name);
	tcase_add_test(tc, test_dirindex_shrinks_with_the_directory);
	tcase_add_test(tc, test_dirindex_forgotten_gives_all_back);
	tcase_add_test(tc, test_dirindex_abort_drops_it);
	tcase_add_test(tc, test_dirindex_outlives_its_node);
	tcase_add_test(tc, test_dirindex_parked_goes_with_its_directory);
	tcase_add_test(tc, test_dirindex_parked_ones_are_evicted);
	tcase_add_test(tc, test_dirindex_removed_directory_parks_none);
	tcase_add_test(tc, test_dirindex_no_room_scans);
	tcase_add_test(tc, test_dirindex_outgrown_scans);
	tcase_add_test(tc, test_dirindex_no_memory_scans);
	tcase_add_test(tc, test_dirindex_limit_holds_over_directories);
	tcase_add_test(tc, test_dirindex_eviction_under_readers_is_right);
	tcase_add_test(tc,
		test_dirindex_changes_and_aborts_beside_readers_are_right);
	tcase_add_test(tc, test_dirindex_damaged_block_hides_only_its_names);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
