/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util.c - files, users and attributes for the cases.
 *
 * Invariant: a function that changes identity leaves the real user root, so
 * that as_root() always works.
 */
#include <dirent.h>
#include <grp.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ioctl.h>

#include "suite.h"
#include "util.h"

void as_root(void)
{
	ASSERT_OK(seteuid(0));
	ASSERT_OK(setegid(0));
	ASSERT_OK(setgroups(0, NULL));
}

void as_user_with_group(uid_t uid, gid_t gid, gid_t extra)
{
	as_root();
	ASSERT_OK(setgroups(1, &extra));
	ASSERT_OK(setegid(gid));
	ASSERT_OK(seteuid(uid));
}

void as_user(uid_t uid, gid_t gid)
{
	as_root();
	ASSERT_OK(setgroups(0, NULL));
	ASSERT_OK(setegid(gid));
	ASSERT_OK(seteuid(uid));
}

void make_file(const char *path, mode_t mode)
{
	int fd = ASSERT_OK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));

	ASSERT_OK(fchmod(fd, mode));
	ASSERT_OK(close(fd));
}

void make_dir(const char *path, mode_t mode)
{
	ASSERT_OK(mkdir(path, 0700));
	ASSERT_OK(chmod(path, mode));
}

/* The mode last: chown clears bits of it. */
void make_file_of(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	make_file(path, 0600);
	ASSERT_OK(chown(path, uid, gid));
	ASSERT_OK(chmod(path, mode));
}

void make_dir_of(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	make_dir(path, 0700);
	ASSERT_OK(chown(path, uid, gid));
	ASSERT_OK(chmod(path, mode));
}

int open_new(const char *path)
{
	return ASSERT_OK(open(path, O_RDWR | O_CREAT | O_EXCL, 0644));
}

void write_all(int fd, const void *buf, size_t len, off_t off)
{
	const char *p = buf;

	while (len) {
		ssize_t n = ASSERT_OK(pwrite(fd, p, len, off));

		ASSERT(n > 0);
		p += n;
		off += n;
		len -= n;
	}
}

void read_all(int fd, void *buf, size_t len, off_t off)
{
	char *p = buf;

	while (len) {
		ssize_t n = ASSERT_OK(pread(fd, p, len, off));

		ASSERT(n > 0);
		p += n;
		off += n;
		len -= n;
	}
}

void put_text(const char *path, const char *text)
{
	int fd = ASSERT_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	write_all(fd, text, strlen(text), 0);
	ASSERT_OK(close(fd));
}

void expect_text(const char *path, const char *text)
{
	size_t len = strlen(text);
	char buf[512];
	int fd = ASSERT_OK(open(path, O_RDONLY));

	ASSERT(len < sizeof(buf));
	ASSERT_EQ(pread(fd, buf, sizeof(buf), 0), len);
	ASSERT(!memcmp(buf, text, len));
	ASSERT_OK(close(fd));
}

void fill_pattern(void *buf, size_t len, uint64_t seed)
{
	unsigned char *p = buf;
	uint64_t x = seed * 2 + 1;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = rnd(&x) >> 32;
}

void expect_zeros(int fd, size_t len, off_t off)
{
	char buf[4096];
	size_t i, n;

	for (; len; len -= n, off += n) {
		n = len < sizeof(buf) ? len : sizeof(buf);
		read_all(fd, buf, n, off);
		for (i = 0; i < n; i++) {
			if (buf[i])
				suite_fail(__FILE__, __LINE__,
					   "byte %lld is %d, not 0",
					   (long long)(off + i), buf[i]);
		}
	}
}

int try_open(const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	return fd < 0 ? -1 : close(fd);
}

int try_creat(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

	return fd < 0 ? -1 : close(fd);
}

struct stat lst(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		suite_fail(__FILE__, __LINE__, "lstat %.40s: %s", path,
			   strerror(errno));
	return st;
}

struct stat fst(int fd)
{
	struct stat st;

	ASSERT_OK(fstat(fd, &st));
	return st;
}

bool exists(const char *path)
{
	struct stat st;

	if (!lstat(path, &st))
		return true;
	ASSERT_EQ(errno, ENOENT);
	return false;
}

struct statvfs fs_stat(void)
{
	struct statvfs sv;

	ASSERT_OK(statvfs(".", &sv));
	return sv;
}

size_t fs_bsize(void)
{
	return fs_stat().f_bsize;
}

uint64_t rnd(uint64_t *state)
{
	uint64_t x = *state ? *state : 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

int get_flags(const char *path, int *flags)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), ret, e;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, FS_IOC_GETFLAGS, flags);
	e = errno;
	close(fd);
	errno = e;
	return ret;
}

int set_flags(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), ret, e;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	e = errno;
	close(fd);
	errno = e;
	return ret;
}

int count_names(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	ASSERT(d);
	while (readdir(d))
		n++;
	ASSERT_OK(closedir(d));
	return n - 2;
}

/* What stands in the way of a removal; the other flags stay. */
static void clear_walls(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return;
	flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* Errors of single entries come out when the directory is removed. */
static void remove_entries(int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;

	if (!d) {
		close(fd);
		return;
	}
	while ((de = readdir(d))) {
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			remove_tree(dirfd(d), de->d_name);
	}
	closedir(d);
}

int remove_tree(int dirfd, const char *path)
{
	int fd, tries = 3;

	if (!unlinkat(dirfd, path, 0))
		return 0;
	while (tries-- && unlinkat(dirfd, path, AT_REMOVEDIR)) {
		fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			return -1;
		clear_walls(fd);
		if (!unlinkat(dirfd, path, 0))
			return close(fd);
		remove_entries(fd);
	}
	return tries >= 0 ? 0 : -1;
}

void make_twice(const char *dir, const char *other)
{
	make_dir(dir, 0755);
	make_dir(other, 0755);
	if (unshare(CLONE_NEWNS))
		suite_skip("no mount namespace: %s", strerror(errno));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(mount(dir, other, NULL, MS_BIND, NULL));
}
