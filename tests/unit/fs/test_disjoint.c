/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads with a file each meet on no lock while they read and overwrite: each
 * counts the locks that it takes, by their rank.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "file_model.h"
#include "lockstat.h"

#define NTHREADS	8
#define NOPS		2000
#define SIZE		(256 * DXF_KIB)

static struct fsx x;

struct worker {
	pthread_t thread;
	dxf_ino_t ino;
	struct dxf_inode *file;
	int error;
	uint64_t taken[DXF_RANK_N];
	struct rnd r;
	uint8_t buf[20000];
};

static struct worker workers[NTHREADS];

static void setup(void)
{
	char name[16];

	fsx_make(&x, &fsx_images[1]);
	fsx_mount(&x);
	for (int i = 0; i < NTHREADS; i++) {
		struct worker *w = &workers[i];

		snprintf(name, sizeof(name), "f%d", i);
		w->ino = fsx_create(&x, DXF_ROOT_INO, name);
		fsx_hold(&x, w->ino);
		fsx_write(&x, w->ino, 0, i, SIZE);
		ck_assert_int_eq(dxf_fs_open_file(x.fs, w->ino, O_RDWR, false),
				 0);
		w->file = dxf_fs_opened(x.fs, w->ino);
		w->r.s = (uint64_t)i + 1;
	}
}

static void teardown(void)
{
	for (int i = 0; i < NTHREADS; i++) {
		dxf_fs_release(x.fs, workers[i].ino);
		dxf_fs_forget(x.fs, workers[i].ino, 1);
	}
	fsx_finish(&x);
}

static ssize_t by_iovec(struct worker *w, uint64_t off, size_t len)
{
	struct iovec iov[8];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 8 };
	ssize_t n = dxf_file_read_begin(x.fs, w->file, off, len, &r);

	if (n >= 0)
		dxf_fs_read_end(x.fs, &r);
	return n;
}

static ssize_t one(struct worker *w)
{
	size_t len = 1 + rnd_below(&w->r, sizeof(w->buf));
	struct dxf_fs_wr wr = {
		.off = rnd_below(&w->r, SIZE - len), .buf = w->buf, .len = len,
	};
	ssize_t n;

	switch (rnd_below(&w->r, 3)) {
	case 0:
		n = dxf_file_write(x.fs, w->file, &wr, &fsx_root);
		break;
	case 1:
		n = by_iovec(w, wr.off, len);
		break;
	default:
		n = dxf_file_read(x.fs, w->file, wr.off, w->buf, len, false);
	}
	return n < 0 ? n : n - (ssize_t)len;
}

static void start(struct worker *w)
{
	for (int i = 0; i < DXF_RANK_N; i++)
		w->taken[i] = dxf_lock_taken((enum dxf_rank)i);
}

static void stop(struct worker *w)
{
	for (int i = 0; i < DXF_RANK_N; i++)
		w->taken[i] = dxf_lock_taken((enum dxf_rank)i) - w->taken[i];
}

static void *work(void *arg)
{
	struct worker *w = arg;

	start(w);
	for (int i = 0; i < NOPS && !w->error; i++)
		w->error = one(w) != 0;
	stop(w);
	return NULL;
}

/* LEAF: the list of the inodes whose times are to be stored, once a while. */
static bool may_be_shared(int rank)
{
	return rank != DXF_RANK_INODE && rank != DXF_RANK_ATTR &&
	       rank != DXF_RANK_LEAF;
}

START_TEST(test_disjoint_files_share_no_lock)
{
	for (int i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work,
						&workers[i]), 0);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < NTHREADS; i++) {
		struct worker *w = &workers[i];

		ck_assert_int_eq(w->error, 0);
		ck_assert_uint_eq(w->taken[DXF_RANK_INODE], NOPS);
		for (int k = 0; k < DXF_RANK_N; k++)
			if (may_be_shared(k))
				ck_assert_uint_eq(w->taken[k], 0);
		/* Again each time that the times were stored, in seconds. */
		ck_assert_uint_lt(w->taken[DXF_RANK_LEAF], NOPS / 2);
	}
}
END_TEST

/* What does share some is seen to. */
START_TEST(test_disjoint_counts_see_an_append)
{
	struct worker *w = &workers[0];
	struct dxf_fs_wr wr = { .off = SIZE, .buf = w->buf, .len = 4096 };

	start(w);
	ck_assert_int_eq(dxf_file_write(x.fs, w->file, &wr, &fsx_root), 4096);
	stop(w);
	ck_assert_uint_eq(w->taken[DXF_RANK_META], 1);
	ck_assert_uint_gt(w->taken[DXF_RANK_ALLOC], 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_disjoint_files_share_no_lock);
	tcase_add_test(tc, test_disjoint_counts_see_an_append);
}

int main(void)
{
	return run_tests("disjoint", add);
}
