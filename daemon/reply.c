/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply.c - answers to the kernel, and who asks.
 *
 * Owns the translation of attributes and credentials.  Must not know why an
 * operation failed.
 */
#include "reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "cleanup.h"
#include "ino.h"
#include "keeper.h"

void dxf_attr_to_stat(const struct dxf_attr *a, struct stat *st)
{
	assert(a->ino != 0);
	memset(st, 0, sizeof(*st));
	st->st_ino = a->ino;
	st->st_mode = a->mode;
	st->st_nlink = a->nlink;
	st->st_uid = a->uid;
	st->st_gid = a->gid;
	st->st_rdev = a->rdev;
	st->st_size = (off_t)a->size;
	st->st_blocks = (blkcnt_t)a->blocks;
	st->st_blksize = a->blksize;
	st->st_atim = a->atime;
	st->st_mtim = a->mtime;
	st->st_ctim = a->ctime;
}

void dxf_attr_to_fuse(const struct dxf_attr *a, struct fuse_attr *f)
{
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

void dxf_reply_attr(fuse_req_t req, const struct dxf_attr *a)
{
	struct stat st;

	dxf_attr_to_stat(a, &st);
	fuse_reply_attr(req, &st, DXF_TIMEOUT);
}

/* ---- entries ---- */

void dxf_entry_fill(struct dxf_session *s, const struct dxf_attr *a,
		    struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = dxf_node_of_ino(a->ino);
	e->attr_timeout = DXF_TIMEOUT;
	e->entry_timeout = DXF_TIMEOUT;
	dxf_attr_to_stat(a, &e->attr);
	if (e->ino == DXF_ROOT_NODE) {
		/* the kernel's own root has generation 0; another one would
		 * make it a stale inode */
		dxf_fs_forget(s->fs, a->ino, 1);
		return;
	}
	assert(a->ino > DXF_ROOT_INO);
	e->generation = a->generation;
}

void dxf_entry_undo(struct dxf_session *s, const struct dxf_attr *a)
{
	if (a->ino != DXF_ROOT_INO)
		dxf_fs_forget(s->fs, a->ino, 1);
}

static void reply_negative(fuse_req_t req)
{
	struct fuse_entry_param e = { .entry_timeout = DXF_TIMEOUT };

	fuse_reply_entry(req, &e);
}

void dxf_reply_entry(fuse_req_t req, int err, const struct dxf_attr *a)
{
	struct dxf_session *s = dxf_req_session(req);
	struct fuse_entry_param e;

	if (err) {
		dxf_reply_err(req, err);
		return;
	}
	dxf_entry_fill(s, a, &e);
	if (fuse_reply_entry(req, &e) != 0)
		dxf_entry_undo(s, a);
}

void dxf_reply_lookup(fuse_req_t req, int err, const struct dxf_attr *a)
{
	if (err == -ENOENT)
		reply_negative(req);
	else
		dxf_reply_entry(req, err, a);
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

void dxf_caller_set(struct dxf_caller *c, struct dxf_session *s, uid_t uid,
		    gid_t gid, pid_t pid)
{
	c->cred.uid = uid;
	c->cred.gid = gid;
	c->cred.in_group = caller_in_group;
	c->cred.ctx = c;
	c->cred.umask = 0;
	c->pid = pid;
	c->keeper = s->keeper;
}

void dxf_caller_init(struct dxf_caller *c, fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	dxf_caller_set(c, dxf_req_session(req), ctx->uid, ctx->gid, ctx->pid);
	c->cred.umask = ctx->umask;
}

void dxf_caller_init_owner(struct dxf_caller *c, fuse_req_t req)
{
	dxf_caller_init(c, req);
	if (dxf_req_session(req)->opt->fakeroot)
		c->cred.uid = 0;
}
