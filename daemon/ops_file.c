/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_file.c - what is done with open files: read, write, sync, holes, copies.
 *
 * Must not know the disk format, nor where the page cache ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "count.h"
#include "notice.h"
#include "ops.h"
#include "rawreq.h"
#include "reply.h"
#include "units.h"
#include "worker.h"

/* Entries of a read reply from the mapping; more pieces are copied. */
#define READ_IOV	256

/* ---- read ---- */

/*
 * Copy up to @size bytes - the page cache takes a short answer for the end of
 * the file, so an error behind the first bytes must fail it all (it then asks
 * again page by page); direct I/O gets the bytes before the error.
 */
static ssize_t read_all(struct dxf_fs *fs, const struct fuse_read_in *in,
			char *buf)
{
	bool direct = in->fh & DXF_FH_DIRECT;
	size_t got = 0;
	ssize_t n;

	do {
		n = dxf_file_read(fs, dxf_fh_file(in->fh), in->offset + got,
				  buf + got, in->size - got,
				  in->flags & O_NOATIME);
		if (n < 0)
			return direct && got > 0 ? (ssize_t)got : n;
		got += (size_t)n;
		assert(got <= in->size);
	} while (n > 0 && got < in->size);
	return (ssize_t)got;
}

static void read_copied(const struct dxf_req *r, const struct fuse_read_in *in)
{
	char *buf = dxf_rawreq_room(in->size);
	ssize_t n;

	if (buf == NULL)
		buf = dxf_worker_scratch(in->size);
	if (buf == NULL) {
		dxf_reply_err(r, -ENOMEM);
		return;
	}
	n = read_all(r->s->fs, in, buf);
	if (n > 0)
		dxf_rawreq.bytes = (uint32_t)n;
	dxf_reply(r, n < 0 ? (int)n : 0, buf, n < 0 ? 0 : (size_t)n);
}

/*
 * Reply from the mapping, under the inode's lock until the kernel has copied.
 * A host that fails under the mapping fails the kernel's copy, which ends the
 * request with EIO by itself.
 * Returns: false when the answer would be short, and nothing was replied.
 */
static bool read_mapped(const struct dxf_req *r, const struct fuse_read_in *in)
{
	struct iovec iov[1 + READ_IOV];
	struct dxf_fs_read rd = {
		.iov = iov + 1, .max_iov = READ_IOV,
		.noatime = in->flags & O_NOATIME,
	};
	ssize_t n = dxf_file_read_begin(r->s->fs, dxf_fh_file(in->fh),
					in->offset, in->size, &rd);
	bool whole = n == 0 || n == (ssize_t)in->size;

	if (n < 0) {
		dxf_reply_err(r, (int)n);
		return true;
	}
	assert((size_t)n <= in->size && rd.niov <= READ_IOV);
	if (whole) {
		dxf_rawreq.bytes = (uint32_t)n;
		dxf_reply_iov(r, iov, n == 0 ? 0 : rd.niov);
		dxf_count(DXF_COUNT_LENT, (uint64_t)n);
	}
	dxf_fs_read_end(r->s->fs, &rd);
	return whole;
}

void dxf_op_read(struct dxf_req *r)
{
	const struct fuse_read_in *in = r->in;

	/* the mapping must not be lent where the copy is ours: it is guarded */
	if (r->s->copy_reads || dxf_rawreq_ent != NULL || !read_mapped(r, in))
		read_copied(r, in);
}

/* ---- write ---- */

static unsigned int write_flags(const struct fuse_write_in *in)
{
	unsigned int flags = 0;

	if (in->write_flags & DXF_WRITE_KILL_SUIDGID)
		flags |= DXF_WRITE_KILL_PRIV;
	if (in->flags & (O_SYNC | O_DSYNC))
		flags |= DXF_WRITE_SYNC;
	if (in->write_flags & FUSE_WRITE_CACHE)
		flags |= DXF_WRITE_CACHE;
	return flags;
}

void dxf_op_write(struct dxf_req *r)
{
	const struct fuse_write_in *in = r->in;
	const struct dxf_fs_wr wr = {
		.off = in->offset,
		.buf = dxf_req_take(r, in->size),
		.len = in->size,
		.flags = write_flags(in),
	};
	struct dxf_caller c;
	struct dxf_watch w;
	ssize_t n;

	if (wr.buf == NULL) {
		dxf_reply_err(r, -EINVAL);
		return;
	}
	dxf_caller_init(&c, r, 0);
	/* of a page that it writes back later the kernel expects nothing new */
	dxf_watch_begin(&w, r->s, r->ino, (wr.flags & DXF_WRITE_KILL_PRIV) ||
			((wr.flags & DXF_WRITE_CACHE) &&
			 r->s->opt->writeback));
	n = dxf_file_write(r->s->fs, dxf_fh_file(in->fh), &wr, &c.cred);
	assert(n <= (ssize_t)wr.len);
	dxf_watch_end(&w, r->s);
	dxf_reply_written(r, n);
}

/* Of a directory, too. */
void dxf_op_fsync(struct dxf_req *r)
{
	const struct fuse_fsync_in *in = r->in;

	dxf_reply_err(r, dxf_fs_fsync(r->s->fs, r->ino,
				      in->fsync_flags & FUSE_FSYNC_FDATASYNC));
}

/* ---- space ---- */

void dxf_op_fallocate(struct dxf_req *r)
{
	const struct fuse_fallocate_in *in = r->in;
	struct dxf_caller c;
	struct dxf_watch w;
	bool kill;
	int err;

	dxf_caller_init(&c, r, 0);
	kill = dxf_caller_kills_priv(&c);
	dxf_watch_begin(&w, r->s, r->ino, kill);
	err = dxf_fs_fallocate(r->s->fs, r->ino, (int)in->mode, in->offset,
			       in->length, kill, &c.cred);
	dxf_watch_end(&w, r->s);
	dxf_reply_err(r, err);
}

void dxf_op_lseek(struct dxf_req *r)
{
	const struct fuse_lseek_in *in = r->in;
	struct fuse_lseek_out out;
	int err;

	/* what is written but not here yet would be a hole: the kernel is to
	 * take all for data, and never asks again */
	if (r->s->opt->writeback)
		err = -ENOSYS;
	else if ((int64_t)in->offset < 0)
		err = -ENXIO;
	else
		err = dxf_fs_lseek(r->s->fs, r->ino, in->offset,
				   (int)in->whence, &out.offset);
	dxf_reply(r, err, &out, sizeof(out));
}

/* What an answer can count; whoever wants more asks again. */
#define COPY_MAX	(UINT64_C(1) << 31)

static ssize_t copy(const struct dxf_req *r,
		    const struct fuse_copy_file_range_in *in)
{
	dxf_ino_t to = dxf_ino_of_node(in->nodeid_out);
	struct dxf_watch from_watch, to_watch;
	struct dxf_caller c;
	unsigned int flags;
	ssize_t n;

	dxf_caller_init(&c, r, 0);
	flags = dxf_caller_kills_priv(&c) ? DXF_WRITE_KILL_PRIV : 0;
	dxf_watch_begin(&from_watch, r->s, r->ino, r->s->reads_seen);
	dxf_watch_begin(&to_watch, r->s, to, flags != 0);
	n = dxf_fs_copy_range(r->s->fs, r->ino, in->off_in, to, in->off_out,
			      DXF_MIN(in->len, COPY_MAX), flags, &c.cred);
	dxf_watch_end(&from_watch, r->s);
	dxf_watch_end(&to_watch, r->s);
	return n;
}

void dxf_op_copy_file_range(struct dxf_req *r)
{
	const struct fuse_copy_file_range_in *in = r->in;

	dxf_reply_written(r, in->flags == 0 ? copy(r, in) : -EINVAL);
}
