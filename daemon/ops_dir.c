/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_dir.c - reading directories.
 *
 * Owns the filling of readdir replies.  The kernel caches what it reads, and
 * drops it when it changes the directory itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "ops.h"
#include "reply.h"
#include "worker.h"

struct fill {
	struct dxf_session *s;
	char *buf;
	size_t size;
	size_t used;
};

void dxf_op_opendir(struct dxf_req *r)
{
	const struct fuse_open_out o = {
		.open_flags = FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR,
	};
	int err;

	err = dxf_open_seen(r->s, r->ino, O_RDONLY | O_DIRECTORY, false);
	if (dxf_reply(r, err, &o, sizeof(o)) != 0 && err == 0)
		dxf_fs_release(r->s->fs, r->ino);
}

/* Room for @len bytes and up to the next entry.  Returns: NULL: none left. */
static char *take_room(struct fill *f, size_t len)
{
	char *at = f->buf + f->used;
	size_t padded = FUSE_DIRENT_ALIGN(len);

	assert(f->used <= f->size && f->used % sizeof(uint64_t) == 0);
	if (padded > f->size - f->used)
		return NULL;
	memset(at + len, 0, padded - len);
	f->used += padded;
	return at;
}

static void put_dirent(struct fuse_dirent *d, const struct dxf_fs_dirent *de,
		       uint32_t type)
{
	*d = (struct fuse_dirent){
		.ino = de->ino,
		.off = de->next,
		.namelen = (uint32_t)de->name_len,
		.type = type,
	};
	memcpy(d->name, de->name, de->name_len);
}

static int fill_plain(void *ctx, const struct dxf_fs_dirent *de)
{
	struct fuse_dirent *d;

	d = (void *)take_room(ctx, FUSE_NAME_OFFSET + de->name_len);
	if (d == NULL)
		return 1;
	put_dirent(d, de, de->type);
	return 0;
}

static int fill_plus(void *ctx, const struct dxf_fs_dirent *de)
{
	struct fill *f = ctx;
	struct fuse_direntplus *dp;

	dp = (void *)take_room(f, FUSE_NAME_OFFSET_DIRENTPLUS + de->name_len);
	if (dp == NULL)
		return 1;
	/* node 0: a name only */
	if (de->attr_valid)
		dxf_entry_fill(f->s, &de->attr, &dp->entry_out);
	else
		memset(&dp->entry_out, 0, sizeof(dp->entry_out));
	put_dirent(&dp->dirent, de, de->attr_valid ?
		   (de->attr.mode & S_IFMT) >> 12 : de->type);
	return 0;
}

/* The kernel did not take the reply: give back the lookups in it. */
static void undo_plus(struct dxf_session *s, const char *buf, size_t used)
{
	const struct fuse_direntplus *dp;
	size_t pos;

	for (pos = 0; pos < used; pos += FUSE_DIRENTPLUS_SIZE(dp)) {
		dp = (const struct fuse_direntplus *)(buf + pos);
		if (dp->entry_out.nodeid > DXF_ROOT_NODE)
			dxf_fs_forget(s->fs,
				      dxf_ino_of_node(dp->entry_out.nodeid), 1);
	}
}

/* So many entries of short names are in a reply of @size bytes. */
static unsigned int expected(size_t size)
{
	const size_t one = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + 16);

	return (unsigned int)DXF_MIN(size / one, UINT_MAX - 1) + 1;
}

static void readdir_reply(const struct dxf_req *r, bool plus)
{
	const struct fuse_read_in *in = r->in;
	struct fill f = {
		.s = r->s,
		.buf = dxf_worker_scratch(in->size),
		.size = in->size,
	};
	int err;

	if (f.buf == NULL) {
		dxf_reply_err(r, -ENOMEM);
		return;
	}
	err = dxf_fs_readdir(r->s->fs, r->ino, in->offset,
			     plus ? expected(in->size) : 0,
			     plus ? fill_plus : fill_plain, &f);
	assert(f.used <= f.size);
	/* What was found before an error is shown first. */
	if (f.used > 0)
		err = 0;
	if (dxf_reply(r, err, f.buf, f.used) != 0 && plus)
		undo_plus(r->s, f.buf, f.used);
}

void dxf_op_readdir(struct dxf_req *r)
{
	readdir_reply(r, false);
}

void dxf_op_readdirplus(struct dxf_req *r)
{
	readdir_reply(r, true);
}
