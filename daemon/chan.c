/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chan.c - a worker's own end of the connection.
 *
 * Owns file descriptors of /dev/fuse and the memory of a request.  Must not
 * know what a request asks for.
 */
#include "chan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "alloc.h"
#include "fuse_api.h"
#include "rawreq.h"
#include "units.h"

/* What libfuse agrees on with the kernel: so many pages, and a header. */
#define MAX_PAGES	256
#define MAX_HEADER	4096

/* The bytes of a write begin at a cache line. */
#define WRITE_HEAD	(sizeof(struct fuse_in_header) + \
			 sizeof(struct fuse_write_in))
#define SKEW		(-WRITE_HEAD % DXF_CACHELINE)

/* Returns: -1: there can be none. */
static int clone_fd(int session_fd, int flags)
{
	uint32_t from = (uint32_t)session_fd;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | flags);

	if (fd < 0)
		return -1;
	if (ioctl(fd, FUSE_DEV_IOC_CLONE, &from) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

size_t dxf_chan_payload(void)
{
	return MAX_PAGES * (size_t)sysconf(_SC_PAGESIZE);
}

int dxf_chan_open(struct dxf_chan *c, int session_fd)
{
	c->size = dxf_chan_payload() + MAX_HEADER;
	c->mem = dxf_aligned_alloc(DXF_CACHELINE,
				   c->size + DXF_CACHELINE);
	if (c->mem == NULL)
		return -ENOMEM;
	c->buf = (char *)c->mem + SKEW;
	assert(((uintptr_t)c->buf + WRITE_HEAD) % DXF_CACHELINE == 0);
	c->poll_fd = clone_fd(session_fd, O_NONBLOCK);
	c->fd = c->poll_fd < 0 ? -1 : clone_fd(session_fd, 0);
	if (c->fd < 0) {
		if (c->poll_fd >= 0)
			close(c->poll_fd);
		c->poll_fd = -1;
		c->fd = session_fd;
	}
	return 0;
}

void dxf_chan_close(struct dxf_chan *c)
{
	if (c->poll_fd >= 0) {
		close(c->poll_fd);
		close(c->fd);
	}
	free(c->mem);
	memset(c, 0, sizeof(*c));
}

/* Is there a request?  Another thread may be faster. */
static bool request_waits(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

ssize_t dxf_chan_read(struct dxf_chan *c, bool wait)
{
	int fd = wait || c->poll_fd < 0 ? c->fd : c->poll_fd;
	ssize_t n;

	if (!wait && c->poll_fd < 0 && !request_waits(fd))
		return -EAGAIN;
	/* read(3) is a cancellation point, which costs two more atomics; nobody
	 * cancels a worker */
	n = syscall(SYS_read, fd, c->buf, c->size);
	if (n < 0)
		/* ENOENT: its caller was interrupted */
		return errno == ENOENT ? -EAGAIN : -errno;
	if ((size_t)n < sizeof(struct fuse_in_header))
		return -EIO;
	dxf_rawreq_fd = fd;
	return n;
}
