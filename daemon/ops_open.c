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

static bool is_direct(struct dxf_session *s, dxf_ino_t ino)
{
	switch (s->opt->dax) {
	case DXF_DAX_ALWAYS:
		return true;
	case DXF_DAX_NEVER:
		return false;
	case DXF_DAX_INODE:
		break;
	}
	return dxf_fs_is_dax(s->fs, ino);
}

static void fill_open(struct dxf_session *s, dxf_ino_t ino,
		      struct fuse_open_out *o)
{
	*o = (struct fuse_open_out){
		.fh = (uintptr_t)dxf_fs_opened(s->fs, ino),
		.open_flags = FOPEN_KEEP_CACHE | DXF_FOPEN_NOFLUSH,
	};
	assert((o->fh & DXF_FH_DIRECT) == 0);
	if (is_direct(s, ino)) {
		o->fh |= DXF_FH_DIRECT;
		/* writers must not wait for each other in the kernel */
		o->open_flags |= FOPEN_DIRECT_IO |
				 DXF_FOPEN_PARALLEL_DIRECT_WRITES;
	}
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
 * counts as an access.
 */
int dxf_open_seen(struct dxf_session *s, dxf_ino_t ino, int flags,
		  bool kill_priv)
{
	bool reads = (flags & O_ACCMODE) != O_WRONLY && s->reads_seen;
	struct dxf_watch w;
	int err;

	dxf_watch_begin(&w, s, ino, reads || kill_priv);
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
	fill_open(r->s, r->ino, &o);
	if (dxf_reply(r, 0, &o, sizeof(o)) != 0)
		dxf_fs_release(r->s->fs, r->ino);
}

/* A file that was made and is open. */
static void reply_create(const struct dxf_req *r, const struct dxf_attr *a)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out;

	assert(S_ISREG(a->mode));
	dxf_entry_fill(r->s, a, &out.entry);
	fill_open(r->s, a->ino, &out.open);
	if (dxf_reply(r, 0, &out, sizeof(out)) != 0) {
		dxf_fs_release(r->s->fs, a->ino);
		dxf_entry_undo(r->s, a);
	}
}

/* Make a regular file and open it: both or nothing. */
static int create(const struct dxf_req *r, struct dxf_attr *a)
{
	const struct dxf_fuse_create_in *in = r->in;
	struct dxf_fs *fs = r->s->fs;
	struct dxf_caller c;
	int err;

	dxf_caller_init(&c, r, in->umask);
	err = dxf_fs_mknod(fs, &c.cred, r->ino, r->name[0],
			   (in->mode & ~(mode_t)S_IFMT) | S_IFREG, 0, a);
	if (err)
		return err;
	/* The mode binds later opens only, and there is nothing to truncate. */
	err = dxf_fs_open_file(fs, a->ino,
			       open_flags(r->s, (int)in->flags &
						~(O_TRUNC | O_EXCL)), false);
	if (err) {
		dxf_fs_unlink(fs, r->ino, r->name[0]);
		dxf_fs_forget(fs, a->ino, 1);
	}
	return err;
}

void dxf_op_create(struct dxf_req *r)
{
	struct dxf_attr a;
	int err = create(r, &a);

	if (err)
		dxf_reply_err(r, err);
	else
		reply_create(r, &a);
}

/* open(2) with O_TMPFILE; the name that comes with it means nothing. */
void dxf_op_tmpfile(struct dxf_req *r)
{
	const struct dxf_fuse_create_in *in = r->in;
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, r, in->umask);
	err = dxf_fs_tmpfile(r->s->fs, &c.cred, r->ino,
			     (in->mode & ~(mode_t)S_IFMT) | S_IFREG, &a);
	if (err)
		dxf_reply_err(r, err);
	else
		reply_create(r, &a);
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
