/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * orlov.h - in which group a new inode should be.
 */
#ifndef DXF_ORLOV_H
#define DXF_ORLOV_H

#include "ext2_priv.h"

/*
 * The group for a new directory or file of @parent; only a wish: it may turn
 * out to have no inode free.
 * Locks: the metadata lock.
 */
uint32_t dxf_orlov_group(struct dxf_ext2 *e2, dxf_ino_t parent, bool is_dir);

#endif
