/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acl.h - POSIX ACLs in memory: conversion, mode, inheritance, chmod.
 */
#ifndef DXF_ACL_H
#define DXF_ACL_H

#include <sys/stat.h>

#include "units.h"

#define DXF_ACL_MAX_ENTRIES	1024

struct dxf_acl_entry {
	uint16_t tag;		/* ACL_USER_OBJ ... as linux/posix_acl.h */
	uint16_t perm;
	uint32_t id;
};

struct dxf_acl {
	size_t count;
	struct dxf_acl_entry e[];
};

/*
 * From and to the xattr representation (version 2) and the disk's compact one.
 * Ownership: *@out is released with free(3).
 * Returns: 0; -EINVAL malformed, out of order, or not a valid ACL; -ENOMEM.
 */
int dxf_acl_from_xattr(const void *buf, size_t size, struct dxf_acl **out);
int dxf_acl_from_disk(const void *buf, size_t size, struct dxf_acl **out);
/* Returns: the length; -ERANGE @size too small (0 asks for the length). */
ssize_t dxf_acl_to_xattr(const struct dxf_acl *acl, void *buf, size_t size);
ssize_t dxf_acl_to_disk(const struct dxf_acl *acl, void *buf, size_t size);

/*
 * The permission bits that the ACL stands for, over @mode's other bits.
 * *@equiv: the ACL says nothing that the mode does not (need not be stored).
 */
mode_t dxf_acl_mode(const struct dxf_acl *acl, mode_t mode, bool *equiv);
/* chmod: change the entries that the mode's bits stand for. */
void dxf_acl_chmod(struct dxf_acl *acl, mode_t mode);
/*
 * Creation under a default ACL: masks the entries by @mode and *@mode by the
 * entries.  Returns: true if the ACL must be stored (not equivalent).
 */
bool dxf_acl_create(struct dxf_acl *acl, mode_t *mode);

#endif
