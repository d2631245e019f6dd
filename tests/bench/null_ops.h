/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_ops.h - what the operations on the tree share.
 */
#ifndef BENCH_NULL_OPS_H
#define BENCH_NULL_OPS_H

#include "null.h"
#include "null_tree.h"

/* A node's id is its address; the root's is 1. */
static inline struct null_node *null_node(fuse_ino_t ino)
{
	if (ino == FUSE_ROOT_ID)
		return null_tree_root();
	return (struct null_node *)(uintptr_t)ino;
}

/* null_file.c */
void null_file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* Of files and directories. */
void null_file_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi);
void null_file_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);
void null_file_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		     size_t size, off_t off, struct fuse_file_info *fi);
/* Set the size.  Locks: takes the node's.  Returns: 0; -ENOMEM. */
int null_file_resize(struct null_node *node, size_t size);

#endif
