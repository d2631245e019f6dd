// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chain.c - the libext2fs handle, which never owns state.
 *
 * Owns e2->fs.  libext2fs keeps copies of what it once read: of inodes, which
 * are dropped at the start of each chain and answered by our hook for the inode
 * at hand; of the superblock's and descriptors' counters, which its own alloc
 * statistics change and nothing that we call reads.  No bitmap is ever loaded
 * in it.  It is freed, never flushed or closed, so that no copy comes back to
 * media; the DIRTY flags are cleared all the same.
 */
#include "chain.h"

#include <assert.h>
#include <errno.h>
#include <et/com_err.h>
#include <string.h>

#include "groups.h"
#include "node.h"

#define DIRTY_FLAGS	(EXT2_FLAG_CHANGED | EXT2_FLAG_DIRTY | \
			 EXT2_FLAG_IB_DIRTY | EXT2_FLAG_BB_DIRTY)

/* Keep the first error of the chain.  Returns: it as an errcode_t. */
static errcode_t note(struct dxf_chain *c, int err)
{
	assert(err <= 0);
	if (err < 0 && c->err == 0)
		c->err = err;
	return -err;
}

static errcode_t hook_read_inode(ext2_filsys fs, ext2_ino_t ino,
				 struct ext2_inode *out)
{
	struct dxf_ext2 *e2 = fs->priv_data;
	struct ext2_inode_large large;

	if (ino != e2->chain.ino || e2->chain.di == NULL)
		return EXT2_ET_CALLBACK_NOTHANDLED;
	dxf_dinode_to_ext2fs(e2->chain.di, &large);
	memcpy(out, &large, sizeof(*out));
	return 0;
}

static errcode_t hook_write_inode(ext2_filsys fs, ext2_ino_t ino,
				  struct ext2_inode *in)
{
	struct dxf_ext2 *e2 = fs->priv_data;
	struct dxf_chain *c = &e2->chain;

	if (ino != c->ino || c->di == NULL || c->t == NULL)
		return note(c, -EROFS);
	static_assert(sizeof(c->di->block) == sizeof(in->i_block), "layout");
	memcpy(c->di->block, in->i_block, sizeof(c->di->block));
	c->di->flags = in->i_flags;
	return 0;
}

static void count_sectors(struct dxf_ext2 *e2, int64_t nblk)
{
	struct dxf_dinode *di = e2->chain.di;
	int64_t n = nblk * (int64_t)(e2->geom.block_size / 512);

	if (di == NULL)
		return;
	if (n < 0 && di->sectors < (uint64_t)-n)
		note(&e2->chain, dxf_ext2_corrupt(e2, e2->chain.ino, 0,
			"i_blocks is less than the blocks in use"));
	else
		di->sectors += (uint64_t)n;
}

static errcode_t hook_alloc(ext2_filsys fs, blk64_t goal, blk64_t *out)
{
	struct dxf_ext2 *e2 = fs->priv_data;
	struct dxf_chain *c = &e2->chain;
	dxf_blk_t blk;
	int ret;

	if (c->t == NULL)
		return note(c, -EROFS);
	ret = dxf_balloc_one(e2, c->t, goal, c->balloc_flags, &blk);
	if (ret < 0)
		return note(c, ret);
	dxf_acc_add_fresh(e2, blk);
	count_sectors(e2, 1);
	*out = blk;
	return 0;
}

/* Called for allocations too, which hook_alloc() has published already. */
static void hook_stats(ext2_filsys fs, blk64_t blk, int inuse)
{
	struct dxf_ext2 *e2 = fs->priv_data;
	struct dxf_chain *c = &e2->chain;
	int ret;

	if (inuse > 0)
		return;
	ret = c->t == NULL ? -EROFS :
		dxf_balloc_free(e2, c->t, c->ino, blk, 1);
	note(c, ret);
	if (ret == 0)
		count_sectors(e2, -1);
}

/*
 * Extent code frees single blocks; ranges come from functions that we do not
 * call.
 */
static void hook_stats_range(ext2_filsys fs, blk64_t blk, blk_t num, int inuse)
{
	struct dxf_ext2 *e2 = fs->priv_data;

	note(&e2->chain, -EOPNOTSUPP);
}

int dxf_chain_open(struct dxf_ext2 *e2, struct dxf_err *err)
{
	int flags = EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES |
		EXT2_FLAG_SKIP_MMP | (e2->opts.ro ? 0 : EXT2_FLAG_RW);
	ext2_filsys fs = NULL;
	errcode_t ec;
	int ret;

	initialize_ext2_error_table();
	dxf_io_set_opening(e2);
	ec = DXF_E2(ext2fs_open2("daxfuse", NULL, flags, 0, 0,
				 &dxf_io_manager, &fs));
	dxf_io_set_opening(NULL);
	ret = dxf_ext2_errno(ec);
	if (ret != 0)
		return dxf_err_set(err, ret, "libext2fs cannot open it: %s",
				   error_message(ec));
	assert(fs->block_map == NULL && fs->inode_map == NULL);
	fs->priv_data = e2;
	fs->read_inode = hook_read_inode;
	fs->write_inode = hook_write_inode;
	ext2fs_set_alloc_block_callback(fs, hook_alloc, NULL);
	ext2fs_set_block_alloc_stats_callback(fs, hook_stats, NULL);
	ext2fs_set_block_alloc_stats_range_callback(fs, hook_stats_range,
						    NULL);
	e2->fs = fs;
	return 0;
}

void dxf_chain_close(struct dxf_ext2 *e2)
{
	if (e2->fs == NULL)
		return;
	ext2fs_free(e2->fs);
	e2->fs = NULL;
}

ext2_filsys dxf_ext2fs_begin(struct dxf_ext2 *e2, dxf_ino_t ino,
			     struct dxf_dinode *di, struct dxf_txn *t,
			     unsigned int balloc_flags)
{
	assert(t == NULL || t == dxf_txn_current(e2->txnmgr));
	dxf_mutex_lock(&e2->fs_lock);
	e2->chain = (struct dxf_chain){
		.ino = ino, .di = di, .t = t, .balloc_flags = balloc_flags,
	};
	/* No inode cache yet, or an emptied one: it cannot fail otherwise. */
	if (ext2fs_flush_icache(e2->fs) != 0)
		note(&e2->chain, -EIO);
	assert((e2->fs->flags & DIRTY_FLAGS) == 0);
	return e2->fs;
}

int dxf_ext2fs_end(struct dxf_ext2 *e2)
{
	int ret = e2->chain.err;

	dxf_mutex_assert_held(&e2->fs_lock);
	assert(e2->fs->block_map == NULL && e2->fs->inode_map == NULL);
	e2->fs->flags &= ~DIRTY_FLAGS;
	memset(&e2->chain, 0, sizeof(e2->chain));
	dxf_mutex_unlock(&e2->fs_lock);
	return ret;
}
