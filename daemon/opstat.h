/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opstat.h - how many requests of each kind, and how long they took.
 *
 * From the moment a request was read to the moment it is answered, in memory
 * of the thread that served it.
 */
#ifndef DXF_OPSTAT_H
#define DXF_OPSTAT_H

#include <stdint.h>

#include "statabi.h"

/* Opcodes below it are counted, others as 0. */
#define DXF_OPSTAT_OPS	64

/* Nanoseconds, for the beginning. */
uint64_t dxf_opstat_now(void);

/*
 * A request that began at @start is done - @error is what it was answered, 0
 * or -errno; @bytes what it moved.
 */
void dxf_opstat_done(uint32_t opcode, uint64_t start, int error,
		     uint64_t bytes);

/* Fill *@op for op->opcode: the sums over all threads. */
void dxf_opstat_get(struct dxf_stat_op *op);

#endif
