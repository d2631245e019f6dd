/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker.h - the threads that serve the connection.
 */
#ifndef DXF_WORKER_H
#define DXF_WORKER_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "session.h"

struct dxf_workers;

/* For one thread each; never sent to the process. */
#define DXF_WORKER_KICK	(SIGRTMIN + 2)

/*
 * Start @n threads; where s->ring serves, one, for what does not come there.
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

/* ---- for whoever has threads of its own that serve ---- */

/* Process request @buf, of @len bytes, and see it answered. */
void dxf_worker_process(struct dxf_session *s, void *buf, size_t len);
/* The thread ends: release its memory. */
void dxf_worker_scratch_free(void);
/*
 * A signal that does nothing but interrupt a wait: have it handled; let it reach
 * the calling thread; send it to @t.
 */
void dxf_worker_install_kick(void);
void dxf_worker_accept_kick(void);
void dxf_worker_kick(pthread_t t);

#endif
