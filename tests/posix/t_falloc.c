/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_falloc.c - fallocate(2) in all its modes, and truncate(2).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <signal.h>

#include "suite.h"
#include "util.h"

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO FALLOC_FL_ZERO_RANGE
#define KEEP FALLOC_FL_KEEP_SIZE

/* fallocate(), or the end of the case where the mode does not exist. */
static int falloc(int fd, int mode, off_t off, off_t len)
{
	int ret = fallocate(fd, mode, off, len);

	if (ret && errno == EOPNOTSUPP)
		UNSUPPORTED(mode & FALLOC_FL_PUNCH_HOLE ? "punch-hole" :
			    mode & ZERO ? "zero-range" : "fallocate");
	return ret;
}

static int open_filled(char *buf, size_t len)
{
	int fd = open_new("f");

	fill_pattern(buf, len, 11);
	write_all(fd, buf, len, 0);
	return fd;
}

static void expect_buf(int fd, const char *buf, size_t len)
{
	char *got = malloc(len);
	size_t i;

	ASSERT_EQ(fst(fd).st_size, len);
	read_all(fd, got, len, 0);
	for (i = 0; i < len; i++) {
		if (got[i] != buf[i])
			suite_fail(__FILE__, __LINE__,
				   "byte %zu is %d, not %d", i, got[i],
				   buf[i]);
	}
	free(got);
}

CASE(fallocate_extends_with_zeros)
{
	int fd = open_new("f");

	write_all(fd, "text", 4, 0);
	ASSERT_OK(falloc(fd, 0, 1000, 100000));
	ASSERT_EQ(fst(fd).st_size, 101000);
	ASSERT(fst(fd).st_blocks * 512 >= 100000);
	expect_zeros(fd, 101000 - 4, 4);
	drop_caches();
	expect_zeros(fd, 101000 - 4, 4);
}

CASE(fallocate_keep_size)
{
	int fd = open_new("f");

	write_all(fd, "text", 4, 0);
	ASSERT_OK(falloc(fd, KEEP, 0, 1 << 20));
	ASSERT_EQ(fst(fd).st_size, 4);
	ASSERT(fst(fd).st_blocks * 512 >= 1 << 20);
	drop_caches();
	expect_text("f", "text");
	/* what was kept ready is zero when the file grows into it */
	ASSERT_OK(ftruncate(fd, 1 << 20));
	expect_zeros(fd, (1 << 20) - 4, 4);
	ASSERT_OK(ftruncate(fd, 4));
	ASSERT_OK(fsync(fd));
	ASSERT(fst(fd).st_blocks * 512 <= 65536);
}

CASE(fallocate_keeps_data)
{
	char buf[50000];
	int fd = open_filled(buf, sizeof(buf));

	ASSERT_OK(falloc(fd, 0, 0, sizeof(buf)));
	expect_buf(fd, buf, sizeof(buf));
	ASSERT_OK(falloc(fd, 0, 12345, 100));
	expect_buf(fd, buf, sizeof(buf));
}

CASE(fallocate_never_shows_old_blocks)
{
	char *junk = malloc(1 << 20);
	int fd = open_new("old"), i;

	memset(junk, 0xee, 1 << 20);
	for (i = 0; i < 8; i++)
		write_all(fd, junk, 1 << 20, (off_t)i << 20);
	ASSERT_OK(fsync(fd));
	ASSERT_OK(close(fd));
	ASSERT_OK(unlink("old"));
	drop_caches();
	fd = open_new("f");
	ASSERT_OK(falloc(fd, 0, 0, 8 << 20));
	expect_zeros(fd, 8 << 20, 0);
}

CASE(fallocate_blocks_are_there_for_writes)
{
	char buf[100000];
	int fd = open_new("f");
	blkcnt_t blocks;

	ASSERT_OK(falloc(fd, 0, 0, sizeof(buf)));
	ASSERT_OK(fsync(fd));
	blocks = fst(fd).st_blocks;
	fill_pattern(buf, sizeof(buf), 2);
	write_all(fd, buf, sizeof(buf), 0);
	ASSERT_OK(fsync(fd));
	/* an extent tree may split, but data take no further blocks */
	ASSERT(fst(fd).st_blocks <= blocks + (long)fs_bsize() / 512);
	expect_buf(fd, buf, sizeof(buf));
}

CASE(fallocate_changes_times)
{
	struct times t;
	int fd = open_new("f");

	ASSERT_OK(falloc(fd, 0, 0, 100));
	t = times_snap("f");
	ASSERT_OK(fallocate(fd, 0, 0, 100000));
	TIMES_CHANGED(&t, T_M | T_C);
}

CASE(fallocate_bad_arguments)
{
	int fd = open_new("f"), ro, dir, p[2];

	ASSERT_OK(pipe(p));
	make_dir("d", 0755);
	ro = ASSERT_OK(open("f", O_RDONLY));
	dir = ASSERT_OK(open("d", O_RDONLY));
	ASSERT_ERR(EINVAL, fallocate(fd, 0, 0, 0));
	ASSERT_ERR(EINVAL, fallocate(fd, 0, -1, 10));
	ASSERT_ERR(EINVAL, fallocate(fd, 0, 0, -10));
	ASSERT_ERR(EBADF, fallocate(ro, 0, 0, 10));
	ASSERT_ERR(EBADF, fallocate(dir, 0, 0, 10));
	ASSERT_ERR(ESPIPE, fallocate(p[1], 0, 0, 10));
	ASSERT_ERR(EFBIG, fallocate(fd, 0, INT64_MAX - 5, 10));
	ASSERT_ERR(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
	ASSERT_ERR(EOPNOTSUPP, fallocate(fd, 0x400, 0, 10));
	ASSERT_EQ(fst(fd).st_size, 0);
}

/* Not supported, or done right: never a file of another content. */
CASE(fallocate_collapse_and_insert)
{
	char buf[40960];
	int fd = open_filled(buf, sizeof(buf));
	size_t bs = fs_bsize();

	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, bs, bs)) {
		ASSERT(errno == EOPNOTSUPP || errno == EINVAL);
		expect_buf(fd, buf, sizeof(buf));
	} else {
		memmove(buf + bs, buf + 2 * bs, sizeof(buf) - 2 * bs);
		expect_buf(fd, buf, sizeof(buf) - bs);
		ASSERT_OK(ftruncate(fd, sizeof(buf)));
	}
	if (fallocate(fd, FALLOC_FL_INSERT_RANGE, bs, bs)) {
		ASSERT(errno == EOPNOTSUPP || errno == EINVAL);
		ASSERT_EQ(fst(fd).st_size, sizeof(buf));
	}
}

CASE(punch_hole_whole_blocks)
{
	size_t bs = fs_bsize();
	char *buf = malloc(64 * bs);
	int fd = open_filled(buf, 64 * bs);
	blkcnt_t blocks;

	ASSERT_OK(fsync(fd));
	blocks = fst(fd).st_blocks;
	ASSERT_OK(falloc(fd, PUNCH, 10 * bs, 20 * bs));
	memset(buf + 10 * bs, 0, 20 * bs);
	expect_buf(fd, buf, 64 * bs);
	drop_caches();
	expect_buf(fd, buf, 64 * bs);
	ASSERT_OK(fsync(fd));
	/* a map block may have come or gone */
	ASSERT(fst(fd).st_blocks <= blocks - 19 * (long)bs / 512);
	ASSERT_EQ(lseek(fd, 0, SEEK_HOLE), 10 * bs);
	ASSERT_EQ(lseek(fd, 10 * bs, SEEK_DATA), 30 * bs);
}

CASE(punch_hole_unaligned)
{
	char buf[30000];
	int fd = open_filled(buf, sizeof(buf));

	ASSERT_OK(falloc(fd, PUNCH, 100, 5));
	memset(buf + 100, 0, 5);
	expect_buf(fd, buf, sizeof(buf));
	ASSERT_OK(falloc(fd, PUNCH, 5001, 14999));
	memset(buf + 5001, 0, 14999);
	expect_buf(fd, buf, sizeof(buf));
	drop_caches();
	expect_buf(fd, buf, sizeof(buf));
}

CASE(punch_hole_at_and_behind_the_end)
{
	char buf[10000];
	int fd = open_filled(buf, sizeof(buf));

	ASSERT_OK(falloc(fd, PUNCH, 9000, 100000));
	memset(buf + 9000, 0, 1000);
	expect_buf(fd, buf, sizeof(buf));
	ASSERT_OK(falloc(fd, PUNCH, 50000, 100000));
	expect_buf(fd, buf, sizeof(buf));
}

CASE(punch_hole_across_map_levels)
{
	size_t bs = fs_bsize(), per = bs / 4, i;
	size_t at[] = { 11, 12, 12 + per - 1, 12 + per, 12 + 2 * per };
	char *buf = calloc(1, 3 * bs);
	int fd = open_new("f");

	memset(buf, 'x', 3 * bs);
	for (i = 0; i < 5; i++)
		write_all(fd, buf, 3 * bs, (at[i] - 1) * bs);
	for (i = 0; i < 5; i++) {
		ASSERT_OK(falloc(fd, PUNCH, at[i] * bs - 1, bs + 2));
		expect_zeros(fd, bs + 2, at[i] * bs - 1);
	}
	ASSERT_OK(falloc(fd, PUNCH, 0, (12 + 3 * per) * bs));
	ASSERT_OK(fsync(fd));
	/* an empty map block or two may stay */
	ASSERT(fst(fd).st_blocks <= 2 * (long)bs / 512);
	expect_zeros(fd, 100000, 0);
	ASSERT_OK(ftruncate(fd, 0));
	ASSERT_OK(fsync(fd));
	ASSERT_EQ(fst(fd).st_blocks, 0);
}

CASE(punch_hole_changes_times)
{
	char buf[20000];
	int fd = open_filled(buf, sizeof(buf));
	struct times t;

	ASSERT_OK(falloc(fd, PUNCH, 0, 10));
	t = times_snap("f");
	ASSERT_OK(fallocate(fd, PUNCH, 0, 8192));
	TIMES_CHANGED(&t, T_M | T_C);
}

CASE(zero_range_inside)
{
	char buf[30000];
	int fd = open_filled(buf, sizeof(buf));

	ASSERT_OK(falloc(fd, ZERO, 3, 1));
	memset(buf + 3, 0, 1);
	ASSERT_OK(falloc(fd, ZERO, 4000, 10001));
	memset(buf + 4000, 0, 10001);
	expect_buf(fd, buf, sizeof(buf));
	drop_caches();
	expect_buf(fd, buf, sizeof(buf));
}

CASE(zero_range_extends_unless_kept)
{
	char buf[5000];
	int fd = open_filled(buf, sizeof(buf));

	ASSERT_OK(falloc(fd, ZERO | KEEP, 4000, 100000));
	memset(buf + 4000, 0, 1000);
	expect_buf(fd, buf, sizeof(buf));
	ASSERT_OK(falloc(fd, ZERO, 3000, 100000));
	ASSERT_EQ(fst(fd).st_size, 103000);
	expect_zeros(fd, 100000, 3000);
	ASSERT(fst(fd).st_blocks * 512 >= 100000);
}

CASE(zero_range_of_a_hole_allocates)
{
	int fd = open_new("f");

	ASSERT_OK(ftruncate(fd, 100000));
	ASSERT_OK(falloc(fd, ZERO, 0, 100000));
	ASSERT(fst(fd).st_blocks * 512 >= 100000);
	expect_zeros(fd, 100000, 0);
}
