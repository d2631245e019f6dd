/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_open.c - files are opened, made and opened, released.
 *
 * Owns how the kernel is to treat an open file.
 */
#include <errno.h>
#include <fcntl.h>

#include "notice.h"
#include "ops.h"
#include "reply.h"

/* @dax: as dxf_fs_is_dax(). */
static void fill_opened(const struct dxf_session *s, struct dxf_inode *file,
			bool dax, struct fuse_open_out *o)
{
	*o = (struct fuse_open_out){
		.fh = (uintptr_t)file,
		.open_flags = FOPEN_KEEP_CACHE | DXF_FOPEN_NOFLUSH,
	};
	assert((o->fh & DXF_FH_DIRECT) == 0);
	if (s->opt->dax == DXF_DAX_ALWAYS ||
	    (s->opt->dax == DXF_DAX_INODE && dax)) {
		o->fh |= DXF_FH_DIRECT;
		/* writers must not wait for each other in the kernel */
		o->open_flags |= FOPEN_DIRECT_IO |
				 DXF_FOPEN_PARALLEL_DIRECT_WRITES;
	}
}

static bool is_dax(const struct dxf_session *s, dxf_ino_t ino)
{
	return s->opt->dax == DXF_DAX_INODE && dxf_fs_is_dax(s->fs, ino);
}

/*
 * Writers of one file wait for each other in the kernel, but for opens past
 * the page cache.  So a file whose first opener wants O_DIRECT is opened so for
 * all, until the last is gone: never some through the cache and some past it,
 * since a page could then be filled while it is written behind the cache.
 * Linux 6.9 (FUSE 7.40) keeps mappings apart from parallel writes.
 */
static int open_flags(const struct dxf_session *s, int flags)
{
	if (s->opt->dax == DXF_DAX_INODE && !s->opt->writeback &&
	    s->proto_minor >= 40 && (s->init_flags & DXF_INIT_DIRECT_IO_MMAP))
		return flags;
	return flags & ~O_DIRECT;
}

/*
 * Reads that the page cache serves are never seen, so opening for reading
 * counts as an access, if that cache may have pages: else the kernel asks for
 * the access time again after the read that it sends.  Any second opener may
 * make the first one's reads such.
 */
int dxf_open_seen(struct dxf_session *s, dxf_ino_t ino, int flags,
		  bool kill_priv)
{
	struct dxf_watch w;
	int err;

	dxf_watch_begin(&w, s, ino, s->reads_seen || kill_priv);
	err = dxf_fs_open_file(s->fs, ino, open_flags(s, flags), kill_priv);
	if (err == 0)
		dxf_watch_end(&w, s);
	return err;
}

void dxf_op_open(struct dxf_req *r)
{
	const struct dxf_fuse_open_in *in = r->in;
	struct fuse_open_out o;
	int err;

	err = dxf_open_seen(r->s, r->ino, (int)in->flags,
			    in->open_flags & DXF_OPEN_KILL_SUIDGID);
	if (err) {
		dxf_reply_err(r, err);
		return;
	}
	fill_opened(r->s, dxf_fs_opened(r->s->fs, r->ino),
		    is_dax(r->s, r->ino), &o);
	if (dxf_reply(r, 0, &o, sizeof(o)) != 0)
		dxf_fs_release(r->s->fs, r->ino);
}

static void reply_created(const struct dxf_req *r,
			  const struct dxf_fs_created *made)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out;

	assert(S_ISREG(made->attr.mode));
	dxf_entry_fill(r->s, &made->attr, &out.entry);
	fill_opened(r->s, made->file, made->dax, &out.open);
	if (dxf_reply(r, 0, &out, sizeof(out)) != 0) {
		dxf_fs_release(r->s->fs, made->attr.ino);
		dxf_entry_undo(r->s, &made->attr);
	}
}

void dxf_op_create(struct dxf_req *r)
{
	const struct dxf_fuse_create_in *in = r->in;
	struct dxf_fs_created made;
	struct dxf_caller c;
	int err;

	dxf_caller_init(&c, r, in->umask);
	err = dxf_fs_create(r->s->fs, &c.cred, DXF_AT(r->ino, r->name[0]),
			    in->mode, open_flags(r->s, (int)in->flags), &made);
	if (err)
		dxf_reply_err(r, err);
	else
		reply_created(r, &made);
}

/* open(2) with O_TMPFILE; the name that comes with it means nothing. */
void dxf_op_tmpfile(struct dxf_req *r)
{
	const struct dxf_fuse_create_in *in = r->in;
	struct dxf_fs_created made;
	struct dxf_caller c;
	int err;

	dxf_caller_init(&c, r, in->umask);
	err = dxf_fs_tmpfile(r->s->fs, &c.cred, r->ino,
			     (in->mode & ~(mode_t)S_IFMT) | S_IFREG,
			     &made.attr);
	if (err) {
		dxf_reply_err(r, err);
		return;
	}
	made.file = dxf_fs_opened(r->s->fs, made.attr.ino);
	made.dax = is_dax(r->s, made.attr.ino);
	reply_created(r, &made);
}

void dxf_op_flush(struct dxf_req *r)
{
	/* Writes were not delayed: there is nothing to do at close. */
	dxf_reply_err(r, 0);
}

/* Of a directory, too. */
void dxf_op_release(struct dxf_req *r)
{
	dxf_fs_release(r->s->fs, r->ino);
	dxf_reply_err(r, 0);
}
