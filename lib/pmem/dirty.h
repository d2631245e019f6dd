/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dirty.h - the dirty-extent tree: what was stored but not yet written back.
 *
 * Ranges of media, merged, kept at 4 KiB granules and at 2 MiB where whole
 * granules are dirty.  The tree does no I/O of its own.  Protocol (after the
 * kernel's PAGECACHE_TAG_TOWRITE in fs/dax.c):
 *
 *	store, then dxf_dirty_mark()		by writers
 *	dxf_dirty_take() range by range		by fsync: what it takes is
 *						"flushing", no longer "dirty"
 *	flush or msync it
 *	dxf_dirty_done() or dxf_dirty_undo()	undo: the flush failed
 *
 * A store that races with the flush marks again and stays for the next fsync.
 * A second fsync of the same range waits for the first (dxf_dirty_wait), so
 * two never miss nor repeat work.  A hole punch drops ranges.
 *
 * Locks: its own (DXF_RANK_DIRTY), held inside the calls only.
 */
#ifndef DXF_DIRTY_H
#define DXF_DIRTY_H

#include "lock.h"
#include "units.h"

#define DXF_DIRTY_SMALL		(4 * DXF_KIB)
#define DXF_DIRTY_LARGE		(2 * DXF_MIB)

struct dxf_dirty;

/* Returns: a new empty tree, NULL without memory. */
struct dxf_dirty *dxf_dirty_new(void);
void dxf_dirty_free(struct dxf_dirty *d);

/*
 * Mark [@start, @end) dirty, rounded out to granules.
 * Returns: 0; -ENOMEM: nothing was marked, the caller flushes at once.
 */
int dxf_dirty_mark(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end);

/*
 * Take the first dirty range that meets [@from, @to), clipped to it and
 * rounded out to 4 KiB granules (the last may reach past the end of a region,
 * which persist's flush and msync allow): it becomes flushing.  A caller may
 * hold several ranges; it goes on behind each, so that writers cannot keep it
 * forever.  Waits only for flushes of others, when a granule has seven.
 * Returns: true and *@start, *@end; false: nothing dirty there.
 */
bool dxf_dirty_take(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to,
		    dxf_off_t *start, dxf_off_t *end);
/*
 * The same without waiting.
 * Returns: 1 and *@start, *@end; 0 nothing dirty there; -EAGAIN *@start is
 * dirty, but seven others are flushing it: wait for them, holding nothing.
 */
int dxf_dirty_try_take(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to,
		       dxf_off_t *start, dxf_off_t *end);
/* The taken range, or a granule-aligned part of it, is written back. */
void dxf_dirty_done(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end);
/* The write-back of the taken range failed: it is dirty again.  Cannot fail. */
void dxf_dirty_undo(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end);
/*
 * Wait until no range that meets [@from, @to) is flushing.  A flush of another
 * that failed has made its range dirty again: who does not treat that failure
 * as everybody's takes, and waits, once more.
 */
void dxf_dirty_wait(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to);

/*
 * Forget [@start, @end): only granules wholly inside are dropped.  What is
 * flushing stays so until its flush ends.
 */
void dxf_dirty_drop(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end);

/* Is anything in [@from, @to) dirty? */
bool dxf_dirty_meets(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to);
/* Nothing is dirty and nothing flushing. */
bool dxf_dirty_is_empty(const struct dxf_dirty *d);
/* Bytes dirty (not those flushing). */
uint64_t dxf_dirty_bytes(const struct dxf_dirty *d);

/* For tests: assert every invariant of the structure. */
void dxf_dirty_check(struct dxf_dirty *d);

#endif
