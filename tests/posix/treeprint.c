/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * treeprint.c - one line for everything that a tree is: type, mode, owner,
 * links, device, size, times, content, target, xattrs.
 *
 *	treeprint [--no-inodes] DIR	print, sorted by name
 *	treeprint --make DIR		make a tree with one of everything
 *
 * Two prints that are equal mean equal trees.  Access times are left out:
 * printing moves them.  --no-inodes leaves out what a copy cannot keep: inode
 * numbers, ctimes, blocks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "treeprint.h"

static bool no_inodes;

__attribute__((noreturn))
static void die(const char *what)
{
	fprintf(stderr, "treeprint: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* FNV-1a, good enough to compare and easy to trust */
static uint64_t hash(uint64_t h, const void *buf, size_t len)
{
	const unsigned char *p = buf;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

#define HASH_START 0xcbf29ce484222325ULL

static uint64_t hash_content(const char *name)
{
	static char buf[1 << 16];
	int fd = open(name, O_RDONLY);
	uint64_t h = HASH_START;
	ssize_t n;

	if (fd < 0)
		die(name);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		h = hash(h, buf, n);
	if (n < 0)
		die(name);
	close(fd);
	return h;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_escaped(const char *s)
{
	for (; *s; s++) {
		if (*s > ' ' && *s < 127 && *s != '\\')
			putchar(*s);
		else
			printf("\\%03o", (unsigned char)*s);
	}
}

static void print_xattr(const char *file, const char *name)
{
	char value[65536];
	ssize_t n = lgetxattr(file, name, value, sizeof(value));

	if (n < 0)
		die(name);
	printf(" %s=%zd:%016jx", name, n,
	       (uintmax_t)hash(HASH_START, value, n));
}

static void print_xattrs(const char *file)
{
	char list[65536], *names[1024];
	ssize_t n = llistxattr(file, list, sizeof(list)), i;
	size_t count = 0;

	if (n < 0)
		die(file);
	for (i = 0; i < n && count < 1024; i += strlen(list + i) + 1)
		names[count++] = list + i;
	qsort(names, count, sizeof(names[0]), by_name);
	for (i = 0; i < (ssize_t)count; i++)
		print_xattr(file, names[i]);
}

static void print_one(const char *prefix, const char *name,
		      const struct stat *st)
{
	char target[4097];
	ssize_t n;

	print_escaped(prefix);
	print_escaped(name);
	printf(" %o %u:%u %ju", st->st_mode, st->st_uid, st->st_gid,
	       (uintmax_t)st->st_nlink);
	if (!S_ISDIR(st->st_mode))
		printf(" size=%jd", (intmax_t)st->st_size);
	printf(" m=%jd.%09ld", (intmax_t)st->st_mtim.tv_sec,
	       st->st_mtim.tv_nsec);
	if (!no_inodes)
		printf(" i=%ju b=%jd c=%jd.%09ld", (uintmax_t)st->st_ino,
		       (intmax_t)st->st_blocks, (intmax_t)st->st_ctim.tv_sec,
		       st->st_ctim.tv_nsec);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(" dev=%u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (S_ISREG(st->st_mode))
		printf(" data=%016jx", (uintmax_t)hash_content(name));
	if (S_ISLNK(st->st_mode)) {
		n = readlink(name, target, sizeof(target) - 1);
		if (n < 0)
			die(name);
		target[n] = '\0';
		printf(" -> ");
		print_escaped(target);
	}
	print_xattrs(name);
	putchar('\n');
}

static void print_dir(const char *prefix);

static void print_entry(const char *prefix, const char *name)
{
	struct stat st;
	char *path;

	if (lstat(name, &st))
		die(name);
	print_one(prefix, name, &st);
	if (!S_ISDIR(st.st_mode))
		return;
	if (asprintf(&path, "%s%s/", prefix, name) < 0 || chdir(name))
		die(name);
	print_dir(path);
	free(path);
	if (chdir(".."))
		die("..");
}

static void print_dir(const char *prefix)
{
	char **names = NULL;
	size_t n = 0, i;
	struct dirent *de;
	DIR *d = opendir(".");

	if (!d)
		die(prefix);
	while ((errno = 0, de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		names = realloc(names, (n + 1) * sizeof(*names));
		names[n++] = strdup(de->d_name);
	}
	if (errno)
		die(prefix);
	closedir(d);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++) {
		print_entry(prefix, names[i]);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--make"))
		return tree_make(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--no-inodes")) {
		no_inodes = true;
		argv++;
		argc--;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: treeprint [--no-inodes|--make] DIR\n");
		return 2;
	}
	if (chdir(argv[1]))
		die(argv[1]);
	print_dir("");
	return fflush(stdout) ? 1 : 0;
}
