/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * badino.h - taking bad blocks out of use: the bad-blocks inode.
 */
#ifndef DXF_BADINO_H
#define DXF_BADINO_H

#include "node.h"

/*
 * In the file at @n and @di: the block at @lblk, which is @old, becomes @fresh
 * (reserved and filled; published here), and @old belongs to the bad-blocks
 * inode from now on, where e2fsck and dumpe2fs -b find it.  The caller stages
 * @di.
 * Locks: the inode's lock held exclusively; in transaction @t.
 * Returns: 0; -ENOSPC no room for a map block; -EFBIG a number that the list
 * cannot hold; -ENOMEM, -EIO, -EUCLEAN.  After a failure the caller aborts;
 * @fresh is still reserved.
 */
int dxf_badino_replace(struct dxf_node *n, struct dxf_dinode *di,
		       struct dxf_txn *t, dxf_lblk_t lblk, dxf_blk_t old,
		       dxf_blk_t fresh);

#endif
