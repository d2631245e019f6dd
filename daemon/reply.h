/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply.h - answers to the kernel, and who asks.
 *
 * Each operation replies exactly once, by one of these or by fuse_reply_*().
 * A reply that the kernel no longer wants (the request was interrupted) takes
 * back what it carried: lookups and opens.
 */
#ifndef DXF_REPLY_H
#define DXF_REPLY_H

#include <assert.h>

#include "fs.h"
#include "fuse_api.h"
#include "session.h"

/* Nobody else changes the image: what the kernel knows stays true. */
#define DXF_TIMEOUT		86400

static inline struct dxf_session *dxf_req_session(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline struct dxf_fs *dxf_req_fs(fuse_req_t req)
{
	return dxf_req_session(req)->fs;
}

/* @err as the layers below give it: 0 or -errno. */
static inline void dxf_reply_err(fuse_req_t req, int err)
{
	assert(err <= 0);
	fuse_reply_err(req, -err);
}

void dxf_attr_to_stat(const struct dxf_attr *a, struct stat *st);
/* The same for what libfuse does not see. */
struct fuse_attr;
void dxf_attr_to_fuse(const struct dxf_attr *a, struct fuse_attr *f);
void dxf_reply_attr(fuse_req_t req, const struct dxf_attr *a);

/*
 * Fill an entry, whose lookup the kernel then owns - the root's is given back
 * at once, since the kernel keeps its root without counting.
 */
void dxf_entry_fill(struct dxf_session *s, const struct dxf_attr *a,
		    struct fuse_entry_param *e);
/* @err or, at 0, the entry. */
void dxf_reply_entry(fuse_req_t req, int err, const struct dxf_attr *a);
/* The same for a lookup, where the kernel caches that there is no such name. */
void dxf_reply_lookup(fuse_req_t req, int err, const struct dxf_attr *a);
/* The kernel did not take the entry: give its lookup back. */
void dxf_entry_undo(struct dxf_session *s, const struct dxf_attr *a);

/* ---- who asks ---- */

struct dxf_caller {
	struct dxf_cred cred;
	pid_t pid;
	struct dxf_keeper *keeper;
};

/* Fill *@c - its groups are read when somebody asks for them. */
void dxf_caller_init(struct dxf_caller *c, fuse_req_t req);
/* The same from its parts, with no umask. */
void dxf_caller_set(struct dxf_caller *c, struct dxf_session *s, uid_t uid,
		    gid_t gid, pid_t pid);

/* The same for what owners and root may do: with fakeroot all are root. */
void dxf_caller_init_owner(struct dxf_caller *c, fuse_req_t req);

/* May the caller keep setuid and setgid bits (CAP_FSETID, as far as we see)? */
static inline bool dxf_caller_kills_priv(const struct dxf_caller *c)
{
	return c->cred.uid != 0;
}

#endif
