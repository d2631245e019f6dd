/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_file.c - open files: read, write, sync, holes, copies.
 *
 * Must not know the disk format, nor where the page cache ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "ino.h"
#include "ops.h"
#include "rawreq.h"
#include "reply.h"
#include "worker.h"

/* fuse_file_info.fh: all that an open file needs beyond its inode. */
#define FH_DIRECT	1u

/* Entries of a read reply from the mapping; more pieces are copied. */
#define READ_IOV	256

/* ---- open ---- */

void dxf_fill_open(struct dxf_session *s, dxf_ino_t ino,
		   struct fuse_file_info *fi)
{
	switch (s->opt->dax) {
	case DXF_DAX_ALWAYS:
		fi->direct_io = 1;
		break;
	case DXF_DAX_NEVER:
		fi->direct_io = 0;
		break;
	case DXF_DAX_INODE:
		fi->direct_io = dxf_fs_is_dax(s->fs, ino);
		break;
	}
	fi->fh = fi->direct_io ? FH_DIRECT : 0;
	fi->keep_cache = 1;
	fi->noflush = 1;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * Reads that the page cache serves are never seen, so opening for reading
 * counts as an access; the kernel does not know that this changed the time.
 */
int dxf_open_seen(struct dxf_session *s, dxf_ino_t ino, int flags,
		  bool kill_priv)
{
	bool reads = (flags & O_ACCMODE) != O_WRONLY && s->reads_seen;
	struct dxf_attr before, after;
	int err;

	if (reads && dxf_fs_getattr(s->fs, ino, &before) != 0)
		reads = false;
	err = dxf_fs_open_file(s->fs, ino, flags, kill_priv);
	if (err == 0 && reads && dxf_fs_getattr(s->fs, ino, &after) == 0 &&
	    !same_time(&before.atime, &after.atime))
		dxf_attr_changed(s, ino);
	return err;
}

void dxf_ll_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct dxf_session *s = dxf_req_session(req);
	dxf_ino_t i = dxf_ino_of_node(ino);
	int err;

	err = dxf_open_seen(s, i, fi->flags, dxf_rawreq.kill_priv);
	if (err) {
		dxf_reply_err(req, err);
		return;
	}
	dxf_fill_open(s, i, fi);
	if (fuse_reply_open(req, fi) != 0)
		dxf_fs_release(s->fs, i);
}

void dxf_ll_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	/* Writes were not delayed: there is nothing to do at close. */
	fuse_reply_err(req, 0);
}

void dxf_ll_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	dxf_fs_release(dxf_req_fs(req), dxf_ino_of_node(ino));
	fuse_reply_err(req, 0);
}

/* ---- read ---- */

/*
 * Copy up to @size bytes - the page cache takes a short answer for the end of
 * the file, so an error behind the first bytes must fail it all (it then asks
 * again page by page); direct I/O gets the bytes before the error.
 */
static ssize_t read_all(struct dxf_session *s, dxf_ino_t ino, uint64_t off,
			char *buf, size_t size, bool direct)
{
	size_t got = 0;
	ssize_t n;

	do {
		n = dxf_fs_read(s->fs, ino, off + got, buf + got, size - got);
		if (n < 0)
			return direct && got > 0 ? (ssize_t)got : n;
		got += (size_t)n;
		assert(got <= size);
	} while (n > 0 && got < size);
	return (ssize_t)got;
}

static void read_copied(fuse_req_t req, dxf_ino_t ino, size_t size,
			uint64_t off, bool direct)
{
	char *buf = dxf_worker_scratch(size);
	ssize_t n;

	if (buf == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	n = read_all(dxf_req_session(req), ino, off, buf, size, direct);
	if (n < 0)
		dxf_reply_err(req, (int)n);
	else
		fuse_reply_buf(req, buf, (size_t)n);
}

/*
 * Reply from the mapping, under the inode's lock until the kernel has copied.
 * A host that fails under the mapping fails the kernel's copy, which ends the
 * request with EIO by itself.
 * Returns: false when the answer would be short, and nothing was replied.
 */
static bool read_mapped(fuse_req_t req, dxf_ino_t ino, size_t size,
			uint64_t off)
{
	struct dxf_fs *fs = dxf_req_fs(req);
	struct iovec iov[READ_IOV];
	struct dxf_fs_read r = { .iov = iov, .max_iov = READ_IOV };
	ssize_t n = dxf_fs_read_begin(fs, ino, off, size, &r);

	if (n < 0) {
		dxf_reply_err(req, (int)n);
		return true;
	}
	assert((size_t)n <= size && r.niov <= READ_IOV);
	if (n == 0)
		fuse_reply_buf(req, NULL, 0);
	else if ((size_t)n == size)
		fuse_reply_iov(req, iov, r.niov);
	dxf_fs_read_end(fs, &r);
	return n == 0 || (size_t)n == size;
}

void dxf_ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 struct fuse_file_info *fi)
{
	dxf_ino_t i = dxf_ino_of_node(ino);

	if (dxf_req_session(req)->copy_reads ||
	    !read_mapped(req, i, size, (uint64_t)off))
		read_copied(req, i, size, (uint64_t)off, fi->fh & FH_DIRECT);
}

/* ---- write ---- */

static unsigned int write_flags(const struct fuse_file_info *fi)
{
	unsigned int flags = 0;

	if (dxf_rawreq.kill_priv)
		flags |= DXF_WRITE_KILL_PRIV;
	if (fi->flags & (O_SYNC | O_DSYNC))
		flags |= DXF_WRITE_SYNC;
	if (fi->writepage)
		flags |= DXF_WRITE_CACHE;
	return flags;
}

void dxf_ll_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
		  off_t off, struct fuse_file_info *fi)
{
	struct dxf_caller c;
	ssize_t n;

	dxf_caller_init(&c, req);
	n = dxf_fs_write(dxf_req_fs(req), dxf_ino_of_node(ino), (uint64_t)off,
			 buf, size, write_flags(fi), &c.cred);
	if (n < 0)
		dxf_reply_err(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}

void dxf_ll_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		  struct fuse_file_info *fi)
{
	dxf_reply_err(req, dxf_fs_fsync(dxf_req_fs(req), dxf_ino_of_node(ino),
					datasync != 0));
}

/* ---- space ---- */

void dxf_ll_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
		      off_t len, struct fuse_file_info *fi)
{
	struct dxf_caller c;
	int err;

	dxf_caller_init(&c, req);
	err = dxf_fs_fallocate(dxf_req_fs(req), dxf_ino_of_node(ino), mode,
			       (uint64_t)off, (uint64_t)len,
			       dxf_caller_kills_priv(&c), &c.cred);
	dxf_reply_err(req, err);
}

void dxf_ll_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		  struct fuse_file_info *fi)
{
	uint64_t found;
	int err;

	if (off < 0) {
		fuse_reply_err(req, ENXIO);
		return;
	}
	err = dxf_fs_lseek(dxf_req_fs(req), dxf_ino_of_node(ino),
			   (uint64_t)off, whence, &found);
	if (err)
		dxf_reply_err(req, err);
	else
		fuse_reply_lseek(req, (off_t)found);
}

void dxf_ll_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			    struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			    off_t off_out, struct fuse_file_info *fi_out,
			    size_t len, int flags)
{
	unsigned int wflags = 0;
	struct dxf_caller c;
	ssize_t n;

	if (flags != 0) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	dxf_caller_init(&c, req);
	if (dxf_caller_kills_priv(&c))
		wflags |= DXF_WRITE_KILL_PRIV;
	n = dxf_fs_copy_range(dxf_req_fs(req), dxf_ino_of_node(ino_in),
			      (uint64_t)off_in, dxf_ino_of_node(ino_out),
			      (uint64_t)off_out, len, wflags, &c.cred);
	if (n < 0)
		dxf_reply_err(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}
