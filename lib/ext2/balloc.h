/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * balloc.h - block allocation on the bitmaps in place.
 *
 * A block's life: free -> reserved (memory only, under the short allocation
 * lock) -> filled by its owner -> published by a transaction (bitmap bit,
 * descriptor counts).  A reservation vanishes in a crash.  Blocks that a
 * transaction frees stay reserved until its F2, so that they cannot be filled
 * anew before the free is durable.
 *
 * Locks: DXF_RANK_ALLOC inside the calls.
 */
#ifndef DXF_BALLOC_H
#define DXF_BALLOC_H

#include "ext2.h"

/*
 * A window of blocks ahead of a growing file that others leave alone while
 * there is other room: interleaved appenders do not fragment.  Embedded in
 * struct dxf_node; all zero is "none".
 */
struct dxf_window {
	dxf_blk_t start;
	uint32_t len;		/* blocks left */
	uint32_t goal_len;	/* grows with use: 8 .. 2048 blocks */
};

enum dxf_balloc_flags {
	DXF_BALLOC_RESERVED_OK = 1 << 0, /* may use the reserved blocks */
	/*
	 * For reserve: rather the start of a free 2 MiB piece of memory, from
	 * the goal on, than the goal.
	 */
	DXF_BALLOC_HUGE = 1 << 1,
};

/*
 * How many blocks 2 MiB of memory are, a huge page; 0: none begins with a block,
 * as the filesystem lies in the device.
 */
uint32_t dxf_balloc_huge(const struct dxf_ext2 *e2);

/*
 * Reserve 1 to @want contiguous blocks, at @goal if possible, near it
 * otherwise (same group first); @w may be NULL.
 * Returns: 0, *@blk, *@got; -ENOSPC; -EIO a bitmap cannot be read (its group
 * is skipped if another has room); -ENOMEM.
 */
int dxf_balloc_reserve(struct dxf_ext2 *e2, struct dxf_window *w,
		       dxf_blk_t goal, uint32_t want, unsigned int flags,
		       dxf_blk_t *blk, uint32_t *got);
/* Give back what was reserved and not published. */
void dxf_balloc_cancel(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t nblk);
/* Give the window back (last close, eviction). */
void dxf_balloc_drop_window(struct dxf_ext2 *e2, struct dxf_window *w);

/*
 * Stage the bitmap bits and descriptor counts of reserved blocks.  On commit
 * they are no longer reserved but in use; on abort they are STILL reserved and
 * the caller cancels them.
 * Returns: 0; -ENOMEM, -EIO, -EFBIG of the transaction; -EUCLEAN already in
 * use on media.
 */
int dxf_balloc_publish(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_blk_t blk,
		       uint32_t nblk);

/*
 * Reserve and publish one block for metadata inside @t; on abort the
 * reservation goes by itself.
 * Returns: as reserve and publish.
 */
int dxf_balloc_one(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_blk_t goal,
		   unsigned int flags, dxf_blk_t *blk);

/*
 * Stage the freeing of blocks, of @ino for the message.
 * Returns: 0; -EUCLEAN one is free already, outside, or fixed metadata
 * (reported through dxf_ext2_corrupt); -ENOMEM, -EIO, -EFBIG.
 */
int dxf_balloc_free(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		    dxf_blk_t blk, uint32_t nblk);

/* A good first block for the data of a new file in the group of @ino. */
dxf_blk_t dxf_balloc_goal(const struct dxf_ext2 *e2, dxf_ino_t ino);

#endif
