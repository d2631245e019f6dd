/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * must.h - what a test cannot go on without.
 *
 * Unlike assert(3) it is there in every build: with b_ndebug the tests judge
 * as they do without.
 */
#ifndef CRASH_MUST_H
#define CRASH_MUST_H

#include <stdio.h>
#include <stdlib.h>

/* End the test, with where and what, unless @cond. */
#define must(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n",		\
				__FILE__, __LINE__, #cond);		\
			abort();					\
		}							\
	} while (0)

#endif
