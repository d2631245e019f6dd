/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statprint.h - the figures of daxfuse-stat as a table and as JSON.
 */
#ifndef DXF_STATPRINT_H
#define DXF_STATPRINT_H

#include <stdio.h>

#include "statabi.h"

#define SNAPSHOT_OPS	64

struct snapshot {
	struct dxf_stat general;
	uint32_t nops;
	struct dxf_stat_op op[SNAPSHOT_OPS];
};

/*
 * What happened between @old and @now: counts are subtracted, what describes a
 * state (dirty bytes, cached inodes, sizes) is @now's.  The longest time is
 * that of the longest bucket with something in it.
 */
void snapshot_subtract(const struct snapshot *now, const struct snapshot *old,
		       struct snapshot *diff);

void print_table(const struct snapshot *s, FILE *to);
/* One line, which ends with a newline. */
void print_json(const struct snapshot *s, FILE *to);

#endif
