// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirtable.c - the tables of a directory's index.
 *
 * Owns a hash table of places and a tree of gaps.  Must not know directories:
 * it sees hashes, offsets and numbers of bytes.
 *
 * Invariants:
 *	T1  at most 3/4 of the keys are used, so every probe ends at a free one
 *	T2  no free key lies between a key's home and the key (deletion shifts
 *	    the keys behind back, there are no tombstones)
 *	T3  an inner node of the gap tree is the maximum of its two children
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "dir_priv.h"

#define MIN_KEYS	64u
#define MIN_GAPS	8u

void dxf_dirtable_free(struct dxf_dirtable *t)
{
	free(t->keys);
	free(t->gaps);
	*t = (struct dxf_dirtable){ 0 };
}

uint64_t dxf_dirtable_bytes(const struct dxf_dirtable *t)
{
	return t->nkeys * sizeof(t->keys[0]) +
		2 * (uint64_t)t->ngaps * sizeof(t->gaps[0]);
}

static bool fits(uint64_t used, uint64_t nkeys)
{
	return used * 4 <= nkeys * 3;
}

uint32_t dxf_dirtable_want_keys(const struct dxf_dirtable *t)
{
	if (!t->nkeys)
		return MIN_KEYS;
	if (fits((uint64_t)t->used + 1, t->nkeys))
		return t->nkeys;
	assert(t->nkeys < (uint32_t)1 << 31);
	return t->nkeys * 2;
}

uint32_t dxf_dirtable_want_gaps(const struct dxf_dirtable *t, uint64_t nblk)
{
	uint32_t n = t->ngaps ? t->ngaps : MIN_GAPS;

	assert(nblk <= (uint64_t)1 << 31);
	while (n < nblk)
		n *= 2;
	return n;
}

/* Put a key into the first free place from its home on. */
static void place_key(struct dxf_dirkey *keys, uint32_t mask,
		      struct dxf_dirkey k)
{
	uint32_t i = k.hash & mask;

	while (keys[i].place)
		i = (i + 1) & mask;
	keys[i] = k;
}

int dxf_dirtable_resize_keys(struct dxf_dirtable *t, uint32_t nkeys)
{
	struct dxf_dirkey *keys;

	assert(nkeys && !(nkeys & (nkeys - 1)));
	assert(fits(t->used, nkeys));
	keys = dxf_calloc(nkeys, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->nkeys; i++)
		if (t->keys[i].place)
			place_key(keys, nkeys - 1, t->keys[i]);
	free(t->keys);
	t->keys = keys;
	t->nkeys = nkeys;
	return 0;
}

int dxf_dirtable_resize_gaps(struct dxf_dirtable *t, uint32_t ngaps)
{
	uint16_t *gaps;

	assert(ngaps >= t->ngaps && !(ngaps & (ngaps - 1)));
	gaps = dxf_calloc((size_t)ngaps * 2, sizeof(*gaps));
	if (!gaps)
		return -ENOMEM;
	if (t->ngaps)
		memcpy(gaps + ngaps, t->gaps + t->ngaps,
		       t->ngaps * sizeof(*gaps));
	for (uint32_t i = ngaps - 1; i > 0; i--)
		gaps[i] = DXF_MAX(gaps[2 * i], gaps[2 * i + 1]);
	free(t->gaps);
	t->gaps = gaps;
	t->ngaps = ngaps;
	return 0;
}

void dxf_dirtable_add(struct dxf_dirtable *t, uint32_t hash, uint64_t off)
{
	struct dxf_dirkey k = { .hash = hash, .place = off / 4 + 1 };

	assert(off % 4 == 0 && off < DXF_DIR_MAX_SIZE - DXF_DIR_HEADER);
	assert(t->nkeys && fits((uint64_t)t->used + 1, t->nkeys));
	place_key(t->keys, t->nkeys - 1, k);
	t->used++;
}

bool dxf_dirtable_next(const struct dxf_dirtable *t, uint32_t hash,
		       uint32_t *pos, uint64_t *off)
{
	const struct dxf_dirkey *k;

	if (!t->nkeys)
		return false;
	for (;;) {
		k = &t->keys[(*pos)++ & (t->nkeys - 1)];
		if (!k->place)
			return false;
		if (k->hash == hash)
			break;
	}
	*off = (uint64_t)(k->place - 1) * 4;
	return true;
}

/* Free key @i, moving up the keys behind it that may lie there (T2). */
static void close_hole(struct dxf_dirtable *t, uint32_t i)
{
	uint32_t mask = t->nkeys - 1, j = i, home;

	for (;;) {
		j = (j + 1) & mask;
		if (!t->keys[j].place)
			break;
		home = t->keys[j].hash & mask;
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		t->keys[i] = t->keys[j];
		i = j;
	}
	t->keys[i].place = 0;
}

bool dxf_dirtable_del(struct dxf_dirtable *t, uint32_t hash, uint64_t off)
{
	uint32_t pos = hash;
	uint64_t at;

	while (dxf_dirtable_next(t, hash, &pos, &at)) {
		if (at != off)
			continue;
		close_hole(t, (pos - 1) & (t->nkeys - 1));
		assert(t->used > 0);
		t->used--;
		return true;
	}
	return false;
}

void dxf_dirtable_set_gap(struct dxf_dirtable *t, dxf_lblk_t blk, uint32_t gap)
{
	uint32_t i = t->ngaps + blk;

	assert(blk < t->ngaps && gap <= DXF_DIR_MAX_BLOCK);
	t->gaps[i] = gap;
	for (i /= 2; i > 0; i /= 2) {
		uint16_t max = DXF_MAX(t->gaps[2 * i], t->gaps[2 * i + 1]);

		if (t->gaps[i] == max)
			break;
		t->gaps[i] = max;
	}
}

bool dxf_dirtable_find_gap(const struct dxf_dirtable *t, uint32_t need,
			   dxf_lblk_t *blk)
{
	uint32_t i = 1;

	if (!t->ngaps || t->gaps[1] < need)
		return false;
	while (i < t->ngaps) {
		i *= 2;
		if (t->gaps[i] < need)
			i++;
		assert(t->gaps[i] >= need);
	}
	*blk = i - t->ngaps;
	return true;
}
