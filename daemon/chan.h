/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chan.h - a worker's own end of the connection.
 *
 * The kernel keeps what was read until it is answered, per open file of
 * /dev/fuse; with one for each worker they do not meet there.  A request is
 * answered where it was read, by the thread that read it.
 */
#ifndef DXF_CHAN_H
#define DXF_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct dxf_chan {
	int fd;		/* waits */
	int poll_fd;	/* does not; -1: there is no end of our own */
	void *mem;
	char *buf;	/* for one request */
	size_t size;
};

/*
 * A second and third end of the connection that @session_fd is one of; where
 * none can be had, that one is used.  Returns: 0; -ENOMEM.
 */
int dxf_chan_open(struct dxf_chan *c, int session_fd);
void dxf_chan_close(struct dxf_chan *c);

/*
 * Read a request into c->buf; where it came from is where the calling thread
 * answers from now on (dxf_rawreq_fd).
 * Returns: its length; -EAGAIN there is none (not with @wait), or it was gone
 * at once; -EINTR; -ENODEV the connection is over; -errno.
 */
ssize_t dxf_chan_read(struct dxf_chan *c, bool wait);

/* The most that a request or an answer holds behind its structures, bytes. */
size_t dxf_chan_payload(void);

#endif
