/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy.c - copy_file_range(2): media to media, with no trip through a caller.
 *
 * Done in chunks, each under the locks of both inodes.  Data and holes of the
 * source are told apart: a hole is not allocated in the target.
 *
 * Locks: both inodes in rising inode number, the source shared, the target
 * exclusively; one lock, exclusively, if it is one file.
 *
 * Must not know: how blocks are allocated.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/fs.h>

#include "data.h"

#define CHUNK	DXF_MIB

struct copy {
	struct dxf_fs *fs;
	struct dxf_inode *in, *out;
	uint64_t in_off, out_off, len;
	unsigned int flags, balloc;
};

static void lock_both(const struct copy *c)
{
	if (c->in == c->out) {
		dxf_rwlock_wrlock(&c->out->lock);
	} else if (c->in->node.ino < c->out->node.ino) {
		dxf_rwlock_rdlock(&c->in->lock);
		dxf_rwlock_wrlock(&c->out->lock);
	} else {
		dxf_rwlock_wrlock(&c->out->lock);
		dxf_rwlock_rdlock(&c->in->lock);
	}
}

static void unlock_both(const struct copy *c)
{
	dxf_rwlock_unlock(&c->out->lock);
	if (c->in != c->out)
		dxf_rwlock_unlock(&c->in->lock);
}

/* How far from @pos on, up to @end, the source is all data or all hole. */
static int stretch(const struct copy *c, uint64_t pos, uint64_t end,
		   bool *data, uint64_t *len)
{
	struct dxf_seg seg;
	uint64_t from = pos;

	assert(pos < end);
	while (pos < end) {
		int err = dxf_seg_at(c->fs, c->in, pos, end, &seg);

		if (err)
			return err;
		if (pos > from && seg.mapped != *data)
			break;
		*data = seg.mapped;
		pos += seg.len;
	}
	*len = pos - from;
	return 0;
}

static int check(const struct copy *c, uint64_t *in_size)
{
	struct dxf_peek in, out;
	int err;

	dxf_inode_peek(c->in, &in);
	dxf_inode_peek(c->out, &out);
	err = dxf_regular(in.mode);
	if (!err)
		err = dxf_regular(out.mode);
	if (err)
		return err;
	if (out.flags & FS_IMMUTABLE_FL)
		return -EPERM;
	if ((out.flags & FS_APPEND_FL) && c->out_off < out.size)
		return -EPERM;
	*in_size = in.size;
	return 0;
}

/*
 * One chunk from @done on.
 * Returns: 0, *@moved bytes (0: end of the source); -errno, *@moved is what
 * was done before it.
 */
static int copy_chunk(const struct copy *c, uint64_t done, uint64_t *moved)
{
	uint64_t pos = c->in_off + done, end, size = 0, len, to;
	bool data = false;
	int err = check(c, &size);
	struct dxf_wr w = {
		.fs = c->fs,
		.inode = c->out,
		.start = c->out_off + done,
		.balloc = c->balloc,
		.in = c->in,
		.in_off = pos,
	};

	*moved = 0;
	if (err || pos >= size)
		return err;
	end = DXF_MIN(size, pos + DXF_MIN(c->len - done, CHUNK));
	err = stretch(c, pos, end, &data, &len);
	if (!err)
		err = dxf_clip_to_max(c->fs, c->out, w.start, &len);
	if (!err)
		err = dxf_strip_priv(c->fs, c->out,
				     c->flags & DXF_WRITE_KILL_PRIV);
	if (err)
		return err;
	w.kind = data ? DXF_WR_DATA : DXF_WR_HOLE;
	w.end = w.start + len;
	to = w.start;
	err = dxf_wr_range(&w, &to);
	*moved = to - w.start;
	assert(*moved <= len);
	return err;
}

static int copy_range(const struct copy *c, uint64_t *done)
{
	bool retried = false;

	while (*done < c->len) {
		uint64_t moved;
		int err;

		lock_both(c);
		err = copy_chunk(c, *done, &moved);
		unlock_both(c);
		*done += moved;
		if (err == -ENOSPC && !retried &&
		    dxf_make_room(c->fs, c->out)) {
			retried = true;
			continue;
		}
		if (err || moved == 0)
			return err;
	}
	return 0;
}

static ssize_t copy_inodes(struct copy *c)
{
	struct dxf_peek in;
	uint64_t done = 0;
	int err;

	if (c->in == c->out && c->in_off < c->out_off + c->len &&
	    c->out_off < c->in_off + c->len)
		return -EINVAL;
	/* What the copy itself appends to the file is not copied again. */
	dxf_inode_peek(c->in, &in);
	if (c->in_off < in.size)
		c->len = DXF_MIN(c->len, in.size - c->in_off);
	err = copy_range(c, &done);
	if (done == 0)
		return err;
	dxf_inode_accessed(c->fs, c->in);
	/* A stretch of holes over holes changed nothing, and says so too. */
	dxf_inode_touch(c->fs, c->out, DXF_TIME_M | DXF_TIME_C);
	err = dxf_sync_data_after(c->fs, c->out, c->flags & DXF_WRITE_SYNC);
	return err ? err : (ssize_t)done;
}

ssize_t dxf_fs_copy_range(struct dxf_fs *fs, dxf_ino_t in, uint64_t off_in,
			  dxf_ino_t out, uint64_t off_out, size_t len,
			  unsigned int write_flags,
			  const struct dxf_cred *cred)
{
	struct copy c = {
		.fs = fs,
		.in_off = off_in,
		.out_off = off_out,
		.len = DXF_MIN(len, (size_t)SSIZE_MAX),
		.flags = write_flags,
		.balloc = dxf_cred_balloc_flags(fs, cred),
	};
	ssize_t n;
	int err;

	if (off_in > INT64_MAX - c.len || off_out > INT64_MAX - c.len)
		return -EOVERFLOW;
	err = dxf_icache_get(fs, in, &c.in);
	if (err)
		return err;
	err = dxf_icache_get(fs, out, &c.out);
	if (err) {
		dxf_icache_put(fs, c.in);
		return err;
	}
	n = copy_inodes(&c);
	dxf_icache_put(fs, c.out);
	dxf_icache_put(fs, c.in);
	return n;
}
