// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ckfs_map.c - which blocks an inode has: pointers and extent trees.
 */
#include "ckfs_priv.h"

#define FL_EXTENTS	0x80000u
#define EXT_MAGIC	0xf30au
#define MAX_INIT	32768u

struct walker {
	struct ckfs *c;
	struct ckfs_ino *i;
	struct ckfs_map *m;
	ckfs_block_fn *fn;
	void *ctx;
	uint64_t next;		/* extents: the first block not yet passed */
};

static void data(struct walker *w, uint64_t lblk, uint64_t pblk, bool init)
{
	if (!ckfs_claim(w->c, pblk, "data", w->i->no))
		return;
	w->m->nblk++;
	w->m->last = (int64_t)lblk;
	if (init)
		w->m->last_init = (int64_t)lblk;
	if (w->fn != NULL)
		w->fn(w->c, w->i, lblk, pblk, w->ctx);
}

static void pointers(struct walker *w, const uint8_t *p, uint32_t n,
		     unsigned int level, uint64_t lblk)
{
	uint64_t span = 1;

	for (unsigned int k = 0; k < level; k++)
		span *= w->c->bs / 4;
	for (uint32_t k = 0; k < n; k++, lblk += span) {
		uint64_t blk = ckfs32(p + 4 * k);

		if (blk == 0)
			continue;
		if (level == 0) {
			data(w, lblk, blk, true);
			continue;
		}
		if (!ckfs_claim(w->c, blk, "an indirect block", w->i->no))
			continue;
		w->m->nblk++;
		pointers(w, ckfs_blk(w->c, blk), w->c->bs / 4, level - 1, lblk);
	}
}

static void indirect(struct walker *w)
{
	const uint8_t *p = w->i->raw + 40;
	uint64_t lblk = 12, span = w->c->bs / 4;

	pointers(w, p, 12, 0, 0);
	for (unsigned int level = 1; level <= 3; level++) {
		pointers(w, p + 4 * (11 + level), 1, level, lblk);
		lblk += span;
		span *= w->c->bs / 4;
	}
}

static void leaf(struct walker *w, const uint8_t *e)
{
	uint64_t lblk = ckfs32(e);
	uint32_t len = ckfs16(e + 4);
	uint64_t pblk = (uint64_t)ckfs16(e + 6) << 32 | ckfs32(e + 8);
	bool init = len <= MAX_INIT;

	if (!init)
		len -= MAX_INIT;
	if (len == 0 || lblk < w->next)
		ckfs_complain(w->c, "inode %u: extent at %lu", w->i->no, lblk);
	for (uint32_t k = 0; k < len; k++)
		data(w, lblk + k, pblk + k, init);
	w->next = lblk + len;
}

static void extents(struct walker *w, const uint8_t *h, size_t room,
		    unsigned int depth);

static void child(struct walker *w, const uint8_t *e, unsigned int depth)
{
	uint64_t blk = (uint64_t)ckfs16(e + 8) << 32 | ckfs32(e + 4);
	const uint8_t *p;
	uint32_t tail;

	if (ckfs32(e) < w->next && w->next != 0)
		ckfs_complain(w->c, "inode %u: index at %u", w->i->no,
			      ckfs32(e));
	if (!ckfs_claim(w->c, blk, "an extent block", w->i->no))
		return;
	w->m->nblk++;
	p = ckfs_blk(w->c, blk);
	tail = 12 + 12 * ckfs16(p + 4);
	if (w->c->csum && tail + 4 <= w->c->bs &&
	    ckfs32(p + tail) != ckfs_crc(w->i->seed, p, tail))
		ckfs_complain(w->c, "inode %u: checksum of extent block %lu",
			      w->i->no, blk);
	if (ckfs16(p + 2) == 0)
		ckfs_complain(w->c, "inode %u: empty extent block", w->i->no);
	if (ckfs32(p + 12) != ckfs32(e))
		ckfs_complain(w->c, "inode %u: extent block begins elsewhere",
			      w->i->no);
	extents(w, p, w->c->bs, depth);
}

static void extents(struct walker *w, const uint8_t *h, size_t room,
		    unsigned int depth)
{
	uint32_t n = ckfs16(h + 2), max = ckfs16(h + 4);

	if (ckfs16(h) != EXT_MAGIC || n > max || 12 + 12 * max > room ||
	    ckfs16(h + 6) != depth) {
		ckfs_complain(w->c, "inode %u: extent header", w->i->no);
		return;
	}
	for (uint32_t k = 0; k < n; k++) {
		if (depth == 0)
			leaf(w, h + 12 + 12 * k);
		else
			child(w, h + 12 + 12 * k, depth - 1);
	}
}

void ckfs_walk(struct ckfs *c, struct ckfs_ino *i, struct ckfs_map *m,
	       ckfs_block_fn *fn, void *ctx)
{
	struct walker w = { c, i, m, fn, ctx, 0 };
	unsigned int depth = ckfs16(i->raw + 40 + 6);

	*m = (struct ckfs_map){ 0, -1, -1 };
	if (!(i->flags & FL_EXTENTS))
		indirect(&w);
	else if (depth > 5)
		ckfs_complain(c, "inode %u: extents are too deep", i->no);
	else
		extents(&w, i->raw + 40, 60, depth);
}
