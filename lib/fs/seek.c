/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seek.c - SEEK_DATA and SEEK_HOLE on the block map.
 *
 * Unwritten blocks count as a hole: they read as zeros and cost a reader
 * nothing to skip.  The end of file is a hole.
 */
#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "data.h"

/* The first byte at or behind @pos that is data (or not); @size if none. */
static int seek(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t pos,
		uint64_t size, bool data, uint64_t *out)
{
	struct dxf_seg seg;

	while (pos < size) {
		int err = dxf_seg_at(fs, inode, pos, size, &seg);

		if (err)
			return err;
		if (seg.mapped == data)
			break;
		assert(seg.len > 0 && seg.len <= size - pos);
		pos += seg.len;
	}
	*out = pos;
	return 0;
}

static int lseek_locked(struct dxf_fs *fs, struct dxf_inode *inode,
			uint64_t off, bool data, uint64_t *out)
{
	struct dxf_peek p;
	uint64_t found = 0;
	int err;

	dxf_inode_peek(inode, &p);
	err = dxf_regular(p.mode);
	if (err)
		return err;
	if (off >= p.size)
		return -ENXIO;
	err = seek(fs, inode, off, p.size, data, &found);
	if (err)
		return err;
	if (data && found == p.size)
		return -ENXIO;
	*out = found;
	return 0;
}

int dxf_fs_lseek(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off, int whence,
		 uint64_t *out)
{
	struct dxf_inode *inode;
	int err;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	err = dxf_icache_get(fs, ino, &inode);
	if (err)
		return err;
	dxf_rwlock_rdlock(&inode->lock);
	err = lseek_locked(fs, inode, off, whence == SEEK_DATA, out);
	dxf_rwlock_unlock(&inode->lock);
	dxf_icache_put(fs, inode);
	return err;
}
