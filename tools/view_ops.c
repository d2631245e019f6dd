// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view_ops.c - what can be done to the file that shows a region.
 *
 * Owns the meaning of each request: the file is like a block device in that
 * its size is the region's and stays so.  Must not know how it is mounted.
 *
 * Invariants: each request is replied to once.  A read is whole or an error,
 * for a short one would be zeros in the kernel's cache.  A write that was
 * replied to is durable on DAX media.  The size never changes: what truncates
 * the file is refused, since a program that cuts a file to nothing takes its
 * holes for zeros afterwards.
 */
#include <assert.h>
#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "load.h"
#include "persist.h"
#include "view_priv.h"
#include "zero.h"

/* Zeroing this much keeps other requests waiting for no longer than a read. */
#define ZERO_INLINE	(16 * DXF_MIB)

#define ATTR_TIMEOUT	3600.0

static struct dxf_view *view_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static uint64_t size_of(const struct dxf_view *v)
{
	return dxf_region_size(v->r);
}

static void view_init(void *userdata, struct fuse_conn_info *conn)
{
	assert(((struct dxf_view *)userdata)->buf != NULL);
	conn->max_read = DXF_VIEW_MAX_READ;
}

static void view_getattr(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	fuse_reply_attr(req, &view_of(req)->st, ATTR_TIMEOUT);
}

static void view_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
			 int to_set, struct fuse_file_info *fi)
{
	struct dxf_view *v = view_of(req);
	int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
		FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW |
		FUSE_SET_ATTR_CTIME;
	bool same_size = (to_set & FUSE_SET_ATTR_SIZE) != 0 &&
		(uint64_t)attr->st_size == size_of(v);

	/* Nobody keeps the times, but asking for them is no error. */
	if (to_set & ~(times | (same_size ? FUSE_SET_ATTR_SIZE : 0)))
		fuse_reply_err(req, EPERM);
	else
		fuse_reply_attr(req, &v->st, ATTR_TIMEOUT);
}

static void view_open(fuse_req_t req, fuse_ino_t ino,
		      struct fuse_file_info *fi)
{
	struct dxf_view *v = view_of(req);

	if (dxf_region_is_ro(v->r) && (fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (fi->flags & O_TRUNC) {
		fuse_reply_err(req, EPERM);
		return;
	}
	/* What somebody else writes must not be hidden by a cache. */
	fi->direct_io = !dxf_region_is_locked(v->r);
	fi->keep_cache = !fi->direct_io;
	fuse_reply_open(req, fi);
}

/* Holes are not loaded: a sparse image stays sparse. */
static int load_data(struct dxf_view *v, dxf_off_t off, size_t len)
{
	dxf_off_t at = off, last = off + len, from, to;
	int ret = 0;

	assert(len > 0 && len <= DXF_VIEW_MAX_READ && last <= size_of(v));
	while (ret == 0 && dxf_region_find_data(v->r, at, last - at, &from,
						&to)) {
		assert(from >= at && to > from && to <= last);
		memset(v->buf + (at - off), 0, from - at);
		ret = dxf_load(v->r, from, v->buf + (from - off), to - from);
		at = to;
	}
	memset(v->buf + (at - off), 0, last - at);
	return ret;
}

static int load(struct dxf_view *v, dxf_off_t off, size_t len)
{
	return v->opts.overlay != NULL ?
		dxf_txn_read(v->opts.overlay, off, v->buf, len) :
		load_data(v, off, len);
}

static void view_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off,
		      struct fuse_file_info *fi)
{
	struct dxf_view *v = view_of(req);
	int ret;

	if (off < 0 || (uint64_t)off >= size_of(v)) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	len = DXF_MIN(len, size_of(v) - (uint64_t)off);
	len = DXF_MIN(len, (size_t)DXF_VIEW_MAX_READ);
	ret = load(v, (dxf_off_t)off, len);
	if (ret < 0) {
		fuse_reply_err(req, -ret);
		return;
	}
	dxf_view_count(&v->stats.reads, 1);
	dxf_view_count(&v->stats.bytes_read, len);
	fuse_reply_buf(req, (const char *)v->buf, len);
}

static void view_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		       size_t len, off_t off, struct fuse_file_info *fi)
{
	struct dxf_view *v = view_of(req);
	int ret;

	if (off < 0 || (uint64_t)off >= size_of(v)) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	len = DXF_MIN(len, size_of(v) - (uint64_t)off);
	ret = dxf_persist_copy(v->r, (dxf_off_t)off, buf, len,
			       DXF_PERSIST_DATA | DXF_PERSIST_RECOVERY);
	dxf_persist_fence(v->r);
	if (ret < 0) {
		fuse_reply_err(req, -ret);
		return;
	}
	dxf_view_count(&v->stats.writes, 1);
	dxf_view_count(&v->stats.bytes_written, len);
	fuse_reply_write(req, len);
}

static void view_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		       struct fuse_file_info *fi)
{
	struct dxf_view *v = view_of(req);
	int ret = 0;

	/* On DAX media each write was durable when it returned. */
	if (dxf_region_media(v->r) == DXF_MEDIA_PAGE)
		ret = dxf_persist_msync(v->r, 0, size_of(v));
	fuse_reply_err(req, -ret);
}

/* ---- zeroing ---- */

struct zeroing {
	struct dxf_view *v;
	fuse_req_t req;
	dxf_off_t off;
	uint64_t len;
};

static bool is_unwanted(void *ctx)
{
	const struct zeroing *z = ctx;

	return __atomic_load_n(&z->v->stop, __ATOMIC_RELAXED) ||
	       fuse_req_interrupted(z->req);
}

static void zero_and_reply(struct zeroing *z)
{
	int ret = dxf_zero(z->v->r, z->off, z->len, is_unwanted, z);

	if (ret == 0)
		dxf_view_count(&z->v->stats.bytes_zeroed, z->len);
	fuse_reply_err(z->req, -ret);
}

static void *zeroer_main(void *arg)
{
	zero_and_reply(arg);
	free(arg);
	return NULL;
}

void dxf_view_stop_zeroing(struct dxf_view *v)
{
	if (!v->zeroing)
		return;
	__atomic_store_n(&v->stop, true, __ATOMIC_RELAXED);
	pthread_join(v->zeroer, NULL);
	v->zeroing = false;
	__atomic_store_n(&v->stop, false, __ATOMIC_RELAXED);
}

/*
 * A long one runs beside the loop, so that the loop hears of the caller's
 * death.  The kernel sends one at a time: the one before is done.
 */
static void zero_beside(const struct zeroing *z)
{
	struct zeroing *own = dxf_malloc(sizeof(*own));

	assert(z->len > 0 && z->off + z->len <= size_of(z->v));
	if (own == NULL) {
		fuse_reply_err(z->req, ENOMEM);
		return;
	}
	*own = *z;
	dxf_view_stop_zeroing(z->v);
	z->v->zeroing = pthread_create(&z->v->zeroer, NULL, zeroer_main,
				       own) == 0;
	if (!z->v->zeroing) {
		free(own);
		fuse_reply_err(z->req, EAGAIN);
	}
}

static void zero_range(fuse_req_t req, dxf_off_t off, uint64_t len)
{
	struct zeroing z = {
		.v = view_of(req), .req = req, .off = off, .len = len,
	};

	if (len > ZERO_INLINE)
		zero_beside(&z);
	else
		zero_and_reply(&z);
}

static void view_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
			   off_t len, struct fuse_file_info *fi)
{
	struct dxf_view *v = view_of(req);
	uint64_t from = (uint64_t)off, end = from + (uint64_t)len;
	int what = mode & ~FALLOC_FL_KEEP_SIZE;

	assert(off >= 0 && len > 0);
	if (what == FALLOC_FL_PUNCH_HOLE && !v->opts.discard) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	if (end > size_of(v) && !(mode & FALLOC_FL_KEEP_SIZE)) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	end = DXF_MIN(end, size_of(v));
	if (from >= end)
		fuse_reply_err(req, 0);
	else if (what == FALLOC_FL_PUNCH_HOLE || what == FALLOC_FL_ZERO_RANGE)
		zero_range(req, from, end - from);
	else if (what == 0)
		fuse_reply_err(req, -dxf_region_populate(v->r, from,
							 end - from));
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

/* ---- holes ---- */

static dxf_off_t next_hole(const struct dxf_view *v, dxf_off_t off)
{
	dxf_off_t start, end;

	assert(off < size_of(v));
	while (off < size_of(v) &&
	       dxf_region_find_data(v->r, off, size_of(v) - off, &start,
				    &end) && start == off)
		off = end;
	return off;
}

static void view_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		       struct fuse_file_info *fi)
{
	struct dxf_view *v = view_of(req);
	dxf_off_t from = (dxf_off_t)off, start, end;

	if (off < 0 || from >= size_of(v))
		fuse_reply_err(req, ENXIO);
	else if (whence == SEEK_HOLE)
		fuse_reply_lseek(req, (off_t)next_hole(v, from));
	else if (whence != SEEK_DATA)
		fuse_reply_err(req, EINVAL);
	else if (dxf_region_find_data(v->r, from, size_of(v) - from, &start,
				      &end))
		fuse_reply_lseek(req, (off_t)start);
	else
		fuse_reply_err(req, ENXIO);
}

const struct fuse_lowlevel_ops dxf_view_ops = {
	.init = view_init,
	.getattr = view_getattr,
	.setattr = view_setattr,
	.open = view_open,
	.read = view_read,
	.write = view_write,
	.fsync = view_fsync,
	.fallocate = view_fallocate,
	.lseek = view_lseek,
};
