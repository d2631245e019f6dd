/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inproc_rows.c - the operations of the library that are measured, and raw
 * copies of the same kind beside them.
 */
#include "inproc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "persist.h"

static const struct dxf_cred cred = { .uid = 0 };

static int done(ssize_t n, size_t want)
{
	if (n < 0)
		return (int)n;
	return (size_t)n == want ? 0 : -EIO;
}

static uint64_t random_page(struct inproc *b)
{
	return inproc_random(b) % (RAW_SIZE / 4096) * 4096;
}

/* ---- raw ---- */

/* memcpy(3) may use `rep movs`, which cannot recover from poison. */
static int raw_memcpy(struct inproc *b, unsigned int i)
{
	memcpy(b->buf, b->raw + random_page(b), 4096);
	/* the copy is wanted */
	__asm__ volatile("" : : "r"(b->buf) : "memory");
	return 0;
}

/* As media are read: by loads. */
static int raw_read(struct inproc *b, unsigned int i)
{
#ifdef __SSE2__
	const __m128i *s = (const __m128i *)(b->raw + random_page(b));
	__m128i *t = (__m128i *)b->buf;
	int k;

	for (k = 0; k < 4096 / 16; k++) {
		_mm_store_si128(t + k, _mm_load_si128(s + k));
		__asm__ volatile("" : : : "memory");
	}
	return 0;
#else
	return raw_memcpy(b, i);
#endif
}

/* As the media are written: past the cache, and waited for. */
static int raw_write(struct inproc *b, unsigned int i)
{
	char *to = b->raw + random_page(b);

#ifdef __SSE2__
	__m128i *t = (__m128i *)to;
	const __m128i *s = (const __m128i *)b->buf;
	int k;

	for (k = 0; k < 4096 / 16; k++)
		_mm_stream_si128(t + k, _mm_load_si128(s + k));
	_mm_sfence();
#else
	memcpy(to, b->buf, 4096);
	dxf_persist_fence(b->region);
#endif
	return 0;
}

/* ---- data ---- */

static int read_4k(struct inproc *b, unsigned int i)
{
	return done(dxf_fs_read(b->fs, b->file, random_page(b), b->buf, 4096),
		    4096);
}

static int read_iovec(struct inproc *b, unsigned int i)
{
	struct iovec iov[4];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 4 };
	ssize_t n = dxf_fs_read_begin(b->fs, b->file, random_page(b), 4096,
				      &r);

	if (n >= 0)
		dxf_fs_read_end(b->fs, &r);
	return done(n, 4096);
}

static int write_4k(struct inproc *b, unsigned int i)
{
	return done(dxf_fs_write(b->fs, b->file, random_page(b), b->buf, 4096,
				 0, &cred), 4096);
}

static int write_64(struct inproc *b, unsigned int i)
{
	return done(dxf_fs_write(b->fs, b->file, random_page(b) + 100, b->buf,
				 64, 0, &cred), 64);
}

static int append_4k(struct inproc *b, unsigned int i)
{
	return done(dxf_fs_write(b->fs, b->grown, (uint64_t)i * 4096, b->buf,
				 4096, 0, &cred), 4096);
}

static int append_1m(struct inproc *b, unsigned int i)
{
	if (i >= 32)		/* enough */
		return 0;
	return done(dxf_fs_write(b->fs, b->grown, (uint64_t)i * DXF_MIB,
				 b->buf, DXF_MIB, 0, &cred), DXF_MIB);
}

static int cut_grown(struct inproc *b)
{
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE };
	struct dxf_attr a;

	return dxf_fs_setattr(b->fs, b->grown, &sa, &cred, &a);
}

static int write_fsync(struct inproc *b, unsigned int i)
{
	int err = write_4k(b, i);

	return err ? err : dxf_fs_fsync(b->fs, b->file, false);
}

/* ---- names ---- */

static int create(struct inproc *b, unsigned int i)
{
	struct dxf_attr a;
	int err = dxf_fs_mknod(b->fs, &cred, b->dir, b->new[i],
			       S_IFREG | 0644, 0, &a);

	if (err == 0)
		b->made[i] = a.ino;
	return err;
}

static int lookup(struct inproc *b, unsigned int i)
{
	struct dxf_attr a;

	return dxf_fs_lookup(b->fs, b->dir, b->new[i], &a);
}

static int forget_second(struct inproc *b)
{
	unsigned int i;

	for (i = 0; i < INPROC_OPS; i++)
		dxf_fs_forget(b->fs, b->made[i], 1);
	return 0;
}

static int lookup_none(struct inproc *b, unsigned int i)
{
	struct dxf_attr a;
	int err = dxf_fs_lookup(b->fs, b->dir, b->none[i], &a);

	return err == -ENOENT ? 0 : -EIO;
}

static int pick_names(struct inproc *b)
{
	unsigned int i;

	for (i = 0; i < INPROC_OPS; i++)
		snprintf(b->pick[i], sizeof(b->pick[i]), "b%u",
			 (unsigned int)(inproc_random(b) % b->names));
	return 0;
}

/* The inode is not in memory. */
static int lookup_many(struct inproc *b, unsigned int i)
{
	struct dxf_attr a;
	int err = dxf_fs_lookup(b->fs, b->many, b->pick[i], &a);

	if (err == 0)
		b->picked[i] = a.ino;
	return err;
}

static int forget_picked(struct inproc *b)
{
	unsigned int i;

	for (i = 0; i < INPROC_OPS; i++)
		dxf_fs_forget(b->fs, b->picked[i], 1);
	return 0;
}

static int getattr(struct inproc *b, unsigned int i)
{
	struct dxf_attr a;

	return dxf_fs_getattr(b->fs, b->made[i], &a);
}

static int chmod_one(struct inproc *b, unsigned int i)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 0600 };
	struct dxf_attr a;

	return dxf_fs_setattr(b->fs, b->made[i], &sa, &cred, &a);
}

static int write_first(struct inproc *b, unsigned int i)
{
	return done(dxf_fs_write(b->fs, b->made[i], 0, b->buf, 1000, 0, &cred),
		    1000);
}

static int fsync_clean(struct inproc *b, unsigned int i)
{
	return dxf_fs_fsync(b->fs, b->made[i], false);
}

static int rename_one(struct inproc *b, unsigned int i)
{
	return dxf_fs_rename(b->fs, &cred, DXF_AT(b->dir, b->new[i]),
			     DXF_AT(b->dir, b->renamed[i]), 0);
}

static int count_name(void *ctx, const struct dxf_fs_dirent *de)
{
	unsigned int *n = ctx;

	++*n;
	return 0;
}

/* All names at once, at the first call: the time is that of a name. */
static int list(struct inproc *b, unsigned int i)
{
	unsigned int n = 0;
	int err;

	if (i > 0)
		return 0;
	err = dxf_fs_readdir(b->fs, b->dir, 0, false, count_name, &n);
	if (err == 0 && n != INPROC_OPS + 2)
		err = -EIO;
	return err;
}

static int unlink_one(struct inproc *b, unsigned int i)
{
	return dxf_fs_unlink(b->fs, b->dir, b->renamed[i]);
}

/*
 * Its last lookup goes: inode and block are freed.  They would wait for the
 * background thread, and come back in another row: who asks for the space frees
 * them himself.
 */
static int forget(struct inproc *b, unsigned int i)
{
	struct statvfs st;

	dxf_fs_forget(b->fs, b->made[i], 1);
	return i % 256 == 255 || i == INPROC_OPS - 1 ?
		dxf_fs_statfs(b->fs, &st) : 0;
}

const struct inproc_row inproc_rows[] = {
	{ "raw memcpy 4k", raw_memcpy, NULL, 4096 },
	{ "raw read 4k", raw_read, NULL, 4096 },
	{ "read 4k", read_4k, NULL, 4096, "raw read 4k", 0.2 },
	{ "read 4k, iovec only", read_iovec, NULL, 0 },
	{ "raw overwrite 4k", raw_write, NULL, 4096 },
	{ "overwrite 4k", write_4k, NULL, 4096, "raw overwrite 4k", 0.2 },
	{ "overwrite 64", write_64, NULL, 64 },
	{ "overwrite 4k + fsync", write_fsync, NULL, 4096 },
	{ "append 4k", append_4k, cut_grown, 4096 },
	{ "append 1M x 32", append_1m, cut_grown, 32 * DXF_MIB / INPROC_OPS },
	{ "create", create, .us = 5, .us_csum = 12 },
	{ "lookup cached", lookup, forget_second, .us = 0.2 },
	{ "lookup of no name", lookup_none, pick_names },
	{ "lookup of many", lookup_many, forget_picked, .us = 1 },
	{ "getattr", getattr },
	{ "list, a name", list },
	{ "chmod", chmod_one },
	{ "first write 1000", write_first, NULL, 1000 },
	{ "fsync, nothing dirty", fsync_clean },
	{ "rename", rename_one },
	{ "unlink", unlink_one },
	{ "last forget", forget },
	{ NULL },
};
