/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attr.c - attributes: the slot in memory, getattr, setattr.
 *
 * Owns who may read and replace node.di and when.
 *
 * Invariant:
 * - An explicit time wins over every touch before its operation's copy: only
 *   what lazy_new names survives the commit.
 *
 * Must not know: what blocks a file has.
 */
#include <assert.h>
#include <errno.h>
#include <linux/fs.h>
#include <string.h>

#include "alloc.h"
#include "data.h"

#define ALL_PERMS	(S_ISUID | S_ISGID | S_ISVTX | 0777)

/* ---- the slot in memory ---- */

void dxf_inode_get_di(struct dxf_inode *inode, struct dxf_dinode *di)
{
	DXF_SCOPED_MUTEX(&inode->node.attr);
	*di = inode->node.di;
}

void dxf_inode_peek(struct dxf_inode *inode, struct dxf_peek *p)
{
	dxf_mutex_lock(&inode->node.attr);
	p->size = inode->node.di.size;
	p->mode = inode->node.di.mode;
	p->flags = inode->node.di.flags;
	dxf_mutex_unlock(&inode->node.attr);
}

/*
 * Words that are the same are not stored: what the inode's lock protects (map,
 * size, flags) is read under that lock alone, while an unlink or a neighbour
 * on the orphan list replaces the slot without it, and leaves these as they
 * are.  Atomic for dxf_inode_guess_size().
 */
static void store_change(uint32_t *d, uint32_t s)
{
	if (*d != s)
		__atomic_store_n(d, s, __ATOMIC_RELAXED);
}

static void store_changes(struct dxf_dinode *dst, const struct dxf_dinode *src)
{
	uint32_t *d = (uint32_t *)dst;
	const uint32_t *s = (const uint32_t *)src;

	_Static_assert(sizeof(*dst) % (2 * sizeof(*d)) == 0, "pairs of words");
	for (size_t i = 0; i < sizeof(*dst) / sizeof(*d); i += 2) {
		if (memcmp(d + i, s + i, 2 * sizeof(*d)) == 0)
			continue;
		store_change(d + i, s[i]);
		store_change(d + i + 1, s[i + 1]);
	}
}

/* The times that were touched since @di was copied stay. */
static void store_but_touched(struct dxf_inode *inode,
			      const struct dxf_dinode *di)
{
	struct dxf_dinode *cur = &inode->node.di, next = *di;

	if (inode->lazy_new & DXF_TIME_A)
		next.atime = cur->atime;
	if (inode->lazy_new & DXF_TIME_M)
		next.mtime = cur->mtime;
	if (inode->lazy_new & DXF_TIME_C)
		next.ctime = cur->ctime;
	store_changes(cur, &next);
}

void dxf_inode_set_di(struct dxf_inode *inode, const struct dxf_dinode *di)
{
	DXF_SCOPED_MUTEX(&inode->node.attr);
	assert((inode->lazy_new & ~inode->lazy) == 0);
	if (inode->lazy_new != 0)
		store_but_touched(inode, di);
	else
		store_changes(&inode->node.di, di);
	dxf_inode_forget_touches(inode);
	inode->lazy = inode->lazy_new;
	inode->lazy_new = 0;
}

void dxf_dinode_fill_attr(struct dxf_ext2 *e2, dxf_ino_t ino,
			  const struct dxf_dinode *di, struct dxf_attr *out)
{
	*out = (struct dxf_attr){
		.ino = ino,
		.generation = di->generation,
		.mode = di->mode,
		.nlink = di->nlink,
		.uid = di->uid,
		.gid = di->gid,
		.size = di->size,
		.blocks = di->sectors,
		.blksize = dxf_ext2_geom(e2)->block_size,
		.flags = di->flags,
		.atime = di->atime,
		.mtime = di->mtime,
		.ctime = di->ctime,
		.btime = di->crtime,
	};
	if (S_ISCHR(di->mode) || S_ISBLK(di->mode))
		out->rdev = dxf_dinode_get_rdev(di);
}

void dxf_inode_fill_attr(struct dxf_inode *inode, struct dxf_attr *out)
{
	struct dxf_node *n = &inode->node;
	DXF_SCOPED_MUTEX(&n->attr);

	dxf_dinode_fill_attr(n->e2, n->ino, &n->di, out);
}

/* ---- rules ---- */

int dxf_inode_may_change(const struct dxf_dinode *di, bool append_ok)
{
	if (di->flags & FS_IMMUTABLE_FL)
		return -EPERM;
	return (di->flags & FS_APPEND_FL) && !append_ok ? -EPERM : 0;
}

static bool in_group(const struct dxf_cred *cred, gid_t gid)
{
	return cred->gid == gid ||
	       (cred->in_group && cred->in_group(cred, gid));
}

unsigned int dxf_cred_balloc_flags(const struct dxf_fs *fs,
				   const struct dxf_cred *cred)
{
	const struct dxf_fs_opts *o = &fs->opts;
	bool ok = !cred || cred->uid == 0 || cred->uid == o->resuid ||
		  (o->resgid != 0 && in_group(cred, o->resgid));

	return ok ? DXF_BALLOC_RESERVED_OK : 0;
}

/* setgid without group execution marks mandatory locking, no privilege. */
static mode_t strip_suid(mode_t mode)
{
	if (S_ISDIR(mode))
		return mode;
	if (mode & S_IXGRP)
		mode &= ~S_ISGID;
	return mode & ~S_ISUID;
}

int dxf_inode_kill_priv(struct dxf_inode *inode, struct dxf_dinode *di,
			struct dxf_txn *t)
{
	int err;

	assert(di != &inode->node.di);
	dxf_rwlock_assert_wrheld(&inode->lock);
	if (S_ISDIR(di->mode))
		return 0;
	di->mode = strip_suid(di->mode);
	if (dxf_inode_lacks(inode, DXF_LACKS_CAP))
		return 0;
	err = dxf_xattr_set(&inode->node, di, t, "security.capability", NULL,
			    0, 0, DXF_BALLOC_RESERVED_OK);
	return err == -ENODATA || err == -EOPNOTSUPP ? 0 : err;
}

/* ---- getattr, setattr ---- */

int dxf_fs_getattr(struct dxf_fs *fs, dxf_ino_t ino, struct dxf_attr *out)
{
	struct dxf_inode *inode;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err)
		return err;
	dxf_inode_fill_attr(inode, out);
	dxf_icache_put(fs, inode);
	return 0;
}

/* utimes(2) with both times "now" asks for less than explicit ones. */
static bool times_explicit(unsigned int valid)
{
	return ((valid & DXF_SET_ATIME) && !(valid & DXF_SET_ATIME_NOW)) ||
	       ((valid & DXF_SET_MTIME) && !(valid & DXF_SET_MTIME_NOW));
}

static int may_setattr(const struct dxf_peek *p, unsigned int valid)
{
	const unsigned int now = DXF_SET_ATIME_NOW | DXF_SET_MTIME_NOW;

	if (valid & DXF_SET_CACHE)
		return 0;
	if ((valid & (DXF_SET_MODE | DXF_SET_UID | DXF_SET_GID |
		      DXF_SET_SIZE)) || times_explicit(valid))
		return p->flags & (FS_IMMUTABLE_FL | FS_APPEND_FL) ? -EPERM : 0;
	if (valid & now)
		return p->flags & FS_IMMUTABLE_FL ? -EPERM : 0;
	return 0;
}

/* The entries that the mode's bits stand for follow chmod(2). */
static int chmod_acl(struct dxf_inode *inode, struct dxf_dinode *di,
		     struct dxf_txn *t)
{
	static const char name[] = "system.posix_acl_access";
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	DXF_CLEANUP_FREE void *buf = NULL;
	ssize_t len;
	int err;

	if (dxf_inode_lacks(inode, DXF_LACKS_ACL))
		return 0;
	len = dxf_xattr_get(&inode->node, di, name, NULL, 0);
	if (len == -ENODATA || len == -EOPNOTSUPP) {
		dxf_inode_note_lack(inode, DXF_LACKS_ACL);
		return 0;
	}
	if (len < 0)
		return len;
	buf = dxf_malloc(len + 1);
	if (!buf)
		return -ENOMEM;
	len = dxf_xattr_get(&inode->node, di, name, buf, len);
	if (len < 0)
		return len;
	err = dxf_acl_from_xattr(buf, len, &acl);
	if (err)
		return err;
	dxf_acl_chmod(acl, di->mode);
	/* The entries stay as many as they are, so the length does too. */
	len = dxf_acl_to_xattr(acl, buf, len);
	if (len < 0)
		return len;
	return dxf_xattr_set(&inode->node, di, t, name, buf, len, 0,
			     DXF_BALLOC_RESERVED_OK);
}

static void apply_times(const struct dxf_ext2 *e2, struct dxf_dinode *di,
			const struct dxf_setattr *sa)
{
	struct timespec now = dxf_now();

	if (sa->valid & DXF_SET_ATIME_NOW)
		di->atime = now;
	else if (sa->valid & DXF_SET_ATIME)
		di->atime = dxf_dinode_clamp_time(e2, di, sa->atime);
	if (sa->valid & DXF_SET_MTIME_NOW)
		di->mtime = now;
	else if (sa->valid & DXF_SET_MTIME)
		di->mtime = dxf_dinode_clamp_time(e2, di, sa->mtime);
	di->ctime = now;
	if (sa->valid & DXF_SET_CTIME)
		di->ctime = dxf_dinode_clamp_time(e2, di, sa->ctime);
}

int dxf_setattr_apply(struct dxf_op *op, struct dxf_inode *inode,
		      struct dxf_dinode *di, const struct dxf_setattr *sa)
{
	const unsigned int owner = DXF_SET_UID | DXF_SET_GID;
	int err = 0;

	if (sa->valid & DXF_SET_UID)
		di->uid = sa->uid;
	if (sa->valid & DXF_SET_GID)
		di->gid = sa->gid;
	if (sa->valid & (owner | DXF_SET_KILL_PRIV))
		err = dxf_inode_kill_priv(inode, di, op->t);
	if (err)
		return err;
	if (sa->valid & DXF_SET_MODE) {
		di->mode = (di->mode & ~ALL_PERMS) | (sa->mode & ALL_PERMS);
		if (op->fs->opts.acl && !S_ISLNK(di->mode))
			err = chmod_acl(inode, di, op->t);
		if (err)
			return err;
	}
	apply_times(op->fs->e2, di, sa);
	return 0;
}

static int change(struct dxf_fs *fs, struct dxf_inode *inode,
		  const struct dxf_setattr *sa)
{
	struct dxf_op op;
	int err = dxf_op_begin(&op, fs);

	if (err)
		return err;
	err = dxf_setattr_apply(&op, inode, dxf_op_di(&op, inode), sa);
	return dxf_op_end(&op, err);
}

/*
 * setgid is not given to a file of a group that the caller is not in.  Who may
 * set it nevertheless (CAP_FSETID) is known here as root only.
 */
static void refuse_sgid(struct dxf_inode *inode, struct dxf_setattr *sa,
			const struct dxf_cred *cred)
{
	struct dxf_dinode di;

	if (!(sa->valid & DXF_SET_MODE) || !cred || cred->uid == 0)
		return;
	dxf_inode_get_di(inode, &di);
	if (!in_group(cred, sa->valid & DXF_SET_GID ? sa->gid : di.gid))
		sa->mode &= ~S_ISGID;
}

static int setattr_locked(struct dxf_fs *fs, struct dxf_inode *inode,
			  const struct dxf_setattr *sa,
			  const struct dxf_cred *cred)
{
	struct dxf_setattr mine = *sa;
	struct dxf_peek p;
	int err;

	dxf_inode_peek(inode, &p);
	err = may_setattr(&p, sa->valid);
	if (err)
		return err;
	refuse_sgid(inode, &mine, cred);
	if (sa->valid & DXF_SET_SIZE)
		return dxf_truncate(fs, inode, sa->size, &mine);
	return change(fs, inode, &mine);
}

int dxf_fs_setattr(struct dxf_fs *fs, dxf_ino_t ino,
		   const struct dxf_setattr *sa, const struct dxf_cred *cred,
		   struct dxf_attr *out)
{
	struct dxf_inode *inode;
	struct dxf_attr attr;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err)
		return err;
	dxf_rwlock_wrlock(&inode->lock);
	err = setattr_locked(fs, inode, sa, cred);
	dxf_inode_fill_attr(inode, &attr);
	dxf_rwlock_unlock(&inode->lock);
	if (!err)
		err = dxf_sync_after(fs, inode, false);
	dxf_icache_put(fs, inode);
	if (!err)
		*out = attr;
	return err;
}
