/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_name.c - operations on names: look up, forget, make, remove, rename.
 *
 * Must not know the disk format, nor permissions: the kernel checked them.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ino.h"
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

void dxf_ll_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct dxf_attr a;
	int err;

	assert(name[0] != '\0');
	err = lookup(dxf_req_fs(req), dxf_ino_of_node(parent), name, &a);
	dxf_reply_lookup(req, err, &a);
}

static void forget(struct dxf_session *s, fuse_ino_t node, uint64_t nlookup)
{
	dxf_ino_t ino = dxf_ino_of_node(node);

	if (ino != 0 && ino != DXF_ROOT_INO)
		dxf_fs_forget(s->fs, ino, nlookup);
}

void dxf_ll_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	forget(dxf_req_session(req), ino, nlookup);
	fuse_reply_none(req);
}

void dxf_ll_forget_multi(fuse_req_t req, size_t count,
			 struct fuse_forget_data *forgets)
{
	struct dxf_session *s = dxf_req_session(req);
	size_t i;

	for (i = 0; i < count; i++)
		forget(s, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

void dxf_ll_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX + 1];
	ssize_t n;

	n = dxf_fs_readlink(dxf_req_fs(req), dxf_ino_of_node(ino), target,
			    PATH_MAX);
	if (n < 0) {
		dxf_reply_err(req, (int)n);
		return;
	}
	assert(n <= PATH_MAX);
	target[n] = '\0';
	fuse_reply_readlink(req, target);
}

void dxf_ll_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		  mode_t mode, dev_t rdev)
{
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, req);
	err = dxf_fs_mknod(dxf_req_fs(req), &c.cred, dxf_ino_of_node(parent),
			   name, mode, rdev, &a);
	dxf_reply_entry(req, err, &a);
}

void dxf_ll_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		  mode_t mode)
{
	dxf_ll_mknod(req, parent, name, (mode & ~S_IFMT) | S_IFDIR, 0);
}

void dxf_ll_symlink(fuse_req_t req, const char *link, fuse_ino_t parent,
		    const char *name)
{
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, req);
	err = dxf_fs_symlink(dxf_req_fs(req), &c.cred, dxf_ino_of_node(parent),
			     name, link, &a);
	dxf_reply_entry(req, err, &a);
}

void dxf_ll_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
		 const char *newname)
{
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, req);
	err = dxf_fs_link(dxf_req_fs(req), &c.cred, dxf_ino_of_node(ino),
			  dxf_ino_of_node(newparent), newname, &a);
	dxf_reply_entry(req, err, &a);
}

void dxf_ll_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	dxf_reply_err(req, dxf_fs_unlink(dxf_req_fs(req),
					 dxf_ino_of_node(parent), name));
}

void dxf_ll_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	dxf_reply_err(req, dxf_fs_rmdir(dxf_req_fs(req),
					dxf_ino_of_node(parent), name));
}

void dxf_ll_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		   fuse_ino_t newparent, const char *newname,
		   unsigned int flags)
{
	struct dxf_caller c;
	int err;

	dxf_caller_init(&c, req);
	err = dxf_fs_rename(dxf_req_fs(req), &c.cred,
			    DXF_AT(dxf_ino_of_node(parent), name),
			    DXF_AT(dxf_ino_of_node(newparent), newname), flags);
	dxf_reply_err(req, err);
}

/* Make a regular file and open it: both or nothing. */
static int create(struct dxf_session *s, const struct dxf_cred *cred,
		  dxf_ino_t parent, const char *name, mode_t mode, int flags,
		  struct dxf_attr *a)
{
	int err;

	err = dxf_fs_mknod(s->fs, cred, parent, name,
			   (mode & ~S_IFMT) | S_IFREG, 0, a);
	if (err)
		return err;
	/* The mode binds later opens only, and there is nothing to truncate. */
	flags = dxf_open_flags(s, flags & ~(O_TRUNC | O_EXCL));
	err = dxf_fs_open_file(s->fs, a->ino, flags, false);
	if (err) {
		dxf_fs_unlink(s->fs, parent, name);
		dxf_fs_forget(s->fs, a->ino, 1);
	}
	return err;
}

void dxf_ll_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		   mode_t mode, struct fuse_file_info *fi)
{
	struct dxf_session *s = dxf_req_session(req);
	struct fuse_entry_param e;
	struct dxf_caller c;
	struct dxf_attr a;
	int err;

	dxf_caller_init(&c, req);
	err = create(s, &c.cred, dxf_ino_of_node(parent), name, mode,
		     fi->flags, &a);
	if (err) {
		dxf_reply_err(req, err);
		return;
	}
	dxf_entry_fill(s, &a, &e);
	dxf_fill_open(s, a.ino, fi);
	if (fuse_reply_create(req, &e, fi) != 0) {
		dxf_fs_release(s->fs, a.ino);
		dxf_entry_undo(s, &a);
	}
}
