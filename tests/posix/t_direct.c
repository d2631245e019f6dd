/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_direct.c - O_DIRECT, alone and beside openers that go through the page
 * cache.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "suite.h"
#include "util.h"

/* O_DIRECT, with a buffer and sizes of whole pages. */
static char *direct_buf(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(p != MAP_FAILED);
	return p;
}

static int open_direct(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_DIRECT | flags, 0644);

	if (fd < 0 && errno == EINVAL)
		UNSUPPORTED("direct-io");
	return ASSERT_OK(fd);
}

CASE(direct_write_and_read)
{
	char *buf = direct_buf(1 << 20), *got = direct_buf(1 << 20);
	int fd = open_direct("f", O_CREAT);

	fill_pattern(buf, 1 << 20, 1);
	write_all(fd, buf, 1 << 20, 0);
	read_all(fd, got, 1 << 20, 0);
	ASSERT(!memcmp(buf, got, 1 << 20));
	write_all(fd, buf + 4096, 8192, 5 << 20);
	ASSERT_EQ(fst(fd).st_size, (5 << 20) + 8192);
	read_all(fd, got, 8192, 5 << 20);
	ASSERT(!memcmp(buf + 4096, got, 8192));
	read_all(fd, got, 4096, 2 << 20);
	ASSERT(!got[0] && !memcmp(got, got + 1, 4095));
}

CASE(direct_and_buffered_agree)
{
	char *buf = direct_buf(65536), *got = direct_buf(65536);
	int fd, d, i;

	fd = open_new("f");
	d = open_direct("f", 0);
	for (i = 0; i < 20; i++) {
		fill_pattern(buf, 65536, i);
		write_all(i % 2 ? fd : d, buf, 65536, 0);
		read_all(i % 2 ? d : fd, got, 65536, 0);
		ASSERT(!memcmp(buf, got, 65536));
	}
	/* a cached page of which a part is replaced behind it */
	write_all(d, buf, 4096, 8192);
	read_all(fd, got, 65536, 0);
	ASSERT(!memcmp(buf, got + 8192, 4096));
}

CASE(direct_unaligned_works_or_einval)
{
	char *buf = direct_buf(8192), *got = direct_buf(8192);
	int fd = open_direct("f", O_CREAT);
	ssize_t n;

	fill_pattern(buf, 8192, 3);
	write_all(fd, buf, 8192, 0);
	n = pwrite(fd, buf + 1, 777, 33);
	if (n < 0) {
		ASSERT_EQ(errno, EINVAL);
		read_all(fd, got, 8192, 0);
		ASSERT(!memcmp(buf, got, 8192));
		return;
	}
	ASSERT_EQ(n, 777);
	ASSERT_EQ(pread(fd, got + 3, 777, 33), 777);
	ASSERT(!memcmp(buf + 1, got + 3, 777));
	ASSERT_EQ(pread(fd, got, 33, 0), 33);
	ASSERT(!memcmp(buf, got, 33));
}

CASE(direct_read_at_the_end_is_short)
{
	char *buf = direct_buf(8192);
	int fd = open_new("f"), d;

	write_all(fd, buf, 5000, 0);
	d = open_direct("f", 0);
	ASSERT_EQ(pread(d, buf, 8192, 0), 5000);
	ASSERT_EQ(pread(d, buf, 4096, 4096), 904);
	ASSERT_EQ(pread(d, buf, 4096, 8192), 0);
}

CASE(direct_write_is_seen_by_a_mapping)
{
	char *buf = direct_buf(4096), *p;
	int fd = open_new("f"), d;

	write_all(fd, buf, 4096, 0);
	d = open_direct("f", 0);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT(p != MAP_FAILED);
	ASSERT_EQ(p[7], 0);
	memset(buf, 'd', 4096);
	write_all(d, buf, 4096, 0);
	ASSERT_EQ(p[7], 'd');
}

/* A file of one opener with O_DIRECT, who came first, and others. */
CASE(direct_opener_first_and_all_agree)
{
	char *buf = direct_buf(65536), *got = direct_buf(65536), *map;
	int d = open_direct("f", O_CREAT), fd, i;

	write_all(d, buf, 65536, 0);
	fd = ASSERT_OK(open("f", O_RDWR));
	map = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT(map != MAP_FAILED);
	for (i = 0; i < 20; i++) {
		fill_pattern(buf, 65536, i);
		write_all(i % 2 ? fd : d, buf, 65536, 0);
		read_all(i % 2 ? d : fd, got, 65536, 0);
		ASSERT(!memcmp(buf, got, 65536));
		ASSERT(!memcmp(buf, map, 65536));
	}
}

/* What was cached before the file was opened so is not seen after it. */
CASE(direct_write_between_two_cached_readers)
{
	char *buf = direct_buf(65536), *got = direct_buf(65536);
	int fd = open_new("f"), d;

	write_all(fd, buf, 65536, 0);
	read_all(fd, got, 65536, 0);
	ASSERT_OK(close(fd));
	d = open_direct("f", 0);
	fill_pattern(buf, 65536, 7);
	write_all(d, buf + 4096, 8192, 4096);
	ASSERT_OK(close(d));
	fd = ASSERT_OK(open("f", O_RDONLY));
	read_all(fd, got, 65536, 0);
	ASSERT(!memcmp(buf + 4096, got + 4096, 8192));
	expect_zeros(fd, 4096, 0);
	expect_zeros(fd, 65536 - 12288, 12288);
}

enum { WRITERS = 2, BLOCKS = 32, ROUNDS = 40 };

/* Counts up in each of its blocks. */
static void count_direct(void *arg)
{
	uint64_t *buf = (uint64_t *)direct_buf(4096);
	int d = open_direct("f", 0), i, first = *(int *)arg;

	for (buf[0] = 1; buf[0] <= ROUNDS; buf[0]++)
		for (i = first; i < BLOCKS; i += WRITERS)
			write_all(d, buf, 4096, i * 4096);
}

/* No block is older than it was, or half new, and at the end all are new. */
static void watch_counts(int fd)
{
	static uint64_t seen[BLOCKS];
	int pids[WRITERS], who[WRITERS], i, k;
	uint64_t now;

	for (i = 0; i < WRITERS; i++) {
		who[i] = i;
		pids[i] = suite_spawn(count_direct, &who[i]);
	}
	for (k = 0; k < 4 * ROUNDS; k++)
		for (i = 0; i < BLOCKS; i++) {
			read_all(fd, &now, sizeof(now), i * 4096);
			ASSERT(now >= seen[i] && now <= ROUNDS);
			seen[i] = now;
		}
	for (i = 0; i < WRITERS; i++)
		suite_join(pids[i]);
	for (i = 0; i < BLOCKS; i++) {
		read_all(fd, &now, sizeof(now), i * 4096);
		ASSERT_EQ(now, ROUNDS);
	}
}

CASE(direct_writers_beside_an_earlier_cached_reader)
{
	int fd = open_new("f");

	ASSERT_OK(ftruncate(fd, BLOCKS * 4096));
	watch_counts(fd);
}

CASE(direct_writers_beside_a_later_cached_reader)
{
	char *buf = direct_buf(4096 * BLOCKS);
	int d = open_direct("f", O_CREAT);

	write_all(d, buf, 4096 * BLOCKS, 0);
	watch_counts(ASSERT_OK(open("f", O_RDONLY)));
}
