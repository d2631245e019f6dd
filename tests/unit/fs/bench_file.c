/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a 4 KiB read, overwrite and append cost in process, beside the copy
 * alone: run it from a build with optimisation and without asserts.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "file_model.h"
#include "load.h"

#define IO	4096u
#define NIO	(8 * DXF_MIB / IO)
#define ROUNDS	40u

static struct fsx x;
static uint8_t buf[IO];

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* The order of blocks: scattered, each once. */
static uint64_t at(uint64_t i)
{
	return i * 1021 % NIO * IO;
}

/* The best of all rounds: what disturbs it only makes it longer. */
static void measure(const char *name, void (*fn)(dxf_ino_t ino), dxf_ino_t ino)
{
	double best = 1e9;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		double t = now_us();

		fn(ino);
		t = (now_us() - t) / (double)NIO;
		best = DXF_MIN(best, t);
	}
	printf("%-28s %7.3f us\n", name, best);
}

/* The same bytes' worth of media that no filesystem is on. */
static struct dxf_region *raw;

static void raw_load(dxf_ino_t ino)
{
	for (uint64_t i = 0; i < NIO; i++)
		dxf_load(raw, at(i), buf, IO);
}

static void file_read(dxf_ino_t ino)
{
	for (uint64_t i = 0; i < NIO; i++)
		dxf_fs_read(x.fs, ino, at(i), buf, IO);
}

static void file_read_begin(dxf_ino_t ino)
{
	struct iovec iov[4];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 4 };

	for (uint64_t i = 0; i < NIO; i++) {
		dxf_fs_read_begin(x.fs, ino, at(i), IO, &r);
		dxf_fs_read_end(x.fs, &r);
	}
}

static void raw_store(dxf_ino_t ino)
{
	for (uint64_t i = 0; i < NIO; i++) {
		dxf_persist_copy(raw, at(i), buf, IO, 0);
		dxf_persist_fence(raw);
	}
}

static void file_write(dxf_ino_t ino)
{
	for (uint64_t i = 0; i < NIO; i++)
		dxf_fs_write(x.fs, ino, at(i), buf, IO, 0, &fsx_root);
}

static void file_append(dxf_ino_t ino)
{
	set_size(&x, ino, 0);
	for (uint64_t i = 0; i < NIO; i++)
		dxf_fs_write(x.fs, ino, i * IO, buf, IO, 0, &fsx_root);
}

static dxf_ino_t open_new(const char *name)
{
	dxf_ino_t ino = fsx_create(&x, DXF_ROOT_INO, name);

	dxf_fs_open_file(x.fs, ino, O_RDWR, false);
	return ino;
}

START_TEST(bench_file)
{
	const struct fsx_image *img = &fsx_images[_i];
	dxf_ino_t ino;

	printf("%s\n", img->name);
	ck_assert_int_eq(dxf_region_open_anon(&raw, NIO * IO, true), 0);
	fsx_make(&x, img);
	fsx_mount(&x);
	ino = open_new("f");
	for (uint64_t i = 0; i < 8; i++)
		fsx_write(&x, ino, i * DXF_MIB, 'x', DXF_MIB);
	raw_store(ino);
	measure("guarded load alone", raw_load, ino);
	measure("read", file_read, ino);
	measure("read_begin, read_end", file_read_begin, ino);
	measure("store and fence alone", raw_store, ino);
	measure("overwrite", file_write, ino);
	set_size(&x, ino, 0);
	measure("append", file_append, ino);
	dxf_fs_release(x.fs, ino);
	dxf_region_close(raw);
	fsx_drop(&x);
	fsx_remove(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, bench_file, 0, fsx_nimages);
}

int main(void)
{
	return run_tests("bench_file", add);
}
