/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that write, read, truncate, punch, copy and sync the same few files,
 * names coming and going beside them.  Nobody may ever read what lay in free
 * blocks.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>

#include "file_model.h"

#define NTHREADS	4
#define NFILES		3
#define SPAN		(300 * 1024)
#define STALE		0xa5

static struct fsx x;
static dxf_ino_t files[NFILES];

struct worker {
	pthread_t thread;
	struct rnd r;
	uint8_t tag;
	bool stale;		/* a byte that nobody wrote was read */
	int error;		/* an errno that has no business here */
	uint8_t buf[64 * 1024];
};

static void note(struct worker *w, ssize_t n)
{
	if (n < 0 && n != -ENOSPC && n != -EINVAL && n != -ENOENT &&
	    n != -EEXIST)
		w->error = -n;
}

static void look(struct worker *w, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		w->stale |= p[i] > NTHREADS;
}

static void do_read(struct worker *w, dxf_ino_t ino, uint64_t off, size_t len)
{
	struct iovec iov[16];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 16 };
	ssize_t n;

	if (rnd_below(&w->r, 2)) {
		n = dxf_fs_read(x.fs, ino, off, w->buf, len);
		look(w, w->buf, n > 0 ? n : 0);
		note(w, n);
		return;
	}
	n = dxf_fs_read_begin(x.fs, ino, off, len, &r);
	note(w, n);
	if (n < 0)
		return;
	for (int i = 0; i < r.niov; i++)
		look(w, iov[i].iov_base, iov[i].iov_len);
	dxf_fs_read_end(x.fs, &r);
}

static void do_size(struct worker *w, dxf_ino_t ino, uint64_t size)
{
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE, .size = size };
	struct dxf_attr a;

	note(w, dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a));
}

static void do_falloc(struct worker *w, dxf_ino_t ino, uint64_t off,
		      size_t len)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	};

	note(w, dxf_fs_fallocate(x.fs, ino, modes[rnd_below(&w->r, 4)], off,
				 len, false, &fsx_root));
}

/* A file of its own, made, filled, looked at and removed. */
static void do_name(struct worker *w)
{
	char name[16];
	struct dxf_attr a;
	int err;

	snprintf(name, sizeof(name), "t%u", w->tag);
	err = dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, name, S_IFREG, 0, &a);
	note(w, err);
	if (err)
		return;
	memset(w->buf, w->tag, 20000);
	note(w, dxf_fs_write(x.fs, a.ino, 3000, w->buf, 20000, 0, &fsx_root));
	do_read(w, a.ino, 0, 30000);
	note(w, dxf_fs_unlink(x.fs, DXF_ROOT_INO, name));
	do_read(w, a.ino, 0, 30000);
	dxf_fs_forget(x.fs, a.ino, 1);
}

static void do_one(struct worker *w)
{
	dxf_ino_t ino = files[rnd_below(&w->r, NFILES)];
	uint64_t off = rnd_below(&w->r, SPAN);
	size_t len = 1 + rnd_below(&w->r, rnd_below(&w->r, 2) ? 40000 : 500);

	switch (rnd_below(&w->r, 12)) {
	case 0:
		do_size(w, ino, off);
		break;
	case 1:
		do_falloc(w, ino, off, len);
		break;
	case 2:
		note(w, dxf_fs_copy_range(x.fs, ino, off,
					  files[rnd_below(&w->r, NFILES)],
					  rnd_below(&w->r, SPAN), len, 0,
					  &fsx_root));
		break;
	case 3:
		note(w, dxf_fs_fsync(x.fs, ino, rnd_below(&w->r, 2)));
		break;
	case 4:
		do_name(w);
		break;
	case 5:
	case 6:
	case 7:
		do_read(w, ino, off, len);
		break;
	default:
		memset(w->buf, w->tag, len);
		note(w, dxf_fs_write(x.fs, ino, off, w->buf, len, 0,
				     &fsx_root));
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 1500 && !w->error && !w->stale; i++)
		do_one(w);
	return NULL;
}

/* Loop index: image, then kind of media. */
START_TEST(test_file_threads_see_only_what_was_written)
{
	static struct worker w[NTHREADS];

	fsx_make(&x, &fsx_images[_i % fsx_nimages]);
	if (_i / fsx_nimages == 1)
		x.opts.durability = DXF_DURABILITY_FSYNC;
	if (_i / fsx_nimages == 2) {
		to_page_media(&x);
		x.opts.commit = 1;
	}
	fsx_mount(&x);
	fill_free_blocks(&x, STALE);
	for (int i = 0; i < NFILES; i++) {
		char name[] = { 'f', '0' + i, 0 };

		files[i] = fsx_create(&x, DXF_ROOT_INO, name);
		/* One of them leaves the cache after each call. */
		if (i > 0)
			ck_assert_int_eq(dxf_fs_open_file(x.fs, files[i],
							  O_RDWR, false), 0);
	}
	for (int i = 0; i < NTHREADS; i++) {
		w[i].tag = i + 1;
		w[i].r.s = _i * 100 + i;
		ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work,
						&w[i]), 0);
	}
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(w[i].thread, NULL);
	for (int i = 0; i < NTHREADS; i++) {
		ck_assert_int_eq(w[i].error, 0);
		ck_assert(!w[i].stale);
	}
	for (int i = 1; i < NFILES; i++)
		dxf_fs_release(x.fs, files[i]);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_file_threads_see_only_what_was_written, 0,
			    3 * fsx_nimages);
}

int main(void)
{
	return run_tests("file_threads", add);
}
