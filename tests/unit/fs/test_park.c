/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unlinked files that are freed together: when, how many, and what fails. */
#include "file_model.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "fs_priv.h"

#define ROOT	DXF_ROOT_INO
#define N	40

static struct fsx x;

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
}

static const char *name_of(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "f%d", i);
	return name;
}

static void make_files(int n, size_t len)
{
	for (int i = 0; i < n; i++)
		fsx_write(&x, fsx_create(&x, ROOT, name_of(i)), 0, 'f', len);
}

static void unlink_range(int from, int to)
{
	for (int i = from; i < to; i++)
		ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, name_of(i)), 0);
}

static void unlink_files(int n)
{
	unlink_range(0, n);
}

static uint64_t transactions(void)
{
	struct dxf_fs_stats s;

	dxf_fs_get_stats(x.fs, &s);
	return s.transactions;
}

START_TEST(test_many_unlinked_files_share_transactions)
{
	uint64_t before;

	setup(_i);
	make_files(N, 3000);
	before = transactions();
	unlink_files(N);
	ck_assert_uint_le(transactions() - before, N + N / 10);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	ck_assert_uint_le(transactions() - before, N + N / 10 + 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_statfs_and_sync_see_what_was_unlinked)
{
	uint64_t blocks, inodes;

	setup(_i);
	blocks = fsx_free_blocks(&x);
	inodes = fsx_free_inodes(&x);
	make_files(3, 20000);
	unlink_files(3);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	make_files(3, 20000);
	unlink_files(3);
	ck_assert_uint_ne(dxf_ext2_orphan_head(dxf_fs_ext2(x.fs)), 0);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	ck_assert_uint_eq(dxf_ext2_orphan_head(dxf_fs_ext2(x.fs)), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_large_file_is_freed_at_once)
{
	setup(_i);
	make_files(1, 200000);
	unlink_files(1);
	ck_assert_uint_eq(dxf_ext2_orphan_head(dxf_fs_ext2(x.fs)), 0);
	fsx_finish(&x);
}
END_TEST

/* Those that stay are before, between and behind those that go. */
START_TEST(test_open_files_stay_among_those_that_are_freed)
{
	dxf_ino_t f[7];
	struct dxf_attr a;

	setup(_i % 3);
	make_files(7, 3000);
	for (int i = 0; i < 7; i++) {
		f[i] = fsx_lookup(&x, ROOT, name_of(i));
		fsx_hold(&x, f[i]);
	}
	unlink_files(7);
	for (int i = 0; i < 7; i++)
		if ((_i / 3 >> i & 1) == 0)
			dxf_fs_forget(x.fs, f[i], 1);
	fsx_settle(&x);
	ck_assert_uint_eq(fsx_stats(&x).zombies,
			  (unsigned int)__builtin_popcount(_i / 3 & 127));
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(dxf_fs_getattr(x.fs, f[i], &a),
				 _i / 3 >> i & 1 ? 0 : -ESTALE);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_no_space_takes_what_was_unlinked)
{
	static char buf[40000];
	struct dxf_attr a;
	dxf_ino_t f;
	uint64_t off = 0;
	ssize_t n;

	setup(_i);
	make_files(3, sizeof(buf));
	f = fsx_create(&x, ROOT, "fill");
	do {
		n = dxf_fs_write(x.fs, f, off, buf, sizeof(buf), 0, &fsx_root);
		off += n > 0 ? (uint64_t)n : 0;
	} while (n > 0);
	ck_assert_int_eq(n, -ENOSPC);
	unlink_files(3);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "d", S_IFDIR, 0,
				      &a), 0);
	ck_assert_int_gt(dxf_fs_write(x.fs, f, off, buf, sizeof(buf), 0,
				      &fsx_root), 20000);
	fsx_finish(&x);
}
END_TEST

static int parked(void)
{
	int n;

	dxf_mutex_lock(&x.fs->icache_lock);
	n = x.fs->park.n + x.fs->park.nleaving;
	dxf_mutex_unlock(&x.fs->icache_lock);
	return n;
}

static bool is_called(void)
{
	DXF_SCOPED_MUTEX(&x.fs->bg_lock);
	return x.fs->bg_called;
}

/* Without the thread, so that nobody comes before it is looked for. */
START_TEST(test_background_thread_is_called_for_many)
{
	uint64_t inodes;

	setup(_i);
	inodes = fsx_free_inodes(&x);
	dxf_bg_stop(x.fs);
	make_files(DXF_PARK_ROOM + N, 0);
	unlink_files(DXF_PARK_CALL - 1);
	ck_assert_int_eq(parked(), DXF_PARK_CALL - 1);
	ck_assert(!is_called());
	unlink_range(DXF_PARK_CALL - 1, DXF_PARK_CALL);
	ck_assert(is_called());
	/* Nobody comes: who unlinks frees. */
	for (int i = DXF_PARK_CALL; i < DXF_PARK_ROOM + N; i++) {
		unlink_range(i, i + 1);
		ck_assert_int_lt(parked(), DXF_PARK_ROOM);
	}
	ck_assert_int_ge(parked(), DXF_PARK_ROOM - DXF_PARK_MAX);
	ck_assert_int_eq(dxf_bg_start(x.fs), 0);
	while (parked() > 0)
		usleep(1000);
	ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	/* ... and for the next ones again */
	make_files(DXF_PARK_CALL, 0);
	unlink_files(DXF_PARK_CALL);
	while (parked() > 0)
		usleep(1000);
	fsx_finish(&x);
}
END_TEST

/* Whatever fails once, the space comes back, at the next mount at the latest. */
START_TEST(test_failure_while_freeing_loses_nothing)
{
	enum dxf_fault_kind kind = _i;
	uint64_t blocks, inodes;
	bool hit = true;

	fsx_make(&x, &fsx_images[_i]);
	x.opts.force = true;
	fsx_mount(&x);
	blocks = fsx_free_blocks(&x);
	inodes = fsx_free_inodes(&x);
	for (uint64_t nth = 1; hit; nth++) {
		ck_assert_uint_lt(nth, 500);
		make_files(4, 3000);
		unlink_files(4);
		dxf_fault_arm(kind, nth);
		fsx_settle(&x);
		hit = dxf_fault_disarm();
		if (hit) {
			fsx_drop(&x);
			fsx_mount(&x);
		}
		/* The orphans of a failed session go in the background. */
		fsx_remount(&x);
		ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
		ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	}
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_many_unlinked_files_share_transactions);
	EACH(test_statfs_and_sync_see_what_was_unlinked);
	EACH(test_large_file_is_freed_at_once);
	tcase_add_loop_test(t, test_open_files_stay_among_those_that_are_freed,
			    0, 30);
	EACH(test_background_thread_is_called_for_many);
	EACH(test_no_space_takes_what_was_unlinked);
	tcase_add_loop_test(t, test_failure_while_freeing_loses_nothing, 0,
			    3);
}

int main(void)
{
	return run_tests("park", add);
}
