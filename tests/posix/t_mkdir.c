/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_mkdir.c - directories come and go.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "suite.h"
#include "util.h"

CASE(mkdir_is_an_empty_directory_of_the_caller)
{
	struct stat st;

	ASSERT_OK(chmod(".", 0777));
	ASSERT_OK(AS_USER(USER_A, GROUP_B, mkdir("d", 0755)));
	st = lst("d");
	ASSERT(S_ISDIR(st.st_mode));
	ASSERT_EQ(st.st_uid, USER_A);
	ASSERT_EQ(st.st_gid, GROUP_B);
	ASSERT_EQ(st.st_nlink, 2);
	ASSERT_EQ(st.st_size, fs_bsize());
	ASSERT_EQ(count_names("d"), 0);
}

CASE(mkdir_mode_is_masked)
{
	umask(027);
	ASSERT_OK(mkdir("a", 0777));
	ASSERT_EQ(MODE_OF("a"), 0750);
	umask(0);
	ASSERT_OK(mkdir("b", 01777));
	ASSERT_EQ(MODE_OF("b"), 01777);
	ASSERT_OK(mkdir("c", 0));
	ASSERT_EQ(MODE_OF("c"), 0);
}

CASE(mkdir_updates_parent_times_and_links)
{
	struct times t = times_snap(".");
	nlink_t nlink = t.st.st_nlink;

	ASSERT_OK(mkdir("d", 0755));
	TIMES_CHANGED(&t, T_M | T_C);
	ASSERT_EQ(lst(".").st_nlink, nlink + 1);
	t = times_snap(".");
	ASSERT_OK(rmdir("d"));
	TIMES_CHANGED(&t, T_M | T_C);
	ASSERT_EQ(lst(".").st_nlink, nlink);
}

CASE(mkdir_in_setgid_dir_inherits_group_and_bit)
{
	make_dir_of("d", 02777, USER_A, GROUP_EXTRA);
	ASSERT_OK(AS_B(mkdir("d/e", 0755)));
	ASSERT_EQ(lst("d/e").st_gid, GROUP_EXTRA);
	ASSERT_EQ(MODE_OF("d/e"), 02755);
	ASSERT_OK(AS_B(mkdir("d/e/f", 0700)));
	ASSERT_EQ(lst("d/e/f").st_gid, GROUP_EXTRA);
	ASSERT_EQ(MODE_OF("d/e/f"), 02700);
}

CASE(mkdir_race_has_one_winner)
{
	int i, won;
	pid_t pid;

	for (i = 0; i < 50; i++) {
		pid = ASSERT_OK(fork());
		won = !mkdir("race", 0755);
		if (!pid)
			_exit(won ? 0 : SUITE_EXIT_FAIL + 1);
		{
			int status;

			ASSERT_EQ(waitpid(pid, &status, 0), pid);
			ASSERT_EQ(won + !status, 1);
		}
		ASSERT_OK(rmdir("race"));
	}
}

CASE(mkdir_500_subdirectories_count_as_links)
{
	char name[16];
	int i;

	make_dir("d", 0755);
	ASSERT_OK(chdir("d"));
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_OK(mkdir(name, 0755));
	}
	ASSERT_EQ(lst(".").st_nlink, 502);
	drop_caches();
	ASSERT_EQ(lst(".").st_nlink, 502);
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_OK(rmdir(name));
	}
	ASSERT_EQ(lst(".").st_nlink, 2);
}

/*
 * ext2 ends at 32000 links; with dir_nlink a directory with more shows one
 * link and goes on.
 */
CASE_FLAGS(mkdir_link_limit_emlink, SUITE_SLOW)
{
	char name[16];
	int i, n;

	make_dir("d", 0755);
	ASSERT_OK(chdir("d"));
	for (n = 0; n < 66000; n++) {
		snprintf(name, sizeof(name), "%d", n);
		if (mkdir(name, 0755))
			break;
	}
	if (n < 66000) {
		ASSERT_EQ(errno, EMLINK);
		ASSERT(n >= 31998);
		ASSERT_EQ(lst(".").st_nlink, n + 2);
		ASSERT(!exists(name));
	} else {
		ASSERT_EQ(lst(".").st_nlink, 1);
	}
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_OK(rmdir(name));
	}
}

CASE(rmdir_not_empty_enotempty)
{
	make_dir("d", 0755);
	make_file("d/f", 0644);
	ASSERT_ERR(ENOTEMPTY, rmdir("d"));
	ASSERT_OK(unlink("d/f"));
	make_dir("d/e", 0755);
	ASSERT_ERR(ENOTEMPTY, rmdir("d"));
	ASSERT_OK(rmdir("d/e"));
	ASSERT_OK(symlink("x", "d/l"));
	ASSERT_ERR(ENOTEMPTY, rmdir("d"));
	ASSERT_OK(unlink("d/l"));
	ASSERT_OK(rmdir("d"));
	ASSERT(!exists("d"));
}

CASE(rmdir_not_a_directory_enotdir)
{
	make_dir("d", 0755);
	make_file("f", 0644);
	ASSERT_OK(symlink("d", "l"));
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_ERR(ENOTDIR, rmdir("f"));
	ASSERT_ERR(ENOTDIR, rmdir("l"));
	ASSERT_ERR(ENOTDIR, rmdir("l/"));
	ASSERT_ERR(ENOTDIR, rmdir("p"));
	ASSERT_OK(rmdir("d/"));
}

CASE(rmdir_failed_changes_no_times)
{
	struct times t;

	make_dir("d", 0755);
	make_file("d/f", 0644);
	t = times_snap(".");
	ASSERT_ERR(ENOTEMPTY, rmdir("d"));
	TIMES_CHANGED(&t, 0);
}

CASE(rmdir_of_open_directory)
{
	struct dirent *de;
	struct stat st;
	DIR *d;

	make_dir("d", 0755);
	d = opendir("d");
	ASSERT(d);
	ASSERT_OK(rmdir("d"));
	ASSERT_OK(fstat(dirfd(d), &st));
	ASSERT_EQ(st.st_nlink, 0);
	/* nothing is in it, and nothing can be made in it */
	while ((de = readdir(d)))
		ASSERT(de->d_name[0] == '.');
	ASSERT_ERR(ENOENT, openat(dirfd(d), "f", O_WRONLY | O_CREAT, 0644));
	ASSERT_ERR(ENOENT, mkdirat(dirfd(d), "f", 0755));
	ASSERT_ERR(ENOENT, symlinkat("x", dirfd(d), "f"));
	ASSERT_ERR(ENOENT, mknodat(dirfd(d), "f", S_IFIFO | 0644, 0));
	closedir(d);
}

CASE(rmdir_of_working_directory)
{
	make_dir("d", 0755);
	ASSERT_OK(chdir("d"));
	ASSERT_OK(rmdir("../d"));
	ASSERT_ERR(ENOENT, try_creat("f", 0644));
	ASSERT_ERR(ENOENT, mkdir("e", 0755));
	ASSERT_ERR(ENOENT, rmdir("../d"));
	ASSERT_EQ(lst(".").st_nlink, 0);
}

CASE(rmdir_then_same_name_is_a_new_directory)
{
	int i;

	for (i = 0; i < 100; i++) {
		make_dir("d", 0755);
		ASSERT_EQ(count_names("d"), 0);
		make_file("d/f", 0644);
		ASSERT_EQ(count_names("d"), 1);
		ASSERT_OK(unlink("d/f"));
		ASSERT_OK(rmdir("d"));
	}
}

CASE(rmdir_grown_directory_gives_blocks_back)
{
	char name[256];
	int i;

	memset(name, 'x', 255);
	name[255] = '\0';
	make_dir("d", 0755);
	ASSERT_OK(chdir("d"));
	for (i = 0; i < 200; i++) {
		snprintf(name, 8, "%07d", i);
		name[7] = 'x';
		make_file(name, 0644);
	}
	ASSERT(lst(".").st_size >= 200 * 255);
	ASSERT(lst(".").st_blocks * 512 >= 200 * 255);
	for (i = 0; i < 200; i++) {
		snprintf(name, 8, "%07d", i);
		name[7] = 'x';
		ASSERT_OK(unlink(name));
	}
	ASSERT_OK(chdir(".."));
	ASSERT_OK(rmdir("d"));
}

CASE(mkdir_tree_and_remove)
{
	char name[64];
	int i, j;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		make_dir(name, 0755);
		for (j = 0; j < 20; j++) {
			snprintf(name, sizeof(name), "d%d/e%d", i, j);
			make_dir(name, 0755);
			strcat(name, "/f");
			make_file(name, 0644);
		}
	}
	drop_caches();
	ASSERT_EQ(lst(".").st_nlink, 22);
	ASSERT_OK(remove_tree(AT_FDCWD, "d7"));
	ASSERT(!exists("d7"));
	ASSERT_EQ(lst(".").st_nlink, 21);
}
