/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stage.h - the staged words of one transaction: cache lines by offset.
 *
 * A line is kept when at least one of its eight words differs from the media;
 * its mask says which.  The old bytes are kept beside the new ones.
 */
#ifndef DXF_STAGE_H
#define DXF_STAGE_H

#include <assert.h>

#include "units.h"

#define DXF_LINE_WORDS	(DXF_CACHELINE / DXF_WORD)

struct dxf_line {
	dxf_off_t off;			/* multiple of DXF_CACHELINE */
	uint32_t nth;			/* dxf_stage_nth() */
	uint8_t mask;			/* bit w: word w is staged */
	uint8_t old[DXF_CACHELINE];
	uint8_t new[DXF_CACHELINE];
};

/* Up to so many lines are looked for one by one: nearly every transaction. */
#define DXF_STAGE_FEW	16u

struct dxf_stage {
	struct dxf_line *lines;
	uint32_t n, cap;
	bool sorted;
	dxf_off_t few[DXF_STAGE_FEW];	/* the offsets of the first lines */
	uint32_t *slots;		/* open addressing: index + 1, 0 free */
	uint32_t nslots;		/* 0 or a power of two > 2 * n */
};

/* Forget all lines; memory is kept for the next transaction if it is small. */
void dxf_stage_reset(struct dxf_stage *s);
void dxf_stage_fini(struct dxf_stage *s);

/* The line at @off (a multiple of DXF_CACHELINE), or NULL. */
struct dxf_line *dxf_stage_find(const struct dxf_stage *s, dxf_off_t off);

/*
 * The next line, not yet one of the set, for the caller to load its old bytes
 * into.  Once more is the same line again.
 * Returns: NULL without memory.
 */
struct dxf_line *dxf_stage_room(struct dxf_stage *s);
/*
 * Make that one the line at @off, which is not there, with the old bytes for new
 * ones.
 * Ownership: the pointer is valid until the next room or add.
 */
struct dxf_line *dxf_stage_take(struct dxf_stage *s, dxf_off_t off);
/*
 * Add a line that is not there, with @old for old and new bytes.
 * Ownership: the pointer is valid until the next add.
 * Returns: NULL without memory.
 */
struct dxf_line *dxf_stage_add(struct dxf_stage *s, dxf_off_t off,
			       const uint8_t old[DXF_CACHELINE]);

/* Lay the staged words that meet [@off, @off + @len) over @buf. */
void dxf_stage_overlay(const struct dxf_stage *s, dxf_off_t off, void *buf,
		       size_t len);

/*
 * The next line from @i on with a staged word that meets the range, or NULL;
 * @i, 0 at first, goes on.
 */
struct dxf_line *dxf_stage_next(const struct dxf_stage *s, uint32_t *i,
				dxf_off_t off, uint64_t len);

/* Does a staged word meet the range? */
bool dxf_stage_meets(const struct dxf_stage *s, dxf_off_t off, uint64_t len);

/* Order the lines by offset; no add may follow but after a reset. */
void dxf_stage_sort(struct dxf_stage *s);

/* Of a set that is sorted, line @i in the order of offsets. */
static inline struct dxf_line *dxf_stage_nth(const struct dxf_stage *s,
					     uint32_t i)
{
	assert(s->sorted && i < s->n);
	return &s->lines[s->lines[i].nth];
}

/* The staged words' span within the line: [first, last + 1), in bytes. */
static inline unsigned int dxf_line_first(const struct dxf_line *l)
{
	return (unsigned int)__builtin_ctz(l->mask) * DXF_WORD;
}

static inline unsigned int dxf_line_end(const struct dxf_line *l)
{
	return (32u - (unsigned int)__builtin_clz(l->mask)) * DXF_WORD;
}

#endif
