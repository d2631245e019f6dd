/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep_ops.h - a small tree with a bit of everything, and operations of every
 * kind on it.
 */
#ifndef DXF_SWEEP_OPS_H
#define DXF_SWEEP_OPS_H

#include "fs_fixture.h"

#define BS	4096u

extern struct fsx x;

/* Make the tree on the mounted filesystem. */
void sweep_populate(void);

/* All operations; DATA: one that may be done in part. */
#define SWEEP_OPS(OP, DATA) \
	OP(create) OP(create_in_dir) OP(mkdir) OP(symlink) \
	OP(link) OP(unlink_plain) OP(unlink_frag) \
	OP(unlink_symlink) OP(rmdir) OP(rename) OP(rename_over) \
	OP(rename_dir) DATA(overwrite) DATA(overwrite_part) \
	DATA(overwrite_many) DATA(append) DATA(fill_hole) \
	DATA(fill_far_hole) OP(shrink) OP(empty) OP(grow) \
	DATA(punch) DATA(punch_frag) DATA(zero) DATA(allocate) \
	OP(set_xattr) OP(new_xattr_block) OP(remove_xattr) \
	OP(chmod) DATA(copy) OP(exchange) OP(chattr) OP(seek) \
	OP(fsync) OP(tmpfile)

/* Each returns: 0 or a count, -errno. */
#define SWEEP_DECLARE(name)	ssize_t op_##name(void);
SWEEP_OPS(SWEEP_DECLARE, SWEEP_DECLARE)

#endif
