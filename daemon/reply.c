/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply.c - answers to the kernel, and who asks.
 *
 * Owns the sending, and the translation of attributes and credentials.  Must
 * not know why an operation failed.
 */
#include "reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuse_api.h"
#include "keeper.h"
#include "log.h"
#include "rawreq.h"

/* ---- sending ---- */

/*
 * An answer of a few structures is sent in one piece, within a page: for the
 * kernel each piece, and each page of one, is another look at our page table.
 */
#define SMALL	512

struct small {
	struct fuse_out_header h;
	char body[SMALL - sizeof(struct fuse_out_header)];
} __attribute__((aligned(SMALL)));

/* Where the request came from. */
static int reply_fd(const struct dxf_req *r)
{
	return dxf_rawreq_fd >= 0 ? dxf_rawreq_fd : fuse_session_fd(r->s->se);
}

static int sent(const struct dxf_req *r, ssize_t n)
{
	int err = errno;

	if (n >= 0)
		return 0;
	/* ENOENT: its caller was interrupted, or the connection is over */
	if (err != ENOENT)
		dxf_log_err("answering operation %u: %s", r->h->opcode,
			    strerror(err));
	return -err;
}

static void fill_header(const struct dxf_req *r, struct fuse_out_header *h,
			int err, size_t len)
{
	assert(err <= 0 && (err == 0 || len == 0));
	h->len = (uint32_t)(sizeof(*h) + len);
	h->error = err;
	h->unique = r->h->unique;
	dxf_rawreq.error = err;
}

int dxf_reply(const struct dxf_req *r, int err, const void *body, size_t len)
{
	struct small m;
	struct iovec iov[2] = { { &m.h, sizeof(m.h) }, { (void *)body, len } };

	if (err)
		len = 0;
	fill_header(r, &m.h, err, len);
	if (len > sizeof(m.body) || dxf_rawreq_ent != NULL)
		return sent(r, dxf_rawreq_send(reply_fd(r), iov,
					       len > 0 ? 2 : 1));
	if (len > 0)
		memcpy(m.body, body, len);
	/* as dxf_rawreq_send(), no cancellation point */
	return sent(r, syscall(SYS_write, reply_fd(r), &m,
			       sizeof(m.h) + len));
}

int dxf_reply_iov(const struct dxf_req *r, struct iovec *iov, int n)
{
	struct fuse_out_header h;
	size_t len = 0;
	int i;

	for (i = 1; i <= n; i++)
		len += iov[i].iov_len;
	fill_header(r, &h, 0, len);
	iov[0].iov_base = &h;
	iov[0].iov_len = sizeof(h);
	return sent(r, dxf_rawreq_send(reply_fd(r), iov, n + 1));
}

void dxf_reply_written(const struct dxf_req *r, ssize_t n)
{
	const struct fuse_write_out out = { .size = (uint32_t)n };

	if (n > 0)
		dxf_rawreq.bytes = (uint32_t)n;
	dxf_reply(r, n < 0 ? (int)n : 0, &out, sizeof(out));
}

/* ---- attributes ---- */

void dxf_attr_to_fuse(const struct dxf_attr *a, struct fuse_attr *f)
{
	assert(a->ino != 0);
	*f = (struct fuse_attr){
		.ino = a->ino,
		.size = a->size,
		.blocks = a->blocks,
		.atime = (uint64_t)a->atime.tv_sec,
		.mtime = (uint64_t)a->mtime.tv_sec,
		.ctime = (uint64_t)a->ctime.tv_sec,
		.atimensec = (uint32_t)a->atime.tv_nsec,
		.mtimensec = (uint32_t)a->mtime.tv_nsec,
		.ctimensec = (uint32_t)a->ctime.tv_nsec,
		.mode = a->mode,
		.nlink = a->nlink,
		.uid = a->uid,
		.gid = a->gid,
		.rdev = (uint32_t)a->rdev,
		.blksize = a->blksize,
	};
}

void dxf_reply_attr(const struct dxf_req *r, int err, const struct dxf_attr *a)
{
	struct fuse_attr_out out;

	if (err) {
		dxf_reply_err(r, err);
		return;
	}
	out.attr_valid = DXF_TIMEOUT;
	out.attr_valid_nsec = out.dummy = 0;
	dxf_attr_to_fuse(a, &out.attr);
	dxf_reply(r, 0, &out, sizeof(out));
}

/* ---- entries ---- */

void dxf_entry_fill(struct dxf_session *s, const struct dxf_attr *a,
		    struct fuse_entry_out *e)
{
	e->nodeid = dxf_node_of_ino(a->ino);
	e->generation = a->generation;
	e->entry_valid = e->attr_valid = DXF_TIMEOUT;
	e->entry_valid_nsec = e->attr_valid_nsec = 0;
	dxf_attr_to_fuse(a, &e->attr);
	if (e->nodeid == DXF_ROOT_NODE) {
		/* the kernel's own root has generation 0; another one would
		 * make it a stale inode */
		e->generation = 0;
		dxf_fs_forget(s->fs, a->ino, 1);
	}
}

void dxf_entry_undo(struct dxf_session *s, const struct dxf_attr *a)
{
	if (a->ino != DXF_ROOT_INO)
		dxf_fs_forget(s->fs, a->ino, 1);
}

static void reply_negative(const struct dxf_req *r)
{
	const struct fuse_entry_out e = { .entry_valid = DXF_TIMEOUT };

	dxf_reply(r, 0, &e, sizeof(e));
}

void dxf_reply_entry(const struct dxf_req *r, int err,
		     const struct dxf_attr *a)
{
	struct fuse_entry_out e;

	if (err) {
		dxf_reply_err(r, err);
		return;
	}
	dxf_entry_fill(r->s, a, &e);
	if (dxf_reply(r, 0, &e, sizeof(e)) != 0)
		dxf_entry_undo(r->s, a);
}

void dxf_reply_lookup(const struct dxf_req *r, int err,
		      const struct dxf_attr *a)
{
	if (err == -ENOENT)
		reply_negative(r);
	else
		dxf_reply_entry(r, err, a);
}

/* ---- who asks ---- */

/*
 * Supplementary groups are not in the request: /proc knows them, and the
 * keeper may read it.
 */
static bool caller_in_group(const struct dxf_cred *cred, gid_t gid)
{
	const struct dxf_caller *c = cred->ctx;

	return cred->gid == gid ||
	       dxf_keeper_in_group(c->keeper, c->pid, gid);
}

void dxf_caller_init(struct dxf_caller *c, const struct dxf_req *r,
		     mode_t umask)
{
	c->cred.uid = r->h->uid;
	c->cred.gid = r->h->gid;
	c->cred.in_group = caller_in_group;
	c->cred.ctx = c;
	c->cred.umask = umask;
	c->pid = (pid_t)r->h->pid;
	c->keeper = r->s->keeper;
}

void dxf_caller_init_owner(struct dxf_caller *c, const struct dxf_req *r)
{
	dxf_caller_init(c, r, 0);
	if (r->s->opt->fakeroot)
		c->cred.uid = 0;
}
