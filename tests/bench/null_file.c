/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_file.c - the operations on the tree's open files.
 *
 * Each file has a lock of its own, since its bytes move when it grows: shared
 * over the reply of a read, exclusive over a write.
 *
 * Invariant: the bytes behind a file's size are zero.
 */
#include "null_ops.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void set_size_locked(struct null_node *node, size_t size)
{
	size_t old = (size_t)node->st.st_size;

	assert(size <= node->cap || size == 0);
	if (size < old)
		memset(node->bytes + size, 0, old - size);
	node->st.st_size = (off_t)size;
	node->st.st_blocks = (blkcnt_t)(size + 4095) / 4096 * 8;
}

int null_file_resize(struct null_node *node, size_t size)
{
	int err;

	pthread_rwlock_wrlock(&node->lock);
	err = null_tree_room(node, size);
	if (err == 0)
		set_size_locked(node, size);
	pthread_rwlock_unlock(&node->lock);
	return err;
}

void null_file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct null_node *node = null_node(ino);

	if (fi->flags & O_TRUNC)
		null_file_resize(node, 0);
	null_tree_lock();
	node->opens++;
	null_tree_unlock();
	null_fill_open(fi);
	fuse_reply_open(req, fi);
}

void null_file_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct null_node *node = null_node(ino);

	null_tree_lock();
	assert(node->opens > 0);
	node->opens--;
	if (node != null_tree_root())
		null_tree_put(node);
	null_tree_unlock();
	fuse_reply_err(req, 0);
}

void null_file_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct null_node *node = null_node(ino);
	size_t at = (size_t)off, end;

	pthread_rwlock_rdlock(&node->lock);
	end = (size_t)node->st.st_size;
	if (at >= end)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, node->bytes + at,
			       DXF_MIN(size, end - at));
	pthread_rwlock_unlock(&node->lock);
}

void null_file_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		     size_t size, off_t off, struct fuse_file_info *fi)
{
	struct null_node *node = null_node(ino);
	size_t end = (size_t)off + size;
	int err;

	pthread_rwlock_wrlock(&node->lock);
	err = null_tree_room(node, end);
	if (err == 0) {
		memcpy(node->bytes + off, buf, size);
		null_durable_write(buf, (size_t)off, size,
				   (size_t)node->st.st_size);
		if (end > (size_t)node->st.st_size)
			set_size_locked(node, end);
	}
	pthread_rwlock_unlock(&node->lock);
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_write(req, size);
}
