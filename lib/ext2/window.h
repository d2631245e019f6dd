/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.h - the windows of growing files, within the allocator.
 *
 * Locks: alloc_lock, but for dxf_window_grow().
 */
#ifndef DXF_WINDOW_H
#define DXF_WINDOW_H

#include "balloc.h"
#include "ext2_priv.h"

/* Bits [@from, @to) of @group are in nobody's window any more. */
void dxf_window_steal_locked(struct dxf_ext2 *e2, uint32_t group,
			     uint32_t from, uint32_t to);
/* Give back what is left of @w. */
void dxf_window_put_locked(struct dxf_ext2 *e2, struct dxf_window *w);
/*
 * Make @w the blocks from @blk on, up to its goal length: @len are free there,
 * of one group and in nobody's window.
 */
void dxf_window_open_locked(struct dxf_ext2 *e2, struct dxf_window *w,
			    dxf_blk_t blk, uint32_t len);
/* The next window's length: at its first use, and after it was used up. */
void dxf_window_grow(struct dxf_window *w, bool sequential);

#endif
