/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.h - one workload: run it once, recorded; then crash it everywhere.
 */
#ifndef CRASH_RUN_H
#define CRASH_RUN_H

#include "fs.h"
#include "states.h"

/* A kind of filesystem, made once. */
struct run_image {
	const char *name;
	const char *mke2fs;		/* its options */
	uint64_t size;
	uint8_t *bytes;
};

extern struct run_image run_images[];
extern const unsigned int run_nimages;
/* mke2fs them all. */
void run_make_images(void);

enum run_flags {
	RUN_FULL = 1 << 0,	/* of the full set only */
	RUN_FRESH = 1 << 1,	/* the image has no log yet; mounting is part */
	RUN_FSYNC = 1 << 2,	/* durability=fsync */
	RUN_NOMOUNT = 1 << 3,	/* the script mounts */
	/* Another program takes back all that the script did. */
	RUN_UNDONE = 1 << 4,
	/* ... writes the superblock when the script has unmounted. */
	RUN_TUNED = 1 << 5,
	RUN_THREADS = 1 << 6,	/* lanes instead of a script */
	RUN_LAST = 1 << 7,	/* only the last step is crashed */
	RUN_INDEX = 1 << 8,	/* e2fsck -D behind the setup: htrees */
	RUN_CUT = 1 << 9,	/* long operations are cut wherever they can be */
	RUN_PIECES = 1 << 10,	/* the log lies in twelve pieces */
};

struct run_workload {
	const char *name;
	const char *setup;
	const char *script;
	unsigned int image;	/* in run_images */
	unsigned int flags;
};

struct run_opts {
	struct states_caps caps, inner;	/* inner: inside recovery */
	unsigned int inside;	/* recoveries to be cut, per step */
	uint64_t seed;
	bool e2fsck;		/* hold the checker against it */
	bool checker_only;	/* ... on what the crash left, no mount */
	bool print;		/* the trace */
	const char *keep;	/* write the first wrong image there */
};

struct run_result {
	uint64_t states, same, inside, points, fences, compared;
	char why[4096];
};

/* Returns: true: every state was right; false: res->why. */
bool run_workload(const struct run_workload *w, const struct run_opts *o,
		  struct run_result *res);

#endif
