/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_dir.c - reading directories.
 *
 * Owns the filling of readdir replies.  The kernel caches what it reads, and
 * drops it when it changes the directory itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "abi.h"
#include "ino.h"
#include "ops.h"
#include "reply.h"
#include "worker.h"

struct fill {
	fuse_req_t req;
	char *buf;
	size_t size;
	size_t used;
};

void dxf_ll_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct dxf_session *s = dxf_req_session(req);
	dxf_ino_t i = dxf_ino_of_node(ino);
	int err;

	err = dxf_open_seen(s, i, O_RDONLY | O_DIRECTORY, false);
	if (err) {
		dxf_reply_err(req, err);
		return;
	}
	fi->keep_cache = 1;
	fi->cache_readdir = 1;
	if (fuse_reply_open(req, fi) != 0)
		dxf_fs_release(s->fs, i);
}

void dxf_ll_releasedir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	dxf_fs_release(dxf_req_fs(req), dxf_ino_of_node(ino));
	fuse_reply_err(req, 0);
}

void dxf_ll_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		     struct fuse_file_info *fi)
{
	dxf_reply_err(req, dxf_fs_fsync(dxf_req_fs(req), dxf_ino_of_node(ino),
					datasync != 0));
}

/* libfuse wants the name terminated. */
static void copy_name(char *to, const struct dxf_fs_dirent *de)
{
	assert(de->name_len <= DXF_NAME_MAX);
	memcpy(to, de->name, de->name_len);
	to[de->name_len] = '\0';
}

static void entry_out(struct dxf_session *s, const struct dxf_attr *a,
		      struct fuse_entry_out *e)
{
	e->nodeid = dxf_node_of_ino(a->ino);
	e->entry_valid = e->attr_valid = DXF_TIMEOUT;
	dxf_attr_to_fuse(a, &e->attr);
	/* as dxf_entry_fill() */
	if (e->nodeid == DXF_ROOT_NODE)
		dxf_fs_forget(s->fs, a->ino, 1);
	else
		e->generation = a->generation;
}

static int fill_plain(void *ctx, const struct dxf_fs_dirent *de)
{
	struct fill *f = ctx;
	struct stat st = {
		.st_ino = de->ino,
		.st_mode = (mode_t)de->type << 12,
	};
	char name[DXF_NAME_MAX + 1];
	size_t len;

	copy_name(name, de);
	len = fuse_add_direntry(f->req, f->buf + f->used, f->size - f->used,
				name, &st, (off_t)de->next);
	if (len > f->size - f->used)
		return 1;
	f->used += len;
	return 0;
}

/* libfuse would go through each name three times. */
static int fill_plus(void *ctx, const struct dxf_fs_dirent *de)
{
	struct fill *f = ctx;
	struct fuse_direntplus *dp = (void *)(f->buf + f->used);
	size_t len = FUSE_NAME_OFFSET_DIRENTPLUS + de->name_len;
	size_t padded = FUSE_DIRENT_ALIGN(len);

	assert(f->used <= f->size && f->used % sizeof(uint64_t) == 0);
	if (padded > f->size - f->used)
		return 1;
	memset(&dp->entry_out, 0, sizeof(dp->entry_out));
	/* node 0: a name only */
	dp->entry_out.attr.mode = (uint32_t)de->type << 12;
	if (de->attr_valid)
		entry_out(dxf_req_session(f->req), &de->attr, &dp->entry_out);
	dp->dirent = (struct fuse_dirent){
		.ino = de->ino,
		.off = de->next,
		.namelen = (uint32_t)de->name_len,
		.type = (dp->entry_out.attr.mode & S_IFMT) >> 12,
	};
	memcpy(dp->dirent.name, de->name, de->name_len);
	memset((char *)dp + len, 0, padded - len);
	f->used += padded;
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

static void readdir_reply(fuse_req_t req, fuse_ino_t ino, size_t size,
			  off_t off, bool plus)
{
	struct dxf_session *s = dxf_req_session(req);
	struct fill f = {
		.req = req,
		.buf = dxf_worker_scratch(size),
		.size = size,
	};
	int err;

	if (f.buf == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	err = dxf_fs_readdir(s->fs, dxf_ino_of_node(ino), (uint64_t)off, plus,
			     plus ? fill_plus : fill_plain, &f);
	assert(f.used <= f.size);
	/* What was found before an error is shown first. */
	if (err && f.used == 0) {
		dxf_reply_err(req, err);
		return;
	}
	if (fuse_reply_buf(req, f.buf, f.used) != 0 && plus)
		undo_plus(s, f.buf, f.used);
}

void dxf_ll_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	readdir_reply(req, ino, size, off, false);
}

void dxf_ll_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			struct fuse_file_info *fi)
{
	readdir_reply(req, ino, size, off, true);
}
