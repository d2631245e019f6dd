/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hammer.h - between enospc_hammer.c (the processes) and hammer.c (what one
 * of them does).
 */
#ifndef DXF_POSIX_HAMMER_H
#define DXF_POSIX_HAMMER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Written by the one process, read by the watcher. */
struct hammer_counts {
	volatile uint64_t ops, enospc, bytes;
	volatile bool done;
};

struct hammer_shared {
	struct hammer_counts of[64];
};

struct hammer {
	int id;
	uint64_t seed;
	time_t end;		/* CLOCK_MONOTONIC */
	struct hammer_counts *counts;
};

/*
 * Work in the current directory, which is empty, until the end; remove all
 * that was made.  Returns: 0; 1 something was wrong, said on stderr.
 */
int hammer_run(struct hammer *h);

#endif
