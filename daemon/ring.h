/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.h - serve the connection over io_uring.
 *
 *	open	rings, memory and threads; nothing is agreed on yet
 *	(FUSE_INIT is answered, with the flag that asks for it)
 *	start	the threads hand their entries to the kernel, and serve
 *	stop	each finishes what the kernel has queued
 *
 * FORGET, INTERRUPT, notifications, and INIT itself go over /dev/fuse all the
 * same, so somebody must read there as well.
 */
#ifndef DXF_RING_H
#define DXF_RING_H

#include "err.h"
#include "session.h"

struct dxf_ring;

/*
 * What a request or an answer holds at most: there is one more copy than over
 * /dev/fuse, which should find the bytes in the near cache.
 */
#define DXF_RING_PAYLOAD	((size_t)256 * 1024)

/*
 * Make all that FUSE over io_uring takes, on s->se, which is mounted and whose
 * FUSE_INIT is not answered.
 * Ownership: dxf_ring_stop() releases it.
 * Returns: 0; -errno with a sentence in @err that names what is missing, and
 * nothing is left behind: -EOPNOTSUPP the kernel, its parameter or this build
 * has it not.
 */
int dxf_ring_open(struct dxf_ring **out, struct dxf_session *s,
		  struct dxf_err *err);

/*
 * Hand the entries to the kernel, which uses none before all are there.
 * Returns: 0; -errno the kernel refuses: it goes on over /dev/fuse.
 */
int dxf_ring_start(struct dxf_ring *r);

/* How many threads serve? */
unsigned int dxf_ring_workers(const struct dxf_ring *r);

/*
 * Let each thread finish what the kernel has queued, at most for a few seconds,
 * wait for all, and release @r - started or not.  The signal of worker.h is in
 * place.
 */
void dxf_ring_stop(struct dxf_ring *r);

#endif
