/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker.h - the threads that serve the connection.
 */
#ifndef DXF_WORKER_H
#define DXF_WORKER_H

#include <stddef.h>

#include "session.h"

struct dxf_workers;

/*
 * Start @n threads.
 * Returns: 0; -errno of pthread_create, eventfd: none runs.
 */
int dxf_workers_start(struct dxf_workers **out, struct dxf_session *s,
		      unsigned int n);
/* Readable when the connection has ended: nothing is left to serve. */
int dxf_workers_fd(const struct dxf_workers *w);
/* Let each finish the request it is at, and wait for all. */
void dxf_workers_stop(struct dxf_workers *w);
/* How many to start where the user did not say. */
unsigned int dxf_workers_default(void);

/*
 * Receive and process one request in the calling thread, for FUSE_INIT.
 * Returns: 0; -errno of reading.
 */
int dxf_worker_one(struct dxf_session *s);

/*
 * Process in the calling thread what the kernel has queued - no worker runs
 * any more: writes of dirty pages, which syncfs(2) starts but does not wait
 * for.
 */
void dxf_worker_drain(struct dxf_session *s);

/*
 * @len bytes of memory of the calling thread, for one reply: valid until the
 * next call.  Returns: NULL without memory.
 */
void *dxf_worker_scratch(size_t len);

#endif
