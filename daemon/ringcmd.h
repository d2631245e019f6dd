/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringcmd.h - a ring on which nothing but FUSE's commands can be submitted.
 */
#ifndef DXF_RINGCMD_H
#define DXF_RINGCMD_H

#include <liburing.h>
#include <stdint.h>

struct dxf_ringent;

/*
 * A ring for @n entries, on the connection that @fd is an end of; not enabled.
 * Ownership: dxf_ringcmd_close() releases it.
 * Returns: 0; -errno of io_uring_setup, io_uring_register: there is none.
 */
int dxf_ringcmd_open(struct io_uring *uring, unsigned int n, int fd);
void dxf_ringcmd_close(struct io_uring *uring);

/*
 * From now on it is the calling thread's alone.
 * Returns: 0; -errno of io_uring_register.
 */
int dxf_ringcmd_enable(struct io_uring *uring);

/*
 * Put a command, DXF_RING_*, for @e into the ring, which the next enter
 * submits.  At most one for each entry is put or submitted at a time.
 */
void dxf_ringcmd_put(struct io_uring *uring, struct dxf_ringent *e,
		     uint32_t what);

#endif
