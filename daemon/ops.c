/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops.c - the table of operations, and the filesystem's say at INIT.
 *
 * Must not know how an operation is done.
 */
#include "ops.h"

#include "conn.h"
#include "log.h"
#include "reply.h"

static void ll_init(void *userdata, struct fuse_conn_info *conn)
{
	struct dxf_session *s = userdata;
	const struct dxf_geom *g = dxf_ext2_geom(dxf_fs_ext2(s->fs));

	uint32_t more = 0;

	if (dxf_session_has_acl(s))
		more |= FUSE_CAP_POSIX_ACL;
	if (s->opt->writeback)
		more |= FUSE_CAP_WRITEBACK_CACHE;
	s->caps = dxf_conn_want(conn, more);
	s->proto_major = conn->proto_major;
	s->proto_minor = conn->proto_minor;
	/* Small inodes keep seconds only: the kernel must not show more. */
	conn->time_gran = g->inode_size > 128 ? 1 : 1000000000;
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
