/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawreq.c - read what libfuse's parser drops, write what its replies lack.
 *
 * Owns the thread-local request.  Must not know the filesystem.
 *
 * Invariant: a reply is changed only if it is a success and answers the
 * thread's own request (a notification or an answer to INTERRUPT is not).
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

static void parse_write(const void *buf, size_t len)
{
	const struct fuse_write_in *in;

	in = dxf_rawreq_body(buf, len, sizeof(*in));
	if (in != NULL)
		dxf_rawreq.kill_priv = in->write_flags &
				       DXF_WRITE_KILL_SUIDGID;
}

static void parse_setattr(const void *buf, size_t len)
{
	const struct fuse_setattr_in *in;

	in = dxf_rawreq_body(buf, len, sizeof(*in));
	if (in == NULL)
		return;
	dxf_rawreq.kill_priv = in->valid & DXF_FATTR_KILL_SUIDGID;
	dxf_rawreq.set_open = in->valid & (DXF_FATTR_FH | DXF_FATTR_OPEN);
}

static void parse_open(const void *buf, size_t len)
{
	const struct dxf_fuse_open_in *in;

	in = dxf_rawreq_body(buf, len, sizeof(*in));
	if (in != NULL)
		dxf_rawreq.kill_priv = in->open_flags & DXF_OPEN_KILL_SUIDGID;
}

void dxf_rawreq_parse(const void *buf, size_t len)
{
	const struct fuse_in_header *h = buf;

	memset(&dxf_rawreq, 0, sizeof(dxf_rawreq));
	assert(len >= sizeof(*h));
	dxf_rawreq.unique = h->unique;
	dxf_rawreq.opcode = h->opcode;
	switch (h->opcode) {
	case FUSE_INIT:
		parse_init(buf, len);
		break;
	case FUSE_WRITE:
		parse_write(buf, len);
		break;
	case FUSE_SETATTR:
		parse_setattr(buf, len);
		break;
	case FUSE_OPEN:
		parse_open(buf, len);
		break;
	}
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

/* Writers of one file must not wait for each other in the kernel. */
static void patch_open(struct fuse_open_out *out)
{
	if (out->open_flags & FOPEN_DIRECT_IO)
		out->open_flags |= DXF_FOPEN_PARALLEL_DIRECT_WRITES;
	out->open_flags |= DXF_FOPEN_NOFLUSH;
}

/* The bodies that are changed; copied, since libfuse owns the original. */
union body {
	struct dxf_fuse_init_out init;
	struct fuse_open_out open;
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} create;
};

/* Returns: true if @b is to be sent in the place of @body. */
static bool patch_body(struct dxf_session *s, const struct iovec *body,
		       union body *b)
{
	size_t want;

	switch (dxf_rawreq.opcode) {
	case FUSE_INIT:
		want = sizeof(b->init);
		break;
	case FUSE_OPEN:
		want = sizeof(b->open);
		break;
	case FUSE_CREATE:
		want = sizeof(b->create);
		break;
	default:
		return false;
	}
	if (body->iov_len != want)
		return false;
	memcpy(b, body->iov_base, want);
	if (dxf_rawreq.opcode == FUSE_INIT)
		patch_init(s, &b->init);
	else if (dxf_rawreq.opcode == FUSE_OPEN)
		patch_open(&b->open);
	else
		patch_open(&b->create.open);
	return true;
}

void dxf_rawreq_answered(const struct fuse_out_header *h, const void *body)
{
	const struct fuse_write_out *w = body;

	assert(h->len >= sizeof(*h));
	dxf_rawreq.error = h->error;
	if (h->error != 0)
		return;
	switch (dxf_rawreq.opcode) {
	case FUSE_READ:
		dxf_rawreq.bytes = h->len - (uint32_t)sizeof(*h);
		break;
	case FUSE_WRITE:
	case FUSE_COPY_FILE_RANGE:
		if (h->len == sizeof(*h) + sizeof(*w))
			dxf_rawreq.bytes = w->size;
		break;
	}
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
	struct iovec patched[2];
	union body b;

	assert(count >= 1 && iov[0].iov_len == sizeof(*h));
	if (h->unique == dxf_rawreq.unique)
		dxf_rawreq_answered(h, count > 1 ? iov[1].iov_base : NULL);
	if (count != 2 || h->error != 0 || h->unique != dxf_rawreq.unique)
		return dxf_rawreq_send(fd, iov, count);
	if (!patch_body(userdata, &iov[1], &b))
		return dxf_rawreq_send(fd, iov, count);
	patched[0] = iov[0];
	patched[1].iov_base = &b;
	patched[1].iov_len = iov[1].iov_len;
	return dxf_rawreq_send(fd, patched, 2);
}

static ssize_t io_read(int fd, void *buf, size_t len, void *userdata)
{
	return read(fd, buf, len);
}

const struct fuse_custom_io dxf_rawreq_io = {
	.writev = io_writev,
	.read = io_read,
};
