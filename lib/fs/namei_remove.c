/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * namei_remove.c - unlink and rmdir.
 *
 * An inode that loses its last name goes on the orphan list in the same
 * transaction; its blocks go with its last reference (icache.c).
 *
 * A file that is unlinked is not locked, only its slot changes.  A directory
 * that is removed is locked exclusively, so that nothing can be added to it
 * behind the check that it is empty.
 */
#include "fs_priv.h"

#include <assert.h>
#include <string.h>

static int unlink_staged(struct dxf_op *op, struct dxf_inode *dir,
			 struct dxf_inode *victim, const struct dxf_dirent *de)
{
	struct dxf_dinode *ddi = dxf_op_di(op, dir);
	struct dxf_dinode *vdi = dxf_op_di(op, victim);
	struct timespec now = dxf_now();
	int err = dxf_dir_remove(&dir->node, ddi, op->t, de);

	if (err != 0)
		return err;
	/* Checked before without the metadata lock. */
	if (vdi->nlink == 0)
		return dxf_ext2_corrupt(op->fs->e2, victim->node.ino, 0,
					"more names than links");
	dxf_dir_changed(ddi, &now);
	vdi->ctime = now;
	return --vdi->nlink == 0 ? dxf_orphan_add(op, victim) : 0;
}

/* The victim stays pinned in *@out whenever there is one. */
static int unlink_locked(struct dxf_fs *fs, struct dxf_inode *dir,
			 const char *name, struct dxf_inode **out)
{
	DXF_SCOPED_WRLOCK(&dir->lock);
	struct dxf_dirent de;
	struct dxf_peek p;
	struct dxf_op op;
	int err = dxf_dir_find(fs, dir, name, &de, out);

	if (err != 0)
		return err;
	dxf_inode_peek(*out, &p);
	err = dxf_dir_may_delete(dir, *out);
	if (err == 0 && S_ISDIR(p.mode))
		err = -EISDIR;
	if (err == 0)
		err = dxf_op_begin(&op, fs);
	if (err != 0)
		return err;
	return dxf_op_end(&op, unlink_staged(&op, dir, *out, &de));
}

int dxf_fs_unlink(struct dxf_fs *fs, dxf_ino_t parent, const char *name)
{
	struct dxf_inode *dir, *victim = NULL;
	int err = dxf_name_check(name);

	if (err == 0)
		err = dxf_icache_get(fs, parent, &dir);
	if (err != 0)
		return err;
	err = unlink_locked(fs, dir, name, &victim);
	if (err == 0)
		err = dxf_sync_after(fs, dir, true);
	if (victim != NULL)
		dxf_icache_put(fs, victim);
	dxf_icache_put(fs, dir);
	return err;
}

static int rmdir_staged(struct dxf_op *op, struct dxf_inode *dir,
			struct dxf_inode *victim, const struct dxf_dirent *de)
{
	struct dxf_dinode *ddi = dxf_op_di(op, dir);
	struct dxf_dinode *vdi = dxf_op_di(op, victim);
	struct timespec now = dxf_now();
	int err = dxf_dir_remove(&dir->node, ddi, op->t, de);

	if (err == 0)
		err = dxf_nlink_drop_subdir(op, dir);
	if (err != 0)
		return err;
	dxf_dir_changed(ddi, &now);
	vdi->ctime = now;
	vdi->nlink = 0;
	return dxf_orphan_add(op, victim);
}

static int may_rmdir(struct dxf_inode *dir, struct dxf_inode *victim)
{
	int err = dxf_dir_check(victim);

	if (err == 0)
		err = dxf_dir_may_delete(dir, victim);
	if (err != 0)
		return err;
	err = dxf_dir_is_empty(&victim->node);
	return err == 0 ? -ENOTEMPTY : err < 0 ? err : 0;
}

/* Both are locked: is the name still the victim's?  -EAGAIN: it is not. */
static int rmdir_locked(struct dxf_fs *fs, struct dxf_inode *dir,
			const char *name, struct dxf_inode *victim)
{
	struct dxf_dirent de;
	struct dxf_op op;
	int err = dxf_dir_check(dir);

	if (err == 0)
		err = dxf_dir_lookup(&dir->node, name, strlen(name), &de);
	if (err == 0 && de.ino != victim->node.ino)
		err = -EAGAIN;
	if (err == 0)
		err = may_rmdir(dir, victim);
	if (err == 0)
		err = dxf_op_begin(&op, fs);
	if (err != 0)
		return err;
	err = dxf_op_end(&op, rmdir_staged(&op, dir, victim, &de));
	if (err == 0)
		dxf_dir_forget_index(&victim->node);
	return err;
}

static int rmdir_once(struct dxf_fs *fs, struct dxf_inode *dir,
		      const char *name)
{
	struct dxf_inode *victim, *v[2];
	int n, err = dxf_dir_peek(fs, dir, name, &victim);

	if (err != 0)
		return err;
	if (victim == fs->root) {
		err = -EBUSY;
	} else if (victim == dir) {
		err = dxf_ext2_corrupt(fs->e2, dir->node.ino, 0,
				       "the directory is its own entry");
	} else {
		v[0] = dir;
		v[1] = victim;
		n = dxf_inodes_wrlock(v, 2);
		err = rmdir_locked(fs, dir, name, victim);
		dxf_inodes_unlock(v, n);
	}
	dxf_icache_put(fs, victim);
	return err;
}

int dxf_fs_rmdir(struct dxf_fs *fs, dxf_ino_t parent, const char *name)
{
	struct dxf_inode *dir;
	int err = dxf_name_check(name);

	if (err == 0 && strcmp(name, ".") == 0)
		err = -EINVAL;
	if (err == 0 && strcmp(name, "..") == 0)
		err = -ENOTEMPTY;
	if (err == 0)
		err = dxf_icache_get(fs, parent, &dir);
	if (err != 0)
		return err;
	do {
		err = rmdir_once(fs, dir, name);
	} while (err == -EAGAIN);
	if (err == 0)
		err = dxf_sync_after(fs, dir, true);
	dxf_icache_put(fs, dir);
	return err;
}
