/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_attr.c - attributes of inodes and of the filesystem.
 */
#include <string.h>

#include "ino.h"
#include "ops.h"
#include "rawreq.h"
#include "reply.h"

void dxf_ll_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct dxf_attr a;
	int err;

	err = dxf_fs_getattr(dxf_req_fs(req), dxf_ino_of_node(ino), &a);
	if (err)
		dxf_reply_err(req, err);
	else
		dxf_reply_attr(req, &a);
}

static unsigned int set_bits(int to_set)
{
	static const struct {
		int fuse;
		unsigned int dxf;
	} map[] = {
		{ FUSE_SET_ATTR_MODE, DXF_SET_MODE },
		{ FUSE_SET_ATTR_UID, DXF_SET_UID },
		{ FUSE_SET_ATTR_GID, DXF_SET_GID },
		{ FUSE_SET_ATTR_SIZE, DXF_SET_SIZE },
		{ FUSE_SET_ATTR_ATIME, DXF_SET_ATIME },
		{ FUSE_SET_ATTR_MTIME, DXF_SET_MTIME },
		{ FUSE_SET_ATTR_ATIME_NOW, DXF_SET_ATIME_NOW },
		{ FUSE_SET_ATTR_MTIME_NOW, DXF_SET_MTIME_NOW },
		{ FUSE_SET_ATTR_CTIME, DXF_SET_CTIME },
	};
	unsigned int valid = 0;
	size_t i;

	for (i = 0; i < DXF_ARRAY_SIZE(map); i++)
		if (to_set & map[i].fuse)
			valid |= map[i].dxf;
	/* The kernel sets both bits of a time when it means "now". */
	if (valid & DXF_SET_ATIME_NOW)
		valid &= ~DXF_SET_ATIME;
	if (valid & DXF_SET_MTIME_NOW)
		valid &= ~DXF_SET_MTIME;
	return valid;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * A change time is sent by a kernel that keeps the times of files itself
 * (writeback): with the modification time alone it writes back what it keeps;
 * with an equal one, and the access time now, it means "now".
 */
static void set_kept_times(struct dxf_setattr *sa)
{
	const unsigned int mc = DXF_SET_MTIME | DXF_SET_CTIME;
	const unsigned int all = mc | DXF_SET_ATIME_NOW;

	if ((sa->valid & ~DXF_SET_KILL_PRIV) == mc)
		sa->valid |= DXF_SET_CACHE;
	else if ((sa->valid & all) == all && same_time(&sa->mtime, &sa->ctime))
		sa->valid = (sa->valid & ~mc) | DXF_SET_MTIME_NOW;
}

void dxf_ll_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st,
		    int to_set, struct fuse_file_info *fi)
{
	struct dxf_setattr sa = {
		.valid = set_bits(to_set),
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size = (uint64_t)st->st_size,
		.atime = st->st_atim,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
	};
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	if (dxf_rawreq.kill_priv)
		sa.valid |= DXF_SET_KILL_PRIV;
	set_kept_times(&sa);
	if (dxf_rawreq.set_open && (sa.valid & DXF_SET_SIZE))
		sa.valid |= DXF_SET_OPEN;
	dxf_caller_init_owner(&c, req);
	err = dxf_fs_setattr(dxf_req_fs(req), dxf_ino_of_node(ino), &sa,
			     &c.cred, &a);
	if (err)
		dxf_reply_err(req, err);
	else
		dxf_reply_attr(req, &a);
}

void dxf_ll_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int err;

	memset(&st, 0, sizeof(st));
	err = dxf_fs_statfs(dxf_req_fs(req), &st);
	if (err)
		dxf_reply_err(req, err);
	else
		fuse_reply_statfs(req, &st);
}
