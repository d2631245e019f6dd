/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_holes.c - sparse files: what a hole reads as, where it is, and what
 * filling it leaves.
 *
 * Offsets are in blocks of the filesystem, around the places where ext2's map
 * changes shape: 12 direct blocks, then one, two and three levels.
 */
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"
#include "util.h"

/* The first block that needs the given level of indirection. */
static off_t level_start(int level)
{
	off_t per = fs_bsize() / 4, start = 0, span = 12;

	while (level--) {
		start += span;
		span = span == 12 ? per : span * per;
	}
	return start;
}

static void put_block(int fd, off_t blk, char c)
{
	size_t bs = fs_bsize();
	char *buf = malloc(bs);

	memset(buf, c, bs);
	write_all(fd, buf, bs, blk * bs);
	free(buf);
}

static void expect_block(int fd, off_t blk, char c)
{
	size_t bs = fs_bsize(), i;
	char *buf = malloc(bs);

	read_all(fd, buf, bs, blk * bs);
	for (i = 0; i < bs; i++)
		ASSERT_EQ(buf[i], c);
	free(buf);
}

CASE(hole_reads_as_zeros)
{
	int fd = open_new("f");

	write_all(fd, "x", 1, 1000000);
	expect_zeros(fd, 1000000, 0);
	drop_caches();
	expect_zeros(fd, 1000000, 0);
	ASSERT_EQ(fst(fd).st_size, 1000001);
}

CASE(hole_takes_no_blocks)
{
	int fd = open_new("f");
	size_t bs = fs_bsize();

	ASSERT_OK(ftruncate(fd, 100 << 20));
	ASSERT_EQ(fst(fd).st_blocks, 0);
	put_block(fd, 3, 'x');
	ASSERT_OK(fsync(fd));
	ASSERT_EQ(fst(fd).st_blocks, bs / 512);
}

static const char *level_name(int i)
{
	static const char *const names[] = {
		"direct", "single", "double", "triple",
	};

	return names[i];
}

/* The last block of a level, the first of the next, alone and together. */
CASE_EACH(hole_around_level, 4, level_name)
{
	off_t at = level_start(suite_param());
	int fd = open_new("f");

	put_block(fd, at, 'a');
	expect_zeros(fd, at < 100 ? at * fs_bsize() : 4096, 0);
	if (at)
		put_block(fd, at - 1, 'b');
	put_block(fd, at + 1, 'c');
	drop_caches();
	expect_block(fd, at, 'a');
	if (at)
		expect_block(fd, at - 1, 'b');
	expect_block(fd, at + 1, 'c');
	ASSERT_OK(ftruncate(fd, at * fs_bsize()));
	ASSERT_OK(ftruncate(fd, (at + 2) * fs_bsize()));
	expect_block(fd, at, 0);
	if (at)
		expect_block(fd, at - 1, 'b');
	ASSERT_OK(ftruncate(fd, 0));
	ASSERT_OK(fsync(fd));
	ASSERT_EQ(fst(fd).st_blocks, 0);
}

CASE(hole_filled_in_the_middle_of_a_block)
{
	int fd = open_new("f");
	size_t bs = fs_bsize();

	ASSERT_OK(ftruncate(fd, 4 * bs));
	write_all(fd, "middle", 6, bs + bs / 2);
	expect_zeros(fd, bs + bs / 2, 0);
	expect_zeros(fd, bs / 2 - 6, bs + bs / 2 + 6);
	drop_caches();
	expect_zeros(fd, bs + bs / 2, 0);
	expect_zeros(fd, 2 * bs + bs / 2 - 6, bs + bs / 2 + 6);
}

/* Blocks that held other data must not show through in a hole filled later. */
CASE(hole_never_shows_old_blocks)
{
	char *junk = malloc(1 << 20);
	size_t bs = fs_bsize();
	int fd, i;

	memset(junk, 0xee, 1 << 20);
	fd = open_new("old");
	for (i = 0; i < 8; i++)
		write_all(fd, junk, 1 << 20, (off_t)i << 20);
	ASSERT_OK(fsync(fd));
	ASSERT_OK(close(fd));
	ASSERT_OK(unlink("old"));
	drop_caches();
	fd = open_new("f");
	for (i = 0; i < 500; i++)
		write_all(fd, "", 1, 2 * i * bs + bs / 3);
	drop_caches();
	expect_zeros(fd, 2 * 499 * bs + bs / 3 + 1, 0);
}

CASE(seek_data_and_hole_in_a_sparse_file)
{
	int fd = open_new("f");
	off_t bs = fs_bsize();

	put_block(fd, 10, 'a');
	put_block(fd, 11, 'a');
	put_block(fd, 50, 'b');
	ASSERT_OK(ftruncate(fd, 100 * bs));
	ASSERT_OK(fsync(fd));
	ASSERT_EQ(lseek(fd, 0, SEEK_DATA), 10 * bs);
	ASSERT_EQ(lseek(fd, 0, SEEK_HOLE), 0);
	ASSERT_EQ(lseek(fd, 10 * bs, SEEK_DATA), 10 * bs);
	ASSERT_EQ(lseek(fd, 10 * bs, SEEK_HOLE), 12 * bs);
	ASSERT_EQ(lseek(fd, 10 * bs + 7, SEEK_DATA), 10 * bs + 7);
	ASSERT_EQ(lseek(fd, 10 * bs + 7, SEEK_HOLE), 12 * bs);
	ASSERT_EQ(lseek(fd, 12 * bs, SEEK_DATA), 50 * bs);
	ASSERT_EQ(lseek(fd, 12 * bs + 3, SEEK_HOLE), 12 * bs + 3);
	ASSERT_EQ(lseek(fd, 50 * bs, SEEK_HOLE), 51 * bs);
	ASSERT_ERR(ENXIO, lseek(fd, 51 * bs, SEEK_DATA));
	ASSERT_EQ(lseek(fd, 51 * bs, SEEK_HOLE), 51 * bs);
}

CASE(seek_at_and_behind_the_end)
{
	int fd = open_new("f");

	ASSERT_ERR(ENXIO, lseek(fd, 0, SEEK_DATA));
	ASSERT_ERR(ENXIO, lseek(fd, 0, SEEK_HOLE));
	write_all(fd, "0123456789", 10, 0);
	ASSERT_EQ(lseek(fd, 9, SEEK_DATA), 9);
	/* the end of the file counts as a hole */
	ASSERT_EQ(lseek(fd, 0, SEEK_HOLE), 10);
	ASSERT_ERR(ENXIO, lseek(fd, 10, SEEK_DATA));
	ASSERT_ERR(ENXIO, lseek(fd, 10, SEEK_HOLE));
	ASSERT_ERR(ENXIO, lseek(fd, 11, SEEK_HOLE));
	ASSERT_ERR(ENXIO, lseek(fd, -1, SEEK_DATA));
}

CASE(seek_set_cur_end)
{
	int fd = open_new("f");
	char c;

	write_all(fd, "0123456789", 10, 0);
	ASSERT_EQ(lseek(fd, 5, SEEK_SET), 5);
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_EQ(c, '5');
	ASSERT_EQ(lseek(fd, -2, SEEK_CUR), 4);
	ASSERT_EQ(lseek(fd, -1, SEEK_END), 9);
	ASSERT_EQ(lseek(fd, 100, SEEK_END), 110);
	ASSERT_ERR(EINVAL, lseek(fd, -1, SEEK_SET));
	ASSERT_ERR(EINVAL, lseek(fd, -11, SEEK_END));
	ASSERT_ERR(EINVAL, lseek(fd, 0, 77));
	ASSERT_EQ(fst(fd).st_size, 10);
	/* somebody else makes it longer: SEEK_END must know */
	ASSERT_OK(truncate("f", 20));
	ASSERT_EQ(lseek(fd, 0, SEEK_END), 20);
}

/* SEEK_DATA and SEEK_HOLE against a table of which blocks were written. */
CASE(seek_agrees_with_what_was_written)
{
	enum { N = 300 };
	bool data[N + 1] = { false };
	int fd = open_new("f"), i, j;
	off_t bs = fs_bsize();
	uint64_t seed = 5;

	ASSERT_OK(ftruncate(fd, N * bs));
	for (i = 0; i < 90; i++) {
		j = rnd(&seed) % N;
		put_block(fd, j, 'd');
		data[j] = true;
	}
	ASSERT_OK(fsync(fd));
	for (i = 0; i < N; i++) {
		for (j = i; j < N && !data[j]; j++)
			;
		if (j < N)
			ASSERT_EQ(lseek(fd, i * bs + 1, SEEK_DATA),
				  j == i ? i * bs + 1 : j * bs);
		else
			ASSERT_ERR(ENXIO, lseek(fd, i * bs + 1, SEEK_DATA));
		for (j = i; j < N && data[j]; j++)
			;
		ASSERT_EQ(lseek(fd, i * bs + 1, SEEK_HOLE),
			  j == i ? i * bs + 1 : j * bs);
	}
}

CASE(hole_of_one_tebibyte)
{
	off_t at = (off_t)1 << 40;
	int fd = open_new("f");
	char c;

	if (pwrite(fd, "x", 1, at) < 0) {
		/* blocks of 1 KiB reach to 16 GiB with three levels */
		ASSERT_EQ(errno, EFBIG);
		ASSERT(fs_bsize() < 4096);
		at = (off_t)15 << 30;
		write_all(fd, "x", 1, at);
	}
	ASSERT_EQ(fst(fd).st_size, at + 1);
	drop_caches();
	ASSERT_EQ(fst(fd).st_size, at + 1);
	read_all(fd, &c, 1, at);
	ASSERT_EQ(c, 'x');
	expect_zeros(fd, 65536, at / 2 - 100);
	expect_zeros(fd, 65536, at - 65536);
	ASSERT(fst(fd).st_blocks * 512 < 64 * 1024);
	ASSERT_EQ(lseek(fd, 0, SEEK_DATA) / (off_t)fs_bsize(),
		  at / (off_t)fs_bsize());
}

CASE(hole_from_truncate_up)
{
	int fd = open_new("f");

	write_all(fd, "text", 4, 0);
	ASSERT_OK(ftruncate(fd, 70000));
	expect_zeros(fd, 70000 - 4, 4);
	ASSERT_EQ(fst(fd).st_size, 70000);
}

/* What was cut off must not come back when the file grows again. */
CASE(truncate_down_and_up_shows_zeros)
{
	char buf[20000];
	int fd = open_new("f"), cut;

	memset(buf, 'x', sizeof(buf));
	for (cut = 1; cut < 20000; cut = cut * 3 + 1) {
		write_all(fd, buf, sizeof(buf), 0);
		ASSERT_OK(ftruncate(fd, cut));
		ASSERT_OK(ftruncate(fd, sizeof(buf)));
		expect_zeros(fd, sizeof(buf) - cut, cut);
	}
}

CASE(write_behind_the_end_after_a_cut_shows_zeros)
{
	char buf[20000];
	int fd = open_new("f"), cut;

	memset(buf, 'x', sizeof(buf));
	for (cut = 1; cut < 19000; cut = cut * 3 + 1) {
		write_all(fd, buf, sizeof(buf), 0);
		ASSERT_OK(ftruncate(fd, cut));
		write_all(fd, "end", 3, 19500);
		drop_caches();
		expect_zeros(fd, 19500 - cut, cut);
	}
}
