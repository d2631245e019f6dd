/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_names.c - which names there may be, and that the right one is found.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"
#include "util.h"

static bool listed(const char *name)
{
	DIR *d = opendir(".");
	struct dirent *de;
	int n = 0;

	ASSERT(d);
	while ((de = readdir(d)))
		n += !strcmp(de->d_name, name);
	closedir(d);
	ASSERT(n <= 1);
	return n;
}

static void name_lives(const char *name)
{
	ASSERT(!exists(name));
	make_file(name, 0644);
	ASSERT(exists(name));
	ASSERT(listed(name));
	drop_caches();
	ASSERT(exists(name));
	ASSERT_OK(rename(name, "other"));
	ASSERT(!exists(name));
	ASSERT_OK(rename("other", name));
	ASSERT_OK(unlink(name));
	ASSERT(!exists(name));
	ASSERT(!listed(name));
}

CASE(name_of_255_bytes_lives)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	name_lives(name);
	ASSERT_OK(mkdir(name, 0755));
	ASSERT_OK(rmdir(name));
	ASSERT_OK(symlink(name, name));
	ASSERT_OK(unlink(name));
}

CASE(name_of_each_length_lives)
{
	char name[256];
	int len;

	for (len = 1; len <= 255; len++) {
		memset(name, 'a' + len % 26, len);
		name[len] = '\0';
		make_file(name, 0644);
	}
	ASSERT_EQ(count_names("."), 255);
	drop_caches();
	for (len = 255; len >= 1; len--) {
		memset(name, 'a' + len % 26, len);
		name[len] = '\0';
		ASSERT_OK(unlink(name));
	}
	ASSERT_EQ(count_names("."), 0);
}

CASE(name_not_utf8_lives)
{
	name_lives("\xff\xfe\x80\xc0\xaf");
	name_lives("\xed\xa0\x80");
	name_lives("caf\xe9");
}

CASE(name_utf8_forms_are_distinct)
{
	/* one letter composed and decomposed: two names */
	make_file("\xc3\xa9", 0644);
	make_file("e\xcc\x81", 0644);
	ASSERT_EQ(count_names("."), 2);
}

CASE(name_with_every_byte_lives)
{
	char name[256];
	int c, n = 0;

	for (c = 1; c < 256; c++) {
		if (c != '/')
			name[n++] = c;
	}
	name[n] = '\0';
	name_lives(name);
}

CASE(name_of_each_single_byte_lives)
{
	char name[2] = "";
	int c;

	for (c = 1; c < 256; c++) {
		name[0] = c;
		if (c != '/' && c != '.')
			make_file(name, 0644);
	}
	ASSERT_EQ(count_names("."), 253);
	drop_caches();
	for (c = 1; c < 256; c++) {
		name[0] = c;
		if (c != '/' && c != '.')
			ASSERT_OK(unlink(name));
	}
}

CASE(name_with_blank_newline_quote_lives)
{
	name_lives(" ");
	name_lives("a\nb");
	name_lives("'\"\\$(x)`*?");
	name_lives("...");
	name_lives("..x");
	name_lives("-rf");
}

CASE(name_case_matters)
{
	put_text("name", "small");
	put_text("NAME", "big");
	expect_text("name", "small");
	expect_text("NAME", "big");
	ASSERT(!exists("Name"));
}

CASE(name_prefix_is_another_name)
{
	make_file("abc", 0644);
	ASSERT(!exists("ab"));
	ASSERT(!exists("abcd"));
	make_file("ab", 0644);
	make_file("abcd", 0644);
	ASSERT_OK(unlink("abc"));
	ASSERT(exists("ab"));
	ASSERT(exists("abcd"));
}

CASE(name_dot_and_dotdot_are_refused)
{
	make_dir("dir", 0755);
	ASSERT_ERR(EEXIST, mkdir("dir/.", 0755));
	ASSERT_ERR(EEXIST, mkdir("dir/..", 0755));
	ASSERT_ERR(EINVAL, rmdir("dir/."));
	ASSERT_ERR(ENOTEMPTY, rmdir("dir/.."));
	ASSERT_ERR(EISDIR, unlink("dir/."));
	ASSERT_ERR(EISDIR, unlink("dir/.."));
	ASSERT_ERR(EBUSY, rename("dir/.", "x"));
	ASSERT_ERR(EBUSY, rename("dir/..", "x"));
	ASSERT_ERR(EISDIR, try_open("dir/.", O_WRONLY));
	ASSERT(exists("dir"));
}

CASE(name_dotdot_leads_up)
{
	make_dir("a", 0755);
	make_dir("a/b", 0755);
	ASSERT_EQ(lst("a/b/..").st_ino, lst("a").st_ino);
	ASSERT_EQ(lst("a/b/../..").st_ino, lst(".").st_ino);
	ASSERT_EQ(lst("a/.").st_ino, lst("a").st_ino);
}

CASE(name_missing_then_made_is_seen)
{
	int i;

	/* a cached "not there" must go when the name comes */
	for (i = 0; i < 50; i++) {
		ASSERT(!exists("name"));
		make_file("name", 0644);
		ASSERT(exists("name"));
		ASSERT_OK(unlink("name"));
		ASSERT(!exists("name"));
		make_dir("name", 0755);
		ASSERT(S_ISDIR(lst("name").st_mode));
		ASSERT_OK(rmdir("name"));
	}
}

static void long_name(char *buf, int i)
{
	memset(buf, 'p', 250);
	snprintf(buf + 250, 6, "%05d", i);
}

CASE(name_many_with_long_common_prefix)
{
	char name[256];
	int i;

	for (i = 0; i < 500; i++) {
		long_name(name, i);
		make_file(name, 0644);
	}
	drop_caches();
	ASSERT_EQ(count_names("."), 500);
	for (i = 0; i < 500; i += 2) {
		long_name(name, i);
		ASSERT_OK(unlink(name));
	}
	for (i = 0; i < 500; i++) {
		long_name(name, i);
		ASSERT_EQ(exists(name), i % 2);
	}
}

/* Freed slots of other lengths are merged, split and reused. */
CASE(name_slots_of_mixed_length_are_reused)
{
	char name[256];
	uint64_t seed = 7;
	int i, len;

	for (i = 0; i < 2400; i++) {
		len = snprintf(name, sizeof(name), "%03d", i % 400);
		if (!access(name, F_OK)) {
			ASSERT_OK(unlink(name));
			continue;
		}
		make_file(name, 0644);
		/* a neighbour that comes and goes */
		memset(name + len, 'q', 1 + rnd(&seed) % 200);
		name[len + 1 + rnd(&seed) % 100] = '\0';
		ASSERT_OK(try_open(name, O_WRONLY | O_CREAT));
		ASSERT_OK(unlink(name));
	}
	drop_caches();
	ASSERT_EQ(count_names("."), 0);
}

CASE(name_of_each_type_is_found_after_drop)
{
	make_file("file", 0644);
	make_dir("dir", 0755);
	ASSERT_OK(symlink("x", "link"));
	ASSERT_OK(mkfifo("fifo", 0644));
	ASSERT_OK(mknod("sock", S_IFSOCK | 0644, 0));
	ASSERT_OK(mknod("chr", S_IFCHR | 0644, 0x103));
	ASSERT_OK(mknod("blk", S_IFBLK | 0644, 0x103));
	drop_caches();
	ASSERT(S_ISREG(lst("file").st_mode));
	ASSERT(S_ISDIR(lst("dir").st_mode));
	ASSERT(S_ISLNK(lst("link").st_mode));
	ASSERT(S_ISFIFO(lst("fifo").st_mode));
	ASSERT(S_ISSOCK(lst("sock").st_mode));
	ASSERT(S_ISCHR(lst("chr").st_mode));
	ASSERT(S_ISBLK(lst("blk").st_mode));
}

CASE(name_tree_of_1000_levels)
{
	struct stat st;
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_OK(mkdir("level", 0755));
		ASSERT_OK(chdir("level"));
	}
	make_file("bottom", 0644);
	drop_caches();
	ASSERT_OK(stat("bottom", &st));
	ASSERT_OK(unlink("bottom"));
	for (i = 0; i < 1000; i++) {
		ASSERT_OK(chdir(".."));
		ASSERT_OK(rmdir("level"));
	}
}

CASE(name_path_of_15_long_components)
{
	char name[256], path[PATH_MAX] = ".";
	int i;

	memset(name, 'c', 250);
	name[250] = '\0';
	for (i = 0; i < 15; i++) {
		strcat(strcat(path, "/"), name);
		ASSERT_OK(mkdir(path, 0755));
	}
	strcat(path, "/file");
	put_text(path, "deep");
	drop_caches();
	expect_text(path, "deep");
}
