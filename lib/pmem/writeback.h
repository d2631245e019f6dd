/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writeback.h - page media: making dirty ranges of several trees durable behind
 * one barrier.
 *
 *	init - take, take, ... (each begins to be written at once) - finish
 *
 * finish waits for all that was taken, makes it durable by one msync, and tells
 * the trees.  Who has to know that ranges which other threads took are durable
 * as well calls dxf_dirty_wait() after finish, when it holds nothing: so no two
 * wait for each other.
 *
 * Locks: none may be held; none but the trees' own are taken.
 */
#ifndef DXF_WRITEBACK_H
#define DXF_WRITEBACK_H

#include "dirty.h"
#include "region.h"

/* More ranges than these are made durable in several steps. */
#define DXF_WRITEBACK_MAX	4096u
#define DXF_WRITEBACK_SMALL	32u

struct dxf_writeback_range {
	struct dxf_dirty *tree;
	dxf_off_t start, end;
};

/* On the stack; the members are writeback.c's. */
struct dxf_writeback {
	struct dxf_region *region;
	struct dxf_writeback_range *v;
	size_t n, cap;
	int err;			/* the first one */
	struct dxf_writeback_range few[DXF_WRITEBACK_SMALL];
};

void dxf_writeback_init(struct dxf_writeback *wb, struct dxf_region *r);

/*
 * Take what is dirty in [@from, @to) of @tree, which must outlive finish.
 * Errors are finish's to return.
 */
void dxf_writeback_take(struct dxf_writeback *wb, struct dxf_dirty *tree,
			dxf_off_t from, dxf_off_t to);

/*
 * Nothing taken: costs nothing.  Afterwards @wb is as after init, but for an
 * error.
 * Durability: what was taken is durable on return.
 * Returns: 0; -errno, the first one since init: all that was taken since the
 * last success is dirty again.
 */
int dxf_writeback_finish(struct dxf_writeback *wb);

#endif
