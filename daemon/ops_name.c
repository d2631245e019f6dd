/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_name.c - operations on names: look up, forget, make, remove, rename.
 *
 * Must not know the disk format, nor permissions: the kernel checked them.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ops.h"
#include "reply.h"

/*
 * "." and ".." come from file handles (NFS, open_by_handle_at): their node may
 * be one that the kernel has not, and so have we not given out.
 */
static int lookup(struct dxf_fs *fs, dxf_ino_t parent, const char *name,
		  struct dxf_attr *a)
{
	if (parent == 0)
		return -ESTALE;
	if (strcmp(name, ".") == 0)
		return dxf_fs_lookup_ino(fs, parent, 0, a);
	return dxf_fs_lookup(fs, parent, name, a);
}

void dxf_op_lookup(struct dxf_req *r)
{
	struct dxf_attr a;
	int err;

	err = lookup(r->s->fs, r->ino, r->name[0], &a);
	dxf_reply_lookup(r, err, &a);
}

static void forget(struct dxf_session *s, dxf_ino_t ino, uint64_t nlookup)
{
	if (ino != 0 && ino != DXF_ROOT_INO)
		dxf_fs_forget(s->fs, ino, nlookup);
}

void dxf_op_forget(struct dxf_req *r)
{
	const struct fuse_forget_in *in = r->in;

	forget(r->s, r->ino, in->nlookup);
}

void dxf_op_batch_forget(struct dxf_req *r)
{
	const struct fuse_batch_forget_in *in = r->in;
	const struct fuse_forget_one *one;
	uint32_t i;

	for (i = 0; i < in->count; i++) {
		one = dxf_req_take(r, sizeof(*one));
		if (one == NULL)
			break;
		forget(r->s, dxf_ino_of_node(one->nodeid), one->nlookup);
	}
}

void dxf_op_readlink(struct dxf_req *r)
{
	char target[PATH_MAX];
	ssize_t n;

	n = dxf_fs_readlink(r->s->fs, r->ino, target, sizeof(target));
	assert(n <= (ssize_t)sizeof(target));
	if (n < 0)
		dxf_reply_err(r, (int)n);
	else
		dxf_reply(r, 0, target, strnlen(target, (size_t)n));
}

static void make(const struct dxf_req *r, mode_t mode, mode_t umask,
		 dev_t rdev)
{
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, r, umask);
	err = dxf_fs_mknod(r->s->fs, &c.cred, r->ino, r->name[0], mode, rdev,
			   &a);
	dxf_reply_entry(r, err, &a);
}

void dxf_op_mknod(struct dxf_req *r)
{
	const struct fuse_mknod_in *in = r->in;

	make(r, in->mode, in->umask, in->rdev);
}

void dxf_op_mkdir(struct dxf_req *r)
{
	const struct fuse_mkdir_in *in = r->in;

	make(r, (in->mode & ~(mode_t)S_IFMT) | S_IFDIR, in->umask, 0);
}

void dxf_op_symlink(struct dxf_req *r)
{
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, r, 0);
	err = dxf_fs_symlink(r->s->fs, &c.cred, r->ino, r->name[0],
			     r->name[1], &a);
	dxf_reply_entry(r, err, &a);
}

void dxf_op_link(struct dxf_req *r)
{
	const struct fuse_link_in *in = r->in;
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, r, 0);
	err = dxf_fs_link(r->s->fs, &c.cred, dxf_ino_of_node(in->oldnodeid),
			  r->ino, r->name[0], &a);
	dxf_reply_entry(r, err, &a);
}

void dxf_op_unlink(struct dxf_req *r)
{
	dxf_reply_err(r, dxf_fs_unlink(r->s->fs, r->ino, r->name[0]));
}

void dxf_op_rmdir(struct dxf_req *r)
{
	dxf_reply_err(r, dxf_fs_rmdir(r->s->fs, r->ino, r->name[0]));
}

static void rename_to(const struct dxf_req *r, uint64_t newdir,
		      unsigned int flags)
{
	struct dxf_caller c;
	int err;

	dxf_caller_init(&c, r, 0);
	err = dxf_fs_rename(r->s->fs, &c.cred, DXF_AT(r->ino, r->name[0]),
			    DXF_AT(dxf_ino_of_node(newdir), r->name[1]),
			    flags);
	dxf_reply_err(r, err);
}

void dxf_op_rename(struct dxf_req *r)
{
	const struct fuse_rename_in *in = r->in;

	rename_to(r, in->newdir, 0);
}

void dxf_op_rename2(struct dxf_req *r)
{
	const struct fuse_rename2_in *in = r->in;

	rename_to(r, in->newdir, in->flags);
}
