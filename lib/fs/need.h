/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * need.h - page media: which metadata the fsync of one inode needs.
 *
 * A commit tells which granules of media it stored to (dxf_txn_pages()).  They
 * are remembered with every inode that took part: so the fsync of a file writes
 * its slot, its map, its bitmaps, and the directory block with its name, and
 * nothing of other files.  For the way down to the name a directory keeps apart
 * what its own existence rests on: what gave it its name, its size and its map.
 * The fsync of a file needs that of all directories above, as far as it is not
 * durable.
 *
 * It is a list of where to look: what is dirty there is what the manager's tree
 * says.  When everything was synced all lists are out of date at once (epochs).
 */
#ifndef DXF_NEED_H
#define DXF_NEED_H

#include "fs_priv.h"

#define DXF_NEED_SOURCES	16

/* What one fsync needs. */
struct dxf_need_list {
	bool all;			/* everything, whatever is in v */
	uint64_t *v;			/* granules, sorted, each once */
	size_t n, cap;
	int nsources;
	struct {
		struct dxf_inode *inode;
		bool pinned;		/* not the caller's own */
		uint64_t own, place;	/* how far its lists were read */
	} source[DXF_NEED_SOURCES];
};

/*
 * Collect for @inode, which the caller has pinned.
 * Ownership: dxf_need_done() releases @l.
 * Locks: none held.
 */
void dxf_need_collect(struct dxf_fs *fs, struct dxf_inode *inode,
		      struct dxf_need_list *l);
/* With @durable: what was collected is not needed again. */
void dxf_need_done(struct dxf_fs *fs, struct dxf_need_list *l, bool durable);

/* Does an inode have to know by which directory it was found? */
static inline bool dxf_need_names(const struct dxf_fs *fs)
{
	return dxf_region_media(fs->region) == DXF_MEDIA_PAGE;
}

/* An entry of @dir names @inode.  Locks: the lock of @dir. */
static inline void dxf_need_found(struct dxf_inode *dir,
				  struct dxf_inode *inode)
{
	__atomic_store_n(&inode->above, dir->node.ino, __ATOMIC_RELAXED);
}

/*
 * In the end hook of a commit, before the slots in memory follow.  Without
 * memory more is needed later, nothing less.
 */
void dxf_need_committed(struct dxf_op *op);

/* The inode leaves the cache.  It has no other user. */
void dxf_need_forget(struct dxf_fs *fs, struct dxf_inode *inode);

#endif
