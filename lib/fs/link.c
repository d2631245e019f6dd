/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.c - one more name for an inode.
 *
 * The inode itself is not locked: its count and ctime are in its slot, which
 * the metadata lock protects.  So its state is looked at inside the operation.
 */
#include "fs_priv.h"

#include <assert.h>
#include <string.h>

static int may_link(struct dxf_op *op, struct dxf_inode *inode,
		    const struct dxf_dinode *di)
{
	int err = S_ISDIR(di->mode) ? -EPERM : dxf_inode_may_change(di, false);

	if (err == 0 && di->nlink == 0 && !inode->linkable)
		err = -ENOENT;
	return err != 0 ? err : dxf_nlink_room(op->fs, di);
}

static int link_staged(struct dxf_op *op, struct dxf_inode *inode,
		       struct dxf_inode *dir, struct dxf_dir_new *new)
{
	struct dxf_dinode *di = dxf_op_di(op, inode);
	struct dxf_dinode *ddi = dxf_op_di(op, dir);
	struct timespec now = dxf_now();
	int err = may_link(op, inode, di);

	new->type = dxf_dir_type(di->mode);
	if (err == 0)
		err = dxf_dir_add(&dir->node, ddi, op->t, new);
	if (err != 0)
		return err;
	dxf_op_named(op, inode, dir);
	di->ctime = now;
	dxf_dir_changed(ddi, &now);
	return di->nlink++ == 0 ? dxf_orphan_del(op, inode) : 0;
}

static int link_locked(struct dxf_fs *fs, struct dxf_inode *inode,
		       struct dxf_inode *dir, struct dxf_dir_new *new)
{
	DXF_SCOPED_WRLOCK(&dir->lock);
	struct dxf_op op;
	int err = dxf_dir_may_insert(dir, new->name);

	if (err == 0)
		err = dxf_op_begin(&op, fs);
	if (err != 0)
		return err;
	return dxf_op_end(&op, link_staged(&op, inode, dir, new));
}

int dxf_fs_link(struct dxf_fs *fs, const struct dxf_cred *cred, dxf_ino_t ino,
		dxf_ino_t parent, const char *name, struct dxf_attr *out)
{
	struct dxf_dir_new new = {
		.name = name, .len = strlen(name), .ino = ino,
		.balloc_flags = dxf_cred_balloc_flags(fs, cred),
	};
	struct dxf_inode *inode, *dir;
	int err = dxf_name_check(name);

	if (err == 0)
		err = dxf_icache_get(fs, ino, &inode);
	if (err != 0)
		return err;
	err = dxf_icache_get(fs, parent, &dir);
	if (err == 0) {
		err = DXF_RETRY_NOSPC(fs, link_locked(fs, inode, dir, &new));
		if (err == 0)
			err = dxf_sync_after(fs, dir, true);
		dxf_icache_put(fs, dir);
	}
	if (err == 0)
		dxf_give_lookup(fs, inode, out);
	else
		dxf_icache_put(fs, inode);
	return err;
}
