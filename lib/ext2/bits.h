/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bits.h - bitmaps, a word at a time.
 *
 * Bit n of a map is bit n % 64 of word n / 64, which on a little-endian machine
 * is ext2's order of bits on media.
 */
#ifndef DXF_BITS_H
#define DXF_BITS_H

#include <stdbool.h>
#include <stdint.h>

#define DXF_BITS_WORDS(nbits)	(((nbits) + 63) / 64)

/* The bits of word @w that lie in [@from, @to). */
static inline uint64_t dxf_bits_mask(uint32_t w, uint32_t from, uint32_t to)
{
	uint64_t m = ~(uint64_t)0;

	if (w == from / 64)
		m &= ~(uint64_t)0 << from % 64;
	if (w == to / 64)
		m &= ~(~(uint64_t)0 << to % 64);
	return m;
}

static inline bool dxf_bits_test(const uint64_t *map, uint32_t bit)
{
	return map[bit / 64] >> bit % 64 & 1;
}

/* The first zero bit in [@from, @to), or @to. */
uint32_t dxf_bits_next_zero(const uint64_t *map, uint32_t from, uint32_t to);
/* The first set bit in [@from, @to), or @to. */
uint32_t dxf_bits_next_set(const uint64_t *map, uint32_t from, uint32_t to);

/* Set or clear [@from, @to).  Returns: how many bits changed. */
uint32_t dxf_bits_set(uint64_t *map, uint32_t from, uint32_t to);
uint32_t dxf_bits_clear(uint64_t *map, uint32_t from, uint32_t to);

/*
 * The first run of at least @want zero bits in [@from, @to); without one the
 * longest, the first of equals.
 * Returns: its length, 0 when no bit is zero; *@start if not 0.
 */
uint32_t dxf_bits_find_run(const uint64_t *map, uint32_t from, uint32_t to,
			   uint32_t want, uint32_t *start);

#endif
