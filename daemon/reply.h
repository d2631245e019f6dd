/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply.h - answers to the kernel, and who asks.
 *
 * Each operation replies exactly once, by one of these; a forget not at all.
 * A reply that the kernel no longer wants (the request was interrupted) takes
 * back what it carried: lookups and opens.
 */
#ifndef DXF_REPLY_H
#define DXF_REPLY_H

#include <assert.h>

#include "fs.h"
#include "req.h"
#include "session.h"

/* Nobody else changes the image: what the kernel knows stays true. */
#define DXF_TIMEOUT		86400

struct iovec;

/*
 * Answer @err (0 or -errno, as the layers below give it) and, at 0, @len bytes.
 * Returns: 0; -errno the kernel did not take it: -ENOENT its caller was
 * interrupted.
 */
int dxf_reply(const struct dxf_req *r, int err, const void *body, size_t len);
/* The same, of @n pieces behind iov[0], which is left free for the header. */
int dxf_reply_iov(const struct dxf_req *r, struct iovec *iov, int n);

static inline void dxf_reply_err(const struct dxf_req *r, int err)
{
	assert(err <= 0);
	dxf_reply(r, err, NULL, 0);
}

/* So many bytes were written or copied; or -errno. */
void dxf_reply_written(const struct dxf_req *r, ssize_t n);

void dxf_attr_to_fuse(const struct dxf_attr *a, struct fuse_attr *f);
/* @err or, at 0, the attributes. */
void dxf_reply_attr(const struct dxf_req *r, int err, const struct dxf_attr *a);

/*
 * Fill an entry, whose lookup the kernel then owns - the root's is given back
 * at once, since the kernel keeps its root without counting.
 */
void dxf_entry_fill(struct dxf_session *s, const struct dxf_attr *a,
		    struct fuse_entry_out *e);
/* @err or, at 0, the entry. */
void dxf_reply_entry(const struct dxf_req *r, int err,
		     const struct dxf_attr *a);
/* The same for a lookup, where the kernel caches that there is no such name. */
void dxf_reply_lookup(const struct dxf_req *r, int err,
		      const struct dxf_attr *a);
/* The kernel did not take the entry: give its lookup back. */
void dxf_entry_undo(struct dxf_session *s, const struct dxf_attr *a);

/* ---- who asks ---- */

struct dxf_caller {
	struct dxf_cred cred;
	pid_t pid;
	struct dxf_keeper *keeper;
};

/* Fill *@c - its groups are read when somebody asks for them. */
void dxf_caller_init(struct dxf_caller *c, const struct dxf_req *r,
		     mode_t umask);

/* The same for what owners and root may do: with fakeroot all are root. */
void dxf_caller_init_owner(struct dxf_caller *c, const struct dxf_req *r);

/* May the caller keep setuid and setgid bits (CAP_FSETID, as far as we see)? */
static inline bool dxf_caller_kills_priv(const struct dxf_caller *c)
{
	return c->cred.uid != 0;
}

#endif
