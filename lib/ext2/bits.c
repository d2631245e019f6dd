// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bits.c - bitmaps, a word at a time.
 *
 * Owns nothing; must not know what a bit stands for.
 */
#include "bits.h"

#include <assert.h>

/* The first bit in [@from, @to) that differs from those of @skip. */
static uint32_t next_other(const uint64_t *map, uint32_t from, uint32_t to,
			   uint64_t skip)
{
	uint32_t w = from / 64;
	uint64_t v;

	if (from >= to)
		return to;
	v = (map[w] ^ skip) & ~(uint64_t)0 << from % 64;
	while (v == 0) {
		if (++w >= DXF_BITS_WORDS(to))
			return to;
		v = map[w] ^ skip;
	}
	from = w * 64 + (uint32_t)__builtin_ctzll(v);
	return from < to ? from : to;
}

uint32_t dxf_bits_next_zero(const uint64_t *map, uint32_t from, uint32_t to)
{
	return next_other(map, from, to, ~(uint64_t)0);
}

uint32_t dxf_bits_next_set(const uint64_t *map, uint32_t from, uint32_t to)
{
	return next_other(map, from, to, 0);
}

uint32_t dxf_bits_set(uint64_t *map, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	assert(from <= to);
	for (uint32_t w = from / 64; w < DXF_BITS_WORDS(to); w++) {
		uint64_t m = dxf_bits_mask(w, from, to) & ~map[w];

		n += (uint32_t)__builtin_popcountll(m);
		map[w] |= m;
	}
	return n;
}

uint32_t dxf_bits_clear(uint64_t *map, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	assert(from <= to);
	for (uint32_t w = from / 64; w < DXF_BITS_WORDS(to); w++) {
		uint64_t m = dxf_bits_mask(w, from, to) & map[w];

		n += (uint32_t)__builtin_popcountll(m);
		map[w] &= ~m;
	}
	return n;
}

uint32_t dxf_bits_find_run(const uint64_t *map, uint32_t from, uint32_t to,
			   uint32_t want, uint32_t *start)
{
	uint32_t best = 0;

	assert(want > 0);
	while ((from = dxf_bits_next_zero(map, from, to)) < to) {
		uint32_t end = dxf_bits_next_set(map, from, to);

		if (end - from > best) {
			best = end - from;
			*start = from;
		}
		if (best >= want)
			break;
		from = end;
	}
	return best;
}
