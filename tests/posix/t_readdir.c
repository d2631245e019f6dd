/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_readdir.c - reading directories: every name once, also while they change.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "suite.h"
#include "util.h"

enum { MANY = 3000 };

/* "prefixNNNN", of lengths that vary. */
static const char *nth(const char *prefix, int i)
{
	static char name[64];
	int len = snprintf(name, sizeof(name), "%s%04d", prefix, i);

	memset(name + len, 'x', i % 23);
	name[len + i % 23] = '\0';
	return name;
}

static void make_many(const char *prefix, int n)
{
	int i;

	for (i = 0; i < n; i++)
		make_file(nth(prefix, i), 0644);
}

static DIR *open_dir(const char *path)
{
	DIR *d = opendir(path);

	ASSERT(d);
	return d;
}

/* Count in @seen the names that begin with @prefix. */
static void note(const struct dirent *de, const char *prefix, int *seen)
{
	size_t len = strlen(prefix);

	if (!strncmp(de->d_name, prefix, len))
		seen[atoi(de->d_name + len)]++;
}

static void all_once(const int *seen, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (seen[i] != 1)
			suite_fail(__FILE__, __LINE__, "name %d seen %d times",
				   i, seen[i]);
	}
}

CASE(readdir_empty_directory)
{
	struct dirent *de;
	DIR *d;
	int dot = 0, dotdot = 0, n = 0;

	make_dir("d", 0755);
	d = open_dir("d");
	while ((de = readdir(d))) {
		if (!strcmp(de->d_name, ".")) {
			dot++;
			ASSERT_EQ(de->d_ino, lst("d").st_ino);
		}
		if (!strcmp(de->d_name, "..")) {
			dotdot++;
			ASSERT_EQ(de->d_ino, lst(".").st_ino);
		}
		n++;
	}
	ASSERT(dot == 1 && dotdot == 1 && n == 2);
	closedir(d);
}

CASE(readdir_types_and_numbers)
{
	struct dirent *de;
	struct stat st;
	DIR *d;

	make_file("file", 0644);
	make_dir("dir", 0755);
	ASSERT_OK(symlink("x", "link"));
	ASSERT_OK(mkfifo("fifo", 0644));
	ASSERT_OK(mknod("sock", S_IFSOCK | 0644, 0));
	ASSERT_OK(mknod("chr", S_IFCHR | 0644, 0x103));
	ASSERT_OK(mknod("blk", S_IFBLK | 0644, 0x103));
	drop_caches();
	d = open_dir(".");
	while ((de = readdir(d))) {
		if (!strcmp(de->d_name, ".."))
			continue;
		st = lst(de->d_name);
		ASSERT_EQ(de->d_ino, st.st_ino);
		ASSERT_EQ(DTTOIF(de->d_type), st.st_mode & S_IFMT);
	}
	closedir(d);
}

CASE(readdir_every_name_once)
{
	int seen[MANY] = { 0 };
	struct dirent *de;
	DIR *d;

	make_many("n", MANY);
	drop_caches();
	d = open_dir(".");
	while ((de = readdir(d)))
		note(de, "n", seen);
	all_once(seen, MANY);
	rewinddir(d);
	memset(seen, 0, sizeof(seen));
	while ((de = readdir(d)))
		note(de, "n", seen);
	all_once(seen, MANY);
	closedir(d);
}

/* The way rm -r does it. */
CASE(readdir_while_unlinking_what_was_read)
{
	int seen[MANY] = { 0 };
	struct dirent *de;
	DIR *d;

	make_many("n", MANY);
	d = open_dir(".");
	while ((de = readdir(d))) {
		note(de, "n", seen);
		if (de->d_name[0] == 'n')
			ASSERT_OK(unlink(de->d_name));
	}
	all_once(seen, MANY);
	closedir(d);
	ASSERT_EQ(count_names("."), 0);
}

CASE(readdir_while_unlinking_others)
{
	int seen[MANY] = { 0 }, gone = 0, i, j;
	struct dirent *de;
	DIR *d;

	make_many("n", MANY);
	d = open_dir(".");
	for (i = 0; (de = readdir(d)); i++) {
		note(de, "n", seen);
		/* every odd one goes, from the far end */
		if (i % 2 == 0 && gone < MANY / 2)
			ASSERT_OK(unlink(nth("n", MANY - 1 - 2 * gone++)));
	}
	closedir(d);
	for (j = 0; j < MANY; j += 2)
		ASSERT_EQ(seen[j], 1);
	for (j = 1; j < MANY; j += 2)
		ASSERT(seen[j] <= 1);
}

CASE(readdir_while_creating)
{
	int seen[500] = { 0 }, i;
	struct dirent *de;
	DIR *d;

	make_many("n", 500);
	d = open_dir(".");
	for (i = 0; (de = readdir(d)); i++) {
		note(de, "n", seen);
		if (i < 1000)
			make_file(nth("later", i), 0644);
	}
	closedir(d);
	all_once(seen, 500);
}

CASE(readdir_while_renaming)
{
	int seen[500] = { 0 }, i;
	struct dirent *de;
	char to[64];
	DIR *d;

	make_many("n", 500);
	make_many("r", 300);
	d = open_dir(".");
	for (i = 0; (de = readdir(d)); i++) {
		note(de, "n", seen);
		if (i < 300) {
			strcpy(to, nth("longer-name-", i));
			ASSERT_OK(rename(nth("r", i), to));
		}
	}
	closedir(d);
	all_once(seen, 500);
	ASSERT_EQ(count_names("."), 800);
}

static void churn(void *arg)
{
	int id = *(int *)arg, i;
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "c%d-", id);
	for (i = 0; i < 1500; i++) {
		make_file(nth(prefix, i % 300), 0644);
		if (i % 300 >= 150 || i % 2)
			ASSERT_OK(unlink(nth(prefix, i % 300)));
		else
			ASSERT_OK(rename(nth(prefix, i % 300), "tmp"));
	}
}

CASE(readdir_while_others_change_it)
{
	int ids[2] = { 1, 2 }, pids[2], seen[400], round;
	struct dirent *de;
	DIR *d;

	make_many("n", 400);
	pids[0] = suite_spawn(churn, &ids[0]);
	pids[1] = suite_spawn(churn, &ids[1]);
	for (round = 0; round < 40; round++) {
		memset(seen, 0, sizeof(seen));
		d = open_dir(".");
		while ((de = readdir(d)))
			note(de, "n", seen);
		all_once(seen, 400);
		closedir(d);
	}
	suite_join(pids[0]);
	suite_join(pids[1]);
}

CASE(telldir_seekdir_every_position)
{
	char names[302][64];
	long pos[302];
	struct dirent *de;
	int n = 0, i;
	DIR *d;

	make_many("n", 300);
	d = open_dir(".");
	for (;;) {
		long p = telldir(d);

		de = readdir(d);
		if (!de)
			break;
		ASSERT(n < 302);
		pos[n] = p;
		strcpy(names[n++], de->d_name);
	}
	ASSERT_EQ(n, 302);
	for (i = 0; i < n; i++) {
		int j = i * 101 % n;

		seekdir(d, pos[j]);
		de = readdir(d);
		ASSERT(de && !strcmp(de->d_name, names[j]));
	}
	closedir(d);
}

/* A position stays good in another open of the directory. */
CASE(seekdir_in_another_descriptor)
{
	struct dirent *de, *other;
	DIR *d, *e;
	long pos;
	int i;

	make_many("n", 500);
	d = open_dir(".");
	for (i = 0; i < 250; i++)
		ASSERT(readdir(d));
	pos = telldir(d);
	drop_caches();
	e = open_dir(".");
	seekdir(e, pos);
	while ((de = readdir(d))) {
		other = readdir(e);
		ASSERT(other && !strcmp(de->d_name, other->d_name));
	}
	ASSERT(!readdir(e));
}

CASE(seekdir_behind_a_removed_name)
{
	int seen[500] = { 0 }, after[500] = { 0 }, i;
	char last[256] = "";
	struct dirent *de;
	DIR *d;
	long pos;

	make_many("n", 500);
	d = open_dir(".");
	for (i = 0; i < 250; i++) {
		de = readdir(d);
		note(de, "n", seen);
		strcpy(last, de->d_name);
	}
	pos = telldir(d);
	/* the entry before the position is merged with its neighbour */
	if (last[0] == 'n')
		ASSERT_OK(unlink(last));
	make_file("z", 0644);
	ASSERT_OK(unlink("z"));
	seekdir(d, pos);
	while ((de = readdir(d)))
		note(de, "n", after);
	for (i = 0; i < 500; i++)
		ASSERT_EQ(seen[i] + after[i], 1);
}

CASE(rewinddir_sees_what_is_new)
{
	struct dirent *de;
	int n = 0;
	DIR *d;

	make_file("old", 0644);
	d = open_dir(".");
	while (readdir(d))
		;
	make_file("new", 0644);
	ASSERT_OK(unlink("old"));
	rewinddir(d);
	while ((de = readdir(d))) {
		ASSERT(strcmp(de->d_name, "old"));
		n += !strcmp(de->d_name, "new");
	}
	ASSERT_EQ(n, 1);
}

/* A second pass right after a change, no rewind: new openings are current. */
CASE(readdir_new_open_is_current)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(count_names("."), i);
		make_file(nth("n", i), 0644);
		ASSERT_EQ(count_names("."), i + 1);
	}
	for (i = 0; i < 100; i++) {
		ASSERT_OK(unlink(nth("n", i)));
		ASSERT_EQ(count_names("."), 99 - i);
	}
}

CASE(getdents_buffer_too_small_einval)
{
	char name[256], buf[400];
	int fd;

	memset(name, 'n', 255);
	name[255] = '\0';
	make_file(name, 0644);
	fd = ASSERT_OK(open(".", O_RDONLY | O_DIRECTORY));
	ASSERT_ERR(EINVAL, syscall(SYS_getdents64, fd, buf, 8));
	/* one at a time it goes */
	ASSERT(syscall(SYS_getdents64, fd, buf, 300) > 0);
	while (syscall(SYS_getdents64, fd, buf, 300) > 0)
		;
	ASSERT_EQ(syscall(SYS_getdents64, fd, buf, 300), 0);
}

CASE(readdir_of_file_enotdir)
{
	char buf[400];
	int fd;

	make_file("f", 0644);
	ASSERT(!opendir("f") && errno == ENOTDIR);
	fd = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_ERR(ENOTDIR, syscall(SYS_getdents64, fd, buf, sizeof(buf)));
}

/* ls -l after the caches are gone: names and attributes together. */
CASE(readdir_and_stat_after_drop)
{
	struct dirent *de;
	int n = 0;
	DIR *d;

	make_many("n", 1000);
	ASSERT_OK(truncate(nth("n", 777), 777));
	drop_caches();
	d = open_dir(".");
	while ((de = readdir(d))) {
		struct stat st;

		ASSERT_OK(fstatat(dirfd(d), de->d_name, &st,
				  AT_SYMLINK_NOFOLLOW));
		ASSERT_EQ(st.st_ino, de->d_ino);
		if (S_ISREG(st.st_mode))
			ASSERT_EQ(st.st_size,
				  atoi(de->d_name + 1) == 777 ? 777 : 0);
		n++;
	}
	ASSERT_EQ(n, 1002);
}

CASE(readdir_20000_names_come_and_go)
{
	int i;

	for (i = 0; i < 20000; i++)
		ASSERT_OK(try_creat(nth("n", i), 0644));
	ASSERT_EQ(count_names("."), 20000);
	drop_caches();
	for (i = 0; i < 20000; i += 7)
		ASSERT(exists(nth("n", i)));
	ASSERT(!exists(nth("n", 20000)));
	ASSERT_EQ(count_names("."), 20000);
	for (i = 19999; i >= 0; i--)
		ASSERT_OK(unlink(nth("n", i)));
	ASSERT_EQ(count_names("."), 0);
}
