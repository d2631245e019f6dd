/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage.c - the set of staged cache lines.
 *
 * Invariants:
 *   S1  each line's offset is a multiple of the line size, no two are equal
 *   S2  of few lines few[] has the offsets and all slots are 0; of more every
 *	 slot is 0 or 1 + the index of a line, every line has one slot, and
 *   S3  more than half of the slots are free, so a probe ends
 *   S4  sorted: nth names each line once, by rising offset; of many lines the
 *	 lines themselves are in that order, are found by bisection, and S2 is
 *	 void
 * A line's mask is empty between its add and the caller's store, and after its
 * words were dropped.
 */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "hash.h"

/* Above this a transaction's memory is given back at its end. */
#define KEEP_LINES	512u

static bool is_few(const struct dxf_stage *s)
{
	return s->n <= DXF_STAGE_FEW;
}

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
	if (!is_few(s))
		memset(s->slots, 0, s->nslots * sizeof(*s->slots));
	s->n = 0;
	s->sorted = false;
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
	if (is_few(s)) {
		for (idx = 0; idx < s->n; idx++)
			if (s->few[idx] == off)
				return &s->lines[idx];
		return NULL;
	}
	if (s->sorted)
		return bisect(s, off);
	idx = s->slots[slot_of(s, off)];
	return idx != 0 ? &s->lines[idx - 1] : NULL;
}

/* Give the lines that are there their slots, which are all free. */
static void fill_slots(struct dxf_stage *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->slots[slot_of(s, s->lines[i].off)] = i + 1;
}

/* Slots for @cap lines. */
static int grow_slots(struct dxf_stage *s, uint32_t cap)
{
	uint32_t *slots;

	if (s->nslots >= cap * 4)
		return 0;
	slots = dxf_calloc(cap * 4, sizeof(*slots));
	if (slots == NULL)
		return -1;
	free(s->slots);
	s->slots = slots;
	s->nslots = cap * 4;
	if (!is_few(s))
		fill_slots(s);
	return 0;
}

/* Room for one more line, and for its slot if it needs one. */
static int grow(struct dxf_stage *s)
{
	uint32_t cap = s->cap != 0 ? s->cap * 2 : 64;
	struct dxf_line *lines;

	if (s->n == s->cap) {
		lines = dxf_realloc(s->lines, cap * sizeof(*lines));
		if (lines == NULL)
			return -1;
		s->lines = lines;
		s->cap = cap;
	}
	return s->n < DXF_STAGE_FEW ? 0 : grow_slots(s, s->cap);
}

struct dxf_line *dxf_stage_room(struct dxf_stage *s)
{
	assert(!s->sorted);					/* S4 */
	return grow(s) == 0 ? &s->lines[s->n] : NULL;
}

struct dxf_line *dxf_stage_take(struct dxf_stage *s, dxf_off_t off)
{
	struct dxf_line *l = &s->lines[s->n];

	assert(off % DXF_CACHELINE == 0 && s->n < s->cap);	/* S1 */
	assert(dxf_stage_find(s, off) == NULL);			/* S1 */
	l->off = off;
	l->mask = 0;
	memcpy(l->new, l->old, DXF_CACHELINE);
	if (s->n < DXF_STAGE_FEW) {
		s->few[s->n++] = off;
		return l;
	}
	assert(s->nslots >= 2 * s->cap);			/* S3 */
	if (s->n == DXF_STAGE_FEW)
		fill_slots(s);
	s->slots[slot_of(s, off)] = s->n + 1;
	s->n++;
	return l;
}

struct dxf_line *dxf_stage_add(struct dxf_stage *s, dxf_off_t off,
			       const uint8_t old[DXF_CACHELINE])
{
	struct dxf_line *l = dxf_stage_room(s);

	if (l == NULL)
		return NULL;
	memcpy(l->old, old, DXF_CACHELINE);
	return dxf_stage_take(s, off);
}

/* Copy the staged words of @l that lie in [@off, @off + @len) to @buf. */
static void overlay_line(const struct dxf_line *l, dxf_off_t off, uint8_t *buf,
			 size_t len)
{
	for (unsigned int left = l->mask; left != 0; left &= left - 1) {
		dxf_off_t word = l->off +
			(unsigned int)__builtin_ctz(left) * DXF_WORD;
		dxf_off_t from = DXF_MAX(word, off);
		dxf_off_t to = DXF_MIN(word + DXF_WORD, off + len);

		if (from < to)
			memcpy(buf + (from - off), l->new + (from - l->off),
			       to - from);
	}
}

struct dxf_line *dxf_stage_next(const struct dxf_stage *s, uint32_t *i,
				dxf_off_t off, uint64_t len)
{
	while (*i < s->n) {
		dxf_off_t at = is_few(s) ? s->few[*i] : s->lines[*i].off;
		struct dxf_line *l = &s->lines[(*i)++];

		if (at < off + len && at + DXF_CACHELINE > off && l->mask != 0)
			return l;
	}
	return NULL;
}

void dxf_stage_overlay(const struct dxf_stage *s, dxf_off_t off, void *buf,
		       size_t len)
{
	const struct dxf_line *l;
	uint32_t i = 0;

	/* Short reads probe the table, long ones walk the lines. */
	if (is_few(s) || len / DXF_CACHELINE >= s->n) {
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

/* Few lines stay where they are; only their order is found. */
static void sort_few(struct dxf_stage *s)
{
	uint32_t order[DXF_STAGE_FEW];
	uint32_t i, k;

	for (i = 0; i < s->n; i++) {
		for (k = i; k > 0 && s->few[order[k - 1]] > s->few[i]; k--)
			order[k] = order[k - 1];
		order[k] = i;
	}
	for (i = 0; i < s->n; i++)
		s->lines[i].nth = order[i];
}

static void sort_many(struct dxf_stage *s)
{
	qsort(s->lines, s->n, sizeof(*s->lines), by_offset);
	for (uint32_t i = 0; i < s->n; i++)
		s->lines[i].nth = i;
}

void dxf_stage_sort(struct dxf_stage *s)
{
	if (is_few(s))
		sort_few(s);
	else
		sort_many(s);
	s->sorted = true;
	for (uint32_t i = 1; i < s->n; i++)
		assert(dxf_stage_nth(s, i - 1)->off <
		       dxf_stage_nth(s, i)->off);		/* S1, S4 */
}
