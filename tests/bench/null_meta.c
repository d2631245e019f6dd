/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_meta.c - the operations on a tree in plain memory: names, attributes,
 * directories.  Those on open files are in null_file.c.
 *
 * A node's id is its address.  One lock is held for each operation on names,
 * never over a reply.
 */
#include "null_ops.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "worker.h"

static void fill_entry(struct null_node *node, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = (fuse_ino_t)(uintptr_t)node;
	e->attr = node->st;
	e->attr_timeout = DXF_TIMEOUT;
	e->entry_timeout = DXF_TIMEOUT;
	node->lookups++;
	assert(node != null_tree_root());
}

static void meta_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .entry_timeout = DXF_TIMEOUT };
	struct null_name *n;

	null_tree_lock();
	n = null_tree_find(null_node(parent), name);
	if (n != NULL)
		fill_entry(n->node, &e);
	null_tree_unlock();
	fuse_reply_entry(req, &e);
}

static void forget(fuse_ino_t ino, uint64_t n)
{
	struct null_node *node = null_node(ino);

	if (node == null_tree_root())
		return;
	assert(node->lookups >= n);
	node->lookups -= n;
	null_tree_put(node);
}

static void meta_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	null_tree_lock();
	forget(ino, n);
	null_tree_unlock();
	fuse_reply_none(req);
}

static void meta_forget_multi(fuse_req_t req, size_t count,
			      struct fuse_forget_data *f)
{
	size_t i;

	null_tree_lock();
	for (i = 0; i < count; i++)
		forget(f[i].ino, f[i].nlookup);
	null_tree_unlock();
	fuse_reply_none(req);
}

/* ---- making names ---- */

/* What a new node is to be. */
struct make {
	mode_t mode;
	dev_t rdev;
	const char *target;	/* of a symbolic link */
};

/* Make it below @parent.  Returns: 0 and *@e, one more lookup; -errno. */
static int make(fuse_req_t req, fuse_ino_t parent, const char *name,
		const struct make *m, struct fuse_entry_param *e)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct null_node *node;
	int err;

	node = null_tree_new(m->mode & ~ctx->umask, m->rdev, ctx->uid,
			     ctx->gid);
	if (node == NULL)
		return -ENOMEM;
	if (m->target != NULL) {
		err = null_tree_room(node, strlen(m->target) + 1);
		if (err)
			goto put;
		strcpy(node->bytes, m->target);
		node->st.st_size = (off_t)strlen(m->target);
	}
	err = null_tree_link(null_node(parent), name, node);
	if (err)
		goto put;
	fill_entry(node, e);
	null_durable(NULL_CREATE);
	return 0;
put:
	node->st.st_nlink = 0;
	null_tree_put(node);
	return err;
}

static void make_reply(fuse_req_t req, fuse_ino_t parent, const char *name,
		       const struct make *m)
{
	struct fuse_entry_param e;
	int err;

	null_tree_lock();
	err = make(req, parent, name, m, &e);
	null_tree_unlock();
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_entry(req, &e);
}

static void meta_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		       mode_t mode, dev_t rdev)
{
	struct make m = { .mode = mode, .rdev = rdev };

	make_reply(req, parent, name, &m);
}

static void meta_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		       mode_t mode)
{
	struct make m = { .mode = mode | S_IFDIR };

	make_reply(req, parent, name, &m);
}

static void meta_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
			 const char *name)
{
	struct make m = { .mode = S_IFLNK | 0777, .target = target };

	make_reply(req, parent, name, &m);
}

static void meta_create(fuse_req_t req, fuse_ino_t parent, const char *name,
			mode_t mode, struct fuse_file_info *fi)
{
	struct make m = { .mode = mode | S_IFREG };
	struct fuse_entry_param e;
	int err;

	null_tree_lock();
	err = make(req, parent, name, &m, &e);
	if (err == 0)
		null_node(e.ino)->opens++;
	null_tree_unlock();
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	null_fill_open(fi);
	fuse_reply_create(req, &e, fi);
}

static void meta_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent,
		      const char *name)
{
	struct fuse_entry_param e;
	int err;

	null_tree_lock();
	err = null_tree_link(null_node(parent), name, null_node(ino));
	if (err == 0) {
		fill_entry(null_node(ino), &e);
		null_durable(NULL_ATTR);
	}
	null_tree_unlock();
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_entry(req, &e);
}

/* ---- taking names away ---- */

static int remove_name(fuse_ino_t parent, const char *name)
{
	struct null_name *n = null_tree_find(null_node(parent), name);

	if (n == NULL)
		return -ENOENT;
	if (n->node->nchildren > 0)
		return -ENOTEMPTY;
	null_tree_unlink(n);
	null_durable(NULL_UNLINK);
	return 0;
}

static void meta_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	int err;

	null_tree_lock();
	err = remove_name(parent, name);
	null_tree_unlock();
	fuse_reply_err(req, -err);
}

static int move_name(const struct null_name *from, fuse_ino_t parent,
		     const char *name)
{
	struct null_node *dir = null_node(parent), *node = from->node;
	struct null_name *old = null_tree_find(dir, name);

	if (old != NULL && old->node == node)
		return 0;
	if (old != NULL && old->node->nchildren > 0)
		return -ENOTEMPTY;
	if (old != NULL)
		null_tree_unlink(old);
	return null_tree_link(dir, name, node);
}

static void meta_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
			fuse_ino_t newparent, const char *newname,
			unsigned int flags)
{
	struct null_name *n;
	int err = -ENOENT;

	if (flags) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	null_tree_lock();
	n = null_tree_find(null_node(parent), name);
	if (n != NULL)
		err = move_name(n, newparent, newname);
	/* to itself: the name stays */
	if (err == 0 && null_tree_find(null_node(newparent), newname) != n)
		null_tree_unlink(n);
	if (err == 0)
		null_durable(NULL_RENAME);
	null_tree_unlock();
	fuse_reply_err(req, -err);
}

/* ---- attributes ---- */

static void meta_getattr(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	struct stat st;

	null_tree_lock();
	st = null_node(ino)->st;
	null_tree_unlock();
	fuse_reply_attr(req, &st, DXF_TIMEOUT);
}

static void set_times(struct stat *st, const struct stat *to, int to_set)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	st->st_ctim = now;
	if (to_set & FUSE_SET_ATTR_ATIME)
		st->st_atim = to->st_atim;
	if (to_set & FUSE_SET_ATTR_MTIME)
		st->st_mtim = to->st_mtim;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		st->st_atim = now;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		st->st_mtim = now;
}

static void meta_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *to,
			 int to_set, struct fuse_file_info *fi)
{
	struct null_node *node = null_node(ino);
	struct stat st, before;
	int err = 0;

	null_tree_lock();
	before = node->st;
	null_tree_unlock();
	if (to_set & FUSE_SET_ATTR_SIZE)
		err = null_file_resize(node, (size_t)to->st_size);
	null_tree_lock();
	if (to_set & FUSE_SET_ATTR_MODE)
		node->st.st_mode = (node->st.st_mode & S_IFMT) |
				   (to->st_mode & ~(mode_t)S_IFMT);
	if (to_set & FUSE_SET_ATTR_UID)
		node->st.st_uid = to->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		node->st.st_gid = to->st_gid;
	set_times(&node->st, to, to_set);
	st = node->st;
	/* within a tick of the clock even ctime stays */
	if (memcmp(&st, &before, sizeof(st)) != 0)
		null_durable(NULL_ATTR);
	null_tree_unlock();
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_attr(req, &st, DXF_TIMEOUT);
}

static void meta_readlink(fuse_req_t req, fuse_ino_t ino)
{
	fuse_reply_readlink(req, null_node(ino)->bytes);
}

/* ---- directories ---- */

static void meta_opendir(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	null_tree_lock();
	null_node(ino)->opens++;
	null_tree_unlock();
	null_fill_opendir(fi);
	fuse_reply_open(req, fi);
}

/* One entry, behind which cookie @next comes.  Returns: its length. */
static size_t add_entry(fuse_req_t req, char *buf, size_t room,
			const struct null_name *n, bool plus)
{
	off_t next = (off_t)n->slot + 1;
	struct fuse_entry_param e;
	size_t len;

	if (!plus)
		return fuse_add_direntry(req, buf, room, n->name, &n->node->st,
					 next);
	len = fuse_add_direntry_plus(req, NULL, 0, n->name, NULL, 0);
	if (len > room)
		return len;
	fill_entry(n->node, &e);
	return fuse_add_direntry_plus(req, buf, room, n->name, &e, next);
}

static void readdir_reply(fuse_req_t req, fuse_ino_t ino, size_t size,
			  off_t off, bool plus)
{
	const struct null_node *dir = null_node(ino);
	char *buf = dxf_worker_scratch(size);
	size_t used = 0, len, i;

	if (buf == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	null_tree_lock();
	for (i = (size_t)off; i < dir->nslots; i++) {
		if (dir->slots[i] == NULL)
			continue;
		len = add_entry(req, buf + used, size - used, dir->slots[i],
				plus);
		if (len > size - used)
			break;
		used += len;
	}
	null_tree_unlock();
	fuse_reply_buf(req, buf, used);
}

static void meta_readdir(fuse_req_t req, fuse_ino_t ino, size_t size,
			 off_t off, struct fuse_file_info *fi)
{
	readdir_reply(req, ino, size, off, false);
}

static void meta_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			     off_t off, struct fuse_file_info *fi)
{
	readdir_reply(req, ino, size, off, true);
}

const struct fuse_lowlevel_ops null_meta_ops = {
	.init = null_init,
	.lookup = meta_lookup,
	.forget = meta_forget,
	.forget_multi = meta_forget_multi,
	.getattr = meta_getattr,
	.setattr = meta_setattr,
	.readlink = meta_readlink,
	.mknod = meta_mknod,
	.mkdir = meta_mkdir,
	.unlink = meta_unlink,
	.rmdir = meta_unlink,
	.symlink = meta_symlink,
	.rename = meta_rename,
	.link = meta_link,
	.create = meta_create,
	.open = null_file_open,
	.read = null_file_read,
	.write = null_file_write,
	.flush = null_flush,
	.release = null_file_release,
	.fsync = null_fsync,
	.opendir = meta_opendir,
	.readdir = meta_readdir,
	.readdirplus = meta_readdirplus,
	.releasedir = null_file_release,
	.fsyncdir = null_fsync,
	.statfs = null_statfs,
	.getxattr = null_getxattr,
	.listxattr = null_listxattr,
};
