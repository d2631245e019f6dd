/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops.h - the FUSE operations, each a thin translation to fs.h.
 *
 * Each answers its request exactly once; a forget not at all.
 */
#ifndef DXF_OPS_H
#define DXF_OPS_H

#include "req.h"

struct dxf_attr;
struct fuse_lowlevel_ops;

/* What libfuse is to know: INIT.  All else we answer ourselves. */
extern const struct fuse_lowlevel_ops dxf_ops;

/*
 * Answer the @len bytes of a request, at least a fuse_in_header.
 * Returns: false: it is libfuse's (INIT, DESTROY, and what comes before INIT).
 */
bool dxf_ops_process(struct dxf_session *s, const void *buf, size_t len);

/* ops_name.c */
void dxf_op_lookup(struct dxf_req *r);
void dxf_op_forget(struct dxf_req *r);
void dxf_op_batch_forget(struct dxf_req *r);
void dxf_op_readlink(struct dxf_req *r);
void dxf_op_mknod(struct dxf_req *r);
void dxf_op_mkdir(struct dxf_req *r);
void dxf_op_symlink(struct dxf_req *r);
void dxf_op_link(struct dxf_req *r);
void dxf_op_unlink(struct dxf_req *r);
void dxf_op_rmdir(struct dxf_req *r);
void dxf_op_rename(struct dxf_req *r);
void dxf_op_rename2(struct dxf_req *r);

/* ops_attr.c */
void dxf_op_getattr(struct dxf_req *r);
void dxf_op_setattr(struct dxf_req *r);
void dxf_op_statx(struct dxf_req *r);
void dxf_op_statfs(struct dxf_req *r);

/* ops_open.c */
void dxf_op_open(struct dxf_req *r);
void dxf_op_create(struct dxf_req *r);
void dxf_op_tmpfile(struct dxf_req *r);
void dxf_op_flush(struct dxf_req *r);
void dxf_op_release(struct dxf_req *r);
/* Open, and let the kernel know if that counted as an access. */
int dxf_open_seen(struct dxf_session *s, dxf_ino_t ino, int flags,
		  bool kill_priv);

/*
 * fuse_open_out.fh: the file's handle and, in a bit that its address leaves
 * free, whether the page cache is passed by.
 */
#define DXF_FH_DIRECT	1u

static inline struct dxf_inode *dxf_fh_file(uint64_t fh)
{
	return (struct dxf_inode *)(uintptr_t)(fh & ~(uint64_t)DXF_FH_DIRECT);
}

/* ops_file.c */
void dxf_op_read(struct dxf_req *r);
void dxf_op_write(struct dxf_req *r);
void dxf_op_fsync(struct dxf_req *r);
void dxf_op_fallocate(struct dxf_req *r);
void dxf_op_lseek(struct dxf_req *r);
void dxf_op_copy_file_range(struct dxf_req *r);

/* ops_dir.c */
void dxf_op_opendir(struct dxf_req *r);
void dxf_op_readdir(struct dxf_req *r);
void dxf_op_readdirplus(struct dxf_req *r);

/* ops_xattr.c */
void dxf_op_setxattr(struct dxf_req *r);
void dxf_op_getxattr(struct dxf_req *r);
void dxf_op_listxattr(struct dxf_req *r);
void dxf_op_removexattr(struct dxf_req *r);

/* ops_ioctl.c */
void dxf_op_ioctl(struct dxf_req *r);

#endif
