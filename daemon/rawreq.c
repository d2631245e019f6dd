/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawreq.c - which request a thread is at, where its answer goes, and what
 * libfuse's answer to INIT lacks.
 *
 * Owns the thread-local request.  Must not know the filesystem.
 *
 * Invariant: an answer is changed only if it is a success and answers the
 * thread's own request (a notification does not).
 */
#include "fuse_api.h"
#include "rawreq.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi.h"
#include "ringent.h"
#include "ring.h"
#include "session.h"
#include "units.h"

__thread struct dxf_rawreq dxf_rawreq;
__thread int dxf_rawreq_fd = -1;
__thread struct dxf_ringent *dxf_rawreq_ent;

/* ---- requests ---- */

const void *dxf_rawreq_body(const void *buf, size_t len, size_t want)
{
	if (len < sizeof(struct fuse_in_header) + want)
		return NULL;
	return (const char *)buf + sizeof(struct fuse_in_header);
}

static void parse_init(const void *buf, size_t len)
{
	const struct dxf_fuse_init_in *in;

	in = dxf_rawreq_body(buf, len, DXF_FUSE_INIT_IN_SHORT);
	if (in == NULL)
		return;
	dxf_rawreq.init_flags = in->flags;
	if ((in->flags & DXF_INIT_EXT) &&
	    dxf_rawreq_body(buf, len, sizeof(*in)) != NULL)
		dxf_rawreq.init_flags |= (uint64_t)in->flags2 << 32;
}

void dxf_rawreq_parse(const void *buf, size_t len)
{
	const struct fuse_in_header *h = buf;

	memset(&dxf_rawreq, 0, sizeof(dxf_rawreq));
	assert(len >= sizeof(*h));
	dxf_rawreq.unique = h->unique;
	dxf_rawreq.opcode = h->opcode;
	if (h->opcode == FUSE_INIT)
		parse_init(buf, len);
}

/* ---- replies ---- */

/* No request is larger than an entry of the ring. */
static void limit_requests(struct dxf_fuse_init_out *out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	out->max_write = DXF_MIN(out->max_write, (uint32_t)DXF_RING_PAYLOAD);
	out->max_pages = (uint16_t)(out->max_write / page);
	assert(out->max_pages >= 1);
}

/*
 * Ask for what libfuse does not know, where the kernel offers it: then setuid
 * is ours to clear, which saves a GETXATTR before each write; shared mappings
 * of files opened for direct I/O; the flag that an ACL must clear setgid.
 */
static void patch_init(struct dxf_session *s, struct dxf_fuse_init_out *out)
{
	uint64_t want = dxf_rawreq.init_flags &
		(DXF_INIT_KILLPRIV_V2 | DXF_INIT_SETXATTR_EXT |
		 DXF_INIT_DIRECT_IO_MMAP |
		 (s->ring != NULL ? DXF_INIT_OVER_IO_URING : 0));

	out->flags |= (uint32_t)want;
	if (dxf_rawreq.init_flags & DXF_INIT_EXT) {
		out->flags |= DXF_INIT_EXT;
		out->flags2 |= (uint32_t)(want >> 32);
	}
	if (want & DXF_INIT_OVER_IO_URING)
		limit_requests(out);
	/* a newer libfuse has set some of them */
	s->init_flags = want;
	s->inited = true;
}

void *dxf_rawreq_room(size_t len)
{
	if (dxf_rawreq_ent == NULL || len > dxf_rawreq_ent->size)
		return NULL;
	return dxf_rawreq_ent->payload;
}

/* Not writev(3), which is a cancellation point: see dxf_chan_read(). */
ssize_t dxf_rawreq_send(int fd, const struct iovec *iov, int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	ssize_t n;

	assert(count >= 1 && iov[0].iov_len == sizeof(*h));
	/* notifications, and what answers another request, go to /dev/fuse */
	if (dxf_rawreq_ent != NULL && h->unique == dxf_rawreq.unique) {
		n = dxf_ringent_answer(dxf_rawreq_ent, iov, count);
		if (n < 0)
			errno = (int)-n;
		return n < 0 ? -1 : n;
	}
	if (dxf_rawreq_fd >= 0)
		fd = dxf_rawreq_fd;
	return syscall(SYS_writev, fd, iov, count);
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	bool own = h->unique == dxf_rawreq.unique;

	assert(count >= 1 && iov[0].iov_len == sizeof(*h));
	if (own)
		dxf_rawreq.error = h->error;
	/* libfuse's own copy, which nobody reads any more */
	if (own && h->error == 0 && dxf_rawreq.opcode == FUSE_INIT &&
	    count == 2 && iov[1].iov_len == sizeof(struct dxf_fuse_init_out))
		patch_init(userdata, iov[1].iov_base);
	return dxf_rawreq_send(fd, iov, count);
}

static ssize_t io_read(int fd, void *buf, size_t len, void *userdata)
{
	return read(fd, buf, len);
}

const struct fuse_custom_io dxf_rawreq_io = {
	.writev = io_writev,
	.read = io_read,
};
