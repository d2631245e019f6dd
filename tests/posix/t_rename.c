/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_rename.c - rename(2): what moves, what is replaced, what is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "suite.h"
#include "util.h"

CASE(rename_keeps_the_file)
{
	ino_t ino;

	put_text("a", "text");
	ino = lst("a").st_ino;
	ASSERT_OK(rename("a", "b"));
	ASSERT(!exists("a"));
	ASSERT_EQ(lst("b").st_ino, ino);
	ASSERT_EQ(lst("b").st_nlink, 1);
	drop_caches();
	ASSERT_EQ(lst("b").st_ino, ino);
	expect_text("b", "text");
}

CASE(rename_of_each_type)
{
	static const char *const names[] = { "f", "p", "s", "c", "l", "d" };
	char to[8];
	size_t i;

	make_file("f", 0644);
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_OK(mknod("s", S_IFSOCK | 0644, 0));
	ASSERT_OK(mknod("c", S_IFCHR | 0644, makedev(1, 3)));
	ASSERT_OK(symlink("f", "l"));
	make_dir("d", 0755);
	for (i = 0; i < 6; i++) {
		struct stat st = lst(names[i]);

		snprintf(to, sizeof(to), "%s2", names[i]);
		ASSERT_OK(rename(names[i], to));
		ASSERT(!exists(names[i]));
		ASSERT_EQ(lst(to).st_ino, st.st_ino);
		ASSERT_EQ(lst(to).st_mode, st.st_mode);
		ASSERT_EQ(lst(to).st_rdev, st.st_rdev);
	}
}

CASE(rename_updates_times)
{
	struct times file, from, to;

	make_dir("d", 0755);
	make_dir("e", 0755);
	make_file("d/f", 0644);
	file = times_snap("d/f");
	from = times_snap("d");
	to = times_snap("e");
	ASSERT_OK(rename("d/f", "e/f"));
	file.path = "e/f";
	TIMES_CHANGED(&file, T_C);
	TIMES_CHANGED(&from, T_M | T_C);
	TIMES_CHANGED(&to, T_M | T_C);
}

CASE(rename_failed_changes_no_times)
{
	struct times file, dir;

	make_dir("d", 0755);
	make_dir("e", 0755);
	make_file("e/f", 0644);
	file = times_snap("d");
	dir = times_snap(".");
	ASSERT_ERR(ENOTEMPTY, rename("d", "e"));
	ASSERT_ERR(ENOENT, rename("x", "y"));
	TIMES_CHANGED(&file, 0);
	TIMES_CHANGED(&dir, 0);
}

CASE(rename_replaces_a_file)
{
	struct stat st;
	int fd;

	put_text("a", "new");
	put_text("b", "old");
	ASSERT_OK(link("b", "c"));
	fd = ASSERT_OK(open("b", O_RDONLY));
	st = lst("c");
	tick();
	ASSERT_OK(rename("a", "b"));
	ASSERT(!exists("a"));
	expect_text("b", "new");
	expect_text("c", "old");
	ASSERT_EQ(fst(fd).st_nlink, 1);
	ASSERT(ts_before(st.st_ctim, lst("c").st_ctim));
	ASSERT_OK(rename("b", "c"));
	ASSERT_EQ(fst(fd).st_nlink, 0);
	expect_text("c", "new");
}

CASE(rename_replaces_across_types)
{
	put_text("f", "text");
	ASSERT_OK(symlink("nowhere", "l"));
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_OK(rename("l", "p"));
	ASSERT(S_ISLNK(lst("p").st_mode));
	ASSERT_OK(rename("f", "p"));
	expect_text("p", "text");
	ASSERT_EQ(count_names("."), 1);
}

CASE(rename_onto_itself_or_other_link_does_nothing)
{
	struct times t;

	put_text("a", "text");
	ASSERT_OK(link("a", "b"));
	t = times_snap("a");
	ASSERT_OK(rename("a", "a"));
	ASSERT_OK(rename("a", "b"));
	ASSERT(exists("a"));
	ASSERT(exists("b"));
	ASSERT_EQ(lst("a").st_nlink, 2);
	TIMES_CHANGED(&t, 0);
}

CASE(rename_file_over_directory_eisdir)
{
	make_file("f", 0644);
	make_dir("d", 0755);
	ASSERT_ERR(EISDIR, rename("f", "d"));
	ASSERT_ERR(ENOTDIR, rename("d", "f"));
	ASSERT_OK(symlink("d", "l"));
	ASSERT_ERR(ENOTDIR, rename("d", "l"));
	ASSERT_OK(rename("f", "l"));
	ASSERT(S_ISREG(lst("l").st_mode));
}

CASE(rename_directory_over_empty_one)
{
	nlink_t nlink;
	ino_t ino;

	make_dir("d", 0755);
	make_file("d/f", 0644);
	make_dir("e", 0755);
	nlink = lst(".").st_nlink;
	ino = lst("d").st_ino;
	ASSERT_OK(rename("d", "e"));
	ASSERT_EQ(lst("e").st_ino, ino);
	ASSERT(exists("e/f"));
	ASSERT(!exists("d"));
	ASSERT_EQ(lst(".").st_nlink, nlink - 1);
}

CASE(rename_directory_over_full_one_enotempty)
{
	make_dir("d", 0755);
	make_dir("e", 0755);
	make_file("e/f", 0644);
	ASSERT_ERR(ENOTEMPTY, rename("d", "e"));
	ASSERT(exists("d"));
	ASSERT(exists("e/f"));
}

CASE(rename_into_own_subtree_einval)
{
	make_dir("d", 0755);
	make_dir("d/e", 0755);
	ASSERT_ERR(EINVAL, rename("d", "d/x"));
	ASSERT_ERR(EINVAL, rename("d", "d/e/x"));
	ASSERT_ERR(EINVAL, rename("d", "d/e"));
	ASSERT_ERR(ENOTEMPTY, rename("d/e", "d"));
}

CASE(rename_directory_moves_dotdot_and_links)
{
	nlink_t a, b;

	make_dir("a", 0755);
	make_dir("b", 0755);
	make_dir("a/d", 0755);
	make_file("a/d/f", 0644);
	a = lst("a").st_nlink;
	b = lst("b").st_nlink;
	ASSERT_OK(rename("a/d", "b/e"));
	ASSERT_EQ(lst("a").st_nlink, a - 1);
	ASSERT_EQ(lst("b").st_nlink, b + 1);
	ASSERT_EQ(lst("b/e/..").st_ino, lst("b").st_ino);
	drop_caches();
	ASSERT_EQ(lst("b/e/..").st_ino, lst("b").st_ino);
	ASSERT_EQ(lst("b/e").st_nlink, 2);
	ASSERT(exists("b/e/f"));
	ASSERT_OK(chdir("b/e"));
	ASSERT_OK(rename("../../b/e", "../../a/g"));
	ASSERT_EQ(lst("..").st_ino, lst("../../a").st_ino);
}

CASE(rename_directory_replacing_across_parents)
{
	nlink_t a, b;

	make_dir("a", 0755);
	make_dir("b", 0755);
	make_dir("a/d", 0755);
	make_dir("b/e", 0755);
	a = lst("a").st_nlink;
	b = lst("b").st_nlink;
	ASSERT_OK(rename("a/d", "b/e"));
	ASSERT_EQ(lst("a").st_nlink, a - 1);
	ASSERT_EQ(lst("b").st_nlink, b);
	ASSERT_EQ(lst("b/e/..").st_ino, lst("b").st_ino);
}

CASE(rename_trailing_slashes)
{
	make_file("f", 0644);
	make_dir("d", 0755);
	ASSERT_ERR(ENOTDIR, rename("f/", "g"));
	ASSERT_ERR(ENOTDIR, rename("f", "g/"));
	ASSERT_OK(rename("d/", "e/"));
	ASSERT(exists("e"));
}

CASE(rename_needs_both_parents)
{
	make_dir_of("d", 0777, USER_A, GROUP_A);
	make_dir_of("e", 0755, USER_B, GROUP_B);
	make_file_of("d/f", 0644, USER_A, GROUP_A);
	make_file_of("e/g", 0644, USER_A, GROUP_A);
	ASSERT_ERR(EACCES, AS_A(rename("d/f", "e/f")));
	ASSERT_ERR(EACCES, AS_A(rename("e/g", "d/g")));
	ASSERT_ERR(EACCES, AS_A(rename("d/f", "e/g")));
	ASSERT_OK(AS_B(rename("d/f", "e/f")));
	ASSERT_EQ(lst("e/f").st_uid, USER_A);
}

/* Moving a directory elsewhere rewrites its "..": it must be writable. */
CASE(rename_of_unwritable_directory_to_other_parent_eacces)
{
	make_dir_of("a", 0777, USER_A, GROUP_A);
	make_dir_of("b", 0777, USER_A, GROUP_A);
	make_dir_of("a/d", 0755, USER_B, GROUP_B);
	ASSERT_ERR(EACCES, AS_A(rename("a/d", "b/d")));
	ASSERT_OK(AS_A(rename("a/d", "a/e")));
	ASSERT_OK(AS_B(rename("a/e", "b/e")));
}

CASE(rename_open_file_and_directory_stay_usable)
{
	int fd, dir;

	make_dir("d", 0755);
	dir = ASSERT_OK(open("d", O_RDONLY | O_DIRECTORY));
	fd = open_new("d/f");
	ASSERT_OK(rename("d", "e"));
	write_all(fd, "text", 4, 0);
	ASSERT_OK(faccessat(dir, "f", F_OK, 0));
	ASSERT_OK(mkdirat(dir, "sub", 0755));
	expect_text("e/f", "text");
	ASSERT(exists("e/sub"));
}

CASE(rename_between_short_and_long_names)
{
	char name[256];
	int i;

	put_text("s", "text");
	memset(name, 'l', 255);
	name[255] = '\0';
	for (i = 0; i < 100; i++) {
		name[0] = 'a' + i % 26;
		ASSERT_OK(rename("s", name));
		expect_text(name, "text");
		ASSERT_OK(rename(name, "s"));
	}
	ASSERT_EQ(count_names("."), 1);
}

CASE(rename_many_times_does_not_grow_the_directory)
{
	char a[32], b[32] = "n0";
	int i;

	make_dir("d", 0755);
	ASSERT_OK(chdir("d"));
	make_file(b, 0644);
	for (i = 1; i < 2000; i++) {
		strcpy(a, b);
		snprintf(b, sizeof(b), "n%d", i);
		ASSERT_OK(rename(a, b));
	}
	ASSERT_EQ(lst(".").st_size, fs_bsize());
}

static void keep_replacing(void *arg)
{
	char tmp[32];
	int i;

	for (i = 0; i < 400; i++) {
		snprintf(tmp, sizeof(tmp), "tmp%d", *(int *)arg);
		put_text(tmp, "whole");
		ASSERT_OK(rename(tmp, "target"));
	}
}

/* The classic safe save: a reader sees the old or the new, never none. */
CASE(rename_replacing_is_atomic_for_readers)
{
	int ids[2] = { 1, 2 }, pids[2], i;

	put_text("target", "whole");
	pids[0] = suite_spawn(keep_replacing, &ids[0]);
	pids[1] = suite_spawn(keep_replacing, &ids[1]);
	for (i = 0; i < 2000; i++)
		expect_text("target", "whole");
	suite_join(pids[0]);
	suite_join(pids[1]);
	ASSERT_EQ(count_names("."), 1);
}

static void shuffle(void *arg)
{
	static const char *const dirs[] = { "a", "b", "c" };
	uint64_t seed = *(int *)arg + 99;
	char from[16], to[16];
	int i;

	for (i = 0; i < 400; i++) {
		snprintf(from, sizeof(from), "%s/x%d", dirs[rnd(&seed) % 3],
			 (int)(rnd(&seed) % 4));
		snprintf(to, sizeof(to), "%s/x%d", dirs[rnd(&seed) % 3],
			 (int)(rnd(&seed) % 4));
		if (rename(from, to))
			ASSERT(errno == ENOENT);
	}
}

/* Directories moved criss-cross by several: no deadlock, none lost. */
CASE(rename_criss_cross_of_directories)
{
	int ids[4], pids[4], i, left;

	make_dir("a", 0755);
	make_dir("b", 0755);
	make_dir("c", 0755);
	make_dir("a/x0", 0755);
	make_dir("b/x1", 0755);
	make_dir("c/x2", 0755);
	for (i = 0; i < 4; i++) {
		ids[i] = i;
		pids[i] = suite_spawn(shuffle, &ids[i]);
	}
	for (i = 0; i < 4; i++)
		suite_join(pids[i]);
	drop_caches();
	left = count_names("a") + count_names("b") + count_names("c");
	ASSERT(left >= 1 && left <= 3);
	ASSERT_EQ(lst("a").st_nlink + lst("b").st_nlink + lst("c").st_nlink,
		  6 + left);
}

static void move_about(void *arg)
{
	int i, err;

	for (i = 0; i < 300; i++) {
		err = *(int *)arg ? rename("p/q/s", "p/s") :
				    rename("p/s", "p/q/s");
		if (err)
			ASSERT(errno == ENOENT || errno == EINVAL ||
			       errno == ENOTEMPTY);
		err = *(int *)arg ? rename("p/q", "p/s/q") :
				    rename("p/s/q", "p/q");
		if (err)
			ASSERT(errno == ENOENT || errno == EINVAL ||
			       errno == ENOTEMPTY);
	}
}

/* Two moves that are each right, but together a loop: never both. */
CASE(rename_makes_no_loops)
{
	int ids[2] = { 0, 1 }, pids[2], n = 0;

	make_dir("p", 0755);
	make_dir("p/q", 0755);
	make_dir("p/s", 0755);
	pids[0] = suite_spawn(move_about, &ids[0]);
	pids[1] = suite_spawn(move_about, &ids[1]);
	suite_join(pids[0]);
	suite_join(pids[1]);
	drop_caches();
	n = exists("p/q") + exists("p/s");
	ASSERT(n == 1 || n == 2);
	if (n == 1)
		ASSERT(!access("p/q/s", F_OK) || !access("p/s/q", F_OK));
}
