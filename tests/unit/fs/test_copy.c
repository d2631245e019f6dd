/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy_file_range(2): bytes, holes, limits, two directions at a time.
 */
#include <linux/fs.h>
#include <pthread.h>

#include "file_model.h"

static struct fsx x;
static struct dxf_attr a, b;
static uint8_t buf[400 * 1024], got[400 * 1024];

/* Two files that stay in the cache. */
static void setup(int i)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "a",
				      S_IFREG | 0644, 0, &a), 0);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "b",
				      S_IFREG | 0644, 0, &b), 0);
	for (size_t j = 0; j < sizeof(buf); j++)
		buf[j] = (uint8_t)(j / 3 % 251 + 1);
}

static void teardown(void)
{
	dxf_fs_forget(x.fs, a.ino, 1);
	dxf_fs_forget(x.fs, b.ino, 1);
	fsx_finish(&x);
}

static void put(dxf_ino_t ino, uint64_t off, size_t len)
{
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, off, buf, len, 0, &fsx_root),
			 (ssize_t)len);
}

static ssize_t copy(dxf_ino_t in, uint64_t from, dxf_ino_t out, uint64_t to,
		    size_t len)
{
	return dxf_fs_copy_range(x.fs, in, from, out, to, len, 0, &fsx_root);
}

START_TEST(test_copy_moves_bytes_without_a_caller)
{
	struct dxf_persist_stats d;

	setup(_i);
	put(a.ino, 0, 300000);
	txn_delta(&x);
	persist_delta(&x);
	ck_assert_int_eq(copy(a.ino, 1000, b.ino, 500, 250000), 250000);
	d = persist_delta(&x);
	ck_assert_uint_ge(d.bytes_nt, 240000);
	ck_assert_uint_eq(txn_delta(&x), 1);
	ck_assert_uint_eq(fsx_attr(&x, b.ino).size, 250500);
	ck_assert_int_eq(dxf_fs_read(x.fs, b.ino, 500, got, 300000), 250000);
	ck_assert_mem_eq(got, buf + 1000, 250000);
	teardown();
}
END_TEST

START_TEST(test_copy_keeps_holes)
{
	uint64_t n;

	setup(_i);
	put(a.ino, 0, 10000);
	put(a.ino, 2 * DXF_MIB, 10000);
	n = fsx_attr(&x, a.ino).blocks;
	ck_assert_int_eq(copy(a.ino, 0, b.ino, 0, 3 * DXF_MIB),
			 2 * DXF_MIB + 10000);
	ck_assert_uint_eq(fsx_attr(&x, b.ino).blocks, n);
	ck_assert_uint_eq(fsx_attr(&x, b.ino).size, 2 * DXF_MIB + 10000);
	/* A hole over data: zeros, allocated as they were. */
	put(b.ino, 100000, 10000);
	n = fsx_attr(&x, b.ino).blocks;
	ck_assert_int_eq(copy(a.ino, 90000, b.ino, 90000, 30000), 30000);
	ck_assert_uint_eq(fsx_attr(&x, b.ino).blocks, n);
	ck_assert_int_eq(dxf_fs_read(x.fs, b.ino, 90000, got, 30000), 30000);
	for (int i = 0; i < 30000; i++)
		ck_assert_uint_eq(got[i], 0);
	teardown();
}
END_TEST

START_TEST(test_copy_ends_at_eof)
{
	setup(_i);
	put(a.ino, 0, 1000);
	ck_assert_int_eq(copy(a.ino, 900, b.ino, 0, 5000), 100);
	ck_assert_int_eq(copy(a.ino, 1000, b.ino, 0, 5000), 0);
	ck_assert_int_eq(copy(a.ino, 5000, b.ino, 0, 5000), 0);
	ck_assert_int_eq(copy(a.ino, 0, b.ino, 0, 0), 0);
	ck_assert_uint_eq(fsx_attr(&x, b.ino).size, 100);
	teardown();
}
END_TEST

START_TEST(test_copy_within_a_file)
{
	setup(_i);
	put(a.ino, 0, 100000);
	ck_assert_int_eq(copy(a.ino, 0, a.ino, 50000, 60000), -EINVAL);
	ck_assert_int_eq(copy(a.ino, 50000, a.ino, 0, 50001), -EINVAL);
	ck_assert_int_eq(copy(a.ino, 0, a.ino, 0, 10), -EINVAL);
	ck_assert_int_eq(copy(a.ino, 50000, a.ino, 0, 50000), 50000);
	ck_assert_int_eq(copy(a.ino, 0, a.ino, 300000, 200000), 100000);
	ck_assert_int_eq(dxf_fs_read(x.fs, a.ino, 300000, got, 50000), 50000);
	ck_assert_mem_eq(got, buf + 50000, 50000);
	teardown();
}
END_TEST

START_TEST(test_copy_refuses_what_writes_refuse)
{
	uint32_t ext;

	setup(_i);
	ext = b.flags & FS_EXTENT_FL;
	put(a.ino, 0, 1000);
	put(b.ino, 0, 1000);
	ck_assert_int_eq(copy(DXF_ROOT_INO, 0, b.ino, 0, 10), -EISDIR);
	ck_assert_int_eq(copy(a.ino, 0, DXF_ROOT_INO, 0, 10), -EISDIR);
	ck_assert_int_eq(copy(a.ino, 0, b.ino, (uint64_t)1 << 50, 10), -EFBIG);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, b.ino, ext | FS_APPEND_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(copy(a.ino, 0, b.ino, 999, 10), -EPERM);
	ck_assert_int_eq(copy(a.ino, 0, b.ino, 1000, 10), 10);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, b.ino, ext | FS_IMMUTABLE_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(copy(a.ino, 0, b.ino, 1010, 10), -EPERM);
	ck_assert_int_eq(copy(b.ino, 0, a.ino, 1000, 10), 10);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, b.ino, ext, &fsx_root), 0);
	teardown();
}
END_TEST

START_TEST(test_copy_full_is_short_then_enospc)
{
	uint64_t to = 0;
	ssize_t n;

	setup(_i);
	put(a.ino, 0, 300000);
	while ((n = copy(a.ino, 0, b.ino, to, 300000)) > 0)
		to += n;
	ck_assert_int_eq(n, -ENOSPC);
	ck_assert_uint_eq(fsx_attr(&x, b.ino).size, to);
	teardown();
}
END_TEST

START_TEST(test_copy_strips_privileges_and_moves_mtime)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_MODE | DXF_SET_MTIME,
		.mode = 06777,
		.mtime = { .tv_sec = 1000 },
	};

	setup(_i);
	put(a.ino, 0, 1000);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, b.ino, &sa, NULL, &b), 0);
	ck_assert_int_eq(dxf_fs_copy_range(x.fs, a.ino, 0, b.ino, 0, 1000,
					   DXF_WRITE_KILL_PRIV, &fsx_root),
			 1000);
	b = fsx_attr(&x, b.ino);
	ck_assert_int_eq(b.mode & 07777, 0777);
	ck_assert_int_gt(b.mtime.tv_sec, 1000);
	teardown();
}
END_TEST

static void *copy_to_and_fro(void *arg)
{
	bool forth = arg != NULL;

	for (int i = 0; i < 300; i++) {
		if (forth)
			copy(a.ino, i * 100, b.ino, i * 50, 50000);
		else
			copy(b.ino, i * 50, a.ino, i * 100, 50000);
	}
	return NULL;
}

START_TEST(test_copy_both_ways_at_once_ends)
{
	pthread_t t[4];

	setup(_i);
	put(a.ino, 0, 100000);
	put(b.ino, 0, 100000);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, copy_to_and_fro,
						i % 2 ? &x : NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	/* Only bytes of the two files, never of free blocks. */
	ck_assert_int_gt(dxf_fs_read(x.fs, a.ino, 0, got, sizeof(got)), 0);
	for (int i = 0; i < 50000; i++)
		ck_assert_uint_ne(got[i], 0);
	teardown();
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_copy_moves_bytes_without_a_caller);
	EACH(test_copy_keeps_holes);
	EACH(test_copy_ends_at_eof);
	EACH(test_copy_within_a_file);
	EACH(test_copy_refuses_what_writes_refuse);
	EACH(test_copy_full_is_short_then_enospc);
	EACH(test_copy_strips_privileges_and_moves_mtime);
	EACH(test_copy_both_ways_at_once_ends);
}

int main(void)
{
	return run_tests("copy", add);
}
