/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_rename2.c - renameat2(2) with flags, and renames in sticky directories.
 */
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"
#include "util.h"

static int exchange(const char *a, const char *b)
{
	int ret = renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);

	/* refused for what is not there is one thing, as such another */
	if (ret && errno == EINVAL && !access(a, F_OK) && !access(b, F_OK) &&
	    strlen(a) == 1 && strlen(b) == 1)
		UNSUPPORTED("rename-exchange");
	return ret;
}

static int noreplace(const char *a, const char *b)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE);
}

CASE(rename_noreplace_moves_to_a_free_name)
{
	put_text("a", "text");
	ASSERT_OK(noreplace("a", "b"));
	expect_text("b", "text");
	ASSERT(!exists("a"));
}

CASE(rename_noreplace_existing_eexist)
{
	put_text("a", "one");
	put_text("b", "two");
	make_dir("d", 0755);
	make_dir("e", 0755);
	ASSERT_OK(symlink("nowhere", "l"));
	ASSERT_ERR(EEXIST, noreplace("a", "b"));
	ASSERT_ERR(EEXIST, noreplace("a", "d"));
	ASSERT_ERR(EEXIST, noreplace("d", "e"));
	ASSERT_ERR(EEXIST, noreplace("a", "l"));
	ASSERT_ERR(EEXIST, noreplace("a", "a"));
	ASSERT_ERR(ENOENT, noreplace("x", "y"));
	expect_text("a", "one");
	expect_text("b", "two");
}

CASE(rename_noreplace_race_has_one_winner)
{
	char name[16];
	int i, j, pids[4], won;

	for (i = 0; i < 30; i++) {
		for (j = 0; j < 4; j++) {
			snprintf(name, sizeof(name), "src%d", j);
			put_text(name, name);
			pids[j] = ASSERT_OK(fork());
			if (!pids[j])
				_exit(noreplace(name, "dst") &&
				      errno != EEXIST);
		}
		for (j = 0; j < 4; j++)
			suite_join(pids[j]);
		for (j = won = 0; j < 4; j++) {
			snprintf(name, sizeof(name), "src%d", j);
			won += !!unlink(name);
		}
		ASSERT_EQ(won, 1);
		ASSERT_OK(unlink("dst"));
	}
}

CASE(rename_exchange_files)
{
	ino_t a, b;

	put_text("a", "one");
	put_text("b", "two");
	a = lst("a").st_ino;
	b = lst("b").st_ino;
	ASSERT_OK(exchange("a", "b"));
	ASSERT_EQ(lst("a").st_ino, b);
	ASSERT_EQ(lst("b").st_ino, a);
	drop_caches();
	expect_text("a", "two");
	expect_text("b", "one");
}

CASE(rename_exchange_updates_times)
{
	struct times a, b, d, e;

	make_file("a", 0644);
	make_file("b", 0644);
	ASSERT_OK(exchange("a", "b"));
	make_dir("d", 0755);
	make_dir("e", 0755);
	ASSERT_OK(rename("a", "d/a"));
	ASSERT_OK(rename("b", "e/b"));
	a = times_snap("d/a");
	b = times_snap("e/b");
	d = times_snap("d");
	e = times_snap("e");
	ASSERT_OK(exchange("d/a", "e/b"));
	a.path = "e/b";
	b.path = "d/a";
	TIMES_CHANGED(&a, T_C);
	TIMES_CHANGED(&b, T_C);
	TIMES_CHANGED(&d, T_M | T_C);
	TIMES_CHANGED(&e, T_M | T_C);
}

CASE(rename_exchange_file_and_directory)
{
	nlink_t nlink;

	put_text("f", "text");
	make_dir("d", 0755);
	make_file("d/x", 0644);
	nlink = lst(".").st_nlink;
	ASSERT_OK(exchange("f", "d"));
	expect_text("d", "text");
	ASSERT(exists("f/x"));
	ASSERT_EQ(lst(".").st_nlink, nlink);
}

CASE(rename_exchange_directories_across_parents)
{
	make_dir("a", 0755);
	make_dir("b", 0755);
	ASSERT_OK(exchange("a", "b"));
	make_dir("a/d", 0755);
	make_dir("b/e", 0755);
	make_file("a/d/inner", 0644);
	ASSERT_OK(exchange("a/d", "b/e"));
	ASSERT_EQ(lst("a/d/..").st_ino, lst("a").st_ino);
	ASSERT_EQ(lst("b/e/..").st_ino, lst("b").st_ino);
	ASSERT(exists("b/e/inner"));
	ASSERT_EQ(lst("a").st_nlink, 3);
	ASSERT_EQ(lst("b").st_nlink, 3);
	drop_caches();
	ASSERT_EQ(lst("b/e/..").st_ino, lst("b").st_ino);
}

CASE(rename_exchange_file_and_directory_across_parents)
{
	make_dir("a", 0755);
	make_dir("b", 0755);
	ASSERT_OK(exchange("a", "b"));
	make_dir("a/d", 0755);
	make_file("b/f", 0644);
	ASSERT_OK(exchange("a/d", "b/f"));
	ASSERT(S_ISREG(lst("a/d").st_mode));
	ASSERT(S_ISDIR(lst("b/f").st_mode));
	ASSERT_EQ(lst("a").st_nlink, 2);
	ASSERT_EQ(lst("b").st_nlink, 3);
	ASSERT_EQ(lst("b/f/..").st_ino, lst("b").st_ino);
}

CASE(rename_exchange_with_missing_enoent)
{
	make_file("a", 0644);
	make_file("c", 0644);
	ASSERT_OK(exchange("a", "c"));
	ASSERT_ERR(ENOENT, exchange("a", "b"));
	ASSERT_ERR(ENOENT, exchange("b", "a"));
	ASSERT(exists("a"));
	ASSERT(!exists("b"));
}

CASE(rename_exchange_with_ancestor_einval)
{
	make_dir("a", 0755);
	make_dir("b", 0755);
	ASSERT_OK(exchange("a", "b"));
	make_dir("a/sub", 0755);
	ASSERT_ERR(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "a/sub",
				     RENAME_EXCHANGE));
	ASSERT_ERR(EINVAL, renameat2(AT_FDCWD, "a/sub", AT_FDCWD, "a",
				     RENAME_EXCHANGE));
}

CASE(rename_exchange_links_of_one_file)
{
	put_text("a", "text");
	ASSERT_OK(link("a", "b"));
	ASSERT_OK(exchange("a", "b"));
	ASSERT_EQ(lst("a").st_nlink, 2);
	expect_text("b", "text");
}

CASE(rename_exchange_names_of_other_lengths)
{
	char name[256];

	memset(name, 'l', 255);
	name[255] = '\0';
	put_text("s", "short");
	put_text(name, "long");
	if (renameat2(AT_FDCWD, "s", AT_FDCWD, name, RENAME_EXCHANGE))
		UNSUPPORTED("rename-exchange");
	expect_text("s", "long");
	expect_text(name, "short");
}

CASE(rename_unknown_flags_einval)
{
	make_file("a", 0644);
	ASSERT_ERR(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 1U << 7));
	ASSERT_ERR(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b",
				     RENAME_NOREPLACE | RENAME_EXCHANGE));
	ASSERT(exists("a"));
}

/*
 * In a sticky directory only the owner of the file, of the directory and root
 * may take a name away.
 */
static const struct {
	const char *name;
	uid_t dir_owner, file_owner, who;
	bool may;
} sticky[] = {
	{ "own-file", USER_B, USER_A, USER_A, true },
	{ "own-directory", USER_A, USER_B, USER_A, true },
	{ "neither", USER_B, USER_B, USER_A, false },
	{ "roots-directory", 0, USER_B, USER_A, false },
	{ "root-asks", USER_B, USER_B, 0, true },
};
#define N_STICKY ((int)(sizeof(sticky) / sizeof(sticky[0])))

static const char *sticky_name(int i)
{
	return sticky[i].name;
}

/* @ret and errno as the call left them. */
static void sticky_result(long long ret)
{
	int got = errno;

	if (sticky[suite_param()].may)
		ASSERT_OK(ret);
	else
		suite_check_err(__FILE__, __LINE__, "the call", ret, got,
				EPERM, "EPERM");
}

static void sticky_dir(bool file_is_dir)
{
	int i = suite_param();

	make_dir_of("d", 01777, sticky[i].dir_owner, GROUP_A);
	if (file_is_dir)
		make_dir_of("d/f", 0777, sticky[i].file_owner, GROUP_A);
	else
		make_file_of("d/f", 0666, sticky[i].file_owner, GROUP_A);
}

#define AS_STICKY(call) \
	AS_USER(sticky[suite_param()].who, GROUP_B, call)

CASE_EACH(sticky_unlink, N_STICKY, sticky_name)
{
	sticky_dir(false);
	sticky_result(AS_STICKY(unlink("d/f")));
	ASSERT_EQ(!exists("d/f"), sticky[suite_param()].may);
}

CASE_EACH(sticky_rmdir, N_STICKY, sticky_name)
{
	sticky_dir(true);
	sticky_result(AS_STICKY(rmdir("d/f")));
}

CASE_EACH(sticky_rename_away, N_STICKY, sticky_name)
{
	sticky_dir(false);
	make_dir("e", 0777);
	sticky_result(AS_STICKY(rename("d/f", "e/f")));
}

CASE_EACH(sticky_rename_over, N_STICKY, sticky_name)
{
	sticky_dir(false);
	make_dir("e", 0777);
	make_file_of("e/g", 0666, sticky[suite_param()].who, GROUP_B);
	sticky_result(AS_STICKY(rename("e/g", "d/f")));
}

CASE_EACH(sticky_exchange, N_STICKY, sticky_name)
{
	sticky_dir(false);
	make_dir("e", 0777);
	make_file_of("e/g", 0666, sticky[suite_param()].who, GROUP_B);
	make_file("a", 0644);
	make_file("b", 0644);
	ASSERT_OK(exchange("a", "b"));
	sticky_result(AS_STICKY(renameat2(AT_FDCWD, "e/g", AT_FDCWD, "d/f",
					  RENAME_EXCHANGE)));
}
