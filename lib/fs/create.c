/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create.c - new inodes: files, directories, devices, symlinks, tmpfiles.
 *
 * Owns what a new inode starts with: owner, group, mode, ACLs, and the one
 * transaction that makes inode, contents and name together.
 *
 * The number of a new inode is known in the middle of its transaction only;
 * until the commit nobody can reach it, and afterwards only by number, for the
 * directory stays locked until the inode is in the cache.
 */
#include "lacks.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define ACL_ACCESS	"system.posix_acl_access"
#define ACL_DEFAULT	"system.posix_acl_default"

/* What to make. */
struct create {
	struct dxf_fs *fs;
	const struct dxf_cred *cred;
	struct dxf_inode *dir;
	const char *name;		/* NULL: a tmpfile */
	mode_t mode;
	dev_t rdev;
	const char *target;		/* of a symlink */
	struct dxf_fs_created *opened;	/* it is to be open, too; or NULL */
	bool direct;

	struct dxf_inode *inode;	/* the new one */
	/* in the xattr representation, or NULL; inherited */
	void *acl_access, *acl_default;
	size_t access_len, default_len;
};

/* ---- mode, owner, ACLs ---- */

/* The directory's default ACL; *@out NULL: it has none. */
static int get_default_acl(struct create *c, void **out, size_t *len)
{
	struct dxf_node *n = &c->dir->node;
	struct dxf_dinode di;
	ssize_t size;
	void *buf;

	if (dxf_inode_lacks(c->dir, DXF_LACKS_DEFAULT))
		return 0;
	dxf_inode_get_di(c->dir, &di);
	size = dxf_xattr_get(n, &di, ACL_DEFAULT, NULL, 0);
	if (size == -ENODATA || size == -EOPNOTSUPP) {
		dxf_inode_note_lack(c->dir, DXF_LACKS_DEFAULT);
		return 0;
	}
	if (size < 0)
		return (int)size;
	buf = dxf_malloc((size_t)size + 1);
	if (buf == NULL)
		return -ENOMEM;
	size = dxf_xattr_get(n, &di, ACL_DEFAULT, buf, (size_t)size);
	if (size < 0) {
		free(buf);
		return (int)size;
	}
	*out = buf;
	*len = (size_t)size;
	return 0;
}

/* Mode and access ACL as the default ACL rules; the umask does not count. */
static int inherit(struct create *c)
{
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	ssize_t len;
	int err = dxf_acl_from_xattr(c->acl_default, c->default_len, &acl);

	if (err != 0)
		return err;
	if (!dxf_acl_create(acl, &c->mode))
		return 0;
	len = dxf_acl_to_xattr(acl, NULL, 0);
	if (len < 0)
		return (int)len;
	c->acl_access = dxf_malloc((size_t)len);
	if (c->acl_access == NULL)
		return -ENOMEM;
	len = dxf_acl_to_xattr(acl, c->acl_access, (size_t)len);
	if (len < 0)
		return (int)len;
	c->access_len = (size_t)len;
	return 0;
}

static void forget_acls(struct create *c)
{
	free(c->acl_access);
	free(c->acl_default);
	c->acl_access = c->acl_default = NULL;
}

static int choose_mode(struct create *c)
{
	int err = 0;

	if (S_ISLNK(c->mode))
		return 0;
	if (c->fs->opts.acl)
		err = get_default_acl(c, &c->acl_default, &c->default_len);
	if (err != 0)
		return err;
	if (c->acl_default == NULL) {
		c->mode &= ~(c->cred->umask & 0777);
		return 0;
	}
	err = inherit(c);
	if (!S_ISDIR(c->mode)) {
		free(c->acl_default);
		c->acl_default = NULL;
	}
	return err;
}

/*
 * In a setgid directory the group is the directory's; directories pass the bit
 * on, executables get it only from members.  With grpid the group is always the
 * directory's, and the bit is not passed on.
 */
static void set_owner(const struct create *c, const struct dxf_dinode *dir,
		      struct dxf_dinode *di)
{
	const mode_t exec = S_ISGID | S_IXGRP;

	di->uid = c->cred->uid;
	di->gid = c->fs->opts.grpid ? dir->gid : c->cred->gid;
	if (c->fs->opts.grpid || (dir->mode & S_ISGID) == 0)
		return;
	di->gid = dir->gid;
	if (S_ISDIR(di->mode))
		di->mode |= S_ISGID;
	else if ((di->mode & exec) == exec &&
		 !dxf_cred_has_group(c->cred, dir->gid))
		di->mode &= ~(mode_t)S_ISGID;
}

/* ---- the transaction ---- */

static int make_inode(struct create *c, struct dxf_op *op,
		      const struct dxf_dinode *dir, const struct timespec *now)
{
	struct dxf_ext2 *e2 = c->fs->e2;
	struct dxf_dinode *di;
	uint32_t generation;
	dxf_ino_t ino;
	int err = dxf_ialloc_new(e2, op->t, c->dir->node.ino, c->mode, &ino,
				 &generation);

	if (err != 0)
		return err;
	di = dxf_op_new(op, c->inode, ino);
	dxf_dinode_fresh(e2, di, c->mode, dir->flags, now);
	di->nlink = c->name == NULL ? 0 : S_ISDIR(c->mode) ? 2 : 1;
	di->generation = generation;
	set_owner(c, dir, di);
	if (S_ISCHR(c->mode) || S_ISBLK(c->mode))
		dxf_dinode_set_rdev(di, c->rdev);
	return dxf_dinode_create(e2, op->t, ino, di);
}

static int make_contents(struct create *c, struct dxf_op *op)
{
	struct dxf_node *n = &c->inode->node;
	unsigned int flags;
	struct dxf_dinode *di;
	int err = 0;

	/* Most files have none, and are staged as they are. */
	if (!S_ISDIR(c->mode) && !S_ISLNK(c->mode) && c->acl_access == NULL)
		return 0;
	di = dxf_op_di(op, c->inode);
	flags = dxf_cred_balloc_flags(c->fs, c->cred);
	if (S_ISDIR(c->mode))
		err = dxf_dir_make_first(n, di, op->t, c->dir->node.ino,
					 flags);
	else if (S_ISLNK(c->mode))
		err = dxf_symlink_fill(op, c->inode, di, c->target, flags);
	if (err == 0 && c->acl_access != NULL)
		err = dxf_xattr_set(n, di, op->t, ACL_ACCESS, c->acl_access,
				    c->access_len, 0, flags);
	if (err == 0 && c->acl_default != NULL)
		err = dxf_xattr_set(n, di, op->t, ACL_DEFAULT, c->acl_default,
				    c->default_len, 0, flags);
	return err;
}

static int make_entry(struct create *c, struct dxf_op *op,
		      const struct timespec *now)
{
	struct dxf_dinode *dir = dxf_op_di(op, c->dir);
	const struct dxf_dir_new new = {
		.name = c->name,
		.len = strlen(c->name),
		.ino = c->inode->node.ino,
		.type = dxf_dir_type(c->mode),
		.balloc_flags = dxf_cred_balloc_flags(c->fs, c->cred),
	};
	int err = dxf_dir_add(&c->dir->node, dir, op->t, &new);

	if (err == 0 && S_ISDIR(c->mode))
		err = dxf_nlink_add_subdir(op, c->dir);
	dxf_dir_changed(dir, now);
	dxf_op_named(op, c->inode, c->dir);
	return err;
}

static int create_op(struct create *c)
{
	struct timespec now = dxf_now();
	struct dxf_dinode dir;
	struct dxf_op op;
	int err = dxf_op_begin(&op, c->fs);

	if (err != 0)
		return err;
	dxf_inode_get_di(c->dir, &dir);
	err = make_inode(c, &op, &dir, &now);
	if (err == 0)
		err = make_contents(c, &op);
	if (err == 0 && c->name != NULL)
		err = make_entry(c, &op, &now);
	if (err == 0 && c->name == NULL) {
		c->inode->linkable = true;
		err = dxf_orphan_add(&op, c->inode);
	}
	return dxf_op_end(&op, err);
}

/* What is known of the new inode need not be asked of media. */
static void remember(struct create *c)
{
	struct dxf_inode *inode = c->inode;

	inode->lacks = DXF_LACKS_CAP;
	if (c->acl_access == NULL)
		inode->lacks |= DXF_LACKS_ACL;
	if (c->acl_default == NULL)
		inode->lacks |= DXF_LACKS_DEFAULT;
	if (S_ISREG(c->mode))
		dxf_bmap_is_new(&inode->node);
}

/* ---- around it ---- */

static int may_make(struct create *c)
{
	struct dxf_dinode di;
	int err;

	if (c->name == NULL)
		return dxf_dir_may_create(c->dir);
	err = dxf_dir_may_insert(c->dir, c->name);
	if (err != 0 || !S_ISDIR(c->mode))
		return err;
	dxf_inode_get_di(c->dir, &di);
	return dxf_nlink_room(c->fs, &di);
}

/* Under the directory's lock; on success the inode is cached and pinned. */
static int create_locked(struct create *c)
{
	int err = may_make(c);

	if (err == 0)
		err = choose_mode(c);
	if (err == 0)
		err = dxf_icache_alloc(c->fs, &c->inode);
	if (err == 0) {
		err = create_op(c);
		if (err == 0) {
			remember(c);
			c->inode = dxf_icache_add(c->fs, c->inode);
		} else {
			dxf_icache_free_new(c->inode);
		}
	}
	forget_acls(c);
	return err;
}

static int create_once(struct create c, struct dxf_inode **out)
{
	int err;

	dxf_rwlock_wrlock(&c.dir->lock);
	err = create_locked(&c);
	dxf_rwlock_unlock(&c.dir->lock);
	if (err == 0)
		*out = c.inode;
	return err;
}

/* The caller of the API gets its references, or none after an error. */
static int give(struct create *c, struct dxf_inode *inode,
		struct dxf_attr *out)
{
	struct dxf_attr attr;
	int err;

	if (c->name == NULL)
		err = dxf_icache_add_open(c->fs, inode, false);
	else
		err = dxf_sync_after(c->fs, c->dir, true);
	dxf_inode_fill_attr(inode, &attr);
	if (err == 0 && c->opened != NULL)
		err = dxf_icache_give_opened(c->fs, inode, c->dir, c->direct,
					     &c->opened->dax);
	else if (err == 0)
		dxf_icache_give(c->fs, inode, c->dir);
	if (err != 0) {
		dxf_icache_put(c->fs, inode);
		dxf_icache_put(c->fs, c->dir);
		return err;
	}
	if (c->opened != NULL)
		c->opened->file = inode;
	*out = attr;
	return 0;
}

static int create(struct create *c, dxf_ino_t parent, struct dxf_attr *out)
{
	struct dxf_fs *fs = c->fs;
	struct dxf_inode *inode;
	int err = c->name != NULL ? dxf_name_check(c->name) : 0;

	assert(c->cred != NULL);
	if (err == 0)
		err = dxf_icache_get(fs, parent, &c->dir);
	if (err != 0)
		return err;
	err = DXF_RETRY_NOSPC(fs, create_once(*c, &inode));
	if (err == 0)
		return give(c, inode, out);
	dxf_icache_put(fs, c->dir);
	return err;
}

int dxf_fs_mknod(struct dxf_fs *fs, const struct dxf_cred *cred,
		 dxf_ino_t parent, const char *name, mode_t mode, dev_t rdev,
		 struct dxf_attr *out)
{
	struct create c = {
		.fs = fs, .cred = cred, .name = name, .rdev = rdev,
		.mode = mode & (S_IFMT | 07777),
	};

	if ((c.mode & S_IFMT) == 0)
		c.mode |= S_IFREG;
	if (S_ISLNK(c.mode) || dxf_dir_type(c.mode) == 0)
		return -EINVAL;
	return create(&c, parent, out);
}

int dxf_fs_create(struct dxf_fs *fs, const struct dxf_cred *cred,
		  const struct dxf_fs_at *at, mode_t mode, int flags,
		  struct dxf_fs_created *out)
{
	struct dxf_fs_created made = { .file = NULL };
	struct create c = {
		.fs = fs, .cred = cred, .name = at->name,
		.mode = S_IFREG | (mode & 07777),
		.opened = &made, .direct = (flags & O_DIRECT) != 0,
	};
	int err;

	assert(at->name != NULL);
	err = create(&c, at->parent, &made.attr);
	if (err == 0)
		*out = made;
	return err;
}

int dxf_fs_symlink(struct dxf_fs *fs, const struct dxf_cred *cred,
		   dxf_ino_t parent, const char *name, const char *target,
		   struct dxf_attr *out)
{
	struct create c = {
		.fs = fs, .cred = cred, .name = name, .target = target,
		.mode = S_IFLNK | 0777,
	};

	if (target[0] == '\0')
		return -ENOENT;
	if (strlen(target) >= fs->geom->block_size)
		return -ENAMETOOLONG;
	return create(&c, parent, out);
}

int dxf_fs_tmpfile(struct dxf_fs *fs, const struct dxf_cred *cred,
		   dxf_ino_t parent, mode_t mode, struct dxf_attr *out)
{
	struct create c = {
		.fs = fs, .cred = cred,
		.mode = S_IFREG | (mode & 07777),
	};

	return create(&c, parent, out);
}
