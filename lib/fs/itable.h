/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * itable.h - the table from numbers to inodes in memory: chains in a power of
 * two of buckets, which grows and shrinks with what is in it.
 *
 * Locks: all but init are called with fs->icache_lock held.
 */
#ifndef DXF_ITABLE_H
#define DXF_ITABLE_H

#include "fs_priv.h"

/* Returns: 0, -ENOMEM. */
int dxf_itable_init(struct dxf_fs *fs);
/* The inode of this number, in whatever state, or NULL. */
struct dxf_inode *dxf_itable_find(struct dxf_fs *fs, dxf_ino_t ino);
/* Its number is not in the table. */
void dxf_itable_insert(struct dxf_fs *fs, struct dxf_inode *inode);
/* Returns: true if much memory may go back to the system now. */
bool dxf_itable_remove(struct dxf_fs *fs, struct dxf_inode *inode);

#endif
