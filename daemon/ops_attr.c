/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_attr.c - attributes of inodes and of the filesystem.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "ops.h"
#include "reply.h"

void dxf_op_getattr(struct dxf_req *r)
{
	struct dxf_attr a;
	int err;

	err = dxf_fs_getattr(r->s->fs, r->ino, &a);
	dxf_reply_attr(r, err, &a);
}

/* ---- SETATTR ---- */

static unsigned int set_bits(uint32_t to_set)
{
	static const struct {
		uint32_t fuse;
		unsigned int dxf;
	} map[] = {
		{ FATTR_MODE, DXF_SET_MODE },
		{ FATTR_UID, DXF_SET_UID },
		{ FATTR_GID, DXF_SET_GID },
		{ FATTR_SIZE, DXF_SET_SIZE },
		{ FATTR_ATIME, DXF_SET_ATIME },
		{ FATTR_MTIME, DXF_SET_MTIME },
		{ FATTR_ATIME_NOW, DXF_SET_ATIME_NOW },
		{ FATTR_MTIME_NOW, DXF_SET_MTIME_NOW },
		{ FATTR_CTIME, DXF_SET_CTIME },
		/* setuid, setgid and capabilities must go */
		{ DXF_FATTR_KILL_SUIDGID, DXF_SET_KILL_PRIV },
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

static struct timespec time_of(uint64_t sec, uint32_t nsec)
{
	return (struct timespec){ (time_t)sec, (long)nsec };
}

void dxf_op_setattr(struct dxf_req *r)
{
	const struct fuse_setattr_in *in = r->in;
	struct dxf_setattr sa = {
		.valid = set_bits(in->valid),
		.mode = in->mode,
		.uid = in->uid,
		.gid = in->gid,
		.size = in->size,
		.atime = time_of(in->atime, in->atimensec),
		.mtime = time_of(in->mtime, in->mtimensec),
		.ctime = time_of(in->ctime, in->ctimensec),
	};
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	set_kept_times(&sa);
	/* through an open file, or O_TRUNC */
	if ((in->valid & (DXF_FATTR_FH | DXF_FATTR_OPEN)) &&
	    (sa.valid & DXF_SET_SIZE))
		sa.valid |= DXF_SET_OPEN;
	dxf_caller_init_owner(&c, r);
	err = dxf_fs_setattr(r->s->fs, r->ino, &sa, &c.cred, &a);
	dxf_reply_attr(r, err, &a);
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

void dxf_op_statx(struct dxf_req *r)
{
	struct dxf_fuse_statx_out out;
	struct dxf_attr a;
	int err;

	err = dxf_fs_getattr(r->s->fs, r->ino, &a);
	if (err == 0)
		fill_statx(&a, &out);
	dxf_reply(r, err, &out, sizeof(out));
}

/* ---- STATFS ---- */

void dxf_op_statfs(struct dxf_req *r)
{
	struct fuse_statfs_out out;
	struct statvfs st;
	int err;

	memset(&st, 0, sizeof(st));
	err = dxf_fs_statfs(r->s->fs, &st);
	out.st = (struct fuse_kstatfs){
		.blocks = st.f_blocks,
		.bfree = st.f_bfree,
		.bavail = st.f_bavail,
		.files = st.f_files,
		.ffree = st.f_ffree,
		.bsize = (uint32_t)st.f_bsize,
		.namelen = (uint32_t)st.f_namemax,
		.frsize = (uint32_t)st.f_frsize,
	};
	dxf_reply(r, err, &out, sizeof(out));
}
