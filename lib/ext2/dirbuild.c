// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirbuild.c - what an index holds, read from the directory.
 *
 * Owns the order of reading and how large the tables are made.  Must not know
 * who may use the index, nor where its memory comes from.
 */
#include "dir_priv.h"

/* A table that is not yet used is no greater than this. */
#define MAX_GUESS	((uint32_t)1 << 20)

bool dxf_dirindex_add_key(struct dxf_dirindex *idx, uint32_t hash,
			  uint64_t off, uint64_t share)
{
	struct dxf_dirtable *tab = &idx->tab;
	uint32_t want = dxf_dirtable_want_keys(tab);

	/* Each time it grows all names are put in anew: so at once. */
	while (want > tab->nkeys && want / 2 < tab->used * share &&
	       want < MAX_GUESS)
		want *= 2;
	if (!dxf_dirindex_resize(idx, want, tab->ngaps))
		return false;
	dxf_dirtable_add(tab, hash, off);
	return true;
}

static bool add_block(struct dxf_dirindex *idx, const struct dxf_dirblk *b)
{
	uint64_t share = b->v->nblk / (b->lblk + 1);
	const struct dxf_ext2 *e2 = idx->e2;
	uint64_t base = b->lblk << e2->geom.block_bits;
	struct dxf_dirslot s;
	uint32_t hash;

	for (uint32_t off = 0; off < b->end; off += s.rec_len) {
		dxf_dirblk_slot(b, off, &s);
		if (!s.ino || dxf_dir_is_dot(s.name, s.name_len))
			continue;
		hash = dxf_dirindex_hash(e2, s.name, s.name_len);
		if (!dxf_dirindex_add_key(idx, hash, base + off, share))
			return false;
	}
	dxf_dirtable_set_gap(&idx->tab, b->lblk, dxf_dirblk_max_gap(b));
	return true;
}

bool dxf_dirindex_fill(struct dxf_dirindex *idx, const struct dxf_dirview *v)
{
	struct dxf_dirblk b;

	if (!dxf_dirindex_resize(idx, dxf_dirtable_want_keys(&idx->tab),
				 dxf_dirtable_want_gaps(&idx->tab, v->nblk)))
		return false;
	for (dxf_lblk_t lblk = 0; lblk < v->nblk; lblk += b.span) {
		b.span = 1;
		if (!dxf_dirblk_read(&b, v, lblk)) {
			if (!add_block(idx, &b))
				return false;
			continue;
		}
		if (idx->nbad == DXF_DIRINDEX_NBAD)
			return false;
		idx->bad[idx->nbad++] = lblk;
	}
	return true;
}
