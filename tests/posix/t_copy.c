/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_copy.c - data that moves inside the kernel: sendfile, splice,
 * copy_file_range; and direct I/O.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "suite.h"
#include "util.h"

enum { LEN = 300000 };

static int make_source(char **buf)
{
	int fd = open_new("src");

	*buf = malloc(LEN);
	fill_pattern(*buf, LEN, 42);
	write_all(fd, *buf, LEN, 0);
	return fd;
}

static void expect_bytes(int fd, const char *want, size_t len, off_t off)
{
	char *got = malloc(len);

	read_all(fd, got, len, off);
	ASSERT(!memcmp(want, got, len));
	free(got);
}

CASE(sendfile_between_files)
{
	char *buf;
	int src = make_source(&buf), dst = open_new("dst");
	off_t off = 0;
	ssize_t n;

	while (off < LEN) {
		n = ASSERT_OK(sendfile(dst, src, &off, LEN - off));
		ASSERT(n > 0);
	}
	ASSERT_EQ(sendfile(dst, src, &off, 100), 0);
	ASSERT_EQ(fst(dst).st_size, LEN);
	expect_bytes(dst, buf, LEN, 0);
}

CASE(splice_through_a_pipe)
{
	char *buf;
	int src = make_source(&buf), dst = open_new("dst"), p[2];
	off_t in = 0, out = 0;

	ASSERT_OK(pipe(p));
	while (in < LEN) {
		ssize_t n = ASSERT_OK(splice(src, &in, p[1], NULL, 30000, 0));

		ASSERT(n > 0);
		while (n > 0)
			n -= ASSERT_OK(splice(p[0], NULL, dst, &out, n, 0));
	}
	ASSERT_EQ(out, LEN);
	expect_bytes(dst, buf, LEN, 0);
}

CASE(splice_to_unaligned_offset)
{
	char *buf;
	int src = make_source(&buf), dst = open_new("dst"), p[2];
	off_t in = 123, out = 4567;
	ssize_t n;

	ASSERT_OK(pipe(p));
	n = ASSERT_OK(splice(src, &in, p[1], NULL, 10000, 0));
	ASSERT_EQ(n, 10000);
	while (n > 0)
		n -= ASSERT_OK(splice(p[0], NULL, dst, &out, n, 0));
	expect_bytes(dst, buf + 123, 10000, 4567);
	expect_zeros(dst, 4567, 0);
}

/* All of it, in as many calls as it takes. */
static void copy_range(int src, off_t from, int dst, off_t to, size_t len)
{
	while (len) {
		ssize_t n = ASSERT_OK(copy_file_range(src, &from, dst, &to,
						      len, 0));

		ASSERT(n > 0);
		len -= n;
	}
}

CASE(copy_file_range_whole)
{
	char *buf;
	int src = make_source(&buf), dst = open_new("dst");

	copy_range(src, 0, dst, 0, LEN);
	ASSERT_EQ(fst(dst).st_size, LEN);
	drop_caches();
	expect_bytes(dst, buf, LEN, 0);
}

CASE(copy_file_range_unaligned)
{
	char *buf;
	int src = make_source(&buf), dst = open_new("dst");

	copy_range(src, 1001, dst, 77, 100003);
	expect_bytes(dst, buf + 1001, 100003, 77);
	expect_zeros(dst, 77, 0);
	ASSERT_EQ(fst(dst).st_size, 100003 + 77);
	/* into the middle of what is there */
	copy_range(src, 50000, dst, 5000, 5000);
	expect_bytes(dst, buf + 50000, 5000, 5000);
	expect_bytes(dst, buf + 1001 + 9923, 1000, 10000);
}

CASE(copy_file_range_ends_with_the_source)
{
	char *buf;
	int src = make_source(&buf), dst = open_new("dst");
	off_t in = LEN - 100, out = 0;

	ASSERT_EQ(copy_file_range(src, &in, dst, &out, 5000, 0), 100);
	ASSERT_EQ(in, LEN);
	ASSERT_EQ(out, 100);
	ASSERT_EQ(copy_file_range(src, &in, dst, &out, 5000, 0), 0);
	in = LEN + 100000;
	ASSERT_EQ(copy_file_range(src, &in, dst, &out, 5000, 0), 0);
	ASSERT_EQ(fst(dst).st_size, 100);
}

CASE(copy_file_range_within_a_file)
{
	char *buf;
	int src = make_source(&buf);
	off_t in = 0, out = 50;

	ASSERT_ERR(EINVAL, copy_file_range(src, &in, src, &out, 100, 0));
	copy_range(src, 0, src, 100000, 50000);
	expect_bytes(src, buf, 50000, 100000);
	expect_bytes(src, buf, 100000, 0);
	expect_bytes(src, buf + 150000, LEN - 150000, 150000);
}

CASE(copy_file_range_of_holes_reads_zeros)
{
	char junk[50000];
	int src = open_new("src"), dst = open_new("dst");

	ASSERT_OK(ftruncate(src, 100000));
	write_all(src, "middle", 6, 50000);
	memset(junk, 'j', sizeof(junk));
	write_all(dst, junk, sizeof(junk), 0);
	copy_range(src, 0, dst, 0, 100000);
	expect_zeros(dst, 50000, 0);
	expect_bytes(dst, "middle", 6, 50000);
	expect_zeros(dst, 49994, 50006);
}

CASE(copy_file_range_changes_times)
{
	char *buf;
	int src = make_source(&buf), dst = open_new("dst");
	struct times t, s;

	t = times_snap("dst");
	s = times_snap("src");
	copy_range(src, 0, dst, 0, 10000);
	TIMES_CHANGED(&t, T_M | T_C);
	TIMES_CHANGED(&s, 0);
}

CASE(copy_file_range_bad_arguments)
{
	char *buf;
	int src = make_source(&buf), ro, app, dir;
	off_t in = 0, out = 0;

	make_file("dst", 0644);
	make_dir("d", 0755);
	ro = ASSERT_OK(open("dst", O_RDONLY));
	app = ASSERT_OK(open("dst", O_WRONLY | O_APPEND));
	dir = ASSERT_OK(open("d", O_RDONLY));
	ASSERT_ERR(EBADF, copy_file_range(src, &in, ro, &out, 10, 0));
	ASSERT_ERR(EBADF, copy_file_range(src, &in, app, &out, 10, 0));
	ASSERT_ERR(EISDIR, copy_file_range(dir, &in, src, &out, 10, 0));
	ASSERT_ERR(EINVAL, copy_file_range(src, &in, src, &out, 10, 99));
}

CASE(copy_file_range_across_filesystems)
{
	char *buf;
	int src = make_source(&buf), mem, dst = open_new("dst");
	off_t in = 5, out = 0;

	mem = ASSERT_OK(memfd_create("mem", 0));
	if (copy_file_range(src, &in, mem, &out, 1000, 0) < 0)
		ASSERT_EQ(errno, EXDEV);
	else
		expect_bytes(mem, buf + 5, 1000, 0);
	write_all(mem, buf, 1000, 0);
	in = out = 0;
	if (copy_file_range(mem, &in, dst, &out, 1000, 0) < 0)
		ASSERT_EQ(errno, EXDEV);
	else
		expect_bytes(dst, buf, 1000, 0);
}
