// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirread.c - reading directories: look a name up, go through all of them.
 *
 * Owns the order in which blocks are read and what happens when one cannot
 * be.  Must not know the layout of a block.
 *
 * A block that is damaged or poisoned hides only its own names: a lookup that
 * finds the name elsewhere succeeds, one that does not cannot say ENOENT.
 * Holes are skipped, as ext2 does.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>

#include "dir_priv.h"

/* A scan gives up after so many blocks that it could not read. */
#define MAX_ERRORS	8

int dxf_dirview_init(struct dxf_dirview *v, struct dxf_node *dir,
		     const struct dxf_dinode *di)
{
	const struct dxf_geom *g = &dir->e2->geom;

	assert(g->block_size <= DXF_DIR_MAX_BLOCK);
	v->dir = dir;
	v->map = di ? di : &dir->di;
	v->size = v->map->size;
	v->flags = v->map->flags;
	v->generation = v->map->generation;
	v->nblk = v->size >> g->block_bits;
	if (v->size & (g->block_size - 1) || v->nblk > g->nblocks ||
	    v->nblk > (uint64_t)1 << 31 ||
	    (v->size > UINT32_MAX && !g->has_large_dir))
		return dxf_ext2_corrupt(dir->e2, dir->ino, 0,
					"directory has a size of %llu",
					(unsigned long long)v->size);
	return 0;
}

/* Look for a name in one block.  Returns: 1, *@out; 0; -errno. */
static int search_block(const struct dxf_dirview *v, dxf_lblk_t lblk,
			const char *name, size_t len, struct dxf_dirent *out,
			uint64_t *span)
{
	struct dxf_dirslot s;
	struct dxf_dirblk b;
	int r;

	*span = 1;
	r = dxf_dirblk_read(&b, v, lblk);
	if (r)
		return r;
	*span = b.span;
	if (!dxf_dirblk_find(&b, name, len, &s))
		return 0;
	dxf_dirslot_export(&s, lblk << v->dir->e2->geom.block_bits, out);
	return 1;
}

static int search_scan(const struct dxf_dirview *v, uint64_t nblk,
		       const char *name, size_t len, struct dxf_dirent *out)
{
	int r, err = -ENOENT, nerr = 0;
	uint64_t span;

	for (dxf_lblk_t lblk = 0; lblk < nblk; lblk += span) {
		r = search_block(v, lblk, name, len, out, &span);
		if (r > 0)
			return 0;
		if (!r)
			continue;
		err = r;
		if (++nerr == MAX_ERRORS)
			break;
	}
	return err;
}

static int search_index(const struct dxf_dirview *v,
			const struct dxf_dirindex *idx, const char *name,
			size_t len, struct dxf_dirent *out)
{
	uint32_t hash = dxf_dirindex_hash(v->dir->e2, name, len), pos = hash;
	uint64_t off, span;
	int r, err = -ENOENT;

	while (dxf_dirtable_next(&idx->tab, hash, &pos, &off)) {
		/* Inserted by this thread's transaction: not there yet. */
		if (off >= v->size)
			continue;
		r = dxf_dirslot_match(v, off, name, len, out);
		if (r > 0)
			return 0;
		if (r)
			err = r;
	}
	for (uint32_t i = 0; i < idx->nbad; i++) {
		r = search_block(v, idx->bad[i], name, len, out, &span);
		if (r > 0)
			return 0;
		if (r)
			err = r;
	}
	return err;
}

int dxf_dir_lookup(struct dxf_node *dir, const char *name, size_t len,
		   struct dxf_dirent *out)
{
	struct dxf_dirindex *idx;
	struct dxf_dirview v;
	int r;

	if (len > DXF_NAME_MAX)
		return -ENAMETOOLONG;
	if (!len)
		return -ENOENT;
	r = dxf_dirview_init(&v, dir, NULL);
	if (r)
		return r;
	if (dxf_dir_is_dot(name, len))
		return search_scan(&v, DXF_MIN(v.nblk, 1), name, len, out);
	idx = dxf_dirindex_get(&v);
	if (!idx)
		return search_scan(&v, v.nblk, name, len, out);
	r = search_index(&v, idx, name, len, out);
	dxf_dirindex_put(idx);
	return r;
}

/* Tell what comes from @at on.  Returns: how many entries were prepared. */
static unsigned int look_ahead(const struct dxf_dirblk *b, uint32_t at,
			       const struct dxf_dir_walk *w)
{
	dxf_ino_t ino[DXF_DIR_AHEAD];
	struct dxf_dirslot s;
	unsigned int n = 0;

	for (; at < b->end && n < DXF_DIR_AHEAD; at += s.rec_len) {
		dxf_dirblk_slot(b, at, &s);
		if (s.ino)
			ino[n++] = dxf_dir_is_dot(s.name, s.name_len) ? 0 :
				s.ino;
	}
	assert(n > 0);
	return w->ahead(w->ctx, ino, n);
}

/* Hand out the entries of a block from @off on.  Returns: what fn() did. */
static int emit(const struct dxf_dirblk *b, uint64_t off,
		const struct dxf_dir_walk *w)
{
	uint64_t base = b->lblk << b->v->dir->e2->geom.block_bits;
	unsigned int left = 0;
	struct dxf_dirslot s;
	struct dxf_dirent de;
	int r = 0;

	for (uint32_t at = 0; at < b->end && !r; at += s.rec_len) {
		dxf_dirblk_slot(b, at, &s);
		if (!s.ino || base + at < off)
			continue;
		if (left > 0)
			left--;
		else if (w->ahead)
			left = look_ahead(b, at, w) - 1;
		dxf_dirslot_export(&s, base, &de);
		r = w->fn(w->ctx, &de);
	}
	return r;
}

int dxf_dir_walk(struct dxf_node *dir, uint64_t off,
		 const struct dxf_dir_walk *w)
{
	struct dxf_dirview v;
	struct dxf_dirblk b;
	dxf_lblk_t lblk;
	int r;

	r = dxf_dirview_init(&v, dir, NULL);
	if (r)
		return r;
	for (lblk = off >> dir->e2->geom.block_bits; lblk < v.nblk;
	     lblk += b.span) {
		r = dxf_dirblk_read(&b, &v, lblk);
		if (r)
			return r;
		if (emit(&b, off, w))
			break;
	}
	return 0;
}

int dxf_dir_iterate(struct dxf_node *dir, uint64_t off,
		    int (*fn)(void *ctx, const struct dxf_dirent *de),
		    void *ctx)
{
	const struct dxf_dir_walk w = { .fn = fn, .ctx = ctx };

	return dxf_dir_walk(dir, off, &w);
}

static int is_real_name(void *ctx, const struct dxf_dirent *de)
{
	bool *found = ctx;

	*found = !dxf_dir_is_dot(de->name, de->name_len);
	return *found;
}

int dxf_dir_is_empty(struct dxf_node *dir)
{
	bool found = false;
	int r;

	r = dxf_dir_iterate(dir, 0, is_real_name, &found);
	if (r)
		return r;
	return !found;
}

uint8_t dxf_dir_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return DT_REG;
	case S_IFDIR:
		return DT_DIR;
	case S_IFLNK:
		return DT_LNK;
	case S_IFCHR:
		return DT_CHR;
	case S_IFBLK:
		return DT_BLK;
	case S_IFIFO:
		return DT_FIFO;
	case S_IFSOCK:
		return DT_SOCK;
	default:
		return DT_UNKNOWN;
	}
}
