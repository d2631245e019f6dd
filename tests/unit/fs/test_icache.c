/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inode cache: references, validity, size, and threads. */
#include "fs_fixture.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>

#include "fs_priv.h"

#define ROOT	DXF_ROOT_INO

static struct fsx x;

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
}

static uint64_t cached(void)
{
	return fsx_stats(&x).inodes_cached;
}

START_TEST(test_inode_stays_while_referred_to)
{
	struct dxf_attr a;

	setup(_i);
	ck_assert_uint_eq(cached(), 1);		/* the root */
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "f", S_IFREG, 0,
				      &a), 0);
	ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, "f", &a), 0);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, a.ino, O_RDONLY, false), 0);
	ck_assert_uint_eq(cached(), 2);
	ck_assert_uint_eq(fsx_stats(&x).inodes_open, 1);
	dxf_fs_forget(x.fs, a.ino, 2);
	ck_assert_uint_eq(cached(), 2);
	dxf_fs_release(x.fs, a.ino);
	ck_assert_uint_eq(cached(), 1);
	ck_assert_uint_eq(fsx_stats(&x).inodes_open, 0);
	ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, "f", &a), 0);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_uint_eq(cached(), 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_create_gives_one_lookup_and_one_open)
{
	struct dxf_fs_created made;

	setup(_i);
	ck_assert_int_eq(dxf_fs_create(x.fs, &fsx_root, DXF_AT(ROOT, "f"),
				       0640, O_RDWR | O_DIRECT, &made), 0);
	ck_assert_uint_eq(made.attr.mode, S_IFREG | 0640);
	ck_assert(made.dax && dxf_fs_is_dax(x.fs, made.attr.ino));
	ck_assert_ptr_eq(made.file, dxf_fs_opened(x.fs, made.attr.ino));
	ck_assert_int_eq(dxf_fs_create(x.fs, &fsx_root, DXF_AT(ROOT, "f"),
				       0640, O_RDWR, &made), -EEXIST);
	ck_assert_uint_eq(cached(), 2);
	ck_assert_uint_eq(fsx_stats(&x).inodes_open, 1);
	dxf_fs_forget(x.fs, made.attr.ino, 1);
	ck_assert_uint_eq(cached(), 2);
	dxf_fs_release(x.fs, made.attr.ino);
	ck_assert_uint_eq(cached(), 1);
	ck_assert_uint_eq(fsx_stats(&x).inodes_open, 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_root_outlives_any_forget)
{
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, ".", &a), 0);
	dxf_fs_forget(x.fs, ROOT, 1);
	dxf_fs_forget(x.fs, ROOT, 100);
	ck_assert_uint_eq(cached(), 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_lookup_ino_accepts_what_is_there)
{
	struct dxf_attr a, b;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "f", S_IFREG, 0,
				      &a), 0);
	fsx_remount(&x);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, a.generation, &b), 0);
	ck_assert_uint_eq(b.ino, a.ino);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, 0, &b), 0);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, a.generation + 1, &b),
			 -ESTALE);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, ROOT, 0, &b), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_lookup_ino_refuses_the_rest)
{
	static const dxf_ino_t bad[] = { 0, 1, 3, 5, 7, 10, 500, 0x7fffffff,
					 0xffffffff };
	struct dxf_attr a, b;

	setup(_i);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, bad[i], 0, &a),
				 -ESTALE);
	ck_assert_int_eq(x.messages, 0);
	/* Freed, and used again. */
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "f", S_IFREG, 0,
				      &a), 0);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), 0);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, a.generation, &b),
			 -ESTALE);
	fsx_settle(&x);
	ck_assert_uint_eq(fsx_create(&x, ROOT, "g"), a.ino);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, a.generation, &b),
			 -ESTALE);
	ck_assert_uint_eq(cached(), 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_unlinked_inode_found_by_number_while_in_use)
{
	struct dxf_attr a, b;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "f", S_IFREG, 0,
				      &a), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), 0);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, a.generation, &b), 0);
	ck_assert_uint_eq(b.nlink, 0);
	dxf_fs_forget(x.fs, a.ino, 2);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, a.generation, &b),
			 -ESTALE);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_eviction_writes_lazy_times)
{
	struct dxf_setattr old = {
		.valid = DXF_SET_MTIME, .mtime = { 1000, 0 },
	};
	struct dxf_attr a, b;

	setup(_i);
	x.opts.lazytime = true;
	fsx_remount(&x);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "f", S_IFREG, 0,
				      &a), 0);
	fsx_write(&x, a.ino, 0, 'f', 10);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, a.ino, &old, &fsx_root, &b), 0);
	fsx_write(&x, a.ino, 0, 'g', 10);
	ck_assert_int_gt(fsx_attr(&x, a.ino).mtime.tv_sec, 1000);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_uint_eq(cached(), 1);
	ck_assert_int_gt(fsx_attr(&x, a.ino).mtime.tv_sec, 1000);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_cache_of_many_grows_and_shrinks)
{
	enum { N = 3500 };
	static dxf_ino_t ino[N];
	struct dxf_attr a;
	char name[16];

	setup(_i);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, name,
					      S_IFREG, 0, &a), 0);
		ino[i] = a.ino;
	}
	ck_assert_uint_eq(cached(), N + 1);
	for (int i = 0; i < N; i++)
		ck_assert_uint_eq(fsx_attr(&x, ino[i]).ino, ino[i]);
	for (int i = 0; i < N; i++)
		dxf_fs_forget(x.fs, ino[i], 1);
	ck_assert_uint_eq(cached(), 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_cached_inode_takes_at_most_512_bytes)
{
	enum { N = 3500 };
	struct dxf_attr a;
	size_t before;
	char name[16];

	setup(_i);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fsx_create(&x, ROOT, name);
	}
	before = mallinfo2().uordblks;
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, name, &a), 0);
		fsx_attr(&x, a.ino);
	}
	ck_assert_uint_eq(x.fs->ncached, N + 1);
	ck_assert_uint_le((mallinfo2().uordblks - before) / N, 512);
	fsx_finish(&x);
}
END_TEST

static void count_inode(struct dxf_fs *fs, struct dxf_inode *inode, void *ctx)
{
	ck_assert_uint_gt(inode->pins, 0);
	++*(int *)ctx;
}

START_TEST(test_for_each_sees_every_inode)
{
	struct dxf_attr a;
	char name[16];
	int n = 0;

	setup(_i);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, name,
					      S_IFREG, 0, &a), 0);
	}
	dxf_icache_for_each(x.fs, count_inode, &n);
	ck_assert_int_eq(n, 3001);
	fsx_finish(&x);
}
END_TEST

/* ---- threads ---- */

#define NFILES	8
static dxf_ino_t shared[NFILES];
static uint32_t generation[NFILES];

/* Load and forget the same few inodes, by name and by number. */
static void *come_and_go(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct dxf_attr a;
	char name[4];

	for (int n = 0; n < 3000; n++) {
		int i = rand_r(&seed) % NFILES;

		snprintf(name, sizeof(name), "%d", i);
		if (rand_r(&seed) % 2)
			ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, name, &a),
					 0);
		else
			ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, shared[i],
						generation[i], &a), 0);
		ck_assert_uint_eq(a.ino, shared[i]);
		dxf_fs_forget(x.fs, a.ino, 1);
	}
	return NULL;
}

static void in_threads(void *(*fn)(void *), int n)
{
	pthread_t t[8];

	for (int i = 0; i < n; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, fn,
						(void *)(uintptr_t)(i + 1)), 0);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

START_TEST(test_threads_get_and_forget_the_same)
{
	struct dxf_attr a;
	char name[4];

	setup(_i);
	for (int i = 0; i < NFILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, name,
					      S_IFREG, 0, &a), 0);
		dxf_fs_forget(x.fs, a.ino, 1);
		shared[i] = a.ino;
		generation[i] = a.generation;
	}
	in_threads(come_and_go, 4);
	ck_assert_uint_eq(cached(), 1);
	ck_assert_int_eq(x.messages, 0);
	fsx_finish(&x);
}
END_TEST

/*
 * Numbers are looked up while their inodes are made and freed: found or
 * stale, never an error, never half an inode.
 */
static void *guess_numbers(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct dxf_attr a;

	for (int n = 0; n < 20000; n++) {
		int err = dxf_fs_lookup_ino(x.fs, 11 +
					    (dxf_ino_t)rand_r(&seed) % 8, 0,
					    &a);

		ck_assert_msg(err == 0 || err == -ESTALE, "error %d", err);
		if (err == 0)
			dxf_fs_forget(x.fs, a.ino, 1);
	}
	return NULL;
}

static void *make_and_remove(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct dxf_attr a;
	char name[16];

	if ((uintptr_t)arg > 2)
		return guess_numbers(arg);
	for (int n = 0; n < 2000; n++) {
		snprintf(name, sizeof(name), "%u-%d", (unsigned int)
			 (uintptr_t)arg, rand_r(&seed) % 3);
		if (dxf_fs_mknod(x.fs, &fsx_root, ROOT, name, S_IFREG, 0,
				 &a) == 0)
			dxf_fs_forget(x.fs, a.ino, 1);
		else
			ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, name), 0);
	}
	return NULL;
}

START_TEST(test_threads_numbers_race_with_creation)
{
	setup(_i);
	in_threads(make_and_remove, 4);
	ck_assert_uint_eq(cached(), 1);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	ck_assert_int_eq(x.messages, 0);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
	tcase_set_timeout(t, 240);
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_inode_stays_while_referred_to);
	EACH(test_create_gives_one_lookup_and_one_open);
	EACH(test_root_outlives_any_forget);
	EACH(test_lookup_ino_accepts_what_is_there);
	EACH(test_lookup_ino_refuses_the_rest);
	EACH(test_unlinked_inode_found_by_number_while_in_use);
	EACH(test_eviction_writes_lazy_times);
	EACH(test_cache_of_many_grows_and_shrinks);
	EACH(test_cached_inode_takes_at_most_512_bytes);
	EACH(test_for_each_sees_every_inode);
	EACH(test_threads_get_and_forget_the_same);
	EACH(test_threads_numbers_race_with_creation);
}

int main(void)
{
	return run_tests("icache", add);
}
