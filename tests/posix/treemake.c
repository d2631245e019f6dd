/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * treemake.c - a tree with one of everything, the same each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "treeprint.h"

static int failed;

/* Say what went wrong; go on, so that all of it is seen. */
static int ok(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "treeprint: make %s: %s\n", what,
			strerror(errno));
		failed = 1;
	}
	return ret;
}

static void put(int fd, off_t off, size_t len, unsigned int seed)
{
	unsigned char *buf = malloc(len);
	size_t i;

	for (i = 0; buf && i < len; i++) {
		seed = seed * 1103515245 + 12345;
		buf[i] = seed >> 16;
	}
	ok(buf && pwrite(fd, buf, len, off) == (ssize_t)len ? 0 : -1, "data");
	free(buf);
}

static int create(const char *name)
{
	return ok(open(name, O_RDWR | O_CREAT | O_EXCL, 0644), name);
}

static void make_files(void)
{
	static const size_t sizes[] = { 0, 1, 1023, 1024, 4095, 4096, 4097,
					12 * 1024, 12 * 4096 + 1, 300000,
					5000000 };
	char name[32];
	size_t i;
	int fd;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(name, sizeof(name), "file%zu", sizes[i]);
		fd = create(name);
		if (sizes[i])
			put(fd, 0, sizes[i], i);
		close(fd);
	}
	fd = create("sparse");
	put(fd, 100000, 10, 1);
	put(fd, 20000001, 4000, 2);
	ok(ftruncate(fd, 50000000), "sparse");
	close(fd);
}

static void make_names(void)
{
	char name[256];
	int i;

	ok(mkdir("names", 0755), "names");
	ok(chdir("names"), "names");
	for (i = 1; i <= 255; i += 7) {
		memset(name, 'a' + i % 26, i);
		name[i] = '\0';
		close(create(name));
	}
	close(create("\xff\xfe not utf-8 \n"));
	ok(link("b", "hard link"), "hard link");
	ok(chdir(".."), "..");
}

static void make_specials(void)
{
	char target[1001];

	memset(target, 't', 1000);
	target[1000] = '\0';
	ok(mkfifo("fifo", 0640), "fifo");
	ok(mknod("socket", S_IFSOCK | 0600, 0), "socket");
	ok(mknod("old-dev", S_IFCHR | 0600, makedev(1, 3)), "old-dev");
	ok(mknod("new-dev", S_IFBLK | 0600, makedev(300, 70000)), "new-dev");
	ok(symlink("short", "short-link"), "short-link");
	ok(symlink(target, "long-link"), "long-link");
	target[59] = '\0';
	ok(symlink(target, "link-of-59"), "link-of-59");
	ok(lchown("short-link", 70000, 80000), "short-link");
}

/* Old and whole seconds: a copy made in this second must not look right. */
static void age(void)
{
	static const char *const names[] = {
		"fifo", "socket", "old-dev", "new-dev", "short-link",
		"long-link", "link-of-59", "names", "acl-dir",
	};
	struct timespec ts[2] = { { 1500000000, 0 }, { 1500000000, 0 } };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ts[1].tv_sec++;
		ok(utimensat(AT_FDCWD, names[i], ts, AT_SYMLINK_NOFOLLOW),
		   names[i]);
	}
}

static void make_attributes(void)
{
	struct timespec ts[2] = { { 1000, 1 }, { 2000000000, 987654321 } };
	char big[500];
	/* u::rw- u:1000:r-- g::--- m::r-- o::--- */
	static const uint32_t acl[] = {
		2, 1 | 6 << 16, ~0U, 2 | 4 << 16, 1000, 4, ~0U,
		16 | 4 << 16, ~0U, 32, ~0U,
	};

	memset(big, 'v', sizeof(big));
	close(create("attributes"));
	ok(chown("attributes", 123456, 654321), "chown");
	ok(chmod("attributes", 07751), "chmod");
	ok(setxattr("attributes", "user.small", "value", 5, 0), "user.small");
	ok(setxattr("attributes", "trusted.big", big, sizeof(big), 0),
	   "trusted.big");
	close(create("acl"));
	ok(setxattr("acl", "system.posix_acl_access", acl, sizeof(acl), 0),
	   "acl");
	ok(mkdir("acl-dir", 0750), "acl-dir");
	ok(setxattr("acl-dir", "system.posix_acl_default", acl, sizeof(acl),
		    0), "default acl");
	close(create("acl-dir/heir"));
	ok(utimensat(AT_FDCWD, "attributes", ts, 0), "utimens");
	ts[1].tv_sec = -1000000000;
	ok(utimensat(AT_FDCWD, "acl", ts, 0), "utimens");
}

int tree_make(const char *dir)
{
	if (ok(mkdir(dir, 0755), dir) < 0 || ok(chdir(dir), dir) < 0)
		return 1;
	make_files();
	make_names();
	make_specials();
	make_attributes();
	age();
	return failed;
}
