// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirty.c - the dirty-extent tree: the protocol.
 *
 * Owns which granules of media are dirty and which are being flushed, and the
 * lock over that.  Must not know regions, and does no I/O.  The chunks that
 * hold the bits, and their tree, are in dirty_chunk.c.
 *
 * Invariants, which dxf_dirty_check() verifies with those of the chunks:
 *  - no chunk is without a dirty or flushing granule;
 *  - total counts the dirty bits of all chunks;
 *  - a granule is taken only while dirty, and then it is not dirty any more
 *    until somebody marks it or undoes the take;
 *  - mark is the only call that needs memory, and it changes nothing without.
 */
#include "dirty.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "count.h"
#include "dirty_chunk.h"

struct dxf_dirty {
	struct dxf_mutex lock;		/* DXF_RANK_DIRTY */

	/* protected by lock */
	pthread_cond_t flushed;		/* a flush ended */
	unsigned int nwaiting;
	struct dxf_chunk *root;
	uint64_t total;			/* dirty granules */
};

/* Granules [a, b) of a chunk. */
struct part {
	uint64_t idx;
	unsigned int a, b;
};

/* ---- ranges of granules ---- */

static uint64_t granule_down(dxf_off_t off)
{
	return off / DXF_DIRTY_SMALL;
}

static uint64_t granule_up(dxf_off_t off)
{
	return off / DXF_DIRTY_SMALL + (off % DXF_DIRTY_SMALL != 0);
}

/* The part of granules [@g, @end) that lies in chunk @idx. */
static struct part part_of(uint64_t idx, uint64_t g, uint64_t end)
{
	uint64_t base = idx * DXF_CHUNK_GRANULES;

	assert(g < base + DXF_CHUNK_GRANULES && end > base);
	return (struct part){
		.idx = idx,
		.a = g > base ? (unsigned int)(g - base) : 0,
		.b = (unsigned int)DXF_MIN(end - base, DXF_CHUNK_GRANULES),
	};
}

/* Set or clear dirty bits, and keep the counts. */
static void set_dirty(struct dxf_dirty *d, struct dxf_chunk *c, unsigned int w,
		      uint64_t bits)
{
	uint32_t n = (uint32_t)__builtin_popcountll(bits & ~c->dirty[w]);

	c->dirty[w] |= bits;
	c->ndirty += n;
	d->total += n;
	dxf_count(DXF_COUNT_DIRTIED, n);
	assert(c->ndirty <= DXF_CHUNK_GRANULES);
}

static void clear_dirty(struct dxf_dirty *d, struct dxf_chunk *c,
			unsigned int w, uint64_t bits)
{
	uint32_t n = (uint32_t)__builtin_popcountll(bits & c->dirty[w]);

	assert(c->ndirty >= n && d->total >= n);
	c->dirty[w] &= ~bits;
	c->ndirty -= n;
	d->total -= n;
	dxf_count(DXF_COUNT_CLEANED, n);
}

/* After a change of @c: drop it if nothing is in it any more. */
static void settle(struct dxf_dirty *d, struct dxf_chunk *c)
{
	if (!dxf_chunk_is_idle(c)) {
		dxf_chunk_refresh(d->root, c);
		return;
	}
	d->root = dxf_chunk_remove(d->root, c);
	free(c);
}

/* ---- mark ---- */

static int add_chunk(struct dxf_dirty *d, uint64_t idx)
{
	struct dxf_chunk *c;

	if (dxf_chunk_find(d->root, idx) != NULL)
		return 0;
	c = dxf_calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->idx = idx;
	d->root = dxf_chunk_insert(d->root, c);
	return 0;
}

/* Have all chunks of [@first, @last], or none more than before. */
static int add_chunks(struct dxf_dirty *d, uint64_t first, uint64_t last)
{
	struct dxf_chunk *c;

	for (uint64_t idx = first; idx <= last; idx++) {
		if (add_chunk(d, idx) == 0)
			continue;
		while (idx-- > first) {
			c = dxf_chunk_find(d->root, idx);
			assert(c != NULL);
			settle(d, c);
		}
		return -ENOMEM;
	}
	return 0;
}

static void mark_part(struct dxf_dirty *d, struct part p)
{
	struct dxf_chunk *c = dxf_chunk_find(d->root, p.idx);

	assert(c != NULL && p.a < p.b);
	for (unsigned int w = p.a / 64; w * 64 < p.b; w++)
		set_dirty(d, c, w, dxf_chunk_mask(w, p.a, p.b));
	dxf_chunk_refresh(d->root, c);
}

int dxf_dirty_mark(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end)
{
	uint64_t g = granule_down(start), gend = granule_up(end);
	uint64_t first = g / DXF_CHUNK_GRANULES, last;
	int ret;

	assert(start <= end);
	if (start == end)
		return 0;
	last = (gend - 1) / DXF_CHUNK_GRANULES;
	DXF_SCOPED_MUTEX(&d->lock);
	ret = add_chunks(d, first, last);
	if (ret != 0)
		return ret;
	for (uint64_t idx = first; idx <= last; idx++)
		mark_part(d, part_of(idx, g, gend));
	return 0;
}

/* ---- take, done, undo, wait ---- */

/* Returns: the first dirty granule in [@g, @end), or @end. */
static uint64_t find_dirty(const struct dxf_dirty *d, uint64_t g, uint64_t end)
{
	struct dxf_chunk *c;
	struct part p;

	while (g < end) {
		c = dxf_chunk_first_from(d->root, g / DXF_CHUNK_GRANULES, true);
		if (c == NULL || c->idx * DXF_CHUNK_GRANULES >= end)
			return end;
		assert(c->ndirty > 0);
		p = part_of(c->idx, g, end);
		p.a = dxf_chunk_first_dirty(c, p.a, p.b);
		g = c->idx * DXF_CHUNK_GRANULES + p.a;
		/* At p.b it has none in the range; the next chunk may. */
		if (p.a < p.b)
			return g;
	}
	return end;
}

static void take_part(struct dxf_dirty *d, struct dxf_chunk *c, struct part p)
{
	for (unsigned int w = p.a / 64; w * 64 < p.b; w++) {
		uint64_t bits = dxf_chunk_mask(w, p.a, p.b);

		assert((c->dirty[w] & bits) == bits);
		clear_dirty(d, c, w, bits);
		dxf_chunk_count_up(c, w, bits);
	}
	dxf_chunk_refresh(d->root, c);
}

/* Take what is dirty from @g on, to @end or the first granule that is not. */
static uint64_t take_run(struct dxf_dirty *d, uint64_t g, uint64_t end)
{
	struct dxf_chunk *c;
	struct part p;
	unsigned int stop;

	while (g < end) {
		c = dxf_chunk_find(d->root, g / DXF_CHUNK_GRANULES);
		if (c == NULL)
			return g;
		p = part_of(c->idx, g, end);
		stop = p.b;
		p.b = dxf_chunk_first_kept(c, p.a, p.b);
		if (p.a < p.b)
			take_part(d, c, p);
		g = c->idx * DXF_CHUNK_GRANULES + p.b;
		if (p.b < stop)
			return g;
	}
	return g;
}

static void wait_flushed(struct dxf_dirty *d)
{
	d->nwaiting++;
	dxf_mutex_wait(&d->lock, &d->flushed);
	assert(d->nwaiting > 0);
	d->nwaiting--;
}

/* Returns: granules taken, 0: none may be; *@g, at first where to begin. */
static uint64_t take_locked(struct dxf_dirty *d, uint64_t *g, uint64_t limit)
{
	*g = find_dirty(d, *g, limit);
	return *g < limit ? take_run(d, *g, limit) - *g : 0;
}

bool dxf_dirty_take(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to,
		    dxf_off_t *start, dxf_off_t *end)
{
	uint64_t limit = granule_up(to), g, n;

	DXF_SCOPED_MUTEX(&d->lock);
	for (;;) {
		g = granule_down(from);
		n = take_locked(d, &g, limit);
		if (g >= limit)
			return false;
		if (n > 0)
			break;
		wait_flushed(d);
	}
	*start = g * DXF_DIRTY_SMALL;
	*end = (g + n) * DXF_DIRTY_SMALL;
	return true;
}

int dxf_dirty_try_take(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to,
		       dxf_off_t *start, dxf_off_t *end)
{
	uint64_t limit = granule_up(to), g = granule_down(from), n;

	DXF_SCOPED_MUTEX(&d->lock);
	n = take_locked(d, &g, limit);
	if (g >= limit)
		return 0;
	*start = g * DXF_DIRTY_SMALL;
	*end = (g + n) * DXF_DIRTY_SMALL;
	return n > 0 ? 1 : -EAGAIN;
}

bool dxf_dirty_meets(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to)
{
	DXF_SCOPED_MUTEX(&d->lock);
	return find_dirty(d, granule_down(from), granule_up(to)) <
	       granule_up(to);
}

/* A flush of the part ended, with @undo without success. */
static void end_part(struct dxf_dirty *d, struct part p, bool undo)
{
	struct dxf_chunk *c = dxf_chunk_find(d->root, p.idx);

	assert(c != NULL);
	for (unsigned int w = p.a / 64; w * 64 < p.b; w++) {
		uint64_t bits = dxf_chunk_mask(w, p.a, p.b);

		dxf_chunk_count_down(c, w, bits);
		if (undo)
			set_dirty(d, c, w, bits);
	}
	settle(d, c);
}

static void end_flush(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end,
		      bool undo)
{
	uint64_t g = start / DXF_DIRTY_SMALL, gend = end / DXF_DIRTY_SMALL;

	assert(start < end);
	assert(start % DXF_DIRTY_SMALL == 0 && end % DXF_DIRTY_SMALL == 0);
	DXF_SCOPED_MUTEX(&d->lock);
	for (uint64_t idx = g / DXF_CHUNK_GRANULES;
	     idx <= (gend - 1) / DXF_CHUNK_GRANULES; idx++)
		end_part(d, part_of(idx, g, gend), undo);
	if (d->nwaiting > 0)
		pthread_cond_broadcast(&d->flushed);
}

void dxf_dirty_done(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end)
{
	end_flush(d, start, end, false);
}

void dxf_dirty_undo(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end)
{
	end_flush(d, start, end, true);
}

static bool range_is_flushing(const struct dxf_dirty *d, uint64_t g,
			      uint64_t end)
{
	struct dxf_chunk *c;
	struct part p;

	while (g < end) {
		c = dxf_chunk_first_from(d->root, g / DXF_CHUNK_GRANULES,
					 false);
		if (c == NULL || c->idx * DXF_CHUNK_GRANULES >= end)
			return false;
		p = part_of(c->idx, g, end);
		if (dxf_chunk_is_flushing(c, p.a, p.b))
			return true;
		g = (c->idx + 1) * DXF_CHUNK_GRANULES;
	}
	return false;
}

void dxf_dirty_wait(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to)
{
	DXF_SCOPED_MUTEX(&d->lock);
	while (range_is_flushing(d, granule_down(from), granule_up(to)))
		wait_flushed(d);
}

/* ---- the rest ---- */

void dxf_dirty_drop(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end)
{
	uint64_t g = granule_up(start), gend = granule_down(end);
	struct dxf_chunk *c;
	struct part p;

	assert(start <= end);
	DXF_SCOPED_MUTEX(&d->lock);
	while (g < gend) {
		c = dxf_chunk_first_from(d->root, g / DXF_CHUNK_GRANULES, true);
		if (c == NULL || c->idx * DXF_CHUNK_GRANULES >= gend)
			return;
		p = part_of(c->idx, g, gend);
		g = (c->idx + 1) * DXF_CHUNK_GRANULES;
		for (unsigned int w = p.a / 64; w * 64 < p.b; w++)
			clear_dirty(d, c, w, dxf_chunk_mask(w, p.a, p.b));
		/* What is flushing stays so until its flush ends. */
		settle(d, c);
	}
}

bool dxf_dirty_is_empty(const struct dxf_dirty *d)
{
	/* The lock is no part of what is const. */
	DXF_SCOPED_MUTEX((struct dxf_mutex *)&d->lock);
	return d->root == NULL;
}

uint64_t dxf_dirty_bytes(const struct dxf_dirty *d)
{
	DXF_SCOPED_MUTEX((struct dxf_mutex *)&d->lock);
	return d->total * DXF_DIRTY_SMALL;
}

struct dxf_dirty *dxf_dirty_new(void)
{
	struct dxf_dirty *d = dxf_calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	dxf_mutex_init(&d->lock, DXF_RANK_DIRTY);
	pthread_cond_init(&d->flushed, NULL);
	return d;
}

void dxf_dirty_free(struct dxf_dirty *d)
{
	if (d == NULL)
		return;
	assert(d->nwaiting == 0);
	dxf_count(DXF_COUNT_CLEANED, d->total);
	dxf_chunk_free_all(d->root);
	pthread_cond_destroy(&d->flushed);
	dxf_mutex_destroy(&d->lock);
	free(d);
}

void dxf_dirty_check(struct dxf_dirty *d)
{
	uint64_t total;

	DXF_SCOPED_MUTEX(&d->lock);
	total = dxf_chunk_check(d->root, 0, UINT64_MAX);
	assert(total == d->total);
	(void)total;
}
