/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * req.h - one request as the kernel sent it, taken apart.
 *
 * It lives on the stack of the worker that serves it: nothing is allocated and
 * nothing is locked for a request.  It points into the buffer that the request
 * was read to.
 */
#ifndef DXF_REQ_H
#define DXF_REQ_H

#include <stddef.h>
#include <string.h>

#include "abi.h"
#include "ino.h"
#include "session.h"

#define DXF_REQ_NAMES	2

struct dxf_req {
	struct dxf_session *s;
	const struct fuse_in_header *h;
	dxf_ino_t ino;		/* h->nodeid; 0: we never gave it out */
	/* whole, as many bytes and names as ops.c has for the opcode */
	const void *in;			/* the operation's structure */
	const char *name[DXF_REQ_NAMES];	/* behind it; not empty */
	/* what is behind those */
	const char *rest;
	size_t len;
};

/*
 * Take the next @n bytes off what is left.
 * Returns: NULL: fewer are left, and none is taken.
 */
static inline const void *dxf_req_take(struct dxf_req *r, size_t n)
{
	const char *at = r->rest;

	if (n > r->len)
		return NULL;
	r->rest += n;
	r->len -= n;
	return at;
}

/*
 * The same for a string.  Returns: NULL: it does not end, or is empty.
 */
static inline const char *dxf_req_take_name(struct dxf_req *r)
{
	const char *end = memchr(r->rest, '\0', r->len);

	if (end == NULL || end == r->rest)
		return NULL;
	return dxf_req_take(r, (size_t)(end - r->rest) + 1);
}

#endif
