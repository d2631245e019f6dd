/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_cached.c - what the kernel remembers of a file stays true, whoever changed
 * it and by which name.
 *
 * The same directory is there twice: "in" and, by a bind mount, "bind".  Each
 * way to change something is a row.  Before it everything is looked at, so that
 * the kernel knows it; after it the attributes that stat(2) gives must be those
 * that the filesystem gives when it is asked (AT_STATX_FORCE_SYNC).
 */
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "acl_xattr.h"
#include "suite.h"
#include "util.h"

enum { LEN = 40000 };

/* What all of them work on: opened before the change, by the other path. */
static struct {
	int rw;		/* bind/f */
	int src;	/* in/src */
} fds;

static int c_write(void)
{
	return pwrite(fds.rw, "text", 4, 5000);
}

static int c_write_behind_the_end(void)
{
	return pwrite(fds.rw, "text", 4, 3 * LEN);
}

static int c_append(void)
{
	int fd = ASSERT_OK(open("in/f", O_WRONLY | O_APPEND));

	ASSERT_EQ(write(fd, "more", 4), 4);
	return close(fd);
}

static int c_direct_write(void)
{
	static char buf[4096] __attribute__((aligned(4096)));
	int fd = open("in/f", O_WRONLY | O_DIRECT);

	if (fd < 0)
		UNSUPPORTED("direct-io");
	ASSERT_EQ(pwrite(fd, buf, sizeof(buf), 65536), sizeof(buf));
	return close(fd);
}

static int c_store(void)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fds.rw,
		       0);

	if (p == MAP_FAILED && errno == ENODEV)
		UNSUPPORTED("shared-mmap");
	ASSERT(p != MAP_FAILED);
	p[LEN / 2] = 'm';
	ASSERT_OK(msync(p, LEN, MS_SYNC));
	return munmap(p, LEN);
}

static int c_truncate(void)
{
	return truncate("in/f", 10);
}

static int c_truncate_up(void)
{
	return truncate("in/f", 10 * LEN);
}

static int c_open_trunc(void)
{
	return try_open("in/f", O_WRONLY | O_TRUNC);
}

static int c_read(void)
{
	char c;
	int fd = ASSERT_OK(open("in/f", O_RDONLY));

	ASSERT_EQ(read(fd, &c, 1), 1);
	return close(fd);
}

static int falloc(int mode, off_t off, off_t len)
{
	int ret = fallocate(fds.rw, mode, off, len);

	if (ret && errno == EOPNOTSUPP)
		UNSUPPORTED("fallocate");
	return ret;
}

static int c_fallocate(void)
{
	return falloc(0, LEN, LEN);
}

static int c_fallocate_keep_size(void)
{
	return falloc(FALLOC_FL_KEEP_SIZE, LEN, LEN);
}

static int c_punch_hole(void)
{
	return falloc(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 20000);
}

static int c_zero_range(void)
{
	int ret = fallocate(fds.rw, FALLOC_FL_ZERO_RANGE, 0, 2 * LEN);

	if (ret && errno == EOPNOTSUPP)
		UNSUPPORTED("zero-range");
	return ret;
}

static int c_copy_file_range(void)
{
	off_t to = LEN;

	return copy_file_range(fds.src, NULL, fds.rw, &to, LEN, 0);
}

static int c_chmod(void)
{
	return chmod("in/f", 0600);
}

static int c_chown(void)
{
	return chown("in/f", USER_A, GROUP_B);
}

static int c_utimens(void)
{
	struct timespec ts[2] = { { .tv_sec = 5 }, { .tv_sec = 6 } };

	return utimensat(AT_FDCWD, "in/f", ts, 0);
}

static int c_xattr(void)
{
	return setxattr("in/f", "user.name", "value", 5, 0);
}

static int c_xattr_big(void)
{
	char value[700] = "";

	return setxattr("in/f", "user.name", value, sizeof(value), 0);
}

static int c_acl_is_a_mode(void)
{
	return acl_set("in/f", ACL_ACCESS, "u::rwx g::--- o::---");
}

static int c_flag(void)
{
	int flags;

	if (get_flags("in/f", &flags))
		UNSUPPORTED("setflags");
	return set_flags("in/f", flags | FS_NODUMP_FL);
}

static int c_link(void)
{
	return link("in/f", "in/h");
}

static int c_unlink_other_name(void)
{
	return unlink("in/g");
}

static int c_rename(void)
{
	return rename("in/f", "in/h");
}

static int c_rename_over(void)
{
	return rename("in/src", "in/f");
}

static int c_exchange(void)
{
	int ret = renameat2(AT_FDCWD, "in/f", AT_FDCWD, "in/d/f",
			    RENAME_EXCHANGE);

	if (ret && errno == EINVAL)
		UNSUPPORTED("exchange");
	return ret;
}

static int c_create(void)
{
	return try_creat("in/new", 0644);
}

static int c_mkdir(void)
{
	return mkdir("in/new", 0755);
}

static int c_rmdir(void)
{
	return rmdir("in/e");
}

static int c_move_directory(void)
{
	return rename("in/e", "in/d/e");
}

static int c_symlink(void)
{
	return symlink("f", "in/new");
}

static int c_tmpfile_linked(void)
{
	char path[64];
	int fd = open("in", O_TMPFILE | O_RDWR, 0644);

	if (fd < 0)
		UNSUPPORTED("tmpfile");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_OK(linkat(AT_FDCWD, path, AT_FDCWD, "in/new",
			 AT_SYMLINK_FOLLOW));
	return close(fd);
}

static const struct change {
	const char *name;
	int (*fn)(void);
} changes[] = {
	{ "write", c_write },
	{ "write-behind-the-end", c_write_behind_the_end },
	{ "append", c_append },
	{ "direct-write", c_direct_write },
	{ "store", c_store },
	{ "truncate", c_truncate },
	{ "truncate-up", c_truncate_up },
	{ "open-trunc", c_open_trunc },
	{ "read", c_read },
	{ "fallocate", c_fallocate },
	{ "fallocate-keep-size", c_fallocate_keep_size },
	{ "punch-hole", c_punch_hole },
	{ "zero-range", c_zero_range },
	{ "copy-file-range", c_copy_file_range },
	{ "chmod", c_chmod },
	{ "chown", c_chown },
	{ "utimens", c_utimens },
	{ "xattr", c_xattr },
	{ "xattr-big", c_xattr_big },
	{ "acl", c_acl_is_a_mode },
	{ "flag", c_flag },
	{ "link", c_link },
	{ "unlink-other-name", c_unlink_other_name },
	{ "rename", c_rename },
	{ "rename-over", c_rename_over },
	{ "exchange", c_exchange },
	{ "create", c_create },
	{ "mkdir", c_mkdir },
	{ "rmdir", c_rmdir },
	{ "move-directory", c_move_directory },
	{ "symlink", c_symlink },
	{ "tmpfile-linked", c_tmpfile_linked },
};
#define N_CHANGES ((int)(sizeof(changes) / sizeof(changes[0])))

static const char *change_name(int i)
{
	return changes[i].name;
}

/* ---- the judgement ---- */

static bool same_time(struct statx_timestamp a, struct statx_timestamp b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* What stat(2) gives of @path at @dir is what the filesystem gives. */
static void is_true(int dir, const char *path)
{
	int flags = AT_SYMLINK_NOFOLLOW | (*path ? 0 : AT_EMPTY_PATH);
	struct statx a, b;

	if (statx(dir, path, flags, STATX_BASIC_STATS, &a)) {
		ASSERT_EQ(errno, ENOENT);
		return;
	}
	ASSERT_OK(statx(dir, path, flags | AT_STATX_FORCE_SYNC,
			STATX_BASIC_STATS, &b));
	if (a.stx_mode != b.stx_mode || a.stx_nlink != b.stx_nlink ||
	    a.stx_uid != b.stx_uid || a.stx_gid != b.stx_gid ||
	    a.stx_ino != b.stx_ino || a.stx_size != b.stx_size)
		suite_fail(__FILE__, __LINE__, "%s is stale", path);
	if (a.stx_blocks != b.stx_blocks)
		suite_fail(__FILE__, __LINE__, "%s: blocks %llu, not %llu",
			   path, (long long)a.stx_blocks,
			   (long long)b.stx_blocks);
	if (!same_time(a.stx_mtime, b.stx_mtime))
		suite_fail(__FILE__, __LINE__, "%s: stale mtime", path);
	if (!same_time(a.stx_ctime, b.stx_ctime))
		suite_fail(__FILE__, __LINE__, "%s: stale ctime", path);
	if (!same_time(a.stx_atime, b.stx_atime) && !suite_lacks("write-atime"))
		suite_fail(__FILE__, __LINE__, "%s: stale atime", path);
}

static void look_at_all(void)
{
	static const char *const names[] = {
		"", "/f", "/g", "/h", "/d", "/d/f", "/d/e", "/e", "/src",
		"/new",
	};
	char path[64];
	size_t i;
	int j;

	is_true(fds.rw, "");
	is_true(fds.src, "");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (j = 0; j < 2; j++) {
			snprintf(path, sizeof(path), "%s%s", j ? "in" : "bind",
				 names[i]);
			is_true(AT_FDCWD, path);
		}
	}
}

static void make_all(void)
{
	char buf[LEN];
	int fd;

	make_twice("in", "bind");
	make_dir("in/d", 0755);
	make_dir("in/e", 0755);
	make_file("in/d/f", 0644);
	fill_pattern(buf, LEN, 1);
	fd = open_new("in/f");
	write_all(fd, buf, LEN, 0);
	ASSERT_OK(fsync(fd));
	ASSERT_OK(close(fd));
	fds.src = open_new("in/src");
	write_all(fds.src, buf, LEN, 0);
	ASSERT_OK(fsync(fds.src));
	ASSERT_OK(link("in/f", "in/g"));
	fds.rw = ASSERT_OK(open("bind/f", O_RDWR));
}

CASE_EACH(twice_attributes_are_true_after, N_CHANGES, change_name)
{
	make_all();
	look_at_all();
	tick();
	ASSERT_OK(changes[suite_param()].fn());
	look_at_all();
}
