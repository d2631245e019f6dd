/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_io.c - read and write in their many forms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "suite.h"
#include "util.h"

CASE(write_then_read_back_every_size)
{
	char buf[9000], got[9000];
	size_t len;
	int fd = open_new("f");

	for (len = 1; len < sizeof(buf); len = len * 5 / 4 + 1) {
		fill_pattern(buf, len, len);
		ASSERT_OK(ftruncate(fd, 0));
		write_all(fd, buf, len, 0);
		ASSERT_EQ(pread(fd, got, sizeof(got), 0), len);
		ASSERT(!memcmp(buf, got, len));
	}
}

/* Every start and length around a block border: neighbours stay. */
CASE(overwrite_touches_nothing_else)
{
	char base[12288], buf[300], got[12288];
	int fd = open_new("f"), i;
	uint64_t seed = 3;

	fill_pattern(base, sizeof(base), 1);
	write_all(fd, base, sizeof(base), 0);
	for (i = 0; i < 600; i++) {
		size_t off = 3950 + rnd(&seed) % 200;
		size_t len = 1 + rnd(&seed) % sizeof(buf);

		fill_pattern(buf, len, i);
		write_all(fd, buf, len, off);
		memcpy(base + off, buf, len);
		read_all(fd, got, sizeof(got), 0);
		ASSERT(!memcmp(base, got, sizeof(got)));
	}
	drop_caches();
	read_all(fd, got, sizeof(got), 0);
	ASSERT(!memcmp(base, got, sizeof(got)));
}

CASE(write_of_8_mib_at_once)
{
	size_t len = 8 << 20;
	char *buf = malloc(len), *got = malloc(len);
	int fd = open_new("f");

	fill_pattern(buf, len, 1);
	ASSERT_EQ(pwrite(fd, buf, len, 777), len);
	drop_caches();
	ASSERT_EQ(pread(fd, got, len, 777), len);
	ASSERT(!memcmp(buf, got, len));
	ASSERT_EQ(fst(fd).st_size, len + 777);
}

CASE(read_at_and_behind_the_end)
{
	char buf[100];
	int fd = open_new("f");

	write_all(fd, "0123456789", 10, 0);
	ASSERT_EQ(pread(fd, buf, 100, 0), 10);
	ASSERT_EQ(pread(fd, buf, 100, 9), 1);
	ASSERT_EQ(pread(fd, buf, 100, 10), 0);
	ASSERT_EQ(pread(fd, buf, 100, 1 << 30), 0);
	ASSERT_ERR(EINVAL, pread(fd, buf, 1, -1));
	ASSERT_ERR(EINVAL, pwrite(fd, buf, 1, -1));
}

CASE(write_of_nothing_changes_nothing)
{
	struct times t;
	int fd = open_new("f");

	t = times_snap("f");
	ASSERT_EQ(write(fd, "", 0), 0);
	ASSERT_EQ(pwrite(fd, "", 0, 1000), 0);
	TIMES_CHANGED(&t, 0);
	ASSERT_EQ(fst(fd).st_size, 0);
}

CASE(write_changes_times)
{
	struct times t;
	int fd = open_new("f");

	write_all(fd, "a", 1, 0);
	t = times_snap("f");
	write_all(fd, "b", 1, 0);
	TIMES_CHANGED(&t, T_M | T_C);
	t = times_snap("f");
	write_all(fd, "b", 1, 5000);
	TIMES_CHANGED(&t, T_M | T_C);
}

CASE(write_moves_the_file_offset)
{
	char buf[8];
	int fd = open_new("f"), dupfd;

	ASSERT_EQ(write(fd, "abc", 3), 3);
	dupfd = ASSERT_OK(dup(fd));
	ASSERT_EQ(write(dupfd, "def", 3), 3);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 6);
	ASSERT_EQ(pwrite(fd, "X", 1, 0), 1);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 6);
	ASSERT_EQ(lseek(fd, 2, SEEK_SET), 2);
	ASSERT_EQ(read(dupfd, buf, 2), 2);
	ASSERT(!memcmp(buf, "cd", 2));
	expect_text("f", "Xbcdef");
}

CASE(readv_and_writev)
{
	char a[3000], b[1], c[5000], got[8001];
	struct iovec iov[3] = { { a, 3000 }, { b, 1 }, { c, 5000 } };
	int fd = open_new("f");

	fill_pattern(a, 3000, 1);
	fill_pattern(b, 1, 2);
	fill_pattern(c, 5000, 3);
	ASSERT_EQ(writev(fd, iov, 3), 8001);
	read_all(fd, got, 8001, 0);
	ASSERT(!memcmp(got, a, 3000) && got[3000] == b[0]);
	ASSERT(!memcmp(got + 3001, c, 5000));
	ASSERT_EQ(pwritev(fd, iov, 3, 100001), 8001);
	memset(a, 0, 3000);
	memset(c, 0, 5000);
	drop_caches();
	ASSERT_EQ(preadv(fd, iov, 3, 100001), 8001);
	ASSERT(!memcmp(got, a, 3000));
	ASSERT(!memcmp(got + 3001, c, 5000));
}

CASE(write_by_two_descriptors_is_seen)
{
	char c;
	int a, b, i;

	a = open_new("f");
	b = ASSERT_OK(open("f", O_RDWR));
	for (i = 0; i < 100; i++) {
		c = i;
		write_all(i % 2 ? a : b, &c, 1, i * 37);
		read_all(i % 2 ? b : a, &c, 1, i * 37);
		ASSERT_EQ(c, i);
		ASSERT_EQ(fst(i % 2 ? b : a).st_size, i * 37 + 1);
	}
}

static void write_stripe(void *arg)
{
	int id = *(int *)arg, i, fd = ASSERT_OK(open("f", O_WRONLY));
	char buf[1000];

	for (i = 0; i < 300; i++) {
		memset(buf, 'a' + (id + i) % 26, sizeof(buf));
		write_all(fd, buf, sizeof(buf), (i * 4 + id) * 1000L);
	}
}

/* Ranges that share blocks but no bytes, by four at once. */
CASE(write_of_neighbours_by_four_processes)
{
	int ids[4], pids[4], i, fd = open_new("f");
	char buf[1000], want[1000];

	for (i = 0; i < 4; i++) {
		ids[i] = i;
		pids[i] = suite_spawn(write_stripe, &ids[i]);
	}
	for (i = 0; i < 4; i++)
		suite_join(pids[i]);
	drop_caches();
	for (i = 0; i < 1200; i++) {
		memset(want, 'a' + (i % 4 + i / 4) % 26, 1000);
		read_all(fd, buf, 1000, i * 1000L);
		ASSERT(!memcmp(buf, want, 1000));
	}
}

static void extend_and_cut(void *arg)
{
	int fd = ASSERT_OK(open("f", O_RDWR)), i;

	for (i = 0; i < 300; i++) {
		if (*(int *)arg)
			ASSERT_OK(ftruncate(fd, i * 97 % 20000));
		else
			write_all(fd, "\0\0\0\0\0\0\0\0", 8, i * 61 % 20000);
	}
}

/* Only zeros are ever written: anything else came from elsewhere. */
CASE(write_while_truncating_shows_only_zeros)
{
	int ids[2] = { 0, 1 }, pids[2], i, fd = open_new("f");
	char buf[20000];
	ssize_t n, j;

	pids[0] = suite_spawn(extend_and_cut, &ids[0]);
	pids[1] = suite_spawn(extend_and_cut, &ids[1]);
	for (i = 0; i < 300; i++) {
		n = ASSERT_OK(pread(fd, buf, sizeof(buf), 0));
		for (j = 0; j < n; j++)
			ASSERT_EQ(buf[j], 0);
	}
	suite_join(pids[0]);
	suite_join(pids[1]);
}

CASE(read_of_directory_eisdir)
{
	char buf[64];
	int fd;

	make_dir("d", 0755);
	fd = ASSERT_OK(open("d", O_RDONLY));
	ASSERT_ERR(EISDIR, read(fd, buf, sizeof(buf)));
	ASSERT_ERR(EISDIR, pread(fd, buf, sizeof(buf), 0));
	ASSERT_ERR(EBADF, write(fd, buf, 1));
}

CASE(read_into_bad_address_efault)
{
	char *nowhere = mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open_new("f");

	ASSERT(nowhere != MAP_FAILED);
	write_all(fd, "text", 4, 0);
	ASSERT_ERR(EFAULT, pread(fd, nowhere, 4, 0));
	ASSERT_ERR(EFAULT, pwrite(fd, nowhere, 4, 0));
	expect_text("f", "text");
}

CASE(sync_calls_work)
{
	int fd = open_new("f"), ro, dir;

	write_all(fd, "text", 4, 0);
	ASSERT_OK(fsync(fd));
	ASSERT_OK(fdatasync(fd));
	ASSERT_OK(syncfs(fd));
	ASSERT_OK(sync_file_range(fd, 0, 4, SYNC_FILE_RANGE_WRITE));
	ro = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_OK(fsync(ro));
	dir = ASSERT_OK(open(".", O_RDONLY | O_DIRECTORY));
	ASSERT_OK(fsync(dir));
	ASSERT_OK(fdatasync(dir));
	ASSERT_OK(unlink("f"));
	ASSERT_OK(fsync(fd));
}

static void write_with_flags(int flags)
{
	char buf[5000], got[5000];
	int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT | flags, 0644)), i;

	for (i = 0; i < 20; i++) {
		fill_pattern(buf, sizeof(buf), i);
		write_all(fd, buf, sizeof(buf), i * 3000);
		read_all(fd, got, sizeof(got), i * 3000);
		ASSERT(!memcmp(buf, got, sizeof(buf)));
	}
	ASSERT_EQ(fst(fd).st_size, 19 * 3000 + 5000);
}

CASE(write_o_sync)
{
	write_with_flags(O_SYNC);
}

CASE(write_o_dsync)
{
	write_with_flags(O_DSYNC);
}

CASE(write_rwf_flags)
{
	char text[] = "text";
	struct iovec iov = { text, 4 };
	int fd = open_new("f");

	ASSERT_EQ(pwritev2(fd, &iov, 1, 0, RWF_DSYNC), 4);
	ASSERT_EQ(pwritev2(fd, &iov, 1, 0, RWF_SYNC), 4);
	ASSERT_EQ(pwritev2(fd, &iov, 1, 0, RWF_APPEND), 4);
	expect_text("f", "texttext");
	ASSERT_ERR(EOPNOTSUPP, pwritev2(fd, &iov, 1, 0, 0x40000000));
}

CASE(read_ahead_advice)
{
	char *buf = malloc(1 << 20), *got = malloc(1 << 20);
	int fd = open_new("f");

	fill_pattern(buf, 1 << 20, 9);
	write_all(fd, buf, 1 << 20, 0);
	ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED), 0);
	ASSERT_OK(readahead(fd, 0, 1 << 20));
	read_all(fd, got, 1 << 20, 0);
	ASSERT(!memcmp(buf, got, 1 << 20));
}

/* 16 files that grow by turns keep their own bytes. */
CASE(write_interleaved_growth)
{
	char name[16], buf[1500], got[1500];
	int fds[16], i, j;

	for (i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fds[i] = open_new(name);
	}
	for (j = 0; j < 100; j++) {
		for (i = 0; i < 16; i++) {
			fill_pattern(buf, sizeof(buf), i * 1000 + j);
			write_all(fds[i], buf, sizeof(buf), j * 1500L);
		}
	}
	drop_caches();
	for (j = 0; j < 100; j++) {
		for (i = 0; i < 16; i++) {
			fill_pattern(buf, sizeof(buf), i * 1000 + j);
			read_all(fds[i], got, sizeof(got), j * 1500L);
			ASSERT(!memcmp(buf, got, sizeof(buf)));
		}
	}
}

CASE(write_backwards)
{
	int fd = open_new("f"), i;
	char c;

	for (i = 50000; i >= 0; i -= 333) {
		c = i / 333;
		write_all(fd, &c, 1, i);
	}
	drop_caches();
	for (i = 50000; i >= 0; i -= 333) {
		read_all(fd, &c, 1, i);
		ASSERT_EQ((unsigned char)c, (unsigned char)(i / 333));
	}
}
