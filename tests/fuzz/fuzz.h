/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - hostile images in process: bases, damage, and what is done to them.
 *
 *	base.c		small filesystems with something of everything in them
 *	damage.c	changes of their bytes, from a seed or from a script
 *	visit.c		mount, walk, read, change, unmount
 *	hostile.c	the driver: many seeds, each in a process that may die
 *	libfuzzer.c	the target of libFuzzer (-Dfuzz=true, clang)
 *
 * The only judgement is that the process lives and ends in time: a sanitizer,
 * an assertion, a store that is not persist's, or a hang.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs.h"

/* ---- random numbers ---- */

struct fuzz_rng {
	uint64_t state;
};

uint64_t fuzz_random(struct fuzz_rng *r);
/* [0, @n); 0 for n = 0. */
uint64_t fuzz_below(struct fuzz_rng *r, uint64_t n);

/* ---- base.c ---- */

/* Lines of 64 bytes whose change may matter, by what they hold. */
enum fuzz_class {
	FUZZ_SUPER,
	FUZZ_DESC,
	FUZZ_ITABLE,
	FUZZ_LOG,
	FUZZ_OTHER,
	FUZZ_NCLASSES,
};

struct fuzz_base {
	const char *name;
	uint8_t *bytes;
	uint64_t size;
	uint32_t block_size;
	struct {
		uint32_t *line;
		uint32_t n;
	} lines[FUZZ_NCLASSES];
};

/* How many bases there are. */
unsigned int fuzz_nbases(void);
/* Made at its first use; kept.  Aborts where mke2fs is missing. */
const struct fuzz_base *fuzz_base(unsigned int i);

/* ---- damage.c ---- */

/* Change @bytes, a copy of the base's, a few times. */
void fuzz_damage(const struct fuzz_base *b, struct fuzz_rng *r,
		 uint8_t *bytes);
/*
 * The same by a script: seven bytes are a place (three), a kind, and a value
 * (three).  What is left over is ignored.
 */
void fuzz_damage_script(const struct fuzz_base *b, const uint8_t *script,
			size_t len, uint8_t *bytes);

/* ---- visit.c ---- */

struct fuzz_visit {
	struct fuzz_rng rng;
	bool ro, force, continues;	/* mount options */
	bool nolog;
	/* damage it once more while it is mounted; NULL: no */
	const struct fuzz_base *live;
};

/*
 * Mount what is in @r, use it, unmount it.
 * Returns: 0; what the mount said; results of operations do not matter.
 */
int fuzz_visit(struct dxf_region *r, const struct fuzz_visit *v);
/* Say nothing: expected errors are many. */
void fuzz_be_quiet(void);

#endif
