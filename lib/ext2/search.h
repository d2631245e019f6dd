/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * search.h - finding free blocks.
 */
#ifndef DXF_SEARCH_H
#define DXF_SEARCH_H

#include "groups.h"

struct dxf_span {
	uint32_t group;
	uint32_t start;		/* bit in the group */
	uint32_t len;		/* 0: nothing found */
	uint32_t spare;		/* blocks behind it that are free as well */
	bool more;		/* ... and perhaps more than these */
};

/*
 * Find free blocks: @goal itself, then from it on in its group, then other
 * groups; @want of them if there is such a run, better @prefer (a window is
 * to follow), else a shorter one.  Windows of others are left alone while
 * there is other room.
 * Locks: alloc_lock.
 * Returns: 0 and *@out; -ENOSPC; -EIO a bitmap cannot be read and no other
 * group has room.
 */
int dxf_search_locked(struct dxf_ext2 *e2, dxf_blk_t goal, uint32_t want,
		      uint32_t prefer, struct dxf_span *out);

/*
 * Find a free 2 MiB piece of memory from @goal on, then in the
 * other groups: *@out is its start, @want blocks or as many as are free there,
 * 2 MiB at least if so much is wanted.  Windows are left alone.
 * Locks: alloc_lock.
 * Returns: false: there is none, or none was found within some bitmaps.
 */
bool dxf_search_huge_locked(struct dxf_ext2 *e2, dxf_blk_t goal, uint32_t want,
			    struct dxf_span *out);

/*
 * How many of the blocks from bit @start of @group on, at most @max, are free
 * and in nobody's window.
 * Locks: alloc_lock.
 */
uint32_t dxf_search_run_locked(struct dxf_ext2 *e2, uint32_t group,
			       uint32_t start, uint32_t max, bool steal);

#endif
