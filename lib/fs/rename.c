/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rename.c - rename, over existing names too, and exchange.
 *
 * One transaction in all.  Locked exclusively, in rising number: both parents,
 * each directory whose ".." changes, and a directory that is replaced (nothing
 * may be added to it behind the check that it is empty).  Which these are is
 * known only after both names were looked up.  So they are looked up under the
 * locks of both parents, which is all that most renames need; else all locks are
 * taken in order, and the names are looked up again: if they changed in between
 * it begins anew.
 *
 * rename_lock: renames between directories run one at a time, so that the tree
 * above a directory stands still while it is walked to see that no directory
 * moves below itself.  The walk holds no lock but one directory's at a time.
 */
#include "fs_priv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* One of the two names and what it names. */
struct side {
	struct dxf_inode *dir;
	const char *name;
	struct dxf_inode *inode;	/* pinned; NULL: there is none */
	bool is_dir;
	uint8_t type;			/* DT_* */
	struct dxf_dirent de;
};

struct rename {
	struct dxf_fs *fs;
	const struct dxf_cred *cred;
	struct side from, to;
	bool exchange, noreplace;
	bool cross;			/* between two directories */
};

/* ---- looking ---- */

static int find_side(struct rename *r, struct side *s)
{
	struct dxf_peek p;
	int err = dxf_dir_find(r->fs, s->dir, s->name, &s->de, &s->inode);

	if (err != 0)
		return err;
	dxf_inode_peek(s->inode, &p);
	s->is_dir = S_ISDIR(p.mode);
	s->type = dxf_dir_type(p.mode);
	return 0;
}

static int find_both(struct rename *r)
{
	int err = find_side(r, &r->from);

	if (err == 0)
		err = find_side(r, &r->to);
	else
		return err;
	if (err != -ENOENT)
		return err;
	/* A parent that is gone says ENOENT, too. */
	err = dxf_dir_check(r->to.dir);
	return err == 0 && r->exchange ? -ENOENT : err;
}

static void put_both(struct rename *r)
{
	if (r->from.inode != NULL)
		dxf_icache_put(r->fs, r->from.inode);
	if (r->to.inode != NULL)
		dxf_icache_put(r->fs, r->to.inode);
}

/* Under the locks: does the name still name that?  0, -EAGAIN, -errno. */
static int check_side(struct side *s)
{
	int err = dxf_dir_check(s->dir);

	if (err != 0)
		return err;
	err = dxf_dir_lookup(&s->dir->node, s->name, strlen(s->name), &s->de);
	if (s->inode == NULL)
		return err == -ENOENT ? 0 : err == 0 ? -EAGAIN : err;
	if (err == -ENOENT || (err == 0 && s->de.ino != s->inode->node.ino))
		return -EAGAIN;
	return err;
}

/* ---- no directory below itself ---- */

static int parent_of(struct dxf_fs *fs, dxf_ino_t ino, dxf_ino_t *parent)
{
	struct dxf_inode *dir;
	struct dxf_dirent de;
	int err = dxf_icache_get(fs, ino, &dir);

	if (err != 0)
		return err;
	dxf_rwlock_rdlock(&dir->lock);
	err = dxf_dir_lookup(&dir->node, "..", 2, &de);
	dxf_rwlock_unlock(&dir->lock);
	dxf_icache_put(fs, dir);
	if (err == -ENOENT)
		return dxf_ext2_corrupt(fs->e2, ino, 0, "no entry \"..\"");
	if (err == 0)
		*parent = de.ino;
	return err;
}

/*
 * Is @top the directory @ino or above it?  A damaged tree may lead in a
 * circle: @mark is compared with each step and set anew after 2, 4, 8 ...
 * Returns: 1, 0, -errno.
 */
static int is_above(struct dxf_fs *fs, dxf_ino_t top, dxf_ino_t ino)
{
	dxf_ino_t mark = 0;
	uint64_t steps = 0, next = 2;

	while (ino != top && ino != DXF_ROOT_INO) {
		int err = parent_of(fs, ino, &ino);

		if (err != 0)
			return err;
		if (ino == mark)
			return dxf_ext2_corrupt(fs->e2, ino, 0,
						"\"..\" leads in a circle");
		if (++steps == next) {
			mark = ino;
			next *= 2;
		}
	}
	return ino == top;
}

static int check_loops(struct rename *r)
{
	int err;

	dxf_mutex_assert_held(&r->fs->rename_lock);
	if (r->from.is_dir) {
		err = is_above(r->fs, r->from.inode->node.ino,
			       r->to.dir->node.ino);
		if (err != 0)
			return err < 0 ? err : -EINVAL;
	}
	if (r->to.is_dir) {
		err = is_above(r->fs, r->to.inode->node.ino,
			       r->from.dir->node.ino);
		if (err != 0)
			return err < 0 ? err :
			       r->exchange ? -EINVAL : -ENOTEMPTY;
	}
	return 0;
}

/* ---- may it be ---- */

/* Replacing @to.inode by @from.inode. */
static int may_replace(struct rename *r)
{
	int err;

	if (r->noreplace)
		return -EEXIST;
	if (r->from.is_dir && !r->to.is_dir)
		return -ENOTDIR;
	if (!r->from.is_dir && r->to.is_dir)
		return -EISDIR;
	if (r->to.inode == r->fs->root)
		return -EBUSY;
	if (!r->to.is_dir)
		return 0;
	err = dxf_dir_is_empty(&r->to.inode->node);
	return err == 0 ? -ENOTEMPTY : err < 0 ? err : 0;
}

/* One more subdirectory for @dir, unless one goes in exchange. */
static int may_gain(struct rename *r, struct side *gets, struct side *gives)
{
	struct dxf_dinode di;

	if (!r->cross || !gets->is_dir || gives->is_dir)
		return 0;
	dxf_inode_get_di(gives->dir, &di);
	return dxf_nlink_room(r->fs, &di);
}

static int may_rename(struct rename *r)
{
	int err = dxf_dir_may_delete(r->from.dir, r->from.inode);

	if (err == 0 && r->to.inode == NULL)
		err = dxf_dir_may_create(r->to.dir);
	else if (err == 0)
		err = dxf_dir_may_delete(r->to.dir, r->to.inode);
	if (err == 0 && r->to.inode != NULL && !r->exchange)
		err = may_replace(r);
	if (err == 0)
		err = may_gain(r, &r->from, &r->to);
	if (err == 0 && r->exchange)
		err = may_gain(r, &r->to, &r->from);
	return err;
}

/* ---- the transaction ---- */

/* @s->inode, a directory, has a new parent. */
static int set_dotdot(struct dxf_op *op, struct side *s, struct dxf_inode *dir)
{
	struct dxf_node *n = &s->inode->node;
	struct dxf_dirent de;
	int err = dxf_dir_lookup(n, "..", 2, &de);

	if (err == -ENOENT || (err == 0 && de.ino != s->dir->node.ino))
		err = dxf_ext2_corrupt(op->fs->e2, n->ino, 0,
				       "\"..\" is not the parent");
	if (err != 0)
		return err;
	return dxf_dir_replace(n, dxf_op_di(op, s->inode), op->t, &de,
			       dir->node.ino, dxf_dir_type(S_IFDIR));
}

/* The entry of @s is to name what @other names instead. */
static int retarget(struct dxf_op *op, struct side *s, struct side *other)
{
	return dxf_dir_replace(&s->dir->node, dxf_op_di(op, s->dir), op->t,
			       &s->de, other->inode->node.ino, other->type);
}

/* Subdirectory counts of the parents, after the entries changed. */
static int count_dirs(struct dxf_op *op, struct rename *r)
{
	/* Subdirectories that come to @to.dir and that go from it. */
	int come = r->from.is_dir, go = r->to.is_dir;
	struct dxf_inode *from = r->from.dir, *to = r->to.dir;
	int err = 0;

	if (r->exchange && come == go)
		return 0;
	if (r->exchange && go)
		return dxf_nlink_drop_subdir(op, to) ?:
		       dxf_nlink_add_subdir(op, from);
	if (come)
		err = dxf_nlink_drop_subdir(op, from);
	if (err == 0 && come && !go)
		err = dxf_nlink_add_subdir(op, to);
	return err;
}

static int stage_exchange(struct dxf_op *op, struct rename *r)
{
	int err = retarget(op, &r->from, &r->to);

	if (err == 0)
		err = retarget(op, &r->to, &r->from);
	if (err == 0 && r->cross && r->to.is_dir)
		err = set_dotdot(op, &r->to, r->from.dir);
	return err;
}

/*
 * A new name in the same directory mostly has room where the old one is.  Else
 * removing first leaves that room for the insertion.
 */
static int stage_new_name(struct dxf_op *op, struct rename *r)
{
	struct dxf_node *from = &r->from.dir->node;
	const struct dxf_dir_new new = {
		.name = r->to.name,
		.len = strlen(r->to.name),
		.ino = r->from.inode->node.ino,
		.type = r->from.type,
		.balloc_flags = dxf_cred_balloc_flags(r->fs, r->cred),
	};
	struct dxf_dinode *di = dxf_op_di(op, r->from.dir);
	int err = 1;

	if (!r->cross)
		err = dxf_dir_rename(from, di, op->t, &r->from.de, &new);
	if (err <= 0)
		return err;
	err = dxf_dir_remove(from, di, op->t, &r->from.de);
	if (err != 0)
		return err;
	return dxf_dir_add(&r->to.dir->node, dxf_op_di(op, r->to.dir), op->t,
			   &new);
}

static int stage_move(struct dxf_op *op, struct rename *r)
{
	int err;

	if (r->to.inode == NULL)
		return stage_new_name(op, r);
	err = retarget(op, &r->to, &r->from);
	if (err != 0)
		return err;
	return dxf_dir_remove(&r->from.dir->node, dxf_op_di(op, r->from.dir),
			      op->t, &r->from.de);
}

/* What was replaced loses its name. */
static int stage_victim(struct dxf_op *op, struct rename *r)
{
	struct dxf_dinode *di;

	if (r->exchange || r->to.inode == NULL)
		return 0;
	di = dxf_op_di(op, r->to.inode);
	if (di->nlink == 0)
		return dxf_ext2_corrupt(op->fs->e2, r->to.inode->node.ino, 0,
					"more names than links");
	di->nlink = r->to.is_dir ? 0 : di->nlink - 1;
	return di->nlink == 0 ? dxf_orphan_add(op, r->to.inode) : 0;
}

static int stage(struct dxf_op *op, struct rename *r)
{
	struct timespec now = dxf_now();
	int err = r->exchange ? stage_exchange(op, r) : stage_move(op, r);

	if (err == 0 && r->cross && r->from.is_dir)
		err = set_dotdot(op, &r->from, r->to.dir);
	if (err == 0)
		err = stage_victim(op, r);
	if (err == 0 && (r->cross || (r->to.is_dir && !r->exchange)))
		err = count_dirs(op, r);
	if (err != 0)
		return err;
	dxf_op_named(op, r->from.inode, r->to.dir);
	if (r->exchange)
		dxf_op_named(op, r->to.inode, r->from.dir);
	dxf_op_di(op, r->from.inode)->ctime = now;
	if (r->to.inode != NULL)
		dxf_op_di(op, r->to.inode)->ctime = now;
	dxf_dir_changed(dxf_op_di(op, r->from.dir), &now);
	dxf_dir_changed(dxf_op_di(op, r->to.dir), &now);
	return 0;
}

/* ---- around it ---- */

/* Everything is locked, and the names are those that were found. */
static int rename_locked(struct rename *r)
{
	struct dxf_op op;
	int err = may_rename(r);

	if (err == 0)
		err = dxf_op_begin(&op, r->fs);
	if (err != 0)
		return err;
	err = dxf_op_end(&op, stage(&op, r));
	if (err == 0 && r->to.is_dir && !r->exchange)
		dxf_dir_forget_index(&r->to.inode->node);
	return err;
}

static int lock_and_rename(struct rename *r)
{
	struct dxf_inode *v[4] = { r->from.dir, r->to.dir };
	int n, err;

	if (r->cross && r->from.is_dir)
		v[2] = r->from.inode;
	if (r->to.is_dir)
		v[3] = r->to.inode;
	n = dxf_inodes_wrlock(v, 4);
	err = check_side(&r->from);
	if (err == 0)
		err = check_side(&r->to);
	if (err == 0)
		err = rename_locked(r);
	dxf_inodes_unlock(v, n);
	return err;
}

/* Within one directory nothing can be above anything, on a sound image. */
static int check_self(struct rename *r)
{
	if ((r->from.inode != r->from.dir && r->to.inode != r->to.dir) ||
	    r->cross)
		return 0;
	return dxf_ext2_corrupt(r->fs->e2, r->from.dir->node.ino, 0,
				"the directory is its own entry");
}

/*
 * Look both names up under the parents' locks, and if these are enough do it.
 * Returns: 0; 1 more has to be locked, nothing is done; -errno.
 */
static int find_and_rename(struct rename *r)
{
	struct dxf_inode *v[2] = { r->from.dir, r->to.dir };
	int n = dxf_inodes_wrlock(v, 2);
	int err = find_both(r);

	if (err == 0 && r->noreplace && r->to.inode != NULL)
		err = -EEXIST;
	/* Two names of one inode: nothing to do. */
	if (err == 0 && r->from.inode != r->to.inode) {
		if (r->to.is_dir || (r->cross && r->from.is_dir))
			err = 1;
		else
			err = check_self(r) ?: rename_locked(r);
	}
	dxf_inodes_unlock(v, n);
	return err;
}

static int rename_once(struct rename *r)
{
	int err;

	r->from.inode = r->to.inode = NULL;
	r->from.is_dir = r->to.is_dir = false;
	err = find_and_rename(r);
	if (err > 0) {
		err = r->cross ? check_loops(r) : check_self(r);
		if (err == 0)
			err = lock_and_rename(r);
	}
	put_both(r);
	return err;
}

static int rename_pinned(struct rename *r)
{
	int err;

	if (r->cross)
		dxf_mutex_lock(&r->fs->rename_lock);
	do {
		err = rename_once(r);
	} while (err == -EAGAIN);
	if (r->cross)
		dxf_mutex_unlock(&r->fs->rename_lock);
	return err;
}

static int check_args(const char *name, const char *newname,
		      unsigned int flags)
{
	int err = dxf_name_check(name);

	if ((flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (err == 0)
		err = dxf_name_check(newname);
	if (err != 0)
		return err;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EBUSY;
	if (strcmp(newname, ".") == 0 || strcmp(newname, "..") == 0)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return 0;
}

int dxf_fs_rename(struct dxf_fs *fs, const struct dxf_cred *cred,
		  const struct dxf_fs_at *from, const struct dxf_fs_at *to,
		  unsigned int flags)
{
	struct rename r = {
		.fs = fs, .cred = cred,
		.from.name = from->name, .to.name = to->name,
		.exchange = flags & RENAME_EXCHANGE,
		.noreplace = flags & RENAME_NOREPLACE,
		.cross = from->parent != to->parent,
	};
	int err = check_args(from->name, to->name, flags);

	if (err == 0)
		err = dxf_icache_get(fs, from->parent, &r.from.dir);
	if (err != 0)
		return err;
	if (!r.cross)
		r.to.dir = r.from.dir;
	else
		err = dxf_icache_get(fs, to->parent, &r.to.dir);
	if (err == 0) {
		err = DXF_RETRY_NOSPC(fs, rename_pinned(&r));
		if (err == 0)
			err = dxf_sync_after(fs, r.to.dir, true);
		if (err == 0 && r.cross)
			err = dxf_sync_after(fs, r.from.dir, true);
		if (r.cross)
			dxf_icache_put(fs, r.to.dir);
	}
	dxf_icache_put(fs, r.from.dir);
	return err;
}
