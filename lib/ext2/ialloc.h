/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ialloc.h - inode allocation on the bitmaps in place.
 */
#ifndef DXF_IALLOC_H
#define DXF_IALLOC_H

#include "ext2.h"

/*
 * Choose a free inode and stage its bitmap bit and the descriptor counts, in
 * @t.  Directories are spread as the Orlov policy does, files go to their
 * parent's group.  On abort the choice is undone by itself.
 * Returns: 0, *@ino, and the generation to give it; -ENOSPC no inode free;
 * -ENOMEM, -EIO, -EFBIG.
 */
int dxf_ialloc_new(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t parent,
		   mode_t mode, dxf_ino_t *ino, uint32_t *generation);

/*
 * Stage the freeing of an inode (bitmap, counts); the slot's i_dtime and i_mode
 * are the caller's.
 * Returns: 0; -EUCLEAN it was free already (reported); -ENOMEM, -EIO, -EFBIG.
 */
int dxf_ialloc_free(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		    mode_t mode);

/* Is the inode marked in use?  1, 0, -EIO, -EINVAL (no such inode). */
int dxf_ialloc_in_use(struct dxf_ext2 *e2, dxf_ino_t ino);
/*
 * The same for one of many that are close to each other and that nobody can
 * free meanwhile: *@near, all zero at first, are the bits that were read last.
 */
struct dxf_inuse {
	dxf_ino_t first;
	uint32_t n;
	uint64_t bits;
};
int dxf_ialloc_in_use_near(struct dxf_ext2 *e2, dxf_ino_t ino,
			   struct dxf_inuse *near);

#endif
