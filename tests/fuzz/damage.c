// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * damage.c - changes of an image's bytes: bits, words with values that are
 * likely to hurt, and pieces of the image put elsewhere in it.
 */
#include "fuzz.h"

#include <string.h>

uint64_t fuzz_random(struct fuzz_rng *r)
{
	/* splitmix64 */
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t fuzz_below(struct fuzz_rng *r, uint64_t n)
{
	return n != 0 ? fuzz_random(r) % n : 0;
}

/* A line that matters, of any class with the same chance. */
static uint64_t pick_line(const struct fuzz_base *b, struct fuzz_rng *r)
{
	/* The superblock's fields are few, and most are checked at once. */
	static const enum fuzz_class chances[] = {
		FUZZ_SUPER, FUZZ_DESC, FUZZ_LOG, FUZZ_ITABLE, FUZZ_ITABLE,
		FUZZ_ITABLE, FUZZ_OTHER, FUZZ_OTHER, FUZZ_OTHER, FUZZ_OTHER,
	};
	enum fuzz_class c =
		chances[fuzz_below(r, DXF_ARRAY_SIZE(chances))];

	return (uint64_t)b->lines[c].line[fuzz_below(r, b->lines[c].n)] * 64;
}

static uint64_t pick_value(const struct fuzz_base *b, struct fuzz_rng *r)
{
	static const uint64_t likely[] = {
		0, 1, 2, 3, 5, 8, 10, 11, 12, 0x7f, 0x80, 0xff, 0x3ff, 0x400,
		0x7fff, 0x8000, 0x8001, 0xffff, 0x10000, 0x7fffffff,
		0x80000000, 0xffffffff, 0xfffffffe, 0xf30a, 0x7fffffffffffffff,
	};
	uint64_t word;

	switch (fuzz_below(r, 5)) {
	case 0:
		return fuzz_random(r);
	case 1:
		return likely[fuzz_below(r, DXF_ARRAY_SIZE(likely))];
	case 2:				/* a block */
		return fuzz_below(r, b->size / b->block_size + 2);
	case 3:				/* an inode */
		return fuzz_below(r, 260);
	default:
		memcpy(&word, b->bytes + pick_line(b, r) +
		       fuzz_below(r, 8) * 8, sizeof(word));
		return word;
	}
}

static void change_word(const struct fuzz_base *b, struct fuzz_rng *r,
			uint8_t *at)
{
	unsigned int width = 1u << fuzz_below(r, 4);
	unsigned int in = (unsigned int)fuzz_below(r, 64 / width) * width;
	uint64_t word = 0;

	memcpy(&word, at + in, width);
	switch (fuzz_below(r, 6)) {
	case 0:
		word ^= (uint64_t)1 << fuzz_below(r, width * 8);
		break;
	case 1:
		word += fuzz_below(r, 9) - 4;
		break;
	default:
		word = pick_value(b, r);
	}
	memcpy(at + in, &word, width);
}

/* Lines, inodes or blocks appear twice. */
static void copy_piece(const struct fuzz_base *b, struct fuzz_rng *r,
		       uint8_t *bytes)
{
	static const uint32_t lens[] = { 4, 8, 12, 60, 64, 128, 256 };
	uint32_t n = (uint32_t)fuzz_below(r, DXF_ARRAY_SIZE(lens) + 1);
	uint32_t len = n < DXF_ARRAY_SIZE(lens) ? lens[n] : b->block_size;
	uint64_t from = pick_line(b, r), to = pick_line(b, r);

	if (len >= 128) {
		from -= from % len;
		to -= to % len;
	} else if (len < 64) {
		from += fuzz_below(r, 64 / 4) * 4;
		to += fuzz_below(r, 64 / 4) * 4;
	}
	if (from + len <= b->size && to + len <= b->size)
		memmove(bytes + to, b->bytes + from, len);
}

void fuzz_damage(const struct fuzz_base *b, struct fuzz_rng *r,
		 uint8_t *bytes)
{
	uint64_t n = 1 + fuzz_below(r, fuzz_below(r, 4) == 0 ? 40 : 6);

	while (n-- > 0) {
		if (fuzz_below(r, 8) == 0)
			copy_piece(b, r, bytes);
		else
			change_word(b, r, bytes + pick_line(b, r));
	}
}

void fuzz_damage_script(const struct fuzz_base *b, const uint8_t *script,
			size_t len, uint8_t *bytes)
{
	for (; len >= 7; script += 7, len -= 7) {
		uint64_t at = script[0] | script[1] << 8 | script[2] << 16;
		uint64_t value = script[4] | script[5] << 8 | script[6] << 16;
		unsigned int width = 1u << (script[3] & 3);

		/* A class and a word of it, so that few places are wasted. */
		if (script[3] & 4) {
			enum fuzz_class c = at % FUZZ_NCLASSES;
			uint64_t i = at / FUZZ_NCLASSES;

			at = (uint64_t)b->lines[c].line[i / 64 %
				b->lines[c].n] * 64 + i % 64;
		}
		at = at % b->size / width * width;
		if (script[3] & 8)
			value |= value << 24 | value << 48;
		if (script[3] & 16)
			value = ~value;
		memcpy(bytes + at, &value, width);
	}
}
