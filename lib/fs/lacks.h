/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lacks.h - what an inode is known not to have.
 */
#ifndef DXF_LACKS_H
#define DXF_LACKS_H

#include "fs_priv.h"

/* Mostly xattrs: many operations ask for them. */
enum dxf_lacks {
	DXF_LACKS_CAP = 1 << 0,		/* security.capability */
	DXF_LACKS_ACL = 1 << 1,		/* system.posix_acl_access */
	DXF_LACKS_DEFAULT = 1 << 2,	/* system.posix_acl_default */
	/* pages in the cache of who reads it: noted when it is read in, for who
	 * had no inode of ours has read nothing */
	DXF_LACKS_PAGES = 1 << 3,
};

static inline bool dxf_inode_lacks(struct dxf_inode *inode, enum dxf_lacks what)
{
	return (__atomic_load_n(&inode->lacks, __ATOMIC_RELAXED) & what) != 0;
}

/* It was looked for and not found.  Locks: the inode's, at least shared. */
static inline void dxf_inode_note_lack(struct dxf_inode *inode,
				       enum dxf_lacks what)
{
	dxf_rwlock_assert_held(&inode->lock);
	__atomic_fetch_or(&inode->lacks, what, __ATOMIC_RELAXED);
}

/* It may have it from now on. */
static inline void dxf_inode_note_has(struct dxf_inode *inode,
				      enum dxf_lacks what)
{
	if (dxf_inode_lacks(inode, what))
		__atomic_fetch_and(&inode->lacks, (uint8_t)~what,
				   __ATOMIC_RELAXED);
}

#endif
