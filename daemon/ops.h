/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops.h - the FUSE operations, each a thin translation to fs.h.
 */
#ifndef DXF_OPS_H
#define DXF_OPS_H

#include "fuse_api.h"
#include "session.h"

struct dxf_attr;

extern const struct fuse_lowlevel_ops dxf_ops;

/* ops_name.c */
void dxf_ll_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void dxf_ll_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void dxf_ll_forget_multi(fuse_req_t req, size_t count,
			 struct fuse_forget_data *forgets);
void dxf_ll_readlink(fuse_req_t req, fuse_ino_t ino);
void dxf_ll_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		  mode_t mode, dev_t rdev);
void dxf_ll_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		  mode_t mode);
void dxf_ll_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void dxf_ll_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void dxf_ll_symlink(fuse_req_t req, const char *link, fuse_ino_t parent,
		    const char *name);
void dxf_ll_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		   fuse_ino_t newparent, const char *newname,
		   unsigned int flags);
void dxf_ll_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
		 const char *newname);
void dxf_ll_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		   mode_t mode, struct fuse_file_info *fi);

/* ops_attr.c */
void dxf_ll_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dxf_ll_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st,
		    int to_set, struct fuse_file_info *fi);
void dxf_ll_statfs(fuse_req_t req, fuse_ino_t ino);

/* ops_file.c */
void dxf_ll_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dxf_ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 struct fuse_file_info *fi);
void dxf_ll_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
		  off_t off, struct fuse_file_info *fi);
void dxf_ll_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dxf_ll_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dxf_ll_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		  struct fuse_file_info *fi);
void dxf_ll_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
		      off_t len, struct fuse_file_info *fi);
void dxf_ll_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		  struct fuse_file_info *fi);
void dxf_ll_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			    struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			    off_t off_out, struct fuse_file_info *fi_out,
			    size_t len, int flags);
/* Open, and let the kernel know if that counted as an access. */
int dxf_open_seen(struct dxf_session *s, dxf_ino_t ino, int flags,
		  bool kill_priv);
/* What of open(2)'s flags the filesystem is to know. */
int dxf_open_flags(const struct dxf_session *s, int flags);
/* How the kernel is to treat a file that is being opened. */
void dxf_fill_open(struct dxf_session *s, dxf_ino_t ino,
		   struct fuse_file_info *fi);

/* ops_dir.c */
void dxf_ll_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dxf_ll_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);
void dxf_ll_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			struct fuse_file_info *fi);
void dxf_ll_releasedir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi);
void dxf_ll_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		     struct fuse_file_info *fi);

/* ops_xattr.c */
void dxf_ll_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		     size_t size);
void dxf_ll_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void dxf_ll_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

/* ops_ioctl.c */
void dxf_ll_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
		  struct fuse_file_info *fi, unsigned int flags,
		  const void *in, size_t in_size, size_t out_size);

/* ops_raw.c: the requests that we answer without libfuse */

/*
 * Answer the request if it is one of them: SETXATTR (its layout depends on a
 * flag that only we negotiate), TMPFILE and STATX (unknown to libfuse 3.14).
 * Returns: true if it is answered.
 */
bool dxf_raw_process(struct dxf_session *s, const void *buf, size_t len);

#endif
