/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load_file.c - files that grow: small appends made durable, big ones written
 * behind their end, into a hole and over what they had.
 */
#include "load.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* An append-only log is cut when it has this many bytes. */
#define LOG_MAX		(8u << 20)

static int open_grown(const struct load *l, int flags)
{
	int fd = openat(l->dirfd, "grown", O_RDWR | O_CREAT | flags |
			(l->direct ? O_DIRECT : 0), 0644);

	if (fd < 0)
		load_die("grown");
	return fd;
}

static void remove_grown(const struct load *l, int fd)
{
	close(fd);
	if (unlinkat(l->dirfd, "grown", 0) != 0)
		load_die("unlink");
}

static uint64_t row_append_fsync(const struct load *l)
{
	int fd = open_grown(l, O_APPEND);
	char *buf = load_buffer(l);
	uint64_t ops = 0, at = 0;
	double end;

	load_start(l);
	end = load_now() + l->seconds;
	do {
		if (write(fd, buf, l->block) != (ssize_t)l->block ||
		    fsync(fd) != 0)
			load_die("append");
		ops++;
		at += l->block;
		if (at >= LOG_MAX && ftruncate(fd, 0) == 0)
			at = 0;
	} while (load_now() < end);
	load_stop(l);
	assert(ops > 0);
	free(buf);
	remove_grown(l, fd);
	return ops;
}

/* Write the file from its start, block by block. */
static uint64_t write_whole(const struct load *l, int fd, const char *buf)
{
	uint64_t at;

	for (at = 0; at + l->block <= l->size; at += l->block)
		if (pwrite(fd, buf, l->block, (off_t)at) != (ssize_t)l->block)
			load_die("write");
	assert(at > 0);
	return at / l->block;
}

/* Blocks where a hole was: from the last to the first. */
static uint64_t write_back(const struct load *l, int fd, const char *buf)
{
	uint64_t n = l->size / l->block, i;

	for (i = n; i-- > 0;)
		if (pwrite(fd, buf, l->block, (off_t)(i * l->block)) !=
		    (ssize_t)l->block)
			load_die("write");
	return n;
}

/* Empty it; @hole: and make it a hole of its whole size. */
static void empty(const struct load *l, int fd, bool hole)
{
	if (ftruncate(fd, 0) != 0 ||
	    (hole && ftruncate(fd, (off_t)l->size) != 0))
		load_die("truncate");
}

/* What an append finds, too: no page in the cache.  All was written through. */
static void drop_pages(int fd)
{
	if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		load_die("fadvise");
}

enum grow {
	GROW_APPEND, GROW_FRESH, GROW_HOLES, GROW_OVERWRITE, GROW_COLD,
};

/* Write the whole file as often as fits in the time. */
static uint64_t grow(const struct load *l, enum grow how)
{
	int fd = open_grown(l, O_TRUNC | (how == GROW_APPEND ? O_APPEND : 0));
	char *buf = load_buffer(l);
	uint64_t ops = 0;

	if (how >= GROW_OVERWRITE)
		write_whole(l, fd, buf);
	do {
		if (how == GROW_COLD)
			drop_pages(fd);
		else if (how != GROW_OVERWRITE)
			empty(l, fd, how != GROW_APPEND);
		load_start(l);
		ops += how == GROW_HOLES ? write_back(l, fd, buf) :
					   write_whole(l, fd, buf);
	} while (load_stop(l) < l->seconds / 2);
	free(buf);
	remove_grown(l, fd);
	return ops;
}

static uint64_t row_append(const struct load *l)
{
	return grow(l, GROW_APPEND);
}

static uint64_t row_fresh(const struct load *l)
{
	return grow(l, GROW_FRESH);
}

static uint64_t row_overwrite(const struct load *l)
{
	return grow(l, GROW_OVERWRITE);
}

static uint64_t row_overwrite_cold(const struct load *l)
{
	return grow(l, GROW_COLD);
}

static uint64_t row_holes(const struct load *l)
{
	return grow(l, GROW_HOLES);
}

/* Grow and cut by one block, as a database's journal does. */
static uint64_t row_truncate(const struct load *l)
{
	int fd = open_grown(l, O_TRUNC);
	uint64_t ops = 0;
	double end;

	load_start(l);
	end = load_now() + l->seconds;
	do {
		if (ftruncate(fd, 100000) != 0 || ftruncate(fd, 0) != 0)
			load_die("truncate");
		ops += 2;
	} while (load_now() < end);
	load_stop(l);
	remove_grown(l, fd);
	return ops;
}

const struct load_row load_file_rows[] = {
	{ "append-fsync", row_append_fsync },
	{ "append", row_append },
	{ "fresh", row_fresh },
	{ "overwrite", row_overwrite },
	{ "overwrite-cold", row_overwrite_cold },
	{ "holes", row_holes },
	{ "truncate", row_truncate },
	{ NULL },
};
