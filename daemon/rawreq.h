/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawreq.h - the request that a thread is at.
 *
 * What is agreed on at INIT goes beyond what libfuse knows: so its answer is
 * touched up on its way out.  All other requests are answered without libfuse
 * (ops.c); they, too, leave here what becomes of them.
 *
 * There is one request per thread at a time, so it is thread-local.
 */
#ifndef DXF_RAWREQ_H
#define DXF_RAWREQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dxf_ringent;
struct dxf_session;
struct fuse_custom_io;
struct iovec;

struct dxf_rawreq {
	uint64_t unique;
	uint32_t opcode;
	uint64_t init_flags;	/* INIT: what the kernel offers */
	int error;		/* what it was answered: 0 or -errno */
	uint32_t bytes;		/* and how much was read or written */
};

/* The calling thread's request. */
extern __thread struct dxf_rawreq dxf_rawreq;

/*
 * Where the calling thread's request was read, and is answered; -1: at the
 * session's own descriptor.
 */
extern __thread int dxf_rawreq_fd;

/*
 * Where the calling thread's request came by io_uring: its entry, which takes
 * the answer; NULL: it did not.
 */
extern __thread struct dxf_ringent *dxf_rawreq_ent;

/*
 * Room of @len bytes for the calling thread's answer, from where it need not be
 * copied.  What the request holds behind its structure is lost.
 * Returns: NULL: there is none such.
 */
void *dxf_rawreq_room(size_t len);

/*
 * Send the answer @iov, at the descriptor @fd unless the thread's request came
 * from elsewhere.  Returns: bytes; -1 with errno.
 */
ssize_t dxf_rawreq_send(int fd, const struct iovec *iov, int count);

/* Begin the request of @len bytes at @buf. */
void dxf_rawreq_parse(const void *buf, size_t len);

/*
 * The body of request @buf as a structure of @want bytes.  Returns: NULL when
 * the request is shorter.
 */
const void *dxf_rawreq_body(const void *buf, size_t len, size_t want);

/* Read and write of the connection, for fuse_session_custom_io(). */
extern const struct fuse_custom_io dxf_rawreq_io;

#endif
