/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops.c - the table of operations, and the filesystem's say at INIT.
 *
 * Requests are read from the wire here, not by libfuse: it would allocate,
 * lock and link each of them, drop flags that we need, and knows neither
 * TMPFILE nor STATX.
 *
 * Owns the checks of every length: what an operation finds in its dxf_req lies
 * within what the kernel sent.  Must not know how an operation is done.
 *
 * The structures are those of FUSE 7.12 and later: a system with our C library
 * has Linux 3.2, which speaks 7.17, at least.
 */
#include "ops.h"

#include <errno.h>

#include "conn.h"
#include "fuse_api.h"
#include "log.h"
#include "reply.h"
#include "units.h"

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
};

/* ---- the table ---- */

struct op {
	void (*run)(struct dxf_req *r);
	uint8_t in;		/* bytes of its structure */
	uint8_t names;		/* strings behind that */
	/* of a file that is open, or of nobody: -o allow_root lets it pass */
	bool passes;
};

static const struct op ops[] = {
	[FUSE_LOOKUP] = { dxf_op_lookup, 0, 1, false },
	[FUSE_FORGET] = {
		dxf_op_forget, sizeof(struct fuse_forget_in), 0, true },
	[FUSE_BATCH_FORGET] = {
		dxf_op_batch_forget, sizeof(struct fuse_batch_forget_in), 0,
		true },
	[FUSE_GETATTR] = {
		dxf_op_getattr, sizeof(struct fuse_getattr_in), 0, false },
	[FUSE_SETATTR] = {
		dxf_op_setattr, sizeof(struct fuse_setattr_in), 0, false },
	[DXF_FUSE_STATX] = {
		dxf_op_statx, sizeof(struct dxf_fuse_statx_in), 0, false },
	[FUSE_READLINK] = { dxf_op_readlink, 0, 0, false },
	[FUSE_SYMLINK] = { dxf_op_symlink, 0, 2, false },
	[FUSE_MKNOD] = {
		dxf_op_mknod, sizeof(struct fuse_mknod_in), 1, false },
	[FUSE_MKDIR] = {
		dxf_op_mkdir, sizeof(struct fuse_mkdir_in), 1, false },
	[FUSE_UNLINK] = { dxf_op_unlink, 0, 1, false },
	[FUSE_RMDIR] = { dxf_op_rmdir, 0, 1, false },
	[FUSE_RENAME] = {
		dxf_op_rename, sizeof(struct fuse_rename_in), 2, false },
	[FUSE_RENAME2] = {
		dxf_op_rename2, sizeof(struct fuse_rename2_in), 2, false },
	[FUSE_LINK] = { dxf_op_link, sizeof(struct fuse_link_in), 1, false },
	[FUSE_CREATE] = {
		dxf_op_create, sizeof(struct dxf_fuse_create_in), 1, false },
	[DXF_FUSE_TMPFILE] = {
		dxf_op_tmpfile, sizeof(struct dxf_fuse_create_in), 0, false },
	[FUSE_OPEN] = {
		dxf_op_open, sizeof(struct dxf_fuse_open_in), 0, false },
	[FUSE_READ] = { dxf_op_read, sizeof(struct fuse_read_in), 0, true },
	[FUSE_WRITE] = { dxf_op_write, sizeof(struct fuse_write_in), 0, true },
	[FUSE_FLUSH] = { dxf_op_flush, 0, 0, false },
	[FUSE_RELEASE] = { dxf_op_release, 0, 0, true },
	[FUSE_FSYNC] = { dxf_op_fsync, sizeof(struct fuse_fsync_in), 0, true },
	[FUSE_OPENDIR] = { dxf_op_opendir, 0, 0, false },
	[FUSE_READDIR] = {
		dxf_op_readdir, sizeof(struct fuse_read_in), 0, true },
	[FUSE_READDIRPLUS] = {
		dxf_op_readdirplus, sizeof(struct fuse_read_in), 0, true },
	[FUSE_RELEASEDIR] = { dxf_op_release, 0, 0, true },
	[FUSE_FSYNCDIR] = {
		dxf_op_fsync, sizeof(struct fuse_fsync_in), 0, true },
	[FUSE_STATFS] = { dxf_op_statfs, 0, 0, false },
	[FUSE_SETXATTR] = {
		dxf_op_setxattr, DXF_FUSE_SETXATTR_IN_SHORT, 0, false },
	[FUSE_GETXATTR] = {
		dxf_op_getxattr, sizeof(struct fuse_getxattr_in), 1, false },
	[FUSE_LISTXATTR] = {
		dxf_op_listxattr, sizeof(struct fuse_getxattr_in), 0, false },
	[FUSE_REMOVEXATTR] = { dxf_op_removexattr, 0, 1, false },
	[FUSE_IOCTL] = { dxf_op_ioctl, sizeof(struct fuse_ioctl_in), 0, false },
	[FUSE_FALLOCATE] = {
		dxf_op_fallocate, sizeof(struct fuse_fallocate_in), 0, false },
	[FUSE_LSEEK] = { dxf_op_lseek, sizeof(struct fuse_lseek_in), 0, false },
	[FUSE_COPY_FILE_RANGE] = {
		dxf_op_copy_file_range, sizeof(struct fuse_copy_file_range_in),
		0, false },
};

/* ---- dispatch ---- */

/* Fill what @op says is there.  Returns: false: the request is shorter. */
static bool take_apart(struct dxf_req *r, const struct op *op)
{
	unsigned int i;

	assert(op->names <= DXF_REQ_NAMES);
	r->in = dxf_req_take(r, op->in);
	if (r->in == NULL)
		return false;
	for (i = 0; i < op->names; i++) {
		r->name[i] = dxf_req_take_name(r);
		if (r->name[i] == NULL)
			return false;
	}
	return true;
}

static const struct op *find_op(uint32_t opcode)
{
	if (opcode >= DXF_ARRAY_SIZE(ops) || ops[opcode].run == NULL)
		return NULL;
	return &ops[opcode];
}

/* -o allow_root, as libfuse has it. */
static bool may_enter(const struct dxf_req *r, const struct op *op)
{
	return !r->s->opt->allow_root || (op != NULL && op->passes) ||
	       r->h->uid == 0 || r->h->uid == r->s->owner;
}

static bool is_libfuses(const struct dxf_session *s, uint32_t opcode)
{
	return !s->inited || opcode == FUSE_INIT || opcode == FUSE_DESTROY;
}

static bool is_forget(const struct dxf_req *r)
{
	return r->h->opcode == FUSE_FORGET || r->h->opcode == FUSE_BATCH_FORGET;
}

bool dxf_ops_process(struct dxf_session *s, const void *buf, size_t len)
{
	struct dxf_req r;
	const struct op *op;

	assert(len >= sizeof(*r.h));
	r.s = s;
	r.h = buf;
	r.rest = (const char *)buf + sizeof(*r.h);
	r.len = len - sizeof(*r.h);
	if (is_libfuses(s, r.h->opcode))
		return false;
	r.ino = dxf_ino_of_node(r.h->nodeid);
	op = find_op(r.h->opcode);
	if (!may_enter(&r, op))
		dxf_reply_err(&r, -EACCES);
	else if (op == NULL)
		/* INTERRUPT too: nothing waits in us that it could end, and
		 * after this answer the kernel sends none any more */
		dxf_reply_err(&r, -ENOSYS);
	else if (take_apart(&r, op))
		op->run(&r);
	else if (!is_forget(&r))
		dxf_reply_err(&r, -EINVAL);
	return true;
}
