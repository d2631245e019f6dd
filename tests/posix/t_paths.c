/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_paths.c - what every call that takes a path says about a bad path.
 *
 * One table of calls, one case for each kind of badness and call.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "suite.h"
#include "util.h"

static int op_stat(const char *p)
{
	struct stat st;

	return stat(p, &st);
}

static int op_lstat(const char *p)
{
	struct stat st;

	return lstat(p, &st);
}

static int op_open(const char *p)
{
	return try_open(p, O_RDONLY);
}

static int op_access(const char *p)
{
	return eaccess(p, F_OK);
}

static int op_truncate(const char *p)
{
	return truncate(p, 0);
}

static int op_chmod(const char *p)
{
	return chmod(p, 0600);
}

static int op_chown(const char *p)
{
	return chown(p, -1, -1);
}

static int op_lchown(const char *p)
{
	return lchown(p, -1, -1);
}

static int op_utimens(const char *p)
{
	return utimensat(AT_FDCWD, p, NULL, 0);
}

static int op_readlink(const char *p)
{
	char buf[8];

	return readlink(p, buf, sizeof(buf));
}

static int op_unlink(const char *p)
{
	return unlink(p);
}

static int op_rmdir(const char *p)
{
	return rmdir(p);
}

static int op_opendir(const char *p)
{
	DIR *d = opendir(p);

	return d ? closedir(d) : -1;
}

static int op_statfs(const char *p)
{
	struct statfs sf;

	return statfs(p, &sf);
}

static int op_getxattr(const char *p)
{
	return getxattr(p, "user.x", NULL, 0);
}

static int op_setxattr(const char *p)
{
	return setxattr(p, "user.x", "v", 1, 0);
}

static int op_listxattr(const char *p)
{
	return listxattr(p, NULL, 0);
}

static int op_rename_from(const char *p)
{
	return rename(p, "elsewhere");
}

static int op_link_from(const char *p)
{
	return link(p, "elsewhere");
}

static int op_creat(const char *p)
{
	return try_open(p, O_WRONLY | O_CREAT);
}

static int op_mkdir(const char *p)
{
	return mkdir(p, 0755);
}

static int op_mkfifo(const char *p)
{
	return mkfifo(p, 0644);
}

static int op_mknod(const char *p)
{
	return mknod(p, S_IFCHR | 0600, 0x103);
}

static int op_symlink(const char *p)
{
	return symlink("target", p);
}

static int op_rename_to(const char *p)
{
	return rename("source", p);
}

static int op_link_to(const char *p)
{
	return link("source", p);
}

static const struct op {
	const char *name;
	int (*fn)(const char *path);
	bool makes;	/* makes the last name; else it must exist */
	bool removes;	/* removes it: needs a writable parent */
} ops[] = {
	{ "stat", op_stat, false, false },
	{ "lstat", op_lstat, false, false },
	{ "open", op_open, false, false },
	{ "access", op_access, false, false },
	{ "truncate", op_truncate, false, false },
	{ "chmod", op_chmod, false, false },
	{ "chown", op_chown, false, false },
	{ "lchown", op_lchown, false, false },
	{ "utimens", op_utimens, false, false },
	{ "readlink", op_readlink, false, false },
	{ "unlink", op_unlink, false, true },
	{ "rmdir", op_rmdir, false, true },
	{ "opendir", op_opendir, false, false },
	{ "statfs", op_statfs, false, false },
	{ "getxattr", op_getxattr, false, false },
	{ "setxattr", op_setxattr, false, false },
	{ "listxattr", op_listxattr, false, false },
	{ "rename-from", op_rename_from, false, true },
	{ "link-from", op_link_from, false, false },
	{ "creat", op_creat, true, false },
	{ "mkdir", op_mkdir, true, false },
	{ "mkfifo", op_mkfifo, true, false },
	{ "mknod", op_mknod, true, false },
	{ "symlink", op_symlink, true, false },
	{ "rename-to", op_rename_to, true, false },
	{ "link-to", op_link_to, true, false },
};
#define N_OPS ((int)(sizeof(ops) / sizeof(ops[0])))

static const char *op_name(int i)
{
	return ops[i].name;
}

static const char *taker_name(int i)
{
	return ops[i].makes ? NULL : ops[i].name;
}

static const char *parent_changer_name(int i)
{
	return ops[i].makes || ops[i].removes ? ops[i].name : NULL;
}

/* Of those that make a name two take one that is there already. */
static const char *strict_maker_name(int i)
{
	return ops[i].makes && ops[i].fn != op_creat &&
	       ops[i].fn != op_rename_to ? ops[i].name : NULL;
}

static const struct op *this_op(void)
{
	return &ops[suite_param()];
}

/* @n times 'x'. */
static const char *xs(size_t n)
{
	static char buf[PATH_MAX + 64];

	ASSERT(n < sizeof(buf));
	memset(buf, 'x', n);
	buf[n] = '\0';
	return buf;
}

CASE_EACH(path_prefix_is_file_enotdir, N_OPS, op_name)
{
	make_file("file", 0644);
	make_file("source", 0644);
	ASSERT_ERR(ENOTDIR, this_op()->fn("file/name"));
	ASSERT(!exists("elsewhere"));
}

CASE_EACH(path_prefix_missing_enoent, N_OPS, op_name)
{
	make_file("source", 0644);
	ASSERT_ERR(ENOENT, this_op()->fn("missing/name"));
	ASSERT(exists("source"));
}

CASE_EACH(path_empty_enoent, N_OPS, op_name)
{
	make_file("source", 0644);
	ASSERT_ERR(ENOENT, this_op()->fn(""));
}

CASE_EACH(path_prefix_loop_eloop, N_OPS, op_name)
{
	make_file("source", 0644);
	ASSERT_OK(symlink("loop2", "loop1"));
	ASSERT_OK(symlink("loop1", "loop2"));
	ASSERT_ERR(ELOOP, this_op()->fn("loop1/name"));
}

CASE_EACH(path_name_256_enametoolong, N_OPS, op_name)
{
	make_file("source", 0644);
	ASSERT_ERR(ENAMETOOLONG, this_op()->fn(xs(256)));
}

/* A path of PATH_MAX bytes with its NUL still works, one more does not. */
CASE_EACH(path_4096_enametoolong, N_OPS, op_name)
{
	char path[PATH_MAX + 1];
	size_t i;

	make_file("source", 0644);
	for (i = 0; i < PATH_MAX; i++)
		path[i] = i % 2 ? '/' : '.';
	path[PATH_MAX - 1] = 'x';
	path[PATH_MAX] = '\0';
	ASSERT_ERR(ENAMETOOLONG, this_op()->fn(path));
}

CASE_EACH(path_prefix_no_search_eacces, N_OPS, op_name)
{
	make_dir_of("dir", 0777, USER_A, GROUP_A);
	make_file_of("dir/name", 0666, USER_A, GROUP_A);
	make_file_of("source", 0666, USER_A, GROUP_A);
	ASSERT_OK(chmod(".", 0777));
	ASSERT_OK(chmod("dir", 0666));
	ASSERT_ERR(EACCES, AS_A(this_op()->fn("dir/name")));
	/* root is not asked */
	ASSERT(exists("dir/name"));
}

CASE_EACH(path_name_missing_enoent, N_OPS, taker_name)
{
	ASSERT_ERR(ENOENT, this_op()->fn("name"));
}

CASE_EACH(path_parent_not_writable_eacces, N_OPS, parent_changer_name)
{
	make_dir("dir", 0755);
	make_file_of("source", 0666, USER_A, GROUP_A);
	ASSERT_OK(chmod(".", 0777));
	if (this_op()->fn == op_rmdir)
		make_dir_of("dir/name", 0777, USER_A, GROUP_A);
	else if (this_op()->removes)
		make_file_of("dir/name", 0666, USER_A, GROUP_A);
	ASSERT_ERR(EACCES, AS_A(this_op()->fn("dir/name")));
	ASSERT_EQ(exists("dir/name"), this_op()->removes);
}

CASE_EACH(path_existing_name_eexist, N_OPS, strict_maker_name)
{
	static const char *const names[] = {
		"file", "dir", "fifo", "link", "dangling", "dev",
	};
	size_t i;

	make_file("source", 0644);
	make_file("file", 0644);
	make_dir("dir", 0755);
	ASSERT_OK(mkfifo("fifo", 0644));
	ASSERT_OK(symlink("file", "link"));
	ASSERT_OK(symlink("nowhere", "dangling"));
	ASSERT_OK(mknod("dev", S_IFCHR | 0600, 0x103));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ASSERT_ERR(EEXIST, this_op()->fn(names[i]));
	ASSERT(!exists("nowhere"));
}

/* A trailing slash asks for a directory. */
CASE_EACH(path_file_with_slash_enotdir, N_OPS, taker_name)
{
	make_file("file", 0644);
	ASSERT_ERR(ENOTDIR, this_op()->fn("file/"));
	ASSERT(exists("file"));
}

CASE(path_4095_works)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < PATH_MAX - 1; i++)
		path[i] = i % 2 ? '/' : '.';
	path[PATH_MAX - 2] = 'x';
	path[PATH_MAX - 3] = '/';
	path[PATH_MAX - 1] = '\0';
	ASSERT_EQ(strlen(path), PATH_MAX - 1);
	make_file(path, 0644);
	ASSERT(exists("x"));
}

CASE(path_chain_of_40_symlinks_works_41_eloop)
{
	char from[16], to[16];
	struct stat st;
	int i;

	put_text("link0", "end");
	for (i = 1; i <= 41; i++) {
		snprintf(to, sizeof(to), "link%d", i - 1);
		snprintf(from, sizeof(from), "link%d", i);
		ASSERT_OK(symlink(to, from));
	}
	ASSERT_OK(stat("link40", &st));
	ASSERT_EQ(st.st_size, 3);
	ASSERT_ERR(ELOOP, stat("link41", &st));
	ASSERT_OK(lstat("link41", &st));
}

CASE(path_creat_with_slash_eisdir)
{
	ASSERT_ERR(EISDIR, try_open("new/", O_WRONLY | O_CREAT));
	ASSERT_OK(mkdir("new/", 0755));
	ASSERT_OK(rmdir("new/"));
}
