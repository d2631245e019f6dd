/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawreq.h - the request as the kernel sent it.
 *
 * libfuse's parser drops flags that we need (who must lose setuid on a write),
 * and its replies lack flags that we want.  So each worker looks at the raw
 * request before libfuse does, leaves here what libfuse would lose, and
 * touches up the replies to INIT, OPEN and CREATE on their way out.
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
struct fuse_out_header;
struct iovec;

struct dxf_rawreq {
	uint64_t unique;
	uint32_t opcode;
	bool kill_priv;		/* strip setuid, setgid and capabilities */
	bool set_open;		/* SETATTR through an open file, or O_TRUNC */
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

/* Read the @len bytes of a request into dxf_rawreq. */
void dxf_rawreq_parse(const void *buf, size_t len);

/* Take note of the answer @h, with @body behind it, to the thread's request. */
void dxf_rawreq_answered(const struct fuse_out_header *h, const void *body);

/*
 * The body of request @buf as a structure of @want bytes.  Returns: NULL when
 * the request is shorter.
 */
const void *dxf_rawreq_body(const void *buf, size_t len, size_t want);

/* Read and write of the connection, for fuse_session_custom_io(). */
extern const struct fuse_custom_io dxf_rawreq_io;

#endif
