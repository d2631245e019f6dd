/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage.c - the set of staged cache lines.
 *
 * Invariants, checked by stage_check() in debug builds:
 *   S1  each line's offset is a multiple of the line size, no two are equal
 *   S2  every slot is 0 or 1 + the index of a line; every line has one slot
 *   S3  more than half of the slots are free, so a probe ends
 *   S4  sorted: the offsets rise, lines are found by bisection, S2 is void
 * A line's mask is empty between its add and the caller's store, and after its
 * words were dropped.
 */
#include "stage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "hash.h"

/* Above this a transaction's memory is given back at its end. */
#define KEEP_LINES	512u

static uint32_t slot_of(const struct dxf_stage *s, dxf_off_t off)
{
	uint32_t i = (uint32_t)dxf_hash_u64(off / DXF_CACHELINE);

	assert(s->nslots != 0 && (s->nslots & (s->nslots - 1)) == 0);
	for (i &= s->nslots - 1; s->slots[i] != 0;
	     i = (i + 1) & (s->nslots - 1)) {
		assert(s->slots[i] <= s->n);			/* S2 */
		if (s->lines[s->slots[i] - 1].off == off)
			break;
	}
	return i;
}

void dxf_stage_reset(struct dxf_stage *s)
{
	if (s->cap > KEEP_LINES) {
		dxf_stage_fini(s);
		return;
	}
	s->n = 0;
	s->sorted = false;
	if (s->slots != NULL)
		memset(s->slots, 0, s->nslots * sizeof(*s->slots));
}

void dxf_stage_fini(struct dxf_stage *s)
{
	free(s->lines);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}

static struct dxf_line *bisect(const struct dxf_stage *s, dxf_off_t off)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->lines[mid].off < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->lines[lo].off == off ? &s->lines[lo] : NULL;
}

struct dxf_line *dxf_stage_find(const struct dxf_stage *s, dxf_off_t off)
{
	uint32_t idx;

	assert(off % DXF_CACHELINE == 0);			/* S1 */
	if (s->n == 0)
		return NULL;
	if (s->sorted)
		return bisect(s, off);
	idx = s->slots[slot_of(s, off)];
	return idx != 0 ? &s->lines[idx - 1] : NULL;
}

/* Room for one more line, its slots included. */
static int grow(struct dxf_stage *s)
{
	uint32_t cap = s->cap != 0 ? s->cap * 2 : 64;
	struct dxf_line *lines;
	uint32_t *slots;

	if (s->n < s->cap)
		return 0;
	lines = dxf_realloc(s->lines, cap * sizeof(*lines));
	if (lines == NULL)
		return -1;
	s->lines = lines;
	slots = dxf_calloc(cap * 4, sizeof(*slots));
	if (slots == NULL)
		return -1;
	free(s->slots);
	s->slots = slots;
	s->nslots = cap * 4;
	s->cap = cap;
	for (uint32_t i = 0; i < s->n; i++)
		s->slots[slot_of(s, s->lines[i].off)] = i + 1;
	return 0;
}

struct dxf_line *dxf_stage_add(struct dxf_stage *s, dxf_off_t off,
			       const uint8_t old[DXF_CACHELINE])
{
	struct dxf_line *l;
	uint32_t slot;

	assert(off % DXF_CACHELINE == 0 && !s->sorted);		/* S1, S4 */
	if (grow(s) != 0)
		return NULL;
	assert(s->n < s->cap && s->nslots >= 2 * s->cap);	/* S3 */
	slot = slot_of(s, off);
	assert(s->slots[slot] == 0);				/* S1 */
	l = &s->lines[s->n++];
	s->slots[slot] = s->n;
	l->off = off;
	l->mask = 0;
	memcpy(l->old, old, DXF_CACHELINE);
	memcpy(l->new, old, DXF_CACHELINE);
	return l;
}

/* Copy the staged words of @l that lie in [@off, @off + @len) to @buf. */
static void overlay_line(const struct dxf_line *l, dxf_off_t off, uint8_t *buf,
			 size_t len)
{
	for (unsigned int w = 0; w < DXF_LINE_WORDS; w++) {
		dxf_off_t word = l->off + w * DXF_WORD;
		dxf_off_t from = DXF_MAX(word, off);
		dxf_off_t to = DXF_MIN(word + DXF_WORD, off + len);

		if ((l->mask >> w & 1) == 0 || from >= to)
			continue;
		memcpy(buf + (from - off), l->new + (from - l->off), to - from);
	}
}

struct dxf_line *dxf_stage_next(const struct dxf_stage *s, uint32_t *i,
				dxf_off_t off, uint64_t len)
{
	while (*i < s->n) {
		struct dxf_line *l = &s->lines[(*i)++];

		if (l->mask != 0 && l->off < off + len &&
		    l->off + DXF_CACHELINE > off)
			return l;
	}
	return NULL;
}

void dxf_stage_overlay(const struct dxf_stage *s, dxf_off_t off, void *buf,
		       size_t len)
{
	const struct dxf_line *l;
	uint32_t i = 0;

	/* Short reads probe the table, long ones walk the few lines. */
	if (len / DXF_CACHELINE >= s->n) {
		while ((l = dxf_stage_next(s, &i, off, len)) != NULL)
			overlay_line(l, off, buf, len);
		return;
	}
	for (dxf_off_t o = dxf_align_down(off, DXF_CACHELINE); o < off + len;
	     o += DXF_CACHELINE) {
		l = dxf_stage_find(s, o);
		if (l != NULL)
			overlay_line(l, off, buf, len);
	}
}

bool dxf_stage_meets(const struct dxf_stage *s, dxf_off_t off, uint64_t len)
{
	uint32_t i = 0;

	return dxf_stage_next(s, &i, off, len) != NULL;
}

static int by_offset(const void *a, const void *b)
{
	const struct dxf_line *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

void dxf_stage_sort(struct dxf_stage *s)
{
	if (s->n > 1)
		qsort(s->lines, s->n, sizeof(*s->lines), by_offset);
	for (uint32_t i = 1; i < s->n; i++)
		assert(s->lines[i - 1].off < s->lines[i].off);	/* S1, S4 */
	s->sorted = true;
}
