/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * op.c - the common shape of a metadata operation.
 *
 * Owns the order: begin, copies of slots, staging, commit, and the in-memory
 * slots that follow.  Knows nothing of names or data.
 *
 * Invariants:
 *   O1  an inode's slot in memory changes in the end hook only, after F2 and
 *	 under the metadata lock, so that it never runs ahead of media and no
 *	 two operations start from the same copy
 *   O2  after an abort nothing in memory is different from before
 */
#include "need.h"

#include <assert.h>
#include <string.h>

static void op_ended(struct dxf_txn_hook *h, bool committed)
{
	struct dxf_op *op = dxf_container_of(h, struct dxf_op, hook);

	if (!committed)
		return;
	dxf_need_committed(op);
	for (int i = 0; i < op->n; i++)
		dxf_inode_set_di(op->in[i].inode, &op->in[i].di);
	dxf_orphan_committed(op);
	dxf_nlink_committed(op);
	__atomic_fetch_add(&op->fs->ntxn, 1, __ATOMIC_RELAXED);
}

int dxf_op_begin(struct dxf_op *op, struct dxf_fs *fs)
{
	op->fs = fs;
	op->n = 0;
	op->max = DXF_OP_MAX;
	op->in = op->few;
	op->orphan_add = op->orphan_del = NULL;
	op->norphans_del = 0;
	op->subdirs_changed = false;
	op->nnamed = 0;
	op->hook = (struct dxf_txn_hook){ .fn = op_ended };
	return dxf_quiet_begin(fs, &op->t);
}

void dxf_op_use(struct dxf_op *op, struct dxf_op_in *in, int max)
{
	assert(op->n == 0 && max >= DXF_OP_MAX);
	op->in = in;
	op->max = max;
}

struct dxf_dinode *dxf_op_di(struct dxf_op *op, struct dxf_inode *inode)
{
	for (int i = 0; i < op->n; i++) {
		if (op->in[i].inode == inode) {
			op->in[i].staged = false;
			return &op->in[i].di;
		}
	}
	return dxf_op_take(op, inode);
}

struct dxf_dinode *dxf_op_take(struct dxf_op *op, struct dxf_inode *inode)
{
	assert(op->n < op->max);
	op->in[op->n].inode = inode;
	op->in[op->n].staged = false;
	dxf_mutex_lock(&inode->node.attr);
	/* What is touched from here on is newer than the copy. */
	inode->lazy_new = 0;
	op->in[op->n].di = inode->node.di;
	dxf_mutex_unlock(&inode->node.attr);
	return &op->in[op->n++].di;
}

struct dxf_dinode *dxf_op_new(struct dxf_op *op, struct dxf_inode *inode,
			      dxf_ino_t ino)
{
	assert(op->n < op->max);
	assert(inode->node.ino == 0 && ino != 0);
	dxf_node_init(&inode->node, op->fs->e2, ino);
	inode->lock.key = ino;
	op->in[op->n].inode = inode;
	op->in[op->n].staged = true;
	memset(&op->in[op->n].di, 0, sizeof(op->in[op->n].di));
	return &op->in[op->n++].di;
}

void dxf_op_named(struct dxf_op *op, struct dxf_inode *inode,
		  struct dxf_inode *dir)
{
	assert(op->nnamed < 2);
	op->named[op->nnamed].inode = inode;
	op->named[op->nnamed++].dir = dir;
}

/* What the slot can hold: a time must not change when it is read back. */
static void clamp_times(struct dxf_ext2 *e2, struct dxf_dinode *di)
{
	di->atime = dxf_dinode_clamp_time(e2, di, di->atime);
	di->mtime = dxf_dinode_clamp_time(e2, di, di->mtime);
	di->ctime = dxf_dinode_clamp_time(e2, di, di->ctime);
	if (di->extra_isize == 0)
		di->crtime = (struct timespec){ 0 };
}

int dxf_op_commit(struct dxf_op *op)
{
	for (int i = 0; i < op->n; i++) {
		int err;

		if (op->in[i].staged)
			continue;
		clamp_times(op->fs->e2, &op->in[i].di);
		err = dxf_dinode_write(op->fs->e2, op->t,
				       op->in[i].inode->node.ino,
				       &op->in[i].di);
		if (err != 0) {
			dxf_op_abort(op);
			return err;
		}
	}
	dxf_txn_on_end(op->t, &op->hook);
	return dxf_txn_commit(op->t);
}

void dxf_op_abort(struct dxf_op *op)
{
	dxf_txn_abort(op->t);
}

int dxf_op_end(struct dxf_op *op, int err)
{
	if (err == 0)
		return dxf_op_commit(op);
	dxf_op_abort(op);
	return err;
}
