/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_append.c - O_APPEND: every record at the end, whoever else writes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"
#include "util.h"

struct record {
	int who, nr;
	char pad[53];	/* 61 bytes: across every border sooner or later */
} __attribute__((packed));

enum { WRITERS = 4, RECORDS = 400 };

static void append_records(void *arg)
{
	struct record r = { .who = *(int *)arg };
	int fd = ASSERT_OK(open("f", O_WRONLY | O_APPEND));

	memset(r.pad, 'a' + r.who, sizeof(r.pad));
	for (r.nr = 0; r.nr < RECORDS; r.nr++)
		ASSERT_EQ(write(fd, &r, sizeof(r)), sizeof(r));
}

static void check_records(int total)
{
	int fd = ASSERT_OK(open("f", O_RDONLY)), next[WRITERS] = { 0 }, i;
	struct record r;
	size_t j;

	ASSERT_EQ(fst(fd).st_size, total * (int)sizeof(r));
	for (i = 0; i < total; i++) {
		read_all(fd, &r, sizeof(r), i * sizeof(r));
		ASSERT(r.who >= 0 && r.who < WRITERS);
		/* of one writer in order, none lost */
		ASSERT_EQ(r.nr, next[r.who]);
		next[r.who]++;
		for (j = 0; j < sizeof(r.pad); j++)
			ASSERT_EQ(r.pad[j], 'a' + r.who);
	}
}

CASE(append_by_four_processes_loses_nothing)
{
	int ids[WRITERS], pids[WRITERS], i;

	make_file("f", 0644);
	for (i = 0; i < WRITERS; i++) {
		ids[i] = i;
		pids[i] = suite_spawn(append_records, &ids[i]);
	}
	for (i = 0; i < WRITERS; i++)
		suite_join(pids[i]);
	check_records(WRITERS * RECORDS);
	drop_caches();
	check_records(WRITERS * RECORDS);
}

static void append_big(void *arg)
{
	char buf[70000];
	int fd = ASSERT_OK(open("f", O_WRONLY | O_APPEND)), i;

	memset(buf, *(char *)arg, sizeof(buf));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(write(fd, buf, sizeof(buf)), sizeof(buf));
}

/* Larger than a request may be in some setups: still no byte lost. */
CASE(append_of_big_records_loses_nothing)
{
	char who[2] = "ab", *buf = malloc(40 * 70000);
	int pids[2], fd = open_new("f"), n[2] = { 0 }, i;

	for (i = 0; i < 2; i++)
		pids[i] = suite_spawn(append_big, &who[i]);
	for (i = 0; i < 2; i++)
		suite_join(pids[i]);
	ASSERT_EQ(fst(fd).st_size, 40 * 70000);
	read_all(fd, buf, 40 * 70000, 0);
	for (i = 0; i < 40 * 70000; i++) {
		ASSERT(buf[i] == 'a' || buf[i] == 'b');
		n[buf[i] - 'a']++;
	}
	ASSERT_EQ(n[0], n[1]);
}

CASE(append_ignores_the_offset)
{
	int fd;

	put_text("f", "one");
	fd = ASSERT_OK(open("f", O_RDWR | O_APPEND));
	ASSERT_EQ(lseek(fd, 0, SEEK_SET), 0);
	ASSERT_EQ(write(fd, "two", 3), 3);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 6);
	/* Linux: pwrite() too */
	ASSERT_EQ(pwrite(fd, "three", 5, 0), 5);
	expect_text("f", "onetwothree");
}

CASE(append_sees_growth_and_cuts_by_others)
{
	int fd = open_new("f"), app;

	app = ASSERT_OK(open("f", O_WRONLY | O_APPEND));
	write_all(fd, "0123456789", 10, 0);
	ASSERT_EQ(write(app, "A", 1), 1);
	ASSERT_OK(ftruncate(fd, 3));
	ASSERT_EQ(write(app, "B", 1), 1);
	ASSERT_OK(truncate("f", 6));
	ASSERT_EQ(write(app, "C", 1), 1);
	ASSERT_EQ(fst(fd).st_size, 7);
	expect_zeros(fd, 2, 4);
}

CASE(append_set_by_fcntl)
{
	int fd = open_new("f");

	write_all(fd, "text", 4, 0);
	ASSERT_OK(fcntl(fd, F_SETFL, O_APPEND));
	ASSERT_EQ(write(fd, "end", 3), 3);
	expect_text("f", "textend");
	ASSERT_OK(fcntl(fd, F_SETFL, 0));
	ASSERT_EQ(pwrite(fd, "T", 1, 0), 1);
	expect_text("f", "Textend");
}

CASE(append_of_one_byte_3000_times)
{
	int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT | O_APPEND, 0644)), i;
	char c;

	for (i = 0; i < 3000; i++) {
		c = i;
		ASSERT_EQ(write(fd, &c, 1), 1);
	}
	drop_caches();
	ASSERT_EQ(fst(fd).st_size, 3000);
	for (i = 0; i < 3000; i++) {
		read_all(fd, &c, 1, i);
		ASSERT_EQ(c, (char)i);
	}
}

static void append_direct(void *arg)
{
	void *buf = aligned_alloc(4096, 4096);
	int fd = open("f", O_WRONLY | O_APPEND | O_DIRECT), i;

	if (fd < 0 && errno == EINVAL)
		UNSUPPORTED("direct-io");
	ASSERT_OK(fd);
	memset(buf, *(char *)arg, 4096);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(write(fd, buf, 4096), 4096);
}

CASE(append_direct_by_three_processes_loses_nothing)
{
	char who[3] = "abc", buf[4096];
	int pids[3], fd = open_new("f"), n[3] = { 0 }, i;

	for (i = 0; i < 3; i++)
		pids[i] = suite_spawn(append_direct, &who[i]);
	for (i = 0; i < 3; i++)
		suite_join(pids[i]);
	ASSERT_EQ(fst(fd).st_size, 300 * 4096);
	for (i = 0; i < 300; i++) {
		read_all(fd, buf, 4096, i * 4096);
		ASSERT(buf[0] >= 'a' && buf[0] <= 'c');
		ASSERT(!memcmp(buf, buf + 1, 4095));
		n[buf[0] - 'a']++;
	}
	ASSERT(n[0] == 100 && n[1] == 100 && n[2] == 100);
}
