/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringent.h - an entry of a queue: the memory of one request and its answer.
 */
#ifndef DXF_RINGENT_H
#define DXF_RINGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct dxf_ring_head;

struct dxf_ringent {
	struct dxf_ring_head *head;	/* shared with the kernel, as is: */
	char *payload;			/* behind the page of the head */
	size_t size;			/* of the payload */
	struct iovec iov[2];		/* both, as the kernel is told */
	uint64_t commit_id;
	uint16_t qid;
	bool fetched;			/* a request is in it */
	bool answered;			/* and its answer */
};

/*
 * Memory for an entry of queue @qid, with a payload of @size bytes: it costs
 * nothing until it is used.
 * Ownership: dxf_ringent_close() releases it.
 * Returns: 0; -ENOMEM.
 */
int dxf_ringent_open(struct dxf_ringent *e, uint16_t qid, size_t size);
void dxf_ringent_close(struct dxf_ringent *e);

/*
 * The request that the kernel has put there, in one piece, in front of and with
 * the payload: valid until the payload is written to.
 * Returns: its length, at *@buf; -EIO: it makes no sense.
 */
ssize_t dxf_ringent_request(struct dxf_ringent *e, void **buf);

/*
 * Put the answer @iov there, whose first element is a fuse_out_header.  What
 * lies where it belongs already, at the payload, is not copied.
 * Returns: its length; -EMSGSIZE: there is no room, and EIO is the answer.
 */
ssize_t dxf_ringent_answer(struct dxf_ringent *e, const struct iovec *iov,
			   int count);

/* Answer request @unique with the error @err, -errno, and nothing else. */
void dxf_ringent_fail(struct dxf_ringent *e, uint64_t unique, int err);

#endif
