/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.h - what the benchmark's client does: one kind of work on a directory,
 * measured.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load {
	int dirfd;
	double seconds;		/* data: how long */
	unsigned long count;	/* names: how many operations, at least */
	unsigned long names;	/* names that a directory has beforehand */
	unsigned int threads;
	size_t block;		/* bytes of one read or write */
	size_t size;		/* of the big file, bytes */
	bool direct;		/* O_DIRECT */
	bool cold;		/* drop the file's pages first */
	uint64_t seed;
	int servers[4];		/* whose usage is told too; 0: no more */
};

/*
 * The measured part of a row runs between these, in the main thread; there may
 * be several such parts.  load_stop() returns the seconds of all so far.
 */
void load_start(const struct load *l);
double load_stop(const struct load *l);
/* Seconds on the monotonic clock. */
double load_now(void);

/* ---- what processes have used ---- */

struct load_usage {
	double cpu;		/* seconds, user and system */
	long switches;		/* context switches of either kind */
};

/* Our own, threads that ended included. */
void load_usage_self(struct load_usage *u);
/*
 * Add that of the living threads of @pid.  Returns: false: there is no such
 * process.
 */
bool load_usage_add(int pid, struct load_usage *u);

/* Print @what and errno, and end. */
void load_die(const char *what) __attribute__((noreturn));

/* xorshift; *@state is not 0. */
static inline uint64_t load_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

struct load_row {
	const char *name;
	/* Returns: the operations that were measured. */
	uint64_t (*run)(const struct load *l);
};

/* Each ends with an entry of NULL. */
extern const struct load_row load_data_rows[];
extern const struct load_row load_file_rows[];
extern const struct load_row load_name_rows[];

/* The big file of @l, opened with @flags. */
int load_open_big(const struct load *l, int flags);
/* A page-aligned buffer of @l->block bytes that are not zero. */
char *load_buffer(const struct load *l);

#endif
