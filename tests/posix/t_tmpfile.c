/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_tmpfile.c - files without a name: O_TMPFILE, and names given later.
 */
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"
#include "util.h"

static int open_tmp_as(const char *dir, int flags, mode_t mode)
{
	int fd = open(dir, O_TMPFILE | flags, mode);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		UNSUPPORTED("tmpfile");
	return fd;
}

static int open_tmp(void)
{
	return ASSERT_OK(open_tmp_as(".", O_RDWR, 0644));
}

static int link_fd(int fd, const char *to)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
}

CASE(tmpfile_has_no_name)
{
	int fd = open_tmp();

	ASSERT(S_ISREG(fst(fd).st_mode));
	ASSERT_EQ(fst(fd).st_nlink, 0);
	ASSERT_EQ(fst(fd).st_size, 0);
	ASSERT_EQ(count_names("."), 0);
	ASSERT_OK(close(fd));
	ASSERT_EQ(count_names("."), 0);
}

CASE(tmpfile_does_not_touch_the_directory)
{
	struct times t;
	int fd;

	make_dir("d", 0755);
	t = times_snap("d");
	fd = ASSERT_OK(open_tmp_as("d", O_RDWR, 0644));
	ASSERT_OK(close(fd));
	TIMES_CHANGED(&t, 0);
}

CASE(tmpfile_reads_and_writes)
{
	char buf[10000], got[10000];
	int fd = open_tmp();

	fill_pattern(buf, sizeof(buf), 1);
	write_all(fd, buf, sizeof(buf), 5000);
	drop_caches();
	read_all(fd, got, sizeof(got), 5000);
	ASSERT(!memcmp(buf, got, sizeof(buf)));
	expect_zeros(fd, 5000, 0);
	ASSERT_EQ(fst(fd).st_size, 15000);
}

CASE(tmpfile_linked_becomes_a_file)
{
	struct stat st;
	int fd = open_tmp();

	write_all(fd, "text", 4, 0);
	st = fst(fd);
	tick();
	ASSERT_OK(link_fd(fd, "name"));
	ASSERT_EQ(fst(fd).st_nlink, 1);
	ASSERT(ts_before(st.st_ctim, fst(fd).st_ctim));
	ASSERT_EQ(lst("name").st_ino, st.st_ino);
	ASSERT_OK(close(fd));
	drop_caches();
	expect_text("name", "text");
	ASSERT_EQ(lst("name").st_nlink, 1);
}

CASE(tmpfile_linked_by_empty_path)
{
	int fd = open_tmp();

	write_all(fd, "text", 4, 0);
	ASSERT_OK(linkat(fd, "", AT_FDCWD, "name", AT_EMPTY_PATH));
	expect_text("name", "text");
}

CASE(tmpfile_linked_twice)
{
	int fd = open_tmp();

	ASSERT_OK(link_fd(fd, "a"));
	ASSERT_OK(link_fd(fd, "b"));
	ASSERT_EQ(fst(fd).st_nlink, 2);
	ASSERT_OK(unlink("a"));
	ASSERT_OK(unlink("b"));
	ASSERT_EQ(fst(fd).st_nlink, 0);
	/* its names are gone for good: it is like any removed file now */
	write_all(fd, "text", 4, 0);
	ASSERT_EQ(fst(fd).st_size, 4);
}

CASE(tmpfile_link_over_existing_eexist)
{
	int fd = open_tmp();

	put_text("name", "old");
	ASSERT_ERR(EEXIST, link_fd(fd, "name"));
	ASSERT_EQ(fst(fd).st_nlink, 0);
	expect_text("name", "old");
	ASSERT_OK(link_fd(fd, "other"));
}

CASE(tmpfile_excl_is_never_linked)
{
	int fd = ASSERT_OK(open_tmp_as(".", O_RDWR | O_EXCL, 0644));

	ASSERT_ERR(ENOENT, link_fd(fd, "name"));
	ASSERT(!exists("name"));
}

CASE(tmpfile_needs_write_access)
{
	open_tmp();
	ASSERT_ERR(EINVAL, open(".", O_TMPFILE | O_RDONLY, 0644));
	make_dir("d", 0755);
	ASSERT_ERR(EACCES, AS_A(open("d", O_TMPFILE | O_RDWR, 0644)));
	make_file("f", 0644);
	ASSERT_ERR(ENOTDIR, open("f", O_TMPFILE | O_RDWR, 0644));
	ASSERT_ERR(ENOENT, open("x", O_TMPFILE | O_RDWR, 0644));
}

CASE(tmpfile_owner_and_mode)
{
	int fd;

	open_tmp();
	make_dir_of("d", 02777, USER_B, GROUP_EXTRA);
	umask(027);
	fd = ASSERT_OK(AS_A(open("d", O_TMPFILE | O_RDWR, 0666)));
	ASSERT_EQ(fst(fd).st_uid, USER_A);
	ASSERT_EQ(fst(fd).st_gid, GROUP_EXTRA);
	ASSERT_EQ(fst(fd).st_mode & 07777, 0640);
}

CASE(tmpfile_reopened_by_proc)
{
	char path[64];
	int fd = open_tmp(), again;

	write_all(fd, "text", 4, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = ASSERT_OK(open(path, O_RDONLY));
	ASSERT_OK(close(fd));
	ASSERT_EQ(fst(again).st_size, 4);
}

CASE(tmpfile_many_at_once)
{
	char name[16];
	int fds[100], i;

	for (i = 0; i < 100; i++) {
		fds[i] = open_tmp();
		write_all(fds[i], &i, sizeof(i), i * 100);
	}
	/* out of the middle of the list of orphans */
	for (i = 0; i < 100; i += 3) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_OK(link_fd(fds[i], name));
	}
	for (i = 1; i < 100; i += 3)
		ASSERT_OK(close(fds[i]));
	drop_caches();
	for (i = 0; i < 100; i++) {
		int got;

		if (i % 3 == 1)
			continue;
		read_all(fds[i], &got, sizeof(got), i * 100);
		ASSERT_EQ(got, i);
	}
	ASSERT_EQ(count_names("."), 34);
}

CASE_FLAGS(tmpfile_gives_space_back, SUITE_SERIAL)
{
	struct timespec t = { .tv_nsec = 20 * 1000 * 1000 };
	struct statvfs before;
	char *buf = calloc(1, 1 << 20);
	int fd, i;

	drop_caches();
	before = fs_stat();
	fd = open_tmp();
	write_all(fd, buf, 1 << 20, 0);
	ASSERT_OK(fsync(fd));
	ASSERT(fs_stat().f_bfree < before.f_bfree);
	ASSERT_OK(close(fd));
	for (i = 0; i < 250 && fs_stat().f_bfree != before.f_bfree; i++)
		nanosleep(&t, NULL);
	ASSERT_EQ(fs_stat().f_bfree, before.f_bfree);
	ASSERT_EQ(fs_stat().f_ffree, before.f_ffree);
}
