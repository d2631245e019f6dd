/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xattr_priv.h - what the xattr files share: names, and areas of entries.
 *
 *	xattr_area.c	a packed list of entries: validate, find, build anew
 *	xattr_inode.c	the area in an inode's slot
 *	xattr_block.c	the block, its checksum, its reference count
 *	xattr.c		names, ACLs, get, list, set
 */
#ifndef DXF_XATTR_PRIV_H
#define DXF_XATTR_PRIV_H

#include "ext2_priv.h"
#include "le.h"
#include "xattr.h"

#define DXF_XATTR_MAX_AREA	4096u	/* a block; inodes have less */
#define DXF_XATTR_MAGIC		0xea020000u

/* A name as it is stored. */
struct dxf_xname {
	uint8_t index;
	uint8_t len;
	const char *suffix;
};

enum dxf_xindex {
	DXF_XINDEX_USER = 1,
	DXF_XINDEX_ACL_ACCESS = 2,
	DXF_XINDEX_ACL_DEFAULT = 3,
	DXF_XINDEX_TRUSTED = 4,
	DXF_XINDEX_SECURITY = 6,
};

/* ---- xattr_area.c ---- */

/* A copy of a stretch of media with entries from @first on. */
struct dxf_xarea {
	uint32_t first;		/* offset of the first entry */
	uint32_t size;		/* 0: there is no such area */
	bool hashed;		/* a block: sorted, with hashes */
	uint8_t buf[DXF_XATTR_MAX_AREA];
};

/* An entry; @name and @value point into the area. */
struct dxf_xent {
	struct dxf_xname name;
	const void *value;
	uint32_t size;
	uint32_t hash;
	uint32_t at, next;	/* offsets of this entry and the one behind */
};

/* Empty: no entries, all bytes zero. */
void dxf_xarea_clear(struct dxf_xarea *a, uint32_t first, uint32_t size,
		     bool hashed);
/* Validate what was read into it.  Returns: NULL, or what is wrong. */
const char *dxf_xarea_fault(const struct dxf_xarea *a);
/* The first entry, the next one.  Returns: false: there is none. */
bool dxf_xarea_first(const struct dxf_xarea *a, struct dxf_xent *e);
bool dxf_xarea_next(const struct dxf_xarea *a, struct dxf_xent *e);
bool dxf_xarea_find(const struct dxf_xarea *a, const struct dxf_xname *name,
		    struct dxf_xent *e);
/*
 * Build @dst from @src, without the entry @old, with @add; both may be NULL.
 * Returns: false: it does not fit.
 */
bool dxf_xarea_rebuild(struct dxf_xarea *dst, const struct dxf_xarea *src,
		       const struct dxf_xent *old, const struct dxf_xent *add);

/* ---- xattr_inode.c ---- */

/*
 * Read the area of the inode, empty if it has none yet, a->size 0 if there is
 * no room for one.  Returns: 0; -EIO; -EUCLEAN (reported).
 */
int dxf_xinode_load(struct dxf_node *n, const struct dxf_dinode *di,
		    struct dxf_xarea *a);
int dxf_xinode_store(struct dxf_node *n, const struct dxf_dinode *di,
		     struct dxf_txn *t, const struct dxf_xarea *a);

/* ---- xattr_block.c ---- */

/*
 * Read the block of the inode, empty if it has none.
 * Returns: 0; -EIO; -EUCLEAN (reported); -ENOMEM.
 */
int dxf_xblock_load(struct dxf_node *n, const struct dxf_dinode *di,
		    struct dxf_xarea *a);
/*
 * Replace @old, as loaded, by @a (no entries: by none); changes di->file_acl
 * and di->sectors.
 */
int dxf_xblock_store(struct dxf_node *n, struct dxf_dinode *di,
		     struct dxf_txn *t, struct dxf_xarea *old,
		     struct dxf_xarea *a, unsigned int balloc_flags);
/* Drop the reference to @old, as loaded; di->file_acl becomes 0. */
int dxf_xblock_drop(struct dxf_node *n, struct dxf_dinode *di,
		    struct dxf_txn *t, struct dxf_xarea *old);

#endif
