/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * states.h - which crash states of a model are looked at.
 */
#ifndef CRASH_STATES_H
#define CRASH_STATES_H

#include "model.h"

struct state_word {
	dxf_off_t off;
	uint64_t val;
};

/* The durable image, and these words laid over it. */
struct state {
	const struct model *m;
	const struct state_word *w;
	size_t n;
	uint64_t hash;		/* of the image that this is */
	const char *how;	/* "none", "line alone", ... */
	uint64_t which;		/* offset or number, by @how */
};

/* How many of each kind at most. */
struct states_caps {
	unsigned int subsets;	/* lines of which all subsets are tried */
	unsigned int lines;	/* each alone, all but each */
	unsigned int torn;	/* words of the log at which it is torn */
	unsigned int random;
};

struct states_range {
	dxf_off_t start, end;
};

/* Non-zero ends the enumeration. */
typedef int states_fn(void *ctx, const struct state *s);

/* All that is in flight.  Returns: what @fn did. */
int states_all(const struct model *m, states_fn *fn, void *ctx);

struct states_plan {
	struct states_caps caps;
	struct states_range log;	/* where the log lies, or 0, 0 */
	uint64_t rng;
};

/* The whole sample of one point.  Returns: 0, or what @fn did. */
int states_each(const struct model *m, struct states_plan *p, states_fn *fn,
		void *ctx);

/* A generator of numbers that anybody can repeat: splitmix64. */
uint64_t states_random(uint64_t *rng);

#endif
