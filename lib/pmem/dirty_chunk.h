/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dirty_chunk.h - private to the dirty-extent tree: chunks of granules.
 */
#ifndef DXF_DIRTY_CHUNK_H
#define DXF_DIRTY_CHUNK_H

#include "dirty.h"

#define DXF_CHUNK_GRANULES	(DXF_DIRTY_LARGE / DXF_DIRTY_SMALL)
#define DXF_CHUNK_WORDS		(DXF_CHUNK_GRANULES / 64)
#define DXF_CHUNK_PLANES	3

struct dxf_chunk {
	struct dxf_chunk *left, *right;
	uint64_t idx;			/* the media offset by 2 MiB */
	int height;			/* of its subtree, a leaf's is 1 */
	bool has_dirty;			/* any in its subtree */
	uint32_t ndirty;
	uint64_t dirty[DXF_CHUNK_WORDS];
	uint64_t flushing[DXF_CHUNK_PLANES][DXF_CHUNK_WORDS];
};

/* The bits of word @w that stand for granules [@a, @b). */
uint64_t dxf_chunk_mask(unsigned int w, unsigned int a, unsigned int b);
bool dxf_chunk_is_flushing(const struct dxf_chunk *c, unsigned int a,
			   unsigned int b);
/* Nothing is dirty and nothing flushing. */
bool dxf_chunk_is_idle(const struct dxf_chunk *c);
/* One flush more, or less, for each granule in @bits of word @w. */
void dxf_chunk_count_up(struct dxf_chunk *c, unsigned int w, uint64_t bits);
void dxf_chunk_count_down(struct dxf_chunk *c, unsigned int w, uint64_t bits);
/* The first dirty granule of [@a, @b); @b: none. */
unsigned int dxf_chunk_first_dirty(const struct dxf_chunk *c, unsigned int a,
				   unsigned int b);
/* The first of [@a, @b) that cannot be taken; @b: all can. */
unsigned int dxf_chunk_first_kept(const struct dxf_chunk *c, unsigned int a,
				  unsigned int b);

/* Insert and remove return the new root; @c itself stays the caller's. */
struct dxf_chunk *dxf_chunk_insert(struct dxf_chunk *root,
				   struct dxf_chunk *c);
struct dxf_chunk *dxf_chunk_remove(struct dxf_chunk *root,
				   const struct dxf_chunk *c);
/* The chunk's dirty bits changed: so may has_dirty on the way to it. */
void dxf_chunk_refresh(struct dxf_chunk *root, const struct dxf_chunk *c);
struct dxf_chunk *dxf_chunk_find(struct dxf_chunk *root, uint64_t idx);
/* The first chunk from @idx on, with @dirty of those with dirty granules. */
struct dxf_chunk *dxf_chunk_first_from(struct dxf_chunk *root, uint64_t idx,
				       bool dirty);
void dxf_chunk_free_all(struct dxf_chunk *root);
/*
 * Assert the invariants of a subtree whose chunks lie in [@lo, @hi).
 * Returns: its dirty granules.
 */
uint64_t dxf_chunk_check(const struct dxf_chunk *root, uint64_t lo,
			 uint64_t hi);

#endif
