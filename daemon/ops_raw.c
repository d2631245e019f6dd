/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_raw.c - the requests that are answered without libfuse.
 *
 *	SETXATTR  its layout depends on an INIT flag that libfuse does not know
 *		  that we negotiated (and 3.14.0 as released reads it wrongly)
 *	TMPFILE   open(2) with O_TMPFILE: unknown to libfuse 3.14
 *	STATX	  the birth time: unknown to libfuse 3.14
 *
 * Owns the reading of these requests, whose every length is checked, and their
 * one reply each.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi.h"
#include "ino.h"
#include "log.h"
#include "notice.h"
#include "ops.h"
#include "rawreq.h"
#include "reply.h"

struct raw {
	struct dxf_session *s;
	const struct fuse_in_header *h;
	const char *body;
	size_t len;		/* of the body */
};

/* Returns: 0; -ENOENT the caller was interrupted, the kernel took nothing. */
static int reply(const struct raw *r, int err, const void *body, size_t len)
{
	struct fuse_out_header h = {
		.len = (uint32_t)(sizeof(h) + (err ? 0 : len)),
		.error = err,
		.unique = r->h->unique,
	};
	struct iovec iov[2] = {
		{ &h, sizeof(h) },
		{ (void *)body, len },
	};

	assert(err <= 0);
	dxf_rawreq_answered(&h, body);
	if (dxf_rawreq_send(fuse_session_fd(r->s->se), iov,
			    err || len == 0 ? 1 : 2) < 0)
		return -errno;
	return 0;
}

/* The string at @pos of the body.  Returns: NULL if it does not end there. */
static const char *string_at(const struct raw *r, size_t pos)
{
	if (pos >= r->len || memchr(r->body + pos, '\0', r->len - pos) == NULL)
		return NULL;
	return r->body + pos;
}

static void caller_of(const struct raw *r, struct dxf_caller *c, mode_t umask)
{
	dxf_caller_set(c, r->s, r->h->uid, r->h->gid, (pid_t)r->h->pid);
	c->cred.umask = umask;
}

/* ---- SETXATTR ---- */

static int setxattr(const struct raw *r)
{
	bool ext = r->s->init_flags & DXF_INIT_SETXATTR_EXT;
	size_t head = ext ? sizeof(struct dxf_fuse_setxattr_in) :
			    DXF_FUSE_SETXATTR_IN_SHORT;
	struct dxf_fuse_setxattr_in in = { 0 };
	dxf_ino_t ino = dxf_ino_of_node(r->h->nodeid);
	struct dxf_caller c;
	struct dxf_watch w;
	const char *name;
	size_t value;
	int err;

	if (r->len < head)
		return -EINVAL;
	memcpy(&in, r->body, head);
	name = string_at(r, head);
	if (name == NULL)
		return -EINVAL;
	value = head + strlen(name) + 1;
	assert(value <= r->len);
	if (in.size > r->len - value)
		return -EINVAL;
	caller_of(r, &c, 0);
	/* a kernel that keeps the times asks for nothing else, either */
	dxf_watch_begin(&w, r->s, ino, r->s->opt->writeback);
	err = dxf_fs_setxattr(r->s->fs, ino, name, r->body + value, in.size,
			      (int)in.flags,
			      in.setxattr_flags & DXF_SETXATTR_ACL_KILL_SGID,
			      &c.cred);
	dxf_watch_end(&w, r->s);
	return err;
}

/* ---- TMPFILE ---- */

static void fill_create(struct dxf_session *s, const struct dxf_attr *a,
			struct fuse_entry_out *e, struct fuse_open_out *o)
{
	struct fuse_file_info fi;

	assert(a->nlink == 0 && S_ISREG(a->mode));
	memset(e, 0, sizeof(*e));
	e->nodeid = dxf_node_of_ino(a->ino);
	e->generation = a->generation;
	e->entry_valid = DXF_TIMEOUT;
	e->attr_valid = DXF_TIMEOUT;
	dxf_attr_to_fuse(a, &e->attr);

	memset(&fi, 0, sizeof(fi));
	dxf_fill_open(s, a->ino, &fi);
	memset(o, 0, sizeof(*o));
	o->fh = fi.fh;
	o->open_flags = FOPEN_KEEP_CACHE | DXF_FOPEN_NOFLUSH;
	if (fi.direct_io)
		o->open_flags |= FOPEN_DIRECT_IO |
				 DXF_FOPEN_PARALLEL_DIRECT_WRITES;
}

static int tmpfile_make(const struct raw *r, struct dxf_attr *a)
{
	struct dxf_fuse_create_in in;
	struct dxf_caller c;

	if (r->len < sizeof(in))
		return -EINVAL;
	memcpy(&in, r->body, sizeof(in));
	caller_of(r, &c, in.umask);
	return dxf_fs_tmpfile(r->s->fs, &c.cred,
			      dxf_ino_of_node(r->h->nodeid),
			      (in.mode & ~(mode_t)S_IFMT) | S_IFREG, a);
}

static void tmpfile_reply(const struct raw *r)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out;
	struct dxf_attr a;
	int err;

	err = tmpfile_make(r, &a);
	if (err) {
		reply(r, err, NULL, 0);
		return;
	}
	fill_create(r->s, &a, &out.entry, &out.open);
	if (reply(r, 0, &out, sizeof(out)) != 0) {
		dxf_fs_release(r->s->fs, a.ino);
		dxf_entry_undo(r->s, &a);
	}
}

/* ---- STATX ---- */

static struct dxf_fuse_sx_time sx_time(const struct timespec *ts)
{
	return (struct dxf_fuse_sx_time){
		.tv_sec = ts->tv_sec,
		.tv_nsec = (uint32_t)ts->tv_nsec,
	};
}

static void fill_statx(const struct dxf_attr *a, struct dxf_fuse_statx_out *o)
{
	memset(o, 0, sizeof(*o));
	o->attr_valid = DXF_TIMEOUT;
	o->stat.mask = STATX_BASIC_STATS;
	/* small inodes have no birth time */
	if (a->btime.tv_sec != 0 || a->btime.tv_nsec != 0)
		o->stat.mask |= STATX_BTIME;
	o->stat.blksize = a->blksize;
	o->stat.nlink = a->nlink;
	o->stat.uid = a->uid;
	o->stat.gid = a->gid;
	o->stat.mode = (uint16_t)a->mode;
	o->stat.ino = a->ino;
	o->stat.size = a->size;
	o->stat.blocks = a->blocks;
	o->stat.atime = sx_time(&a->atime);
	o->stat.btime = sx_time(&a->btime);
	o->stat.ctime = sx_time(&a->ctime);
	o->stat.mtime = sx_time(&a->mtime);
	o->stat.rdev_major = major(a->rdev);
	o->stat.rdev_minor = minor(a->rdev);
}

static void statx_reply(const struct raw *r)
{
	struct dxf_fuse_statx_out out;
	struct dxf_attr a;
	int err;

	err = dxf_fs_getattr(r->s->fs, dxf_ino_of_node(r->h->nodeid), &a);
	if (err == 0)
		fill_statx(&a, &out);
	reply(r, err, &out, sizeof(out));
}

/* ---- dispatch ---- */

/* -o allow_root, which libfuse sees to for its own requests. */
static bool may_enter(const struct raw *r)
{
	return !r->s->opt->allow_root || r->h->uid == 0 ||
	       r->h->uid == r->s->owner;
}

static bool is_raw(uint32_t opcode)
{
	return opcode == FUSE_SETXATTR || opcode == DXF_FUSE_TMPFILE ||
	       opcode == DXF_FUSE_STATX;
}

bool dxf_raw_process(struct dxf_session *s, const void *buf, size_t len)
{
	struct raw r = {
		.s = s,
		.h = buf,
		.body = (const char *)buf + sizeof(struct fuse_in_header),
		.len = len - sizeof(struct fuse_in_header),
	};

	assert(len >= sizeof(struct fuse_in_header));
	if (!is_raw(r.h->opcode))
		return false;
	if (!may_enter(&r))
		reply(&r, -EACCES, NULL, 0);
	else if (r.h->opcode == FUSE_SETXATTR)
		reply(&r, setxattr(&r), NULL, 0);
	else if (r.h->opcode == DXF_FUSE_TMPFILE)
		tmpfile_reply(&r);
	else
		statx_reply(&r);
	return true;
}
