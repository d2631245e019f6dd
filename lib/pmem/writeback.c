// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * writeback.c - page media: many ranges, one barrier.
 *
 * sync_file_range() writes pages and waits for them, but neither commits the
 * host's metadata nor empties the device's cache; msync() does, of the whole
 * file whatever its range.  So the ranges are written side by side by the one,
 * and a single call of the other, on a range that is clean by then, makes them
 * durable.
 *
 * Owns no range longer than from take to finish.  Must not know what the ranges
 * hold, nor whose the trees are.
 *
 * Invariants:
 *  - What is in v was taken and is flushing in its tree; each ends by done or
 *    undo, exactly once.
 *  - While anything is held nobody else is waited for.
 */
#include "writeback.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "mutate.h"
#include "persist.h"

void dxf_writeback_init(struct dxf_writeback *wb, struct dxf_region *r)
{
	assert(dxf_region_media(r) == DXF_MEDIA_PAGE);
	wb->region = r;
	wb->v = wb->few;
	wb->n = 0;
	wb->cap = DXF_WRITEBACK_SMALL;
	wb->err = 0;
}

static void note(struct dxf_writeback *wb, int err)
{
	if (wb->err == 0)
		wb->err = err;
}

/* Room for one more.  Returns: false: finish first. */
static bool grow(struct dxf_writeback *wb)
{
	struct dxf_writeback_range *v;

	if (wb->n < wb->cap)
		return true;
	if (wb->cap >= DXF_WRITEBACK_MAX)
		return false;
	v = dxf_malloc(2 * wb->cap * sizeof(*v));
	if (v == NULL)
		return false;
	memcpy(v, wb->v, wb->n * sizeof(*v));
	if (wb->v != wb->few)
		free(wb->v);
	wb->v = v;
	wb->cap *= 2;
	return true;
}

void dxf_writeback_take(struct dxf_writeback *wb, struct dxf_dirty *tree,
			dxf_off_t from, dxf_off_t to)
{
	dxf_off_t start, end;
	int got;

	while (from < to && wb->err == 0) {
		if (!grow(wb) && dxf_writeback_finish(wb) != 0)
			return;
		got = dxf_dirty_try_take(tree, from, to, &start, &end);
		if (got == 0)
			return;
		if (got < 0) {
			(void)dxf_writeback_finish(wb);
			dxf_dirty_wait(tree, start, start + DXF_DIRTY_SMALL);
			continue;
		}
		assert(wb->n < wb->cap && start < end);
		wb->v[wb->n++] = (struct dxf_writeback_range){
			tree, start, end };
		note(wb, dxf_persist_msync_start(wb->region, start,
						 end - start));
		from = end;
	}
}

static void write_all(struct dxf_writeback *wb)
{
	const struct dxf_writeback_range *r;

	for (size_t i = 0; i < wb->n && wb->err == 0; i++) {
		r = &wb->v[i];
		note(wb, dxf_persist_msync_wait(wb->region, r->start,
						r->end - r->start));
	}
	if (wb->err != 0)
		return;
	if (dxf_mutated(DXF_MUT_PAGE_BARRIER))
		return;
	r = &wb->v[wb->n - 1];
	note(wb, dxf_persist_msync(wb->region, r->start, DXF_DIRTY_SMALL));
}

int dxf_writeback_finish(struct dxf_writeback *wb)
{
	if (wb->n > 0)
		write_all(wb);
	for (size_t i = 0; i < wb->n; i++) {
		const struct dxf_writeback_range *r = &wb->v[i];

		if (wb->err == 0)
			dxf_dirty_done(r->tree, r->start, r->end);
		else
			dxf_dirty_undo(r->tree, r->start, r->end);
	}
	if (wb->v != wb->few)
		free(wb->v);
	wb->v = wb->few;
	wb->n = 0;
	wb->cap = DXF_WRITEBACK_SMALL;
	return wb->err;
}
