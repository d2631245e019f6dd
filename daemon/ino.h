/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ino.h - FUSE node ids and inode numbers.
 *
 * They are the same number, but for the root: FUSE calls it 1, ext2 2.  Inode
 * 1 (the bad blocks) is never shown, and node id 2 never given out: it could
 * only come from a forged file handle, and would be a second root.
 */
#ifndef DXF_INO_H
#define DXF_INO_H

#include <assert.h>
#include <stdint.h>

#include "ext2.h"

#define DXF_ROOT_NODE	1u

/* Returns: the inode number; 0 (no inode) for an id we never gave out. */
static inline dxf_ino_t dxf_ino_of_node(uint64_t node)
{
	if (node == DXF_ROOT_NODE)
		return DXF_ROOT_INO;
	if (node == DXF_ROOT_INO || node > UINT32_MAX)
		return 0;
	return (dxf_ino_t)node;
}

static inline uint64_t dxf_node_of_ino(dxf_ino_t ino)
{
	assert(ino != 0 && ino != DXF_ROOT_NODE);
	return ino == DXF_ROOT_INO ? DXF_ROOT_NODE : ino;
}

#endif
