/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_file.c - open files: read, write, sync, holes, copies.
 *
 * Must not know the disk format, nor where the page cache ends.
 */
#include <errno.h>
#include <fcntl.h>

#include "abi.h"
#include "count.h"
#include "ino.h"
#include "notice.h"
#include "ops.h"
#include "rawreq.h"
#include "reply.h"
#include "worker.h"

/*
 * fuse_file_info.fh: the file's handle and, in a bit that its address leaves
 * free, whether the page cache is passed by.
 */
#define FH_DIRECT	1u

static struct dxf_inode *fh_file(const struct fuse_file_info *fi)
{
	return (struct dxf_inode *)(uintptr_t)(fi->fh & ~(uint64_t)FH_DIRECT);
}

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
	fi->fh = (uintptr_t)dxf_fs_opened(s->fs, ino);
	assert((fi->fh & FH_DIRECT) == 0);
	if (fi->direct_io)
		fi->fh |= FH_DIRECT;
	fi->keep_cache = 1;
	fi->noflush = 1;
	dxf_fi_parallel(fi);
}

/*
 * Writers of one file wait for each other in the kernel, but for opens past
 * the page cache.  So a file whose first opener wants O_DIRECT is opened so for
 * all, until the last is gone: never some through the cache and some past it,
 * since a page could then be filled while it is written behind the cache.
 * Linux 6.9 (FUSE 7.40) keeps mappings apart from parallel writes.
 */
int dxf_open_flags(const struct dxf_session *s, int flags)
{
	if (s->opt->dax == DXF_DAX_INODE && !s->opt->writeback &&
	    s->proto_minor >= 40 && (s->init_flags & DXF_INIT_DIRECT_IO_MMAP))
		return flags;
	return flags & ~O_DIRECT;
}

/*
 * Reads that the page cache serves are never seen, so opening for reading
 * counts as an access.
 */
int dxf_open_seen(struct dxf_session *s, dxf_ino_t ino, int flags,
		  bool kill_priv)
{
	bool reads = (flags & O_ACCMODE) != O_WRONLY && s->reads_seen;
	struct dxf_watch w;
	int err;

	dxf_watch_begin(&w, s, ino, reads || kill_priv);
	err = dxf_fs_open_file(s->fs, ino, dxf_open_flags(s, flags),
			       kill_priv);
	if (err == 0)
		dxf_watch_end(&w, s);
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
static ssize_t read_all(struct dxf_fs *fs, uint64_t off, char *buf,
			size_t size, const struct fuse_file_info *fi)
{
	bool direct = fi->fh & FH_DIRECT;
	size_t got = 0;
	ssize_t n;

	do {
		n = dxf_file_read(fs, fh_file(fi), off + got, buf + got,
				  size - got, fi->flags & O_NOATIME);
		if (n < 0)
			return direct && got > 0 ? (ssize_t)got : n;
		got += (size_t)n;
		assert(got <= size);
	} while (n > 0 && got < size);
	return (ssize_t)got;
}

static void read_copied(fuse_req_t req, size_t size, uint64_t off,
			const struct fuse_file_info *fi)
{
	char *buf = dxf_rawreq_room(size);
	ssize_t n;

	if (buf == NULL)
		buf = dxf_worker_scratch(size);
	if (buf == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	n = read_all(dxf_req_fs(req), off, buf, size, fi);
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
static bool read_mapped(fuse_req_t req, size_t size, uint64_t off,
			const struct fuse_file_info *fi)
{
	struct dxf_fs *fs = dxf_req_fs(req);
	struct iovec iov[READ_IOV];
	struct dxf_fs_read r = {
		.iov = iov, .max_iov = READ_IOV,
		.noatime = fi->flags & O_NOATIME,
	};
	ssize_t n = dxf_file_read_begin(fs, fh_file(fi), off, size, &r);

	if (n < 0) {
		dxf_reply_err(req, (int)n);
		return true;
	}
	assert((size_t)n <= size && r.niov <= READ_IOV);
	if (n == 0)
		fuse_reply_buf(req, NULL, 0);
	else if ((size_t)n == size)
		fuse_reply_iov(req, iov, r.niov);
	if ((size_t)n == size)
		dxf_count(DXF_COUNT_LENT, size);
	dxf_fs_read_end(fs, &r);
	return n == 0 || (size_t)n == size;
}

void dxf_ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 struct fuse_file_info *fi)
{
	/* the mapping must not be lent where the copy is ours: it is guarded */
	if (dxf_req_session(req)->copy_reads || dxf_rawreq_ent != NULL ||
	    !read_mapped(req, size, (uint64_t)off, fi))
		read_copied(req, size, (uint64_t)off, fi);
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
	const struct dxf_fs_wr wr = {
		.off = (uint64_t)off, .buf = buf, .len = size,
		.flags = write_flags(fi),
	};
	struct dxf_session *s = dxf_req_session(req);
	struct dxf_caller c;
	struct dxf_watch w;
	ssize_t n;

	dxf_caller_init(&c, req);
	/* of a page that it writes back later the kernel expects nothing new */
	dxf_watch_begin(&w, s, dxf_ino_of_node(ino), dxf_rawreq.kill_priv ||
			(fi->writepage && s->opt->writeback));
	n = dxf_file_write(s->fs, fh_file(fi), &wr, &c.cred);
	dxf_watch_end(&w, s);
	if (n < 0)
		dxf_reply_err(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
	assert(n < 0 || (size_t)n <= size);
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
	struct dxf_session *s = dxf_req_session(req);
	dxf_ino_t i = dxf_ino_of_node(ino);
	struct dxf_caller c;
	struct dxf_watch w;
	bool kill;
	int err;

	dxf_caller_init(&c, req);
	kill = dxf_caller_kills_priv(&c);
	dxf_watch_begin(&w, s, i, kill);
	err = dxf_fs_fallocate(s->fs, i, mode, (uint64_t)off, (uint64_t)len,
			       kill, &c.cred);
	dxf_watch_end(&w, s);
	dxf_reply_err(req, err);
}

void dxf_ll_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		  struct fuse_file_info *fi)
{
	uint64_t found;
	int err;

	/* what is written but not here yet would be a hole: the kernel is to
	 * take all for data, and never asks again */
	if (dxf_req_session(req)->opt->writeback) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
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

/* Ranges of two files, or of one. */
struct copy {
	dxf_ino_t in, out;
	uint64_t off_in, off_out;
	size_t len;
};

static ssize_t copy(fuse_req_t req, const struct copy *cp)
{
	struct dxf_session *s = dxf_req_session(req);
	struct dxf_watch in, out;
	struct dxf_caller c;
	unsigned int flags;
	ssize_t n;

	dxf_caller_init(&c, req);
	flags = dxf_caller_kills_priv(&c) ? DXF_WRITE_KILL_PRIV : 0;
	dxf_watch_begin(&in, s, cp->in, s->reads_seen);
	dxf_watch_begin(&out, s, cp->out, flags != 0);
	n = dxf_fs_copy_range(s->fs, cp->in, cp->off_in, cp->out, cp->off_out,
			      cp->len, flags, &c.cred);
	dxf_watch_end(&in, s);
	dxf_watch_end(&out, s);
	return n;
}

void dxf_ll_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			    struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			    off_t off_out, struct fuse_file_info *fi_out,
			    size_t len, int flags)
{
	struct copy cp = {
		.in = dxf_ino_of_node(ino_in),
		.out = dxf_ino_of_node(ino_out),
		.off_in = (uint64_t)off_in,
		.off_out = (uint64_t)off_out,
		.len = len,
	};
	ssize_t n = flags == 0 ? copy(req, &cp) : -EINVAL;

	if (n < 0)
		dxf_reply_err(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}
