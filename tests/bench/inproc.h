/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inproc.h - the benchmark of the library: operations of fs.h without FUSE.
 */
#ifndef BENCH_INPROC_H
#define BENCH_INPROC_H

#include <stddef.h>

#include "fs.h"

#define INPROC_OPS	2000
#define RAW_SIZE	(64 * DXF_MIB)

struct inproc {
	struct dxf_fs *fs;
	struct dxf_region *region;
	char *raw;		/* memory of the same kind, RAW_SIZE bytes */
	char *buf;		/* 1 MiB of ordinary memory */
	dxf_ino_t file;		/* RAW_SIZE bytes, written */
	dxf_ino_t grown;	/* empty between rows */
	dxf_ino_t dir;		/* what a row makes here, a later one removes */
	dxf_ino_t many;		/* full of names "b0", "b1", ... */
	unsigned int names;	/* so many */
	dxf_ino_t made[INPROC_OPS];	/* this round's inodes */
	/* written beforehand: their making is not measured */
	char new[INPROC_OPS][16], renamed[INPROC_OPS][16], none[INPROC_OPS][16];
	char pick[INPROC_OPS][16];	/* of the many, others each round */
	dxf_ino_t picked[INPROC_OPS];
	uint64_t state;		/* of random numbers */
};


struct inproc_row {
	const char *name;
	/* Do operation @i of INPROC_OPS.  Returns: 0; -errno. */
	int (*one)(struct inproc *b, unsigned int i);
	/* Afterwards, not measured; NULL: nothing. */
	int (*tidy)(struct inproc *b);
	unsigned int bytes;	/* of data that one operation moves */
	const char *against;	/* the raw row of the same kind, or NULL */
	double us;		/* the bar: microseconds, above the raw row */
	double us_csum;		/* with metadata_csum, if it is another */
};

/* In this order each round; ends with a name of NULL. */
extern const struct inproc_row inproc_rows[];

/* Print which locks the operations take, and how long the metadata lock is held. */
int inproc_locks(struct inproc *b);
/* Print what it costs to store so many bytes, in what way. */
int inproc_stores(void);

static inline uint64_t inproc_random(struct inproc *b)
{
	b->state ^= b->state << 13;
	b->state ^= b->state >> 7;
	b->state ^= b->state << 17;
	return b->state;
}

#endif
