/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inode_check.h - is a decoded inode possible?
 */
#ifndef DXF_INODE_CHECK_H
#define DXF_INODE_CHECK_H

#include "ext2_priv.h"
#include "node.h"

/* Returns: NULL, or what is wrong with it. */
const char *dxf_inode_check(const struct dxf_ext2 *e2,
			    const struct dxf_dinode *di);

#endif
