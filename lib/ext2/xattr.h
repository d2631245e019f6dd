/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xattr.h - extended attributes, in the inode and in one block of their own.
 *
 * Names are full ("user.x", "security.selinux", "system.posix_acl_access");
 * POSIX ACLs go in and out in the kernel's xattr representation (version 2,
 * linux/posix_acl_xattr.h) and are stored in ext2's compact one.
 *
 * A changed xattr block is written to a newly allocated block and published by
 * the transaction (in place, staged, when no block is free); a block shared by
 * several inodes (h_refcount > 1) is never changed, only its count.
 *
 * Locks: the caller holds the inode lock, shared for get and list, exclusive
 * for set; set is inside a transaction.
 */
#ifndef DXF_XATTR_H
#define DXF_XATTR_H

#include "node.h"

/*
 * Get a value; @size 0 asks for its length.
 * Returns: the length; -ENODATA; -ERANGE @size too small; -EOPNOTSUPP unknown
 * namespace; -EIO; -EUCLEAN (reported); -ENOMEM.
 */
ssize_t dxf_xattr_get(struct dxf_node *n, const struct dxf_dinode *di,
		      const char *name, void *buf, size_t size);

/* List the names, each with its NUL.  Returns: as get. */
ssize_t dxf_xattr_list(struct dxf_node *n, const struct dxf_dinode *di,
		       char *buf, size_t size);

/*
 * Set (@value NULL: remove) - @flags XATTR_CREATE, XATTR_REPLACE.
 * di->file_acl, di->sectors may change; the in-inode area is staged here, so
 * the caller stages the slot with dxf_dinode_write() after it.
 * Returns: 0; -EEXIST, -ENODATA by the flags; -ENOSPC no room in the inode and
 * block, or no block free; -ERANGE name or value too long; -EOPNOTSUPP;
 * -EINVAL a malformed ACL; -ENOMEM, -EIO, -EUCLEAN.
 */
int dxf_xattr_set(struct dxf_node *n, struct dxf_dinode *di,
		  struct dxf_txn *t, const char *name, const void *value,
		  size_t size, int flags, unsigned int balloc_flags);

/* Drop the xattr block of an inode that is being freed. */
int dxf_xattr_free_block(struct dxf_node *n, struct dxf_dinode *di,
			 struct dxf_txn *t);

#endif
