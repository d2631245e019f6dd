/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symlink.c - the target of a symbolic link, in the inode or in one block.
 *
 * A target shorter than i_block lives in it, "fast"; a longer one in the
 * link's first and only block, closed by a NUL.
 */
#include "fs_priv.h"

#include <assert.h>
#include <linux/fs.h>
#include <string.h>

#include "alloc.h"
#include "txn.h"

#define FAST_SIZE	(sizeof(((struct dxf_dinode *)0)->block))

bool dxf_symlink_is_fast(const struct dxf_fs *fs, const struct dxf_dinode *di)
{
	uint64_t acl = di->file_acl != 0 ? fs->geom->block_size / 512 : 0;

	return S_ISLNK(di->mode) && di->sectors == acl;
}

bool dxf_inode_has_map(const struct dxf_fs *fs, const struct dxf_dinode *di)
{
	if (S_ISLNK(di->mode))
		return !dxf_symlink_is_fast(fs, di);
	return S_ISREG(di->mode) || S_ISDIR(di->mode);
}

/* The block is filled while nothing reaches it, then mapped. */
static int fill_slow(struct dxf_op *op, struct dxf_inode *inode,
		     struct dxf_dinode *di, const char *target,
		     unsigned int balloc_flags)
{
	struct dxf_ext2 *e2 = op->fs->e2;
	size_t bs = op->fs->geom->block_size;
	DXF_CLEANUP_FREE char *buf = dxf_calloc(1, bs);
	dxf_blk_t blk;
	int err;

	if (buf == NULL)
		return -ENOMEM;
	memcpy(buf, target, strlen(target));
	err = dxf_balloc_one(e2, op->t, dxf_balloc_goal(e2, inode->node.ino),
			     balloc_flags, &blk);
	if (err == 0)
		err = dxf_txn_fill(op->t, dxf_blk_off(op->fs->geom, blk), buf,
				   bs);
	if (err == 0)
		err = dxf_bmap_insert(&inode->node, di, op->t, 0, blk, 1,
				      false, balloc_flags);
	return err;
}

int dxf_symlink_fill(struct dxf_op *op, struct dxf_inode *inode,
		     struct dxf_dinode *di, const char *target,
		     unsigned int balloc_flags)
{
	size_t len = strlen(target);

	assert(len > 0 && len < op->fs->geom->block_size);
	di->size = len;
	if (len >= FAST_SIZE)
		return fill_slow(op, inode, di, target, balloc_flags);
	di->flags &= ~(uint32_t)FS_EXTENT_FL;
	memset(di->block, 0, sizeof(di->block));
	memcpy(di->block, target, len);
	return 0;
}

/* Copy the target's first @size bytes out of its block. */
static int read_slow(struct dxf_fs *fs, struct dxf_inode *inode,
		     const struct dxf_dinode *di, char *buf, size_t size)
{
	struct dxf_run run;
	int err = dxf_bmap_lookup(&inode->node, di, 0, 1, &run);

	if (err != 0)
		return err;
	if (run.pblk == 0 || run.unwritten)
		return dxf_ext2_corrupt(fs->e2, inode->node.ino, 0,
					"the symlink has no block");
	return dxf_txn_read(fs->txnmgr, dxf_blk_off(fs->geom, run.pblk), buf,
			    size);
}

static ssize_t read_target(struct dxf_fs *fs, struct dxf_inode *inode,
			   char *buf, size_t size)
{
	DXF_SCOPED_RDLOCK(&inode->lock);
	struct dxf_dinode di;
	bool fast;
	size_t len;
	int err = 0;

	dxf_inode_get_di(inode, &di);
	if (!S_ISLNK(di.mode))
		return -EINVAL;
	fast = dxf_symlink_is_fast(fs, &di);
	if (di.size == 0 ||
	    di.size >= (fast ? FAST_SIZE : fs->geom->block_size))
		return dxf_ext2_corrupt(fs->e2, inode->node.ino, 0,
					"a symlink of %llu bytes",
					(unsigned long long)di.size);
	len = DXF_MIN(size, di.size);
	if (fast)
		memcpy(buf, di.block, len);
	else
		err = read_slow(fs, inode, &di, buf, len);
	return err != 0 ? err : (ssize_t)len;
}

ssize_t dxf_fs_readlink(struct dxf_fs *fs, dxf_ino_t ino, char *buf,
			size_t size)
{
	struct dxf_inode *inode;
	ssize_t n;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	n = read_target(fs, inode, buf, size);
	if (n >= 0)
		dxf_inode_accessed(fs, inode);
	dxf_icache_put(fs, inode);
	return n;
}
