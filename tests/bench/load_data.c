/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load_data.c - reading and writing one big file, which is there beforehand.
 *
 * Each thread has its own descriptor.  A row ends when its time is up, seen
 * between two operations.
 */
#include "load.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int load_open_big(const struct load *l, int flags)
{
	int fd = openat(l->dirfd, "big", flags | O_CREAT |
			(l->direct ? O_DIRECT : 0), 0644);

	if (fd < 0)
		load_die("big");
	return fd;
}

char *load_buffer(const struct load *l)
{
	void *p;

	if (posix_memalign(&p, 4096, l->block) != 0)
		load_die("memory");
	memset(p, 0x5a, l->block);
	return p;
}

/* The big file, written whole: it must be there for what follows. */
static uint64_t row_fill(const struct load *l)
{
	int fd = load_open_big(l, O_WRONLY);
	char *buf = load_buffer(l);
	size_t at;

	load_start(l);
	for (at = 0; at + l->block <= l->size; at += l->block)
		if (pwrite(fd, buf, l->block, (off_t)at) != (ssize_t)l->block)
			load_die("fill");
	if (fsync(fd) != 0)
		load_die("fsync");
	load_stop(l);
	close(fd);
	return at / l->block;
}

static void drop_pages(const struct load *l)
{
	int fd = load_open_big(l, O_RDONLY);

	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

/* ---- one operation, by many threads ---- */

struct worker {
	const struct load *l;
	pthread_t thread;
	int fd;
	bool write, random, sync;
	uint64_t state;		/* of the random numbers */
	uint64_t at;		/* not random: the next block */
	unsigned int nr;
	uint64_t ops;
};

/* Threads set out together. */
static pthread_barrier_t barrier;
static _Atomic bool stop;

#define NO_BLOCK	UINT64_MAX

/* A bijection of the numbers below 2^@bits that has no visible order. */
static uint64_t scatter(uint64_t i, unsigned int bits)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	assert(i <= mask);
	i = i * 2654435761u & mask;
	i ^= i >> (bits + 1) / 2;
	return i * 2246822519u & mask;
}

/*
 * Cold blocks are read once each, by one thread: what was read is cached.
 * Returns: NO_BLOCK when all were.
 */
static uint64_t next_cold(struct worker *w, uint64_t blocks)
{
	unsigned int bits = 1;
	uint64_t i, b;

	while (UINT64_C(1) << bits < blocks)
		bits++;
	do {
		i = w->at++ * w->l->threads + w->nr;
		if (i >> bits)
			return NO_BLOCK;
		b = scatter(i, bits);
	} while (b >= blocks);
	return b;
}

static uint64_t next_block(struct worker *w)
{
	uint64_t blocks = w->l->size / w->l->block;

	if (!w->random)
		return w->at++ % blocks;
	if (w->l->cold)
		return next_cold(w, blocks);
	return load_random(&w->state) % blocks;
}

/* Returns: false: there was nothing left to do. */
static bool one(struct worker *w, char *buf)
{
	uint64_t b = next_block(w);
	ssize_t n;

	if (b == NO_BLOCK)
		return false;
	n = w->write ?
		pwrite(w->fd, buf, w->l->block, (off_t)(b * w->l->block)) :
		pread(w->fd, buf, w->l->block, (off_t)(b * w->l->block));
	if (n != (ssize_t)w->l->block)
		load_die(w->write ? "write" : "read");
	if (w->sync && fsync(w->fd) != 0)
		load_die("fsync");
	w->ops++;
	return true;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	char *buf = load_buffer(w->l);
	double end;

	pthread_barrier_wait(&barrier);
	end = load_now() + w->l->seconds;
	while (one(w, buf) && !stop && load_now() < end)
		;
	stop = true;
	pthread_barrier_wait(&barrier);
	free(buf);
	return NULL;
}

static uint64_t run_threads(const struct load *l, const struct worker *how)
{
	struct worker w[64];
	uint64_t ops = 0;
	unsigned int i;

	if (l->cold)
		drop_pages(l);
	pthread_barrier_init(&barrier, NULL, l->threads + 1);
	for (i = 0; i < l->threads; i++) {
		w[i] = *how;
		w[i].l = l;
		w[i].fd = load_open_big(l, how->write ? O_RDWR : O_RDONLY);
		w[i].state = l->seed * 2654435761u + i + 1;
		w[i].nr = i;
		if (!l->cold)
			w[i].at = l->size / l->block / l->threads * i;
		if (pthread_create(&w[i].thread, NULL, worker_main, &w[i]))
			load_die("thread");
	}
	load_start(l);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	load_stop(l);
	for (i = 0; i < l->threads; i++) {
		pthread_join(w[i].thread, NULL);
		close(w[i].fd);
		ops += w[i].ops;
	}
	assert(ops >= l->threads);
	return ops;
}

static uint64_t row_seq_read(const struct load *l)
{
	return run_threads(l, &(struct worker){ .write = false });
}

static uint64_t row_seq_write(const struct load *l)
{
	return run_threads(l, &(struct worker){ .write = true });
}

static uint64_t row_rand_read(const struct load *l)
{
	return run_threads(l, &(struct worker){ .random = true });
}

static uint64_t row_rand_write(const struct load *l)
{
	return run_threads(l, &(struct worker){ .random = true,
						.write = true });
}

static uint64_t row_write_fsync(const struct load *l)
{
	return run_threads(l, &(struct worker){ .random = true, .write = true,
						.sync = true });
}

/* The whole file once, its pages dropped before: how long that takes. */
static uint64_t row_read_once(const struct load *l)
{
	char *buf = load_buffer(l);
	uint64_t ops = 0;
	ssize_t n;
	int fd;

	drop_pages(l);
	fd = load_open_big(l, O_RDONLY);
	load_start(l);
	while ((n = read(fd, buf, l->block)) == (ssize_t)l->block)
		ops++;
	load_stop(l);
	if (n < 0 || ops != l->size / l->block)
		load_die("read");
	close(fd);
	free(buf);
	return ops;
}

/* ---- mappings ---- */

static char *map_big(const struct load *l, int fd)
{
	char *p;

	/* dropped through the same file: no mapping holds its pages yet */
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	p = mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		load_die("mmap");
	madvise(p, l->size, MADV_RANDOM);
	return p;
}

/* Touch pages at random, none in memory at first. */
static uint64_t row_mmap_read(const struct load *l)
{
	uint64_t state = l->seed, ops = 0, pages = l->size / 4096;
	int fd = load_open_big(l, O_RDWR);
	volatile char *p = map_big(l, fd);
	double end;

	load_start(l);
	end = load_now() + l->seconds;
	while (ops < pages / 2 && load_now() < end) {
		(void)p[load_random(&state) % pages * 4096];
		ops++;
	}
	load_stop(l);
	munmap((char *)p, l->size);
	close(fd);
	return ops;
}

/* Eight bytes of a page at random; after 64 of them, msync. */
static uint64_t row_mmap_write(const struct load *l)
{
	uint64_t state = l->seed, ops = 0, pages = l->size / 4096;
	int fd = load_open_big(l, O_RDWR);
	char *p = map_big(l, fd);
	double end;

	load_start(l);
	end = load_now() + l->seconds;
	do {
		memcpy(p + load_random(&state) % pages * 4096, &ops, 8);
		if (++ops % 64 == 0 && msync(p, l->size, MS_SYNC) != 0)
			load_die("msync");
	} while (load_now() < end);
	msync(p, l->size, MS_SYNC);
	load_stop(l);
	munmap(p, l->size);
	close(fd);
	return ops;
}

const struct load_row load_data_rows[] = {
	{ "fill", row_fill },
	{ "seq-read", row_seq_read },
	{ "seq-write", row_seq_write },
	{ "rand-read", row_rand_read },
	{ "rand-write", row_rand_write },
	{ "write-fsync", row_write_fsync },
	{ "read-once", row_read_once },
	{ "mmap-read", row_mmap_read },
	{ "mmap-write", row_mmap_write },
	{ NULL },
};
