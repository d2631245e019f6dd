// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirty_chunk.c - 2 MiB of granules as bits, and the AVL tree of such chunks.
 *
 * Must not know the protocol: who marks and who flushes.
 *
 * Bits, not extents, because taking a range out of the middle of an extent
 * needs nodes, and take, done and undo cannot fail: here the chunk is there
 * already.  A chunk with all bits set is the large granule and is passed over
 * word by word.  A file that is overwritten in one place costs one chunk; one
 * that is written at 10 GB/s for 5 seconds some megabytes, until its fsync.
 *
 * How many flushes of a granule are under way is counted, since a granule
 * that was marked again may be taken again while the first flush still runs,
 * and a waiter must see the end of both.  The counters lie across bit planes:
 * bit i of plane p is bit p of granule i's count, so that 64 of them are
 * counted at once.  The highest count is a stop: its granules are not taken.
 *
 * Invariants: chunks are in order and the tree is balanced; heights and
 * has_dirty are those of the subtrees; ndirty counts the chunk's dirty bits.
 */
#include "dirty_chunk.h"

#include <assert.h>
#include <stdlib.h>

/* ---- bits of a chunk ---- */

uint64_t dxf_chunk_mask(unsigned int w, unsigned int a, unsigned int b)
{
	unsigned int lo = DXF_MAX(a, w * 64), hi = DXF_MIN(b, w * 64 + 64);

	if (lo >= hi)
		return 0;
	return (~(uint64_t)0 >> (64 - (hi - lo))) << (lo - w * 64);
}

static uint64_t flushing_in(const struct dxf_chunk *c, unsigned int w)
{
	uint64_t any = 0;

	for (int p = 0; p < DXF_CHUNK_PLANES; p++)
		any |= c->flushing[p][w];
	return any;
}

/* Whose count has no room for one more. */
static uint64_t saturated_in(const struct dxf_chunk *c, unsigned int w)
{
	uint64_t all = ~(uint64_t)0;

	for (int p = 0; p < DXF_CHUNK_PLANES; p++)
		all &= c->flushing[p][w];
	return all;
}

bool dxf_chunk_is_flushing(const struct dxf_chunk *c, unsigned int a,
			   unsigned int b)
{
	for (unsigned int w = a / 64; w * 64 < b; w++) {
		if (flushing_in(c, w) & dxf_chunk_mask(w, a, b))
			return true;
	}
	return false;
}

bool dxf_chunk_is_idle(const struct dxf_chunk *c)
{
	return c->ndirty == 0 &&
	       !dxf_chunk_is_flushing(c, 0, DXF_CHUNK_GRANULES);
}

/* Count one up for each granule in @bits: a carry runs through the planes. */
void dxf_chunk_count_up(struct dxf_chunk *c, unsigned int w, uint64_t bits)
{
	assert((saturated_in(c, w) & bits) == 0);
	for (int p = 0; p < DXF_CHUNK_PLANES && bits != 0; p++) {
		uint64_t carry = c->flushing[p][w] & bits;

		c->flushing[p][w] ^= bits;
		bits = carry;
	}
	assert(bits == 0);
}

void dxf_chunk_count_down(struct dxf_chunk *c, unsigned int w, uint64_t bits)
{
	assert((flushing_in(c, w) & bits) == bits);
	for (int p = 0; p < DXF_CHUNK_PLANES && bits != 0; p++) {
		uint64_t borrow = ~c->flushing[p][w] & bits;

		c->flushing[p][w] ^= bits;
		bits = borrow;
	}
	assert(bits == 0);
}

unsigned int dxf_chunk_first_dirty(const struct dxf_chunk *c, unsigned int a,
				   unsigned int b)
{
	for (unsigned int w = a / 64; w * 64 < b; w++) {
		uint64_t bits = c->dirty[w] & dxf_chunk_mask(w, a, b);

		if (bits != 0)
			return w * 64 + (unsigned int)__builtin_ctzll(bits);
	}
	return b;
}

unsigned int dxf_chunk_first_kept(const struct dxf_chunk *c, unsigned int a,
				  unsigned int b)
{
	for (unsigned int w = a / 64; w * 64 < b; w++) {
		uint64_t bits = (~c->dirty[w] | saturated_in(c, w)) &
				dxf_chunk_mask(w, a, b);

		if (bits != 0)
			return w * 64 + (unsigned int)__builtin_ctzll(bits);
	}
	return b;
}

/* ---- the tree ---- */

static int height(const struct dxf_chunk *c)
{
	return c != NULL ? c->height : 0;
}

static bool has_dirty(const struct dxf_chunk *c)
{
	return c != NULL && c->has_dirty;
}

static void update(struct dxf_chunk *c)
{
	c->height = DXF_MAX(height(c->left), height(c->right)) + 1;
	c->has_dirty = c->ndirty > 0 || has_dirty(c->left) ||
		       has_dirty(c->right);
}

static struct dxf_chunk *rotate_left(struct dxf_chunk *c)
{
	struct dxf_chunk *up = c->right;

	assert(up != NULL && up->idx > c->idx);
	c->right = up->left;
	up->left = c;
	update(c);
	update(up);
	return up;
}

static struct dxf_chunk *rotate_right(struct dxf_chunk *c)
{
	struct dxf_chunk *up = c->left;

	assert(up != NULL && up->idx < c->idx);
	c->left = up->right;
	up->right = c;
	update(c);
	update(up);
	return up;
}

static struct dxf_chunk *balance(struct dxf_chunk *c)
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

struct dxf_chunk *dxf_chunk_insert(struct dxf_chunk *root, struct dxf_chunk *c)
{
	if (root == NULL) {
		update(c);
		return c;
	}
	assert(root->idx != c->idx);
	if (c->idx < root->idx)
		root->left = dxf_chunk_insert(root->left, c);
	else
		root->right = dxf_chunk_insert(root->right, c);
	return balance(root);
}

static struct dxf_chunk *unlink_first(struct dxf_chunk *root,
				      struct dxf_chunk **first)
{
	if (root->left == NULL) {
		*first = root;
		return root->right;
	}
	root->left = unlink_first(root->left, first);
	return balance(root);
}

static struct dxf_chunk *join(struct dxf_chunk *left, struct dxf_chunk *right)
{
	struct dxf_chunk *root;

	if (right == NULL)
		return left;
	right = unlink_first(right, &root);
	root->left = left;
	root->right = right;
	return balance(root);
}

struct dxf_chunk *dxf_chunk_remove(struct dxf_chunk *root,
				   const struct dxf_chunk *c)
{
	assert(root != NULL);
	if (root == c)
		return join(c->left, c->right);
	if (c->idx < root->idx)
		root->left = dxf_chunk_remove(root->left, c);
	else
		root->right = dxf_chunk_remove(root->right, c);
	return balance(root);
}

void dxf_chunk_refresh(struct dxf_chunk *root, const struct dxf_chunk *c)
{
	assert(root != NULL);
	if (c->idx < root->idx)
		dxf_chunk_refresh(root->left, c);
	else if (c->idx > root->idx)
		dxf_chunk_refresh(root->right, c);
	update(root);
}

struct dxf_chunk *dxf_chunk_first_from(struct dxf_chunk *c, uint64_t idx,
				       bool dirty)
{
	struct dxf_chunk *found;

	if (c == NULL || (dirty && !c->has_dirty))
		return NULL;
	if (c->idx < idx)
		return dxf_chunk_first_from(c->right, idx, dirty);
	found = c->idx > idx ? dxf_chunk_first_from(c->left, idx, dirty) :
			       NULL;
	if (found != NULL)
		return found;
	if (!dirty || c->ndirty > 0)
		return c;
	return dxf_chunk_first_from(c->right, idx, dirty);
}

struct dxf_chunk *dxf_chunk_find(struct dxf_chunk *c, uint64_t idx)
{
	while (c != NULL && c->idx != idx)
		c = idx < c->idx ? c->left : c->right;
	return c;
}

void dxf_chunk_free_all(struct dxf_chunk *c)
{
	if (c == NULL)
		return;
	dxf_chunk_free_all(c->left);
	dxf_chunk_free_all(c->right);
	free(c);
}

uint64_t dxf_chunk_check(const struct dxf_chunk *c, uint64_t lo, uint64_t hi)
{
	uint32_t ndirty = 0;
	uint64_t below;

	if (c == NULL)
		return 0;
	assert(c->idx >= lo && c->idx < hi);
	for (unsigned int w = 0; w < DXF_CHUNK_WORDS; w++)
		ndirty += (uint32_t)__builtin_popcountll(c->dirty[w]);
	assert(ndirty == c->ndirty && !dxf_chunk_is_idle(c));
	below = dxf_chunk_check(c->left, lo, c->idx) +
		dxf_chunk_check(c->right, c->idx + 1, hi);
	assert(abs(height(c->left) - height(c->right)) <= 1);
	assert(c->height == DXF_MAX(height(c->left), height(c->right)) + 1);
	assert(c->has_dirty == (ndirty + below > 0));
	return ndirty + below;
}
