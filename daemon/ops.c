/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops.c - the table of operations, and what is agreed with the kernel at INIT.
 *
 * Owns the choice of what the kernel may cache and do by itself.  Must not
 * know how an operation is done.
 */
#include "ops.h"

#include <assert.h>

#include "log.h"
#include "reply.h"

/* What we want where the kernel has it; all else that libfuse turns on by
 * itself is turned off. */
static const unsigned int wanted_caps =
	FUSE_CAP_ASYNC_READ |
	FUSE_CAP_PARALLEL_DIROPS |
	FUSE_CAP_ASYNC_DIO |
	FUSE_CAP_IOCTL_DIR |
	FUSE_CAP_ATOMIC_O_TRUNC |	/* with the flag who loses setuid */
	FUSE_CAP_READDIRPLUS |
	FUSE_CAP_READDIRPLUS_AUTO |
	FUSE_CAP_CACHE_SYMLINKS |
	FUSE_CAP_EXPORT_SUPPORT |	/* lookups of "." and ".." by handle */
	FUSE_CAP_DONT_MASK |		/* a default ACL replaces the umask */
	/* nobody changes data behind the kernel's back */
	FUSE_CAP_EXPLICIT_INVAL_DATA;

static void ll_init(void *userdata, struct fuse_conn_info *conn)
{
	struct dxf_session *s = userdata;
	const struct dxf_geom *g = dxf_ext2_geom(dxf_fs_ext2(s->fs));

	conn->want = wanted_caps & conn->capable;
	if (s->opt->fs.acl)
		conn->want |= FUSE_CAP_POSIX_ACL & conn->capable;
	/* Small inodes keep seconds only: the kernel must not show more. */
	conn->time_gran = g->inode_size > 128 ? 1 : 1000000000;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	assert((conn->want & ~conn->capable) == 0);
	dxf_log_debug("FUSE %u.%u, capabilities %#x of %#x",
		      conn->proto_major, conn->proto_minor, conn->want,
		      conn->capable);
}

const struct fuse_lowlevel_ops dxf_ops = {
	.init = ll_init,
	.lookup = dxf_ll_lookup,
	.forget = dxf_ll_forget,
	.forget_multi = dxf_ll_forget_multi,
	.getattr = dxf_ll_getattr,
	.setattr = dxf_ll_setattr,
	.readlink = dxf_ll_readlink,
	.mknod = dxf_ll_mknod,
	.mkdir = dxf_ll_mkdir,
	.unlink = dxf_ll_unlink,
	.rmdir = dxf_ll_rmdir,
	.symlink = dxf_ll_symlink,
	.rename = dxf_ll_rename,
	.link = dxf_ll_link,
	.create = dxf_ll_create,
	.open = dxf_ll_open,
	.read = dxf_ll_read,
	.write = dxf_ll_write,
	.flush = dxf_ll_flush,
	.release = dxf_ll_release,
	.fsync = dxf_ll_fsync,
	.opendir = dxf_ll_opendir,
	.readdir = dxf_ll_readdir,
	.readdirplus = dxf_ll_readdirplus,
	.releasedir = dxf_ll_releasedir,
	.fsyncdir = dxf_ll_fsyncdir,
	.statfs = dxf_ll_statfs,
	.getxattr = dxf_ll_getxattr,
	.listxattr = dxf_ll_listxattr,
	.removexattr = dxf_ll_removexattr,
	.ioctl = dxf_ll_ioctl,
	.fallocate = dxf_ll_fallocate,
	.lseek = dxf_ll_lseek,
	.copy_file_range = dxf_ll_copy_file_range,
};
