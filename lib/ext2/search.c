// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * search.c - finding free blocks in bitmaps, reservations and windows.
 *
 * Owns dxf_group.hint, .hint_soft, .longest and .no_huge (resv.c and
 * window.c only loosen them).
 * A group is searched in e2->scratch, where its bitmap, its reservations, its
 * known bad blocks and, unless they are to be stolen, its windows are laid over
 * each other.  What a
 * descriptor counts as free decides only whether its bitmap is looked at; every
 * loop is over groups, so wrong counts cannot keep it going.
 */
#include "search.h"

#include <assert.h>
#include <errno.h>

/* After so many bitmaps a run that is too short is taken. */
#define PATIENCE	32
/* So many bits of a bitmap are looked at first, then twice as many, ... */
#define PIECE		512u
/* ... and so many for a run that leaves room for a window. */
#define WISH		8192u

struct search {
	struct dxf_ext2 *e2;
	uint32_t want, prefer;
	bool steal;
	uint32_t looked;	/* bitmaps loaded */
	int err;		/* a bitmap could not be read */
	struct dxf_span best;
};

/* Blocks that are known to be bad are no use to anybody. */
static void mark_bad(struct dxf_ext2 *e2, uint32_t group, uint32_t from,
		     uint32_t to)
{
	unsigned int bits = e2->geom.block_bits;
	dxf_blk_t first = dxf_group_first(e2, group);
	dxf_off_t pos = (first + from) << bits;
	dxf_off_t stop = (first + to) << bits, start, end;

	while (pos < stop && dxf_region_find_bad(e2->region, pos, stop - pos,
						 &start, &end)) {
		pos = dxf_align_up(end, (dxf_off_t)1 << bits);
		dxf_bits_set(e2->scratch, (uint32_t)((start >> bits) - first),
			     (uint32_t)((pos >> bits) - first));
	}
}

/* Bits [@from, @to) of @group in e2->scratch, set where not to be used. */
static int load_busy(struct dxf_ext2 *e2, uint32_t group, uint32_t from,
		     uint32_t to, bool steal)
{
	const struct dxf_group *g = &e2->groups[group];
	uint64_t *map = e2->scratch;
	int ret;

	ret = dxf_bitmap_check_blocks(e2, group, map);
	if (ret == 0)
		ret = dxf_bitmap_load(e2, group,
				      (g->flags & EXT2_BG_BLOCK_UNINIT) != 0,
				      map, from, to);
	if (ret < 0)
		return ret;
	for (uint32_t w = from / 64; w < DXF_BITS_WORDS(to); w++) {
		if (g->resv != NULL)
			map[w] |= g->resv[w];
		if (g->soft != NULL && !steal)
			map[w] |= g->soft[w];
	}
	mark_bad(e2, group, from, DXF_MIN(to, dxf_group_nblocks(e2, group)));
	return 0;
}

uint32_t dxf_search_run_locked(struct dxf_ext2 *e2, uint32_t group,
			       uint32_t start, uint32_t max, bool steal)
{
	uint32_t nblocks = dxf_group_nblocks(e2, group);
	uint32_t end;

	dxf_mutex_assert_held(&e2->alloc_lock);
	if (start >= nblocks || max == 0)
		return 0;
	end = start + DXF_MIN(max, nblocks - start);
	if (load_busy(e2, group, start, end, steal) < 0)
		return 0;
	return dxf_bits_next_set(e2->scratch, start, end) - start;
}

static void keep_best(struct search *s, uint32_t group, uint32_t start,
		      uint32_t len)
{
	if (len > s->best.len)
		s->best = (struct dxf_span){ group, start, len };
}

static uint32_t *hint_of(const struct search *s, struct dxf_group *g)
{
	return s->steal ? &g->hint : &g->hint_soft;
}

/*
 * A run from bit @from on, which is free or behind the first one that is.
 * Most are found at once: then it is not worth to load all of the bitmap.
 * Returns: 0; -EIO, -EUCLEAN: there is no using the group.
 */
static int look_behind(struct search *s, uint32_t group, uint32_t from)
{
	struct dxf_group *g = &s->e2->groups[group];
	uint32_t nblocks = dxf_group_nblocks(s->e2, group);
	uint32_t to = from, piece = PIECE, start = 0, len = 0, next;
	int ret;

	/* A map that is built is built whole. */
	if ((g->flags & EXT2_BG_BLOCK_UNINIT) != 0)
		piece = nblocks;
	while (to < nblocks && len < (to - from < WISH ? s->prefer : s->want)) {
		next = (uint32_t)dxf_align_down(to, 64) + piece;
		next = DXF_MIN(next, nblocks);
		ret = load_busy(s->e2, group, to, next, s->steal);
		if (ret < 0)
			return ret;
		to = next;
		piece *= 2;
		len = dxf_bits_find_run(s->e2->scratch, from, to, s->prefer,
					&start);
	}
	keep_best(s, group, start, len);
	if (from == *hint_of(s, g))
		*hint_of(s, g) = dxf_bits_next_zero(s->e2->scratch, from, to);
	return 0;
}

/* A run anywhere in the group. */
static int look_all(struct search *s, uint32_t group)
{
	struct dxf_group *g = &s->e2->groups[group];
	uint32_t nblocks = dxf_group_nblocks(s->e2, group);
	uint32_t *hint = hint_of(s, g), start = 0, len;
	int ret = load_busy(s->e2, group, *hint, nblocks, s->steal);

	if (ret < 0)
		return ret;
	/* All of it is seen now: what is learnt is kept. */
	*hint = dxf_bits_next_zero(s->e2->scratch, *hint, nblocks);
	len = dxf_bits_find_run(s->e2->scratch, *hint, nblocks, s->prefer,
				&start);
	keep_best(s, group, start, len);
	if (!s->steal && g->nsoft != 0)
		return 0;
	g->hint = *hint;
	g->hint_soft = DXF_MAX(g->hint_soft, g->hint);
	if (len < s->prefer)
		g->longest = len;
	return 0;
}

/* Search one group from bit @from on, then from its first free bit. */
static void look(struct search *s, uint32_t group, uint32_t from)
{
	struct dxf_group *g = &s->e2->groups[group];
	uint32_t nblocks = dxf_group_nblocks(s->e2, group);
	int ret = 0;

	s->looked++;
	from = DXF_MAX(from, *hint_of(s, g));
	if (from < nblocks)
		ret = look_behind(s, group, from);
	if (ret == 0 && s->best.len < s->want && *hint_of(s, g) < nblocks)
		ret = look_all(s, group);
	if (ret == -EIO)
		s->err = ret;
}

/* Is there any point in looking for @need blocks together? */
static bool promising(const struct search *s, const struct dxf_group *g,
		      uint32_t need)
{
	uint32_t resv = g->nresv - g->nquar;

	if ((dxf_group_checked(g) & DXF_BG_BLOCKS_BAD) != 0)
		return false;
	return g->free_blocks > resv && g->free_blocks - resv >= need &&
		g->longest >= need;
}

/* All groups behind @first, and itself last. */
static void look_around(struct search *s, uint32_t first, uint32_t need)
{
	const struct dxf_ext2 *e2 = s->e2;

	for (uint32_t i = 1; i <= e2->geom.ngroups; i++) {
		uint32_t group = (uint32_t)(((uint64_t)first + i) %
					    e2->geom.ngroups);

		if (s->best.len >= s->want ||
		    (s->best.len > 0 && s->looked >= PATIENCE))
			return;
		if (promising(s, &e2->groups[group], need))
			look(s, group, 0);
	}
}

static void search(struct search *s, uint32_t group, uint32_t bit)
{
	uint32_t need = s->want;

	if (promising(s, &s->e2->groups[group], 1))
		look(s, group, bit);
	/* Groups that cannot have the whole run are tried for a part of it. */
	while (s->best.len < s->want) {
		look_around(s, group, need);
		if (s->best.len > 0 || need == 1)
			break;
		need = DXF_MAX(need / 8, 1u);
	}
}

int dxf_search_locked(struct dxf_ext2 *e2, dxf_blk_t goal, uint32_t want,
		      uint32_t prefer, struct dxf_span *out)
{
	uint32_t group = dxf_group_of_blk(e2, goal);
	uint32_t bit = (uint32_t)(goal - dxf_group_first(e2, group));
	struct search s = { .e2 = e2, .want = want, .prefer = prefer };

	assert(want > 0 && prefer >= want && group < e2->geom.ngroups);
	s.best = (struct dxf_span){ group, bit };
	if (bit >= e2->groups[group].hint_soft)
		s.best.len = dxf_search_run_locked(e2, group, bit, prefer,
						   false);
	if (s.best.len == 0)
		search(&s, group, bit);
	if (s.best.len == 0) {
		s.steal = true;
		s.looked = 0;
		search(&s, group, bit);
	}
	if (s.best.len == 0)
		return s.err != 0 ? s.err : -ENOSPC;
	s.best.more = s.steal || s.best.len >= prefer;
	if (s.best.len > want && !s.steal)
		s.best.spare = s.best.len - want;
	s.best.len = DXF_MIN(s.best.len, want);
	*out = s.best;
	return 0;
}

/* ---- whole huge pages ---- */

/* The first free piece of the searched group from bit @from on, or its end. */
static uint32_t find_piece(const struct dxf_ext2 *e2, uint32_t group,
			   uint32_t from)
{
	uint32_t nblocks = dxf_group_nblocks(e2, group), n = e2->huge_blocks;
	dxf_blk_t at = dxf_group_first(e2, group) + from + n - e2->huge_first;

	for (from += (n - (uint32_t)(at % n)) % n; from + n <= nblocks; from += n)
		if (dxf_bits_next_set(e2->scratch, from, from + n) == from + n)
			return from;
	return nblocks;
}

static bool look_huge(struct dxf_ext2 *e2, uint32_t group, uint32_t from,
		      uint32_t want, struct dxf_span *out)
{
	struct dxf_group *g = &e2->groups[group];
	uint32_t nblocks = dxf_group_nblocks(e2, group), bit, end;

	if (load_busy(e2, group, 0, nblocks, false) < 0)
		return false;
	bit = find_piece(e2, group, from);
	if (bit == nblocks && from != 0)
		bit = find_piece(e2, group, 0);
	if (bit == nblocks) {
		g->no_huge = true;
		return false;
	}
	end = dxf_bits_next_set(e2->scratch, bit,
				bit + DXF_MIN(want, nblocks - bit));
	*out = (struct dxf_span){ group, bit, end - bit, .more = true };
	return true;
}

bool dxf_search_huge_locked(struct dxf_ext2 *e2, dxf_blk_t goal, uint32_t want,
			    struct dxf_span *out)
{
	uint32_t group = dxf_group_of_blk(e2, goal), looked = 0;
	uint32_t from = (uint32_t)(goal - dxf_group_first(e2, group));
	struct search s = { .e2 = e2 };

	dxf_mutex_assert_held(&e2->alloc_lock);
	assert(want > 0 && group < e2->geom.ngroups);
	if (e2->huge_blocks == 0)
		return false;
	for (uint32_t i = 0; i < e2->geom.ngroups && looked < PATIENCE; i++) {
		const struct dxf_group *g = &e2->groups[group];

		if (!g->no_huge &&
		    promising(&s, g, e2->huge_blocks)) {
			looked++;
			if (look_huge(e2, group, from, want, out))
				return true;
		}
		group = (group + 1) % e2->geom.ngroups;
		from = 0;
	}
	return false;
}

/* Of [@blk, @end) those that are free, in the group of @blk: *@next is behind. */
static uint64_t count_free(struct dxf_ext2 *e2, dxf_blk_t blk, dxf_blk_t end,
			   dxf_blk_t *next)
{
	uint32_t group = dxf_group_of_blk(e2, blk), from, to, n = 0;
	dxf_blk_t first = dxf_group_first(e2, group);
	uint16_t flags = e2->groups[group].flags;

	from = (uint32_t)(blk - first);
	to = (uint32_t)DXF_MIN(end - first, dxf_group_nblocks(e2, group));
	*next = first + to;
	/* A bitmap that cannot be read gives nobody a block either. */
	if (dxf_bitmap_load(e2, group, (flags & EXT2_BG_BLOCK_UNINIT) != 0,
			    e2->scratch, from, to) < 0)
		return to - from;
	while ((from = dxf_bits_next_zero(e2->scratch, from, to)) < to) {
		from++;
		n++;
	}
	return n;
}

uint64_t dxf_ext2_bad_free_blocks(struct dxf_ext2 *e2)
{
	unsigned int bits = e2->geom.block_bits;
	dxf_blk_t blk, last = e2->geom.first_block;
	uint64_t stop = e2->geom.nblocks << bits, n = 0;
	dxf_off_t start, end;

	DXF_SCOPED_MUTEX(&e2->alloc_lock);
	while (last << bits < stop &&
	       dxf_region_find_bad(e2->region, last << bits,
				   stop - (last << bits), &start, &end)) {
		blk = start >> bits;
		last = dxf_align_up(end, (dxf_off_t)1 << bits) >> bits;
		while (blk < last)
			n += count_free(e2, blk, last, &blk);
	}
	return n;
}
