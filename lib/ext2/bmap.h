/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bmap.h - the block map of a file: indirect blocks and extent trees.
 *
 * Both kinds are ours.  New map blocks are built detached, filled directly and
 * reached by one staged pointer; in those that were there before, the words that
 * change are staged.  libext2fs's extent calls are not used: they never make a
 * tree shorter or narrower again, so a punched file is one that e2fsck -fn
 * complains of, they serialise all files on one handle, and they take a size
 * for the end of the tree, while unwritten extents may lie behind it.
 *
 * Every mapped run is checked once, when it enters the cache: inside the
 * filesystem and not aliasing fixed metadata; else it is corruption.
 *
 * Locks: the caller holds the inode lock, shared for lookup, exclusive for
 * changes; changes are inside a transaction.
 */
#ifndef DXF_BMAP_H
#define DXF_BMAP_H

#include "node.h"

/*
 * What lies at @lblk: a run that starts there, as long as it is contiguous, at
 * most @max blocks (a hole is bounded too; it may be reported shorter than it
 * is).  Looked up in @di; the cache is used and filled only when @di is
 * &node->di.
 * Returns: 0; -EIO; -EUCLEAN (reported); -ENOMEM.
 */
int dxf_bmap_lookup(struct dxf_node *n, const struct dxf_dinode *di,
		    dxf_lblk_t lblk, uint64_t max, struct dxf_run *run);

/*
 * Map the hole [@lblk, @lblk + @nblk) to reserved, filled, published blocks;
 * map blocks are allocated (and published) as needed; di->sectors counts all.
 * Returns: 0; -ENOSPC no room for a map block; -EFBIG beyond the map's limit
 * or the transaction's; -ENOMEM, -EIO, -EUCLEAN.  After a failure the caller
 * aborts.
 */
int dxf_bmap_insert(struct dxf_node *n, struct dxf_dinode *di,
		    struct dxf_txn *t, dxf_lblk_t lblk, dxf_blk_t pblk,
		    uint32_t nblk, bool unwritten, unsigned int balloc_flags);

/*
 * The file is new and maps nothing: that is remembered.
 * Locks: nobody else can reach the inode yet, no transaction open.
 */
void dxf_bmap_is_new(struct dxf_node *n);

/*
 * What dxf_bmap_insert() mapped is committed, and is remembered: who appends
 * need not ask the map again where the last block lies.
 * Locks: the inode lock still held exclusively, no transaction open.
 */
void dxf_bmap_inserted(struct dxf_node *n, dxf_lblk_t lblk, dxf_blk_t pblk,
		       uint32_t nblk, bool unwritten);

/*
 * The unwritten run [@lblk, @lblk + @nblk) becomes written (its blocks are
 * filled already).  Returns: as insert.
 */
int dxf_bmap_convert(struct dxf_node *n, struct dxf_dinode *di,
		     struct dxf_txn *t, dxf_lblk_t lblk, uint32_t nblk,
		     unsigned int balloc_flags);

/*
 * The block at @lblk, written or not, is @pblk from now on, written (reserved,
 * filled and published already).  What lay there before is nobody's: the caller
 * has to put it somewhere in the same transaction.
 * Returns: as insert; -EUCLEAN (reported) nothing is mapped at @lblk.
 */
int dxf_bmap_replace(struct dxf_node *n, struct dxf_dinode *di,
		     struct dxf_txn *t, dxf_lblk_t lblk, dxf_blk_t pblk);

/*
 * Unmap and free what is mapped in [@start, @end), from the end backwards,
 * as much as the transaction has room for; map blocks that become empty are
 * freed.  *@done_from: [*@done_from, @end) is unmapped; equal to @start when
 * all is done.  @end may be UINT64_MAX.
 * Returns: 0; -ENOSPC an extent split needs a block; -ENOMEM, -EIO, -EUCLEAN.
 */
int dxf_bmap_remove(struct dxf_node *n, struct dxf_dinode *di,
		    struct dxf_txn *t, dxf_lblk_t start, dxf_lblk_t end,
		    dxf_lblk_t *done_from);

/*
 * Is the map an extent tree that holds more nodes than it needs, by the measure
 * of e2fsck, which says so at a check?  Many small changes at random places of
 * a badly fragmented file leave one; at the last close is the time to ask.
 * Returns: 1; 0; -EIO; -EUCLEAN (reported); -ENOMEM.
 */
int dxf_bmap_is_loose(struct dxf_node *n, const struct dxf_dinode *di);

/*
 * Pack such a tree, from *@pos (0 at first) on, as far as the transaction has
 * room; *@pos is UINT64_MAX when all is done.  Nothing is allocated; each
 * transaction leaves a whole tree.
 * Returns: 0; -ENOMEM, -EIO, -EUCLEAN.
 */
int dxf_bmap_tidy(struct dxf_node *n, struct dxf_dinode *di,
		  struct dxf_txn *t, uint64_t *pos);

/* The goal for allocating @lblk: behind the block before it. */
dxf_blk_t dxf_bmap_goal(struct dxf_node *n, const struct dxf_dinode *di,
			dxf_lblk_t lblk);

/*
 * Forget the cached runs.  The changing functions above do themselves what they
 * have to; nobody can fill the cache again before the transaction ends, since the
 * inode lock is held exclusively.
 */
void dxf_bmap_forget(struct dxf_node *n);

/* The greatest size the inode's kind of map can hold, bytes. */
uint64_t dxf_bmap_max_size(const struct dxf_ext2 *e2,
			   const struct dxf_dinode *di);

#endif
