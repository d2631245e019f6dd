/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load_name.c - names: make, stat, list, rename, remove.
 *
 * Directories "dN.I" have N names ("b0", "b1", ...) from `fill-names` on; there
 * are so many of them that together they have as many names as operations are
 * done, and the operations go round them.  The rows of one round are run in
 * this order: create, then stat-*, list, then rename, unlink; after the last
 * all is as before.
 */
#include "load.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRS_MAX	512
#define PAYLOAD		1000

static unsigned long ndirs(const struct load *l)
{
	unsigned long n = l->count / l->names;

	return n < 1 ? 1 : n > DIRS_MAX ? DIRS_MAX : n;
}

static int open_dir(const struct load *l, unsigned long i, bool make)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "d%lu.%lu", l->names, i);
	if (make && mkdirat(l->dirfd, name, 0755) != 0)
		load_die(name);
	fd = openat(l->dirfd, name, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		load_die(name);
	return fd;
}

/* Descriptors of all directories, open for the whole row. */
struct dirs {
	unsigned long n;
	int fd[DIRS_MAX];
};

static void open_dirs(const struct load *l, struct dirs *d, bool make)
{
	unsigned long i;

	d->n = ndirs(l);
	assert(d->n >= 1 && d->n <= DIRS_MAX);
	for (i = 0; i < d->n; i++)
		d->fd[i] = open_dir(l, i, make);
}

static void close_dirs(struct dirs *d)
{
	unsigned long i;

	for (i = 0; i < d->n; i++)
		close(d->fd[i]);
}

static void make_node(int dir, const char *name)
{
	int fd;

	if (mknodat(dir, name, S_IFREG | 0644, 0) == 0)
		return;
	/* there are filesystems without it */
	fd = errno == ENOSYS ?
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644) : -1;
	if (fd < 0)
		load_die(name);
	close(fd);
}

static uint64_t row_fill_names(const struct load *l)
{
	struct dirs d;
	unsigned long i, j;
	char name[32];

	open_dirs(l, &d, true);
	load_start(l);
	for (i = 0; i < d.n; i++) {
		for (j = 0; j < l->names; j++) {
			snprintf(name, sizeof(name), "b%lu", j);
			make_node(d.fd[i], name);
		}
	}
	load_stop(l);
	close_dirs(&d);
	return d.n * l->names;
}

/* ---- operations that go round the directories ---- */

/* Call @fn for @l->count names that begin with @prefix. */
static uint64_t each_name(const struct load *l, char prefix,
			  void (*fn)(int dir, const char *name))
{
	struct dirs d;
	unsigned long i;
	char name[32];

	open_dirs(l, &d, false);
	load_start(l);
	for (i = 0; i < l->count; i++) {
		snprintf(name, sizeof(name), "%c%lu", prefix, i);
		fn(d.fd[i % d.n], name);
	}
	load_stop(l);
	close_dirs(&d);
	return l->count;
}

static void create_one(int dir, const char *name)
{
	static const char payload[PAYLOAD] = "payload";
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	if (fd < 0)
		load_die(name);
	if (write(fd, payload, sizeof(payload)) != sizeof(payload))
		load_die(name);
	close(fd);
}

static void rename_one(int dir, const char *name)
{
	char to[32];

	snprintf(to, sizeof(to), "r%s", name + 1);
	if (renameat(dir, name, dir, to) != 0)
		load_die(name);
}

static void unlink_one(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) != 0)
		load_die(name);
}

static uint64_t row_create(const struct load *l)
{
	return each_name(l, 'n', create_one);
}

static uint64_t row_rename(const struct load *l)
{
	return each_name(l, 'n', rename_one);
}

static uint64_t row_unlink(const struct load *l)
{
	return each_name(l, 'r', unlink_one);
}

/* ---- looking ---- */

/* A step that leads to every number below @n once; it is far. */
static uint64_t far_step(uint64_t n)
{
	uint64_t step = n * 5 / 8 | 1, a, b, t;

	for (;; step += 2) {
		for (a = n, b = step; b != 0; b = t) {
			t = a % b;
			a = b;
		}
		if (a == 1)
			return step;
	}
}

/* Each name at most once, as long as there are enough. */
static void stat_scattered(const struct load *l, const struct dirs *d)
{
	uint64_t all = d->n * l->names, step = far_step(all);
	uint64_t at = l->seed * 2654435761u % all;
	struct stat st;
	unsigned long i;
	char name[32];

	for (i = 0; i < l->count; i++) {
		at = (at + step) % all;
		snprintf(name, sizeof(name), "b%lu",
			 (unsigned long)(at / d->n));
		if (fstatat(d->fd[at % d->n], name, &st, 0) != 0)
			load_die(name);
	}
}

/* One of a name that is not there in each: who has an index makes it now. */
static void look_first(const struct dirs *d)
{
	struct stat st;
	unsigned long i;

	for (i = 0; i < d->n; i++)
		if (fstatat(d->fd[i], "none", &st, 0) == 0 || errno != ENOENT)
			load_die("none");
}

/* The caller has dropped what the kernel knows, here and for stat-cold. */
static uint64_t row_first(const struct load *l)
{
	struct dirs d;

	open_dirs(l, &d, false);
	load_start(l);
	look_first(&d);
	load_stop(l);
	close_dirs(&d);
	return d.n;
}

static uint64_t row_stat_cold(const struct load *l)
{
	struct dirs d;

	open_dirs(l, &d, false);
	look_first(&d);
	load_start(l);
	stat_scattered(l, &d);
	load_stop(l);
	close_dirs(&d);
	return l->count;
}

static uint64_t row_stat_warm(const struct load *l)
{
	struct dirs d;

	open_dirs(l, &d, false);
	stat_scattered(l, &d);
	load_start(l);
	stat_scattered(l, &d);
	load_stop(l);
	close_dirs(&d);
	return l->count;
}

static uint64_t list_one(int dir)
{
	DIR *dp = fdopendir(dup(dir));
	struct dirent *de;
	struct stat st;
	uint64_t n = 0;

	if (dp == NULL)
		load_die("fdopendir");
	while ((de = readdir(dp)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		if (fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			load_die(de->d_name);
		n++;
	}
	closedir(dp);
	return n;
}

/* List all directories and stat every name. */
static uint64_t row_list(const struct load *l)
{
	struct dirs d;
	unsigned long i;
	uint64_t n = 0;

	open_dirs(l, &d, false);
	load_start(l);
	for (i = 0; i < d.n; i++)
		n += list_one(d.fd[i]);
	load_stop(l);
	close_dirs(&d);
	if (n < d.n * l->names)
		load_die("a listing lacks names");
	return n;
}

const struct load_row load_name_rows[] = {
	{ "fill-names", row_fill_names },
	{ "create", row_create },
	{ "first", row_first },
	{ "stat-cold", row_stat_cold },
	{ "stat-warm", row_stat_warm },
	{ "list", row_list },
	{ "rename", row_rename },
	{ "unlink", row_unlink },
	{ NULL },
};
