/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_ioctl.c - the flags and versions of chattr(1), lsattr(1) and xfs_io(8),
 * the figures of daxfuse-stat(8), and what our own remount asks.
 *
 * The kernel restricts FUSE ioctls to the size that the command's number
 * names.  The commands name a long, but pass an int, and the kernel copies to
 * the caller what we reply: so four bytes, never eight.
 */
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "notice.h"
#include "ops.h"
#include "opstat.h"
#include "reply.h"
#include "statinfo.h"

#ifndef FS_DAX_FL
#define FS_DAX_FL	0x02000000
#endif

struct call {
	struct dxf_session *s;
	dxf_ino_t ino;
	const struct dxf_cred *cred;
	const void *in;
	size_t in_size;
	size_t out_size;
	void *out;		/* room for a union answer */
};

union answer {
	struct fsxattr fsxattr;
	struct dxf_stat stat;
	struct dxf_stat_op op;
};

static const struct {
	uint32_t xflag;
	uint32_t flag;
} xflag_map[] = {
	{ FS_XFLAG_SYNC, FS_SYNC_FL },
	{ FS_XFLAG_IMMUTABLE, FS_IMMUTABLE_FL },
	{ FS_XFLAG_APPEND, FS_APPEND_FL },
	{ FS_XFLAG_NODUMP, FS_NODUMP_FL },
	{ FS_XFLAG_NOATIME, FS_NOATIME_FL },
	{ FS_XFLAG_DAX, FS_DAX_FL },
	{ FS_XFLAG_PROJINHERIT, FS_PROJINHERIT_FL },
};

static int get_u32(const struct call *c, uint32_t *v)
{
	if (c->in_size < sizeof(*v))
		return -EINVAL;
	memcpy(v, c->in, sizeof(*v));
	return 0;
}

static int put_u32(const struct call *c, uint32_t v)
{
	if (c->out_size < sizeof(v))
		return -EINVAL;
	memcpy(c->out, &v, sizeof(v));
	return sizeof(v);
}

/* Each returns the bytes to reply or -errno. */

static int do_getflags(const struct call *c)
{
	uint32_t flags;
	int err;

	err = dxf_fs_getflags(c->s->fs, c->ino, &flags);
	return err ? err : put_u32(c, flags);
}

static int do_setflags(const struct call *c)
{
	uint32_t flags;
	int err;

	err = get_u32(c, &flags);
	if (err == 0)
		err = dxf_fs_setflags(c->s->fs, c->ino, flags, c->cred);
	if (err == 0)
		dxf_attr_changed(c->s, c->ino);
	return err;
}

static int do_getversion(const struct call *c)
{
	struct dxf_attr a;
	int err;

	err = dxf_fs_getattr(c->s->fs, c->ino, &a);
	return err ? err : put_u32(c, a.generation);
}

static int do_setversion(const struct call *c)
{
	uint32_t version;
	int err;

	err = get_u32(c, &version);
	if (err == 0)
		err = dxf_fs_setversion(c->s->fs, c->ino, version, c->cred);
	if (err == 0)
		dxf_attr_changed(c->s, c->ino);
	return err;
}

static int do_fsgetxattr(const struct call *c)
{
	struct fsxattr fx;
	uint32_t flags;
	size_t i;
	int err;

	if (c->out_size < sizeof(fx))
		return -EINVAL;
	err = dxf_fs_getflags(c->s->fs, c->ino, &flags);
	if (err)
		return err;
	memset(&fx, 0, sizeof(fx));
	for (i = 0; i < DXF_ARRAY_SIZE(xflag_map); i++)
		if (flags & xflag_map[i].flag)
			fx.fsx_xflags |= xflag_map[i].xflag;
	memcpy(c->out, &fx, sizeof(fx));
	return sizeof(fx);
}

/* The flags that @fx stands for, laid over the others in *@flags. */
static int from_xflags(const struct fsxattr *fx, uint32_t *flags)
{
	uint32_t left = fx->fsx_xflags & ~FS_XFLAG_HASATTR;
	size_t i;

	if (fx->fsx_extsize != 0 || fx->fsx_cowextsize != 0 ||
	    fx->fsx_projid != 0)
		return -EOPNOTSUPP;
	for (i = 0; i < DXF_ARRAY_SIZE(xflag_map); i++) {
		*flags &= ~xflag_map[i].flag;
		if (left & xflag_map[i].xflag)
			*flags |= xflag_map[i].flag;
		left &= ~xflag_map[i].xflag;
	}
	return left ? -EOPNOTSUPP : 0;
}

static int do_fssetxattr(const struct call *c)
{
	struct fsxattr fx;
	uint32_t flags;
	int err;

	if (c->in_size < sizeof(fx))
		return -EINVAL;
	memcpy(&fx, c->in, sizeof(fx));
	err = dxf_fs_getflags(c->s->fs, c->ino, &flags);
	if (err == 0)
		err = from_xflags(&fx, &flags);
	if (err == 0)
		err = dxf_fs_setflags(c->s->fs, c->ino, flags, c->cred);
	if (err == 0)
		dxf_attr_changed(c->s, c->ino);
	return err;
}

static int do_stat(const struct call *c)
{
	if (c->out_size < sizeof(struct dxf_stat))
		return -EINVAL;
	dxf_statinfo_get(c->s, c->out);
	return sizeof(struct dxf_stat);
}

static int do_stat_op(const struct call *c)
{
	struct dxf_stat_op *op = c->out;

	if (c->in_size < sizeof(*op) || c->out_size < sizeof(*op))
		return -EINVAL;
	memcpy(op, c->in, sizeof(*op));
	dxf_opstat_get(op);
	return sizeof(*op);
}

/*
 * The kernel drops what it has cached before it becomes read-only, and tells of
 * that in the background: unlinked files go, files lose blocks behind their end.
 */
static int quiesce(const struct call *c)
{
	const struct timespec step = { 0, 5 * 1000 * 1000 };
	int i, err = -EBUSY;

	for (i = 0; i < 100 && err == -EBUSY; i++) {
		if (i > 0)
			nanosleep(&step, NULL);
		err = dxf_fs_quiesce(c->s->fs);
	}
	return err;
}

static int do_readonly(const struct call *c)
{
	uint32_t ro;
	int err;

	err = get_u32(c, &ro);
	if (err == 0 && ro > 1)
		err = -EINVAL;
	if (err == 0 && c->cred->uid != 0 && c->cred->uid != c->s->owner)
		err = -EPERM;
	if (err)
		return err;
	if (!ro && (c->s->ro || dxf_fs_may_write(c->s->fs) != 0))
		return -EROFS;
	dxf_fs_set_reads_only(c->s->fs, ro);
	return ro ? quiesce(c) : 0;
}

static int dispatch(const struct call *c, unsigned int cmd)
{
	switch (cmd) {
	case FS_IOC_GETFLAGS:
	case FS_IOC32_GETFLAGS:
		return do_getflags(c);
	case FS_IOC_SETFLAGS:
	case FS_IOC32_SETFLAGS:
		return do_setflags(c);
	case FS_IOC_GETVERSION:
	case FS_IOC32_GETVERSION:
		return do_getversion(c);
	case FS_IOC_SETVERSION:
	case FS_IOC32_SETVERSION:
		return do_setversion(c);
	case FS_IOC_FSGETXATTR:
		return do_fsgetxattr(c);
	case FS_IOC_FSSETXATTR:
		return do_fssetxattr(c);
	case DXF_IOC_STAT:
		return do_stat(c);
	case DXF_IOC_STAT_OP:
		return do_stat_op(c);
	case DXF_IOC_READONLY:
		return do_readonly(c);
	default:
		return -ENOTTY;
	}
}

void dxf_op_ioctl(struct dxf_req *r)
{
	const struct fuse_ioctl_in *in = r->in;
	struct {
		struct fuse_ioctl_out out;
		union answer answer;
	} reply;
	struct dxf_caller caller;
	struct call c = {
		.s = r->s,
		.ino = r->ino,
		.cred = &caller.cred,
		.in = dxf_req_take(r, in->in_size),
		.in_size = in->in_size,
		.out_size = in->out_size,
		.out = &reply.answer,
	};
	int n;

	dxf_caller_init(&caller, r, 0);
	n = c.in != NULL ? dispatch(&c, in->cmd) : -EINVAL;
	assert(n <= (int)sizeof(reply.answer));
	memset(&reply.out, 0, sizeof(reply.out));
	dxf_reply(r, DXF_MIN(n, 0), &reply,
		  sizeof(reply.out) + (size_t)DXF_MAX(n, 0));
}
