// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirty.c - the dirty-extent tree.
 *
 * Owns which granules of media are dirty and which are being flushed.  Must
 * not know regions, and does no I/O.
 *
 * An AVL tree of chunks, each 2 MiB of media, with a bit per 4 KiB granule; a
 * chunk with all bits set is the large granule and is passed over word by
 * word.  Bits, not extents, because taking a range out of the middle of an
 * extent needs nodes, and take, done and undo cannot fail: here the chunk is
 * there already.  A file that is overwritten in one place costs one chunk; one
 * that is written at 10 GB/s for 5 seconds some megabytes, until its fsync.
 *
 * How many flushes of a granule are under way is counted, since a granule
 * that was marked again may be taken again while the first flush still runs,
 * and a waiter must see the end of both.  The counters lie across bit planes:
 * bit i of plane p is bit p of granule i's count.  The highest count is a stop:
 * the next taker waits, which needs more than seven flushes at once.
 *
 * Invariants, which dxf_dirty_check() verifies:
 *  - chunks are in order, the tree is balanced; heights and has_dirty are
 *    those of the subtrees;
 *  - no chunk is without a dirty or flushing granule;
 *  - ndirty counts the dirty bits of its chunk, total those of the tree;
 *  - a granule is taken only while dirty, and then it is not dirty any more
 *    until somebody marks it or undoes the take.
 */
#include "dirty.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"

#define GRANULES	(DXF_DIRTY_LARGE / DXF_DIRTY_SMALL)	/* a chunk's */
#define WORDS		(GRANULES / 64)
#define PLANES		3

struct chunk {
	struct chunk *left, *right;
	uint64_t idx;			/* the media offset by 2 MiB */
	int height;			/* of its subtree, a leaf's is 1 */
	bool has_dirty;			/* any in its subtree */
	uint32_t ndirty;
	uint64_t dirty[WORDS];
	uint64_t flushing[PLANES][WORDS];
};

struct dxf_dirty {
	struct dxf_mutex lock;		/* DXF_RANK_DIRTY */

	/* protected by lock */
	pthread_cond_t flushed;		/* a flush ended */
	unsigned int nwaiting;
	struct chunk *root;
	uint64_t total;			/* dirty granules */
};

/* Granules [a, b) of a chunk. */
struct part {
	uint64_t idx;
	unsigned int a, b;
};

/* ---- bits of a chunk ---- */

static uint64_t mask_of(unsigned int w, unsigned int a, unsigned int b)
{
	unsigned int lo = DXF_MAX(a, w * 64), hi = DXF_MIN(b, w * 64 + 64);

	if (lo >= hi)
		return 0;
	return (~(uint64_t)0 >> (64 - (hi - lo))) << (lo - w * 64);
}

static uint64_t flushing_in(const struct chunk *c, unsigned int w)
{
	uint64_t any = 0;

	for (int p = 0; p < PLANES; p++)
		any |= c->flushing[p][w];
	return any;
}

/* Whose count has no room for one more. */
static uint64_t saturated_in(const struct chunk *c, unsigned int w)
{
	uint64_t all = ~(uint64_t)0;

	for (int p = 0; p < PLANES; p++)
		all &= c->flushing[p][w];
	return all;
}

static bool is_flushing(const struct chunk *c, unsigned int a, unsigned int b)
{
	for (unsigned int w = a / 64; w * 64 < b; w++) {
		if (flushing_in(c, w) & mask_of(w, a, b))
			return true;
	}
	return false;
}

static bool is_idle(const struct chunk *c)
{
	return c->ndirty == 0 && !is_flushing(c, 0, GRANULES);
}

/* Count one up for each granule in @bits: a carry runs through the planes. */
static void count_up(struct chunk *c, unsigned int w, uint64_t bits)
{
	assert((saturated_in(c, w) & bits) == 0);
	for (int p = 0; p < PLANES && bits != 0; p++) {
		uint64_t carry = c->flushing[p][w] & bits;

		c->flushing[p][w] ^= bits;
		bits = carry;
	}
	assert(bits == 0);
}

static void count_down(struct chunk *c, unsigned int w, uint64_t bits)
{
	assert((flushing_in(c, w) & bits) == bits);
	for (int p = 0; p < PLANES && bits != 0; p++) {
		uint64_t borrow = ~c->flushing[p][w] & bits;

		c->flushing[p][w] ^= bits;
		bits = borrow;
	}
	assert(bits == 0);
}

/* ---- the tree ---- */

static int height(const struct chunk *c)
{
	return c != NULL ? c->height : 0;
}

static bool has_dirty(const struct chunk *c)
{
	return c != NULL && c->has_dirty;
}

static void update(struct chunk *c)
{
	c->height = DXF_MAX(height(c->left), height(c->right)) + 1;
	c->has_dirty = c->ndirty > 0 || has_dirty(c->left) ||
		       has_dirty(c->right);
}

static struct chunk *rotate_left(struct chunk *c)
{
	struct chunk *up = c->right;

	assert(up != NULL && up->idx > c->idx);
	c->right = up->left;
	up->left = c;
	update(c);
	update(up);
	return up;
}

static struct chunk *rotate_right(struct chunk *c)
{
	struct chunk *up = c->left;

	assert(up != NULL && up->idx < c->idx);
	c->left = up->right;
	up->right = c;
	update(c);
	update(up);
	return up;
}

static struct chunk *balance(struct chunk *c)
{
	int lean = height(c->left) - height(c->right);

	assert(lean >= -2 && lean <= 2);
	if (lean == 2) {
		if (height(c->left->left) < height(c->left->right))
			c->left = rotate_left(c->left);
		return rotate_right(c);
	}
	if (lean == -2) {
		if (height(c->right->right) < height(c->right->left))
			c->right = rotate_right(c->right);
		return rotate_left(c);
	}
	update(c);
	return c;
}

static struct chunk *insert(struct chunk *root, struct chunk *c)
{
	if (root == NULL) {
		update(c);
		return c;
	}
	assert(root->idx != c->idx);
	if (c->idx < root->idx)
		root->left = insert(root->left, c);
	else
		root->right = insert(root->right, c);
	return balance(root);
}

static struct chunk *unlink_first(struct chunk *root, struct chunk **first)
{
	if (root->left == NULL) {
		*first = root;
		return root->right;
	}
	root->left = unlink_first(root->left, first);
	return balance(root);
}

static struct chunk *join(struct chunk *left, struct chunk *right)
{
	struct chunk *root;

	if (right == NULL)
		return left;
	right = unlink_first(right, &root);
	root->left = left;
	root->right = right;
	return balance(root);
}

static struct chunk *removed(struct chunk *root, const struct chunk *c)
{
	assert(root != NULL);
	if (root == c)
		return join(c->left, c->right);
	if (c->idx < root->idx)
		root->left = removed(root->left, c);
	else
		root->right = removed(root->right, c);
	return balance(root);
}

/* The chunk's dirty bits changed: so may has_dirty on the way to it. */
static void refresh(struct chunk *root, const struct chunk *c)
{
	assert(root != NULL);
	if (c->idx < root->idx)
		refresh(root->left, c);
	else if (c->idx > root->idx)
		refresh(root->right, c);
	update(root);
}

/* The first chunk from @idx on, of those with dirty granules or of all. */
static struct chunk *first_from(struct chunk *c, uint64_t idx, bool dirty)
{
	struct chunk *found;

	if (c == NULL || (dirty && !c->has_dirty))
		return NULL;
	if (c->idx < idx)
		return first_from(c->right, idx, dirty);
	found = c->idx > idx ? first_from(c->left, idx, dirty) : NULL;
	if (found != NULL)
		return found;
	if (!dirty || c->ndirty > 0)
		return c;
	return first_from(c->right, idx, dirty);
}

static struct chunk *find(const struct dxf_dirty *d, uint64_t idx)
{
	struct chunk *c = d->root;

	while (c != NULL && c->idx != idx)
		c = idx < c->idx ? c->left : c->right;
	return c;
}

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
	uint64_t base = idx * GRANULES;

	assert(g < base + GRANULES && end > base);
	return (struct part){
		.idx = idx,
		.a = g > base ? (unsigned int)(g - base) : 0,
		.b = (unsigned int)DXF_MIN(end - base, GRANULES),
	};
}

/* Set or clear dirty bits, and keep the counts. */
static void set_dirty(struct dxf_dirty *d, struct chunk *c, unsigned int w,
		      uint64_t bits)
{
	uint32_t n = (uint32_t)__builtin_popcountll(bits & ~c->dirty[w]);

	c->dirty[w] |= bits;
	c->ndirty += n;
	d->total += n;
	assert(c->ndirty <= GRANULES);
}

static void clear_dirty(struct dxf_dirty *d, struct chunk *c, unsigned int w,
			uint64_t bits)
{
	uint32_t n = (uint32_t)__builtin_popcountll(bits & c->dirty[w]);

	assert(c->ndirty >= n && d->total >= n);
	c->dirty[w] &= ~bits;
	c->ndirty -= n;
	d->total -= n;
}

/* After a change of @c: drop it if nothing is in it any more. */
static void settle(struct dxf_dirty *d, struct chunk *c)
{
	if (!is_idle(c)) {
		refresh(d->root, c);
		return;
	}
	d->root = removed(d->root, c);
	free(c);
}

/* ---- mark ---- */

static int add_chunk(struct dxf_dirty *d, uint64_t idx)
{
	struct chunk *c;

	if (find(d, idx) != NULL)
		return 0;
	c = dxf_calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->idx = idx;
	d->root = insert(d->root, c);
	return 0;
}

/* Have all chunks of [@first, @last], or none more than before. */
static int add_chunks(struct dxf_dirty *d, uint64_t first, uint64_t last)
{
	struct chunk *c;

	for (uint64_t idx = first; idx <= last; idx++) {
		if (add_chunk(d, idx) == 0)
			continue;
		while (idx-- > first) {
			c = find(d, idx);
			assert(c != NULL);
			settle(d, c);
		}
		return -ENOMEM;
	}
	return 0;
}

static void mark_part(struct dxf_dirty *d, struct part p)
{
	struct chunk *c = find(d, p.idx);

	assert(c != NULL && p.a < p.b);
	for (unsigned int w = p.a / 64; w * 64 < p.b; w++)
		set_dirty(d, c, w, mask_of(w, p.a, p.b));
	refresh(d->root, c);
}

int dxf_dirty_mark(struct dxf_dirty *d, dxf_off_t start, dxf_off_t end)
{
	uint64_t g = granule_down(start), gend = granule_up(end);
	uint64_t first = g / GRANULES, last;
	int ret;

	assert(start <= end);
	if (start == end)
		return 0;
	last = (gend - 1) / GRANULES;
	DXF_SCOPED_MUTEX(&d->lock);
	ret = add_chunks(d, first, last);
	if (ret != 0)
		return ret;
	for (uint64_t idx = first; idx <= last; idx++)
		mark_part(d, part_of(idx, g, gend));
	return 0;
}

/* ---- take, done, undo, wait ---- */

/* The first dirty granule of a chunk in [@a, @b); @b: none. */
static unsigned int first_dirty_in(const struct chunk *c, unsigned int a,
				   unsigned int b)
{
	for (unsigned int w = a / 64; w * 64 < b; w++) {
		uint64_t bits = c->dirty[w] & mask_of(w, a, b);

		if (bits != 0)
			return w * 64 + (unsigned int)__builtin_ctzll(bits);
	}
	return b;
}

/* The first granule of [@a, @b) that cannot be taken; @b: all can. */
static unsigned int first_kept_in(const struct chunk *c, unsigned int a,
				  unsigned int b)
{
	for (unsigned int w = a / 64; w * 64 < b; w++) {
		uint64_t bits = (~c->dirty[w] | saturated_in(c, w)) &
				mask_of(w, a, b);

		if (bits != 0)
			return w * 64 + (unsigned int)__builtin_ctzll(bits);
	}
	return b;
}

/* Returns: the first dirty granule in [@g, @end), or @end. */
static uint64_t find_dirty(const struct dxf_dirty *d, uint64_t g, uint64_t end)
{
	struct chunk *c;
	struct part p;

	while (g < end) {
		c = first_from(d->root, g / GRANULES, true);
		if (c == NULL || c->idx * GRANULES >= end)
			return end;
		assert(c->ndirty > 0);
		p = part_of(c->idx, g, end);
		p.a = first_dirty_in(c, p.a, p.b);
		g = c->idx * GRANULES + p.a;
		/* At p.b it has none in the range; the next chunk may. */
		if (p.a < p.b)
			return g;
	}
	return end;
}

static void take_part(struct dxf_dirty *d, struct chunk *c, struct part p)
{
	for (unsigned int w = p.a / 64; w * 64 < p.b; w++) {
		uint64_t bits = mask_of(w, p.a, p.b);

		assert((c->dirty[w] & bits) == bits);
		clear_dirty(d, c, w, bits);
		count_up(c, w, bits);
	}
	refresh(d->root, c);
}

/* Take what is dirty from @g on, to @end or the first granule that is not. */
static uint64_t take_run(struct dxf_dirty *d, uint64_t g, uint64_t end)
{
	struct chunk *c;
	struct part p;
	unsigned int stop;

	while (g < end) {
		c = find(d, g / GRANULES);
		if (c == NULL)
			return g;
		p = part_of(c->idx, g, end);
		stop = p.b;
		p.b = first_kept_in(c, p.a, p.b);
		if (p.a < p.b)
			take_part(d, c, p);
		g = c->idx * GRANULES + p.b;
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

bool dxf_dirty_take(struct dxf_dirty *d, dxf_off_t from, dxf_off_t to,
		    dxf_off_t *start, dxf_off_t *end)
{
	uint64_t limit = granule_up(to), g, stop;

	DXF_SCOPED_MUTEX(&d->lock);
	for (;;) {
		g = find_dirty(d, granule_down(from), limit);
		if (g >= limit)
			return false;
		stop = take_run(d, g, limit);
		if (stop > g)
			break;
		wait_flushed(d);
	}
	*start = g * DXF_DIRTY_SMALL;
	*end = stop * DXF_DIRTY_SMALL;
	return true;
}

/* A flush of the part ended, with @undo without success. */
static void end_part(struct dxf_dirty *d, struct part p, bool undo)
{
	struct chunk *c = find(d, p.idx);

	assert(c != NULL);
	for (unsigned int w = p.a / 64; w * 64 < p.b; w++) {
		uint64_t bits = mask_of(w, p.a, p.b);

		count_down(c, w, bits);
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
	for (uint64_t idx = g / GRANULES; idx <= (gend - 1) / GRANULES; idx++)
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
	struct chunk *c;
	struct part p;

	while (g < end) {
		c = first_from(d->root, g / GRANULES, false);
		if (c == NULL || c->idx * GRANULES >= end)
			return false;
		p = part_of(c->idx, g, end);
		if (is_flushing(c, p.a, p.b))
			return true;
		g = (c->idx + 1) * GRANULES;
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
	struct chunk *c;
	struct part p;

	assert(start <= end);
	DXF_SCOPED_MUTEX(&d->lock);
	while (g < gend) {
		c = first_from(d->root, g / GRANULES, true);
		if (c == NULL || c->idx * GRANULES >= gend)
			return;
		p = part_of(c->idx, g, gend);
		g = (c->idx + 1) * GRANULES;
		for (unsigned int w = p.a / 64; w * 64 < p.b; w++)
			clear_dirty(d, c, w, mask_of(w, p.a, p.b));
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

static void free_chunks(struct chunk *c)
{
	if (c == NULL)
		return;
	free_chunks(c->left);
	free_chunks(c->right);
	free(c);
}

void dxf_dirty_free(struct dxf_dirty *d)
{
	if (d == NULL)
		return;
	assert(d->nwaiting == 0);
	free_chunks(d->root);
	pthread_cond_destroy(&d->flushed);
	dxf_mutex_destroy(&d->lock);
	free(d);
}

/* Verify a subtree whose chunks lie in [@lo, @hi).  Returns: dirty granules. */
static uint64_t check_chunks(const struct chunk *c, uint64_t lo, uint64_t hi)
{
	uint32_t ndirty = 0;
	uint64_t below;

	if (c == NULL)
		return 0;
	assert(c->idx >= lo && c->idx < hi);
	for (unsigned int w = 0; w < WORDS; w++)
		ndirty += (uint32_t)__builtin_popcountll(c->dirty[w]);
	assert(ndirty == c->ndirty && !is_idle(c));
	below = check_chunks(c->left, lo, c->idx) +
		check_chunks(c->right, c->idx + 1, hi);
	assert(abs(height(c->left) - height(c->right)) <= 1);
	assert(c->height == DXF_MAX(height(c->left), height(c->right)) + 1);
	assert(c->has_dirty == (ndirty + below > 0));
	return ndirty + below;
}

void dxf_dirty_check(struct dxf_dirty *d)
{
	uint64_t total;

	DXF_SCOPED_MUTEX(&d->lock);
	total = check_chunks(d->root, 0, UINT64_MAX);
	assert(total == d->total);
	(void)total;
}
