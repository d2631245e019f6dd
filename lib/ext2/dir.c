// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dir.c - changes of directories, inside a transaction.
 *
 * Owns where a new entry goes, how a directory grows, and that the index in
 * memory follows.  Must not know how the index works, nor whose names these
 * are.
 *
 * Invariants:
 *	- an entry never moves: what lookup found stays where it is until it is
 *	  removed under the directory's exclusive lock
 *	- what is staged in a block that is reached is the entry, its
 *	  predecessor's length and the checksum, never the whole block; a new
 *	  block is filled unlogged before anything reaches it
 *	- a directory with an htree is made linear by its first change
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>

#include "bmap.h"
#include "dir_priv.h"

/* What a change works on. */
struct change {
	struct dxf_dirview v;
	struct dxf_dinode *di;
	struct dxf_txn *t;
	struct dxf_dirindex *idx;	/* or NULL */
};

static int change_begin(struct change *c, struct dxf_node *dir,
			struct dxf_dinode *di, struct dxf_txn *t)
{
	int r;

	assert(di != &dir->di);
	if (di->flags & EXT2_INDEX_FL)
		dxf_dirkept_forget(dir->e2, t, dir->ino);
	r = dxf_dirhtree_linearize(dir, di, t);
	if (r)
		return r;
	c->di = di;
	c->t = t;
	c->idx = NULL;
	return dxf_dirview_init(&c->v, dir, di);
}

static void put_name(uint8_t *p, const struct dxf_dir_new *n, uint8_t ft)
{
	uint32_t used = dxf_dir_rec_len(n->len);

	dxf_put_le32(p, n->ino);
	p[6] = n->len;
	p[7] = ft;
	memcpy(p + DXF_DIR_HEADER, n->name, n->len);
	memset(p + DXF_DIR_HEADER + n->len, 0,
	       used - DXF_DIR_HEADER - n->len);
}

/*
 * Put an entry into the block, in memory, which has room for it.
 * Returns: the range of bytes that changed, and where the entry is.
 */
static void put_entry(struct dxf_dirblk *b, const struct dxf_dir_new *n,
		      uint32_t *from, uint32_t *at)
{
	*at = dxf_dirblk_take(b, dxf_dir_rec_len(n->len), from);
	put_name(b->buf + *at, n, dxf_dirslot_type(b->v->dir->e2, n->type));
}

/*
 * Find a block with room.
 * Returns: 1, it is *@out; 0: the directory has to grow; -errno.
 */
static int find_room(struct change *c, uint32_t need, struct dxf_dirblk **out)
{
	struct dxf_dirblk *b;
	dxf_lblk_t lblk = 0;
	int r;

	while (c->idx && dxf_dirtable_find_gap(&c->idx->tab, need, &lblk)) {
		r = dxf_dirkept_read(&b, &c->v, c->t, lblk, false);
		if (r)
			return r;
		*out = b;
		if (dxf_dirblk_max_gap(b) >= need)
			return 1;
		dxf_dirindex_set_gap(c->idx, lblk, dxf_dirblk_max_gap(b));
	}
	if (c->idx)
		return 0;
	for (; lblk < c->v.nblk; lblk += b->span) {
		r = dxf_dirkept_read(&b, &c->v, c->t, lblk, true);
		if (r)
			return r;
		*out = b;
		if (dxf_dirblk_max_gap(b) >= need)
			return 1;
	}
	return 0;
}

/* The index learns of a new entry in @b. */
static void index_entry(struct change *c, const struct dxf_dirblk *b,
			const struct dxf_dir_new *n, uint32_t at)
{
	uint32_t bits = c->v.dir->e2->geom.block_bits;

	if (!c->idx)
		return;
	dxf_dirindex_add(c->idx, n->name, n->len, (b->lblk << bits) + at);
	dxf_dirindex_set_gap(c->idx, b->lblk, dxf_dirblk_max_gap(b));
}

/* i_size of a directory has 32 bits without large_dir. */
static bool may_grow(const struct change *c)
{
	const struct dxf_ext2 *e2 = c->v.dir->e2;
	uint64_t limit = e2->geom.has_large_dir ? DXF_DIR_MAX_SIZE :
		(uint64_t)UINT32_MAX;

	limit = DXF_MIN(limit, dxf_bmap_max_size(e2, c->di));
	return c->v.size + e2->geom.block_size <= limit;
}

/* A new block at the end, empty, in memory; its place on media is ours. */
static int grow(struct change *c, unsigned int balloc_flags,
		struct dxf_dirblk **out)
{
	struct dxf_node *dir = c->v.dir;
	dxf_blk_t goal, pblk;
	int r;

	if (!may_grow(c))
		return -ENOSPC;
	goal = dxf_bmap_goal(dir, c->di, c->v.nblk);
	r = dxf_balloc_one(dir->e2, c->t, goal, balloc_flags, &pblk);
	if (r)
		return r;
	*out = dxf_dirkept_new(&c->v, c->t, c->v.nblk, pblk);
	return 0;
}

/* Fill the new block on media and make the directory reach it. */
static int attach(struct change *c, unsigned int balloc_flags,
		  struct dxf_dirblk *b)
{
	const struct dxf_geom *g = &c->v.dir->e2->geom;
	int r;

	dxf_dirblk_seal(b);
	r = dxf_txn_fill(c->t, dxf_blk_off(g, b->pblk), b->buf, g->block_size);
	if (!r)
		r = dxf_bmap_insert(c->v.dir, c->di, c->t, b->lblk, b->pblk, 1,
				    false, balloc_flags);
	if (!r)
		c->di->size = c->v.size + g->block_size;
	return r;
}

static int insert(struct change *c, const struct dxf_dir_new *n)
{
	uint32_t need = dxf_dir_rec_len(n->len), from, at;
	struct dxf_dirblk *b;
	int r;

	r = find_room(c, need, &b);
	if (r < 0)
		return r;
	if (r) {
		put_entry(b, n, &from, &at);
		r = dxf_dirblk_stage(b, c->t, from, at + need);
	} else {
		r = grow(c, n->balloc_flags, &b);
		if (r)
			return r;
		put_entry(b, n, &from, &at);
		r = attach(c, n->balloc_flags, b);
	}
	if (!r)
		index_entry(c, b, n, at);
	return r;
}

int dxf_dir_add(struct dxf_node *dir, struct dxf_dinode *di, struct dxf_txn *t,
		const struct dxf_dir_new *n)
{
	struct change c;
	int r;

	assert(n->ino && n->len && !dxf_dir_is_dot(n->name, n->len));
	if (n->len > DXF_NAME_MAX)
		return -ENAMETOOLONG;
	r = change_begin(&c, dir, di, t);
	if (r)
		return r;
	c.idx = dxf_dirindex_get_change(&c.v, t);
	r = insert(&c, n);
	if (c.idx)
		dxf_dirindex_put(c.idx);
	return r;
}

/*
 * Read the block of an entry that lookup found, and find it there; *@prev is
 * the entry before it in the block, itself if it is the first.
 */
static int find_again(struct change *c, const struct dxf_dirent *de,
		      struct dxf_dirblk **out, struct dxf_dirslot *s,
		      uint32_t *prev)
{
	const struct dxf_ext2 *e2 = c->v.dir->e2;
	uint32_t in = de->off & (e2->geom.block_size - 1);
	dxf_lblk_t lblk = de->off >> e2->geom.block_bits;
	struct dxf_dirblk *b;
	int r;

	if (lblk >= c->v.nblk)
		goto gone;
	r = dxf_dirkept_read(&b, &c->v, c->t, lblk, !c->idx);
	if (r)
		return r;
	*out = b;
	if (in % 4 || !dxf_dirblk_has(b, in, prev))
		goto gone;
	dxf_dirblk_slot(b, in, s);
	if (s->ino == de->ino && s->name_len == de->name_len &&
	    !memcmp(s->name, de->name, de->name_len))
		return 0;
gone:
	*prev = 0;
	return dxf_ext2_corrupt(c->v.dir->e2, c->v.dir->ino, 0,
				"the entry at directory offset %llu is gone",
				(unsigned long long)de->off);
}

static void index_removed(struct change *c, const struct dxf_dirblk *b,
			  const struct dxf_dirent *de)
{
	if (!c->idx)
		return;
	dxf_dirindex_del(c->idx, de->name, de->name_len, de->off);
	dxf_dirindex_set_gap(c->idx, b->lblk, dxf_dirblk_max_gap(b));
}

int dxf_dir_remove(struct dxf_node *dir, struct dxf_dinode *di,
		   struct dxf_txn *t, const struct dxf_dirent *de)
{
	struct dxf_dirslot s;
	struct dxf_dirblk *b;
	struct change c;
	uint32_t prev;
	int r;

	r = change_begin(&c, dir, di, t);
	if (r)
		return r;
	c.idx = dxf_dirindex_get_change(&c.v, t);
	r = find_again(&c, de, &b, &s, &prev);
	if (!r) {
		r = dxf_dirblk_unite(b, t, &s, prev);
		index_removed(&c, b, de);
	}
	if (c.idx)
		dxf_dirindex_put(c.idx);
	return r;
}

int dxf_dir_replace(struct dxf_node *dir, struct dxf_dinode *di,
		    struct dxf_txn *t, const struct dxf_dirent *de,
		    dxf_ino_t ino, uint8_t type)
{
	struct dxf_dirslot s;
	struct dxf_dirblk *b;
	struct change c;
	uint32_t prev;
	int r;

	assert(ino);
	r = change_begin(&c, dir, di, t);
	if (!r)
		r = find_again(&c, de, &b, &s, &prev);
	if (r)
		return r;
	/* The index knows places only: it has nothing to follow. */
	dxf_put_le32(b->buf + s.off, ino);
	b->buf[s.off + 7] = dxf_dirslot_type(dir->e2, type);
	return dxf_dirblk_stage(b, t, s.off, s.off + DXF_DIR_HEADER);
}

static void index_renamed(struct change *c, const struct dxf_dirent *de,
			  const struct dxf_dir_new *n)
{
	if (!c->idx)
		return;
	dxf_dirindex_del(c->idx, de->name, de->name_len, de->off);
	dxf_dirindex_add(c->idx, n->name, n->len, de->off);
}

/* The entry's block is read, or kept anyway: it follows. */
static int rename_in_block(struct change *c, const struct dxf_dirent *de,
			   const struct dxf_dir_new *n)
{
	struct dxf_dirslot s;
	struct dxf_dirblk *b;
	uint32_t prev, to;
	int r;

	r = find_again(c, de, &b, &s, &prev);
	if (r)
		return r;
	to = s.off + dxf_dir_rec_len(n->len);
	assert(to <= s.off + s.rec_len);
	put_name(b->buf + s.off, n, dxf_dirslot_type(c->v.dir->e2, n->type));
	if (dxf_dir_rec_len(s.name_len) != dxf_dir_rec_len(n->len)) {
		dxf_dirblk_count_gaps(b);
		if (c->idx)
			dxf_dirindex_set_gap(c->idx, b->lblk,
					     dxf_dirblk_max_gap(b));
	}
	return dxf_dirblk_stage(b, c->t, s.off, to);
}

/*
 * No other byte of the block depends on the entry, and nobody keeps a copy of
 * it: there is no need to read it.
 * Returns: 1, and the entry's place on media is *@at; 0; -errno.
 */
static int stands_alone(struct change *c, const struct dxf_dirent *de,
			const struct dxf_dir_new *n, dxf_off_t *at)
{
	const struct dxf_geom *g = &c->v.dir->e2->geom;
	dxf_lblk_t lblk = de->off >> g->block_bits;
	struct dxf_run run;
	int r;

	if (g->has_csum || lblk >= c->v.nblk ||
	    dxf_dir_rec_len(de->name_len) != dxf_dir_rec_len(n->len) ||
	    dxf_dirkept_holds(&c->v, c->t, lblk))
		return 0;
	/* as it is committed: blocks of a directory keep their places */
	r = dxf_bmap_lookup(c->v.dir, &c->v.dir->di, lblk, 1, &run);
	if (r)
		return r;
	*at = dxf_blk_off(g, run.pblk) + (de->off & (g->block_size - 1));
	return run.pblk && !run.unwritten;
}

static int rename_alone(struct change *c, const struct dxf_dirent *de,
			const struct dxf_dir_new *n, dxf_off_t at)
{
	uint8_t buf[DXF_DIR_HEADER + DXF_NAME_MAX + 3];

	put_name(buf, n, dxf_dirslot_type(c->v.dir->e2, n->type));
	dxf_put_le16(buf + 4, de->next - de->off);
	return dxf_txn_store(c->t, at, buf, dxf_dir_rec_len(n->len));
}

int dxf_dir_rename(struct dxf_node *dir, struct dxf_dinode *di,
		   struct dxf_txn *t, const struct dxf_dirent *de,
		   const struct dxf_dir_new *n)
{
	struct change c;
	dxf_off_t at = 0;
	int r;

	assert(n->ino == de->ino && n->len && !dxf_dir_is_dot(n->name, n->len));
	if (n->len > DXF_NAME_MAX)
		return -ENAMETOOLONG;
	if (dxf_dir_rec_len(n->len) > de->next - de->off)
		return 1;
	r = change_begin(&c, dir, di, t);
	if (r)
		return r;
	c.idx = dxf_dirindex_get_change(&c.v, t);
	r = stands_alone(&c, de, n, &at);
	if (r >= 0)
		r = r ? rename_alone(&c, de, n, at) :
			rename_in_block(&c, de, n);
	if (!r)
		index_renamed(&c, de, n);
	if (c.idx)
		dxf_dirindex_put(c.idx);
	return r;
}

int dxf_dir_make_first(struct dxf_node *dir, struct dxf_dinode *di,
		       struct dxf_txn *t, dxf_ino_t parent,
		       unsigned int balloc_flags)
{
	struct dxf_dir_new n = {
		.name = "..", .len = 1, .ino = dir->ino, .type = DT_DIR,
	};
	struct dxf_dirblk *b;
	struct change c;
	uint32_t from, at;
	int r;

	assert(di->size == 0 && parent);
	dxf_dirkept_forget(dir->e2, t, dir->ino);
	r = change_begin(&c, dir, di, t);
	if (!r)
		r = grow(&c, balloc_flags, &b);
	if (r)
		return r;
	put_entry(b, &n, &from, &at);
	n.len = 2;
	n.ino = parent;
	put_entry(b, &n, &from, &at);
	assert(from == 0 && at == DXF_DIR_MIN_REC);
	return attach(&c, balloc_flags, b);
}
