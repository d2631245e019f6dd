/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * persist.h - the only code that stores to media, flushes and fences.
 *
 * Every call is a numbered persist point that a hook can watch, so that crash
 * tests record what was stored and cut anywhere.  A fence orders the stores
 * and flushes of the calling thread only.  Stores are guarded like loads: a
 * SIGBUS is -EIO; dxf_region_populate() is called before the first store to a
 * range that may be a hole, so a full host is -ENOSPC before anything changed.
 *
 * On DXF_MEDIA_PAGE flush and fence are no persistence: dxf_persist_msync is.
 */
#ifndef DXF_PERSIST_H
#define DXF_PERSIST_H

#include "region.h"

enum dxf_persist_flags {
	/*
	 * Bulk data: non-temporal stores by size and alignment; unaligned
	 * edges are ordinary stores that are flushed (clwb) at once.
	 */
	DXF_PERSIST_DATA = 0,
	/* Ordinary stores only, each touched line flushed: small metadata. */
	DXF_PERSIST_TEMPORAL = 1 << 0,
	/*
	 * With DATA: leave edge lines (those that the range covers in part)
	 * in the cache, unflushed; the caller records them in a dirty-extent
	 * tree (durability=fsync).  With TEMPORAL: flush nothing.
	 */
	DXF_PERSIST_NOFLUSH = 1 << 1,
	/*
	 * The target may be in a known bad block, which this may clear: what
	 * can be loaded afterwards is good again.  Otherwise, and where a bad
	 * sector is covered in part only, such a store is -EIO.
	 */
	DXF_PERSIST_RECOVERY = 1 << 2,
};

/*
 * Copy @len bytes of @src (ordinary memory) to media at @off.  Aligned 8-byte
 * words are stored whole: none tears.
 * Durability: volatile; durable after dxf_persist_fence() by this thread
 * unless NOFLUSH (DAX media), after dxf_persist_msync (page media).
 * Returns: 0; -ENOSPC host full, nothing stored; -EIO store failed, part may
 * be stored; -ERANGE; -EROFS region opened ro; -EINVAL unknown flags.
 */
int dxf_persist_copy(struct dxf_region *r, dxf_off_t off, const void *src,
		     size_t len, unsigned int flags);

/* A range to store to, not empty, and its bytes in ordinary memory. */
struct dxf_persist_piece {
	dxf_off_t off;
	const void *src;
	size_t len;
};

#define DXF_PERSIST_MANY	32u
/*
 * Copy 1 to DXF_PERSIST_MANY pieces in this order, each as dxf_persist_copy()
 * with TEMPORAL and @flags (NOFLUSH or 0), but for the write-backs: these come
 * when all are stored, which is faster.
 * Durability: as dxf_persist_copy().
 * Returns: as dxf_persist_copy(); of -ENOSPC, too, the pieces before may be
 * stored, and not written back.
 */
int dxf_persist_copy_many(struct dxf_region *r,
			  const struct dxf_persist_piece *v, unsigned int n,
			  unsigned int flags);

/* The same as dxf_persist_copy() with zeros for source. */
int dxf_persist_zero(struct dxf_region *r, dxf_off_t off, uint64_t len,
		     unsigned int flags);

/*
 * Copy @len bytes and store @pad zeros behind them, with DATA: as the two calls
 * one after the other, but the line in which both meet is stored once, as a
 * whole.
 * Durability, Returns: as dxf_persist_copy().
 */
int dxf_persist_copy_padded(struct dxf_region *r, dxf_off_t off,
			    const void *src, size_t len, uint64_t pad);

/*
 * Media to media, ranges must not overlap.
 * Returns: as dxf_persist_copy; -EIO also when the source cannot be loaded.
 */
int dxf_persist_move(struct dxf_region *r, dxf_off_t dst, dxf_off_t src,
		     uint64_t len, unsigned int flags);

/*
 * Write back the cache lines of the range (clwb), no fence.  Here and in msync
 * what lies behind the end of the region is left out, since dirty granules are
 * rounded out.  Returns: 0; -EIO; -ERANGE @off is outside.
 */
int dxf_persist_flush(struct dxf_region *r, dxf_off_t off, uint64_t len);

/* Order and complete this thread's stores and flushes (sfence). */
void dxf_persist_fence(struct dxf_region *r);

/*
 * Page media: start writeback of the range (sync_file_range), no waiting.
 * DAX media: nothing.  Returns: 0, -errno.
 */
int dxf_persist_msync_start(struct dxf_region *r, dxf_off_t off, uint64_t len);
/*
 * Page media: write out what the range holds now and wait for it.  Whether it
 * can be found again after a power loss is for the next dxf_persist_msync(), of
 * any range, to see to: the host's own metadata and the device's cache.  DAX
 * media: nothing.  Returns: 0, -errno.
 */
int dxf_persist_msync_wait(struct dxf_region *r, dxf_off_t off, uint64_t len);
/*
 * Page media: msync(MS_SYNC) of the range, rounded to pages.  DAX media:
 * flush and fence.  Returns: 0, -errno.
 */
int dxf_persist_msync(struct dxf_region *r, dxf_off_t off, uint64_t len);

/* ---- hooks, for crash tests and counters ---- */

enum dxf_persist_op {
	DXF_PERSIST_OP_COPY,
	DXF_PERSIST_OP_ZERO,
	DXF_PERSIST_OP_FLUSH,
	DXF_PERSIST_OP_FENCE,
	DXF_PERSIST_OP_START,		/* msync_start on page media */
	DXF_PERSIST_OP_WAIT,		/* msync_wait on page media */
	DXF_PERSIST_OP_MSYNC,
	DXF_PERSIST_NOPS,
};

struct dxf_persist_event {
	enum dxf_persist_op op;
	uint64_t point;		/* the number of this persist point */
	dxf_off_t off;
	uint64_t len;
	const void *src;	/* COPY: the bytes; for a move, media itself */
	unsigned int flags;
};

/*
 * Called before the stores, flush or fence take effect, by the thread that
 * does it.  NULL undoes it.  Set it while no other thread uses the region.
 */
void dxf_persist_set_hook(struct dxf_region *r,
	void (*fn)(void *ctx, const struct dxf_persist_event *ev), void *ctx);

/*
 * What the calls come to: each store as the media see it, each write-back of
 * lines, those inside the calls above included.  Lines are told apart as they
 * really are stored: a copy may be several of these.
 */
enum dxf_persist_trace_op {
	DXF_PERSIST_TRACE_STORE,	/* ordinary: durable when flushed ... */
	DXF_PERSIST_TRACE_NT,		/* non-temporal: needs no flush ... */
	DXF_PERSIST_TRACE_FLUSH,	/* the lines that meet the range */
	DXF_PERSIST_TRACE_FENCE,	/* ... and fenced, by the same thread */
};

struct dxf_persist_trace {
	enum dxf_persist_trace_op op;
	dxf_off_t off;
	uint64_t len;
	const void *src;	/* of a store; NULL: zeros */
};

/*
 * Called before each takes effect, by the thread that does it.  NULL undoes
 * it.  Set it while no other thread uses the region.  What a host writes for
 * DXF_PERSIST_RECOVERY is not traced.
 */
void dxf_persist_set_trace(struct dxf_region *r,
	void (*fn)(void *ctx, const struct dxf_persist_trace *tr), void *ctx);

struct dxf_persist_stats {
	uint64_t calls[DXF_PERSIST_NOPS];
	uint64_t bytes_stored;
	uint64_t bytes_nt;
	uint64_t lines_flushed;
};

/* A snapshot of the counters (relaxed; exact when the region is idle). */
void dxf_persist_get_stats(const struct dxf_region *r,
			   struct dxf_persist_stats *out);

#endif
