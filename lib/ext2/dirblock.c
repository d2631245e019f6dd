// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirblock.c - one block of a directory.
 *
 * Owns the layout of entries: the only validator of directory blocks, the
 * search in one, its gaps, its checksum.  Must not know the index or how a
 * directory grows.
 *
 *	entry	u32 inode (0: unused), u16 rec_len, u8 name_len, u8 type, name
 *	tail	an unused entry of 12 bytes, type 0xde, whose name is the
 *		checksum of what is before it (metadata_csum)
 *
 * Invariant: the entries of a validated block lie end to end from 0 to
 * b->end, each at least as long as its name needs; so walking it needs no
 * further checks.  What was validated is a copy: media are not looked at
 * again.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>

#include "bmap.h"
#include "dir_priv.h"

#define ONES	0x0101010101010101u
#define HIGHS	0x8080808080808080u

/* Is one of the 8 bytes zero? */
static uint64_t has_zero(uint64_t w)
{
	return (w - ONES) & ~w & HIGHS;
}

/* A '/' or NUL in a name; it can be read in whole words. */
static bool has_bad_byte(const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 8) {
		uint64_t w;

		memcpy(&w, p + i, sizeof(w));
		w = le64toh(w);
		if (len - i < 8)
			w |= ~(uint64_t)0 << (len - i) * 8;
		if (has_zero(w) | has_zero(w ^ ONES * '/'))
			return true;
	}
	return false;
}

/*
 * What is wrong with the entry at @p, which has @room bytes to the end of the
 * entries?  The name is not looked at.  Returns: NULL: nothing.
 */
static inline const char *header_fault(const struct dxf_ext2 *e2, const uint8_t *p,
				uint32_t room)
{
	dxf_ino_t ino = dxf_get_le32(p);
	uint32_t rec_len = dxf_get_le16(p + 4);

	if (rec_len < DXF_DIR_MIN_REC || rec_len % 4)
		return "bad entry length";
	if (rec_len > room)
		return "entry crosses the end of the block";
	if (rec_len < dxf_dir_rec_len(p[6]))
		return "entry too short for its name";
	if (!ino)
		return NULL;
	if (ino > e2->geom.ninodes)
		return "inode number out of range";
	/* Without filetype name_len has 16 bits. */
	if (!p[6] || (p[7] && !e2->geom.has_filetype))
		return "bad name length";
	return NULL;
}

static int report(const struct dxf_dirblk *b, uint32_t off, const char *what)
{
	return dxf_ext2_corrupt(b->v->dir->e2, b->v->dir->ino, b->pblk,
				"directory block %llu, offset %u: %s",
				(unsigned long long)b->lblk, off, what);
}

static void note_gap(struct dxf_dirblk *b, uint32_t off, uint32_t gap)
{
	if (gap > b->gap) {
		b->gap2 = b->gap;
		b->gap = gap;
		b->gap_at = off;
	} else if (gap > b->gap2) {
		b->gap2 = gap;
	}
}

/*
 * Is the entry at @p as nearly all are: in use and in order?  It is on the way
 * to each change of a name, for every entry of the block.
 */
static inline bool is_plain(const struct dxf_ext2 *e2, const uint8_t *p,
			    uint32_t room)
{
	uint32_t ino = dxf_get_le32(p), rec_len = dxf_get_le16(p + 4);

	return (rec_len >= dxf_dir_rec_len(p[6])) & (rec_len <= room) &
	       (rec_len % 4 == 0) & (ino - 1 < e2->geom.ninodes) &
	       (p[6] != 0) & ((p[7] == 0) | e2->geom.has_filetype);
}

static int check_entries(struct dxf_dirblk *b, bool names)
{
	const struct dxf_ext2 *e2 = b->v->dir->e2;
	const char *fault;
	uint32_t off = 0;

	while (off < b->end) {
		const uint8_t *p = b->buf + off;

		if (b->end - off < DXF_DIR_HEADER)
			return report(b, off, "no room for an entry");
		fault = is_plain(e2, p, b->end - off) ? NULL :
			header_fault(e2, p, b->end - off);
		if (fault)
			return report(b, off, fault);
		if (names && dxf_get_le32(p) &&
		    has_bad_byte(p + DXF_DIR_HEADER, p[6]))
			return report(b, off, "a '/' or NUL in a name");
		note_gap(b, off, dxf_dir_gap(p));
		dxf_dirblk_begins(b, off);
		off += dxf_get_le16(p + 4);
	}
	assert(off == b->end);
	return 0;
}

static bool has_tail(const uint8_t *tail)
{
	return dxf_get_le32(tail) == 0 &&
		dxf_get_le16(tail + 4) == DXF_DIR_TAIL &&
		tail[6] == 0 && tail[7] == DXF_DIR_TAIL_TYPE;
}

static uint32_t tail_crc(const struct dxf_dirblk *b)
{
	const struct dxf_node *dir = b->v->dir;
	uint32_t seed;

	seed = dxf_inode_csum_seed(dir->e2, dir->ino, b->v->generation);
	return dxf_crc32c(seed, b->buf, b->end);
}

/*
 * Find where the entries end, and check the checksum.  An index block is known
 * by its entry that reaches to the end, before a tail is looked for: the
 * kernel leaves the bytes of the tail that was there when it makes a root.
 */
static int check_sum(struct dxf_dirblk *b)
{
	uint32_t bsize = dxf_dirview_bsize(b->v);
	const uint8_t *tail = b->buf + bsize - DXF_DIR_TAIL;
	int r = 0;

	b->end = bsize;
	if (!b->v->dir->e2->geom.has_csum)
		return 0;
	if (b->v->flags & EXT2_INDEX_FL)
		r = dxf_dirhtree_check(b->v, b->lblk, b->buf);
	if (r < 0)
		return report(b, 0, "index checksum is wrong");
	b->dx = r > 0;
	if (b->dx)
		return 0;
	b->end = bsize - DXF_DIR_TAIL;
	if (!has_tail(tail))
		return report(b, b->end, "no checksum");
	if (!dxf_csum_fits(dxf_get_le32(tail + DXF_DIR_HEADER), tail_crc(b)))
		return report(b, b->end, "checksum is wrong");
	return 0;
}

static int read_block(struct dxf_dirblk *b, const struct dxf_dirview *v,
		      dxf_lblk_t lblk, bool names)
{
	struct dxf_run run;
	int r;

	assert(lblk < v->nblk);
	r = dxf_bmap_lookup(v->dir, v->map, lblk, 1, &run);
	/* only of a hole it matters how long it is */
	if (!r && !run.pblk)
		r = dxf_bmap_lookup(v->dir, v->map, lblk, v->nblk - lblk,
				    &run);
	if (r)
		return r;
	assert(run.lblk == lblk && run.nblk > 0);
	b->v = v;
	b->lblk = lblk;
	b->pblk = run.pblk;
	b->span = run.pblk ? 1 : run.nblk;
	b->end = 0;
	b->dx = false;
	b->gap = b->gap_at = b->gap2 = 0;
	b->none_to = b->none_need = 0;
	memset(b->begins, 0, sizeof(b->begins));
	memset(b->buf + dxf_dirview_bsize(v), 0, 8);
	if (!run.pblk)
		return 0;
	if (run.unwritten)
		return report(b, 0, "the block is unwritten");
	r = dxf_blk_read(v->dir->e2, v->dir->ino, run.pblk, b->buf);
	if (!r)
		r = check_sum(b);
	return r ? r : check_entries(b, names);
}

int dxf_dirblk_read(struct dxf_dirblk *b, const struct dxf_dirview *v,
		    dxf_lblk_t lblk)
{
	return read_block(b, v, lblk, true);
}

int dxf_dirblk_reread(struct dxf_dirblk *b, const struct dxf_dirview *v,
		      dxf_lblk_t lblk)
{
	return read_block(b, v, lblk, false);
}

void dxf_dirblk_slot(const struct dxf_dirblk *b, uint32_t off,
		     struct dxf_dirslot *s)
{
	const uint8_t *p = b->buf + off;

	assert(off + DXF_DIR_HEADER <= b->end);
	s->off = off;
	s->ino = dxf_get_le32(p);
	s->rec_len = dxf_get_le16(p + 4);
	s->name_len = p[6];
	s->type = p[7];
	s->name = (const char *)p + DXF_DIR_HEADER;
	assert(s->rec_len >= DXF_DIR_MIN_REC && off + s->rec_len <= b->end);
}

bool dxf_dirblk_has(const struct dxf_dirblk *b, uint32_t off, uint32_t *prev)
{
	uint32_t i = off / 256;
	uint64_t bit = (uint64_t)1 << off / 4 % 64, before;

	assert(off % 4 == 0);
	if (off >= b->end || !(b->begins[i] & bit))
		return false;
	*prev = 0;
	if (off == 0)
		return true;
	before = b->begins[i] & (bit - 1);
	while (!before)
		before = b->begins[--i];
	*prev = i * 256 + (63 - (uint32_t)__builtin_clzll(before)) * 4;
	return true;
}

bool dxf_dirblk_find(const struct dxf_dirblk *b, const char *name, size_t len,
		     struct dxf_dirslot *s)
{
	const uint8_t *p;

	for (uint32_t off = 0; off < b->end; off += dxf_get_le16(p + 4)) {
		p = b->buf + off;
		if (p[6] != len || !dxf_get_le32(p) ||
		    memcmp(p + DXF_DIR_HEADER, name, len))
			continue;
		dxf_dirblk_slot(b, off, s);
		return true;
	}
	return false;
}

void dxf_dirblk_format(struct dxf_dirblk *b, const struct dxf_dirview *v,
		       dxf_lblk_t lblk, dxf_blk_t pblk)
{
	uint32_t bsize = dxf_dirview_bsize(v);

	assert(bsize <= DXF_DIR_MAX_BLOCK);
	*b = (struct dxf_dirblk){ .v = v };
	b->lblk = lblk;
	b->pblk = pblk;
	b->span = 1;
	b->end = bsize;
	if (v->dir->e2->geom.has_csum)
		b->end -= DXF_DIR_TAIL;
	dxf_put_le16(b->buf + 4, b->end);
	b->gap = b->end;
	dxf_dirblk_begins(b, 0);
}

void dxf_dirblk_seal(struct dxf_dirblk *b)
{
	uint8_t *tail = b->buf + b->end;

	assert(!b->dx);
	if (!b->v->dir->e2->geom.has_csum)
		return;
	assert(b->end == dxf_dirview_bsize(b->v) - DXF_DIR_TAIL);
	dxf_put_le32(tail, 0);
	dxf_put_le16(tail + 4, DXF_DIR_TAIL);
	tail[6] = 0;
	tail[7] = DXF_DIR_TAIL_TYPE;
	dxf_put_le32(tail + DXF_DIR_HEADER, tail_crc(b));
}

int dxf_dirblk_stage(struct dxf_dirblk *b, struct dxf_txn *t, uint32_t from,
		     uint32_t to)
{
	uint32_t bsize = dxf_dirview_bsize(b->v);
	dxf_off_t base = dxf_blk_off(&b->v->dir->e2->geom, b->pblk);
	int r;

	assert(from < to && to <= b->end);
	dxf_dirblk_seal(b);
	r = dxf_txn_store(t, base + from, b->buf + from, to - from);
	if (!r && b->end < bsize)
		r = dxf_txn_store(t, base + b->end, b->buf + b->end,
				  bsize - b->end);
	return r;
}

/* ---- changes of the copy ---- */

static uint32_t rec_len(const struct dxf_dirblk *b, uint32_t off)
{
	return dxf_get_le16(b->buf + off + 4);
}

void dxf_dirblk_count_gaps(struct dxf_dirblk *b)
{
	b->gap = b->gap_at = b->gap2 = b->none_to = 0;
	for (uint32_t off = 0; off < b->end; off += rec_len(b, off))
		note_gap(b, off, dxf_dir_gap(b->buf + off));
}

static uint32_t gap_from(const struct dxf_dirblk *b, uint32_t off,
			 uint32_t need)
{
	while (dxf_dir_gap(b->buf + off) < need) {
		off += rec_len(b, off);
		assert(off < b->end);
	}
	return off;
}

/* The first place where @need bytes fit. */
static uint32_t first_gap(const struct dxf_dirblk *b, uint32_t need)
{
	uint32_t off = need >= b->none_need ? b->none_to : 0;

	/* where only one place is left, it is known */
	off = b->gap2 < need ? b->gap_at : gap_from(b, off, need);
	assert(off == gap_from(b, 0, need));
	return off;
}

uint32_t dxf_dirblk_take(struct dxf_dirblk *b, uint32_t need, uint32_t *from)
{
	uint32_t off, gap, used, len;
	uint8_t *p;

	assert(need <= b->gap);
	off = first_gap(b, need);
	p = b->buf + off;
	len = dxf_get_le16(p + 4);
	gap = dxf_dir_gap(p);
	assert(gap >= need);
	used = len - gap;
	*from = off;
	if (used) {
		dxf_put_le16(p + 4, used);
		dxf_put_le16(p + used + 4, len - used);
		dxf_dirblk_begins(b, off + used);
	}
	/* as if the new entry had all of its room by now, to count gaps */
	dxf_put_le32(p + used, 1);
	p[used + 6] = (uint8_t)DXF_MIN(need - DXF_DIR_HEADER, DXF_NAME_MAX);
	if (off == b->gap_at) {
		b->gap = gap - need;
		b->gap_at = off + used;
		if (b->gap < b->gap2)
			dxf_dirblk_count_gaps(b);
	}
	b->none_to = off + used;
	b->none_need = need;
	return off + used;
}

/* The entry at @off got more room. */
static void grow_gap(struct dxf_dirblk *b, uint32_t off, uint32_t gone)
{
	uint32_t gap = dxf_dir_gap(b->buf + off);

	b->none_to = DXF_MIN(b->none_to, off);
	if (off == b->gap_at || gone == b->gap_at) {
		assert(gap >= b->gap);
	} else if (gap >= b->gap) {
		b->gap2 = DXF_MAX(b->gap2, b->gap);
	} else {
		b->gap2 = DXF_MAX(b->gap2, gap);
		return;
	}
	b->gap = gap;
	b->gap_at = off;
}

int dxf_dirblk_unite(struct dxf_dirblk *b, struct dxf_txn *t,
		     const struct dxf_dirslot *s, uint32_t prev)
{
	uint32_t len;

	if (prev == s->off) {
		assert(s->off == 0);
		dxf_put_le32(b->buf, 0);
		grow_gap(b, 0, 0);
		return dxf_dirblk_stage(b, t, 0, 4);
	}
	len = rec_len(b, prev) + s->rec_len;
	assert(prev + len <= b->end && prev + len == s->off + s->rec_len);
	dxf_put_le16(b->buf + prev + 4, len);
	dxf_dirblk_ends(b, s->off);
	grow_gap(b, prev, s->off);
	return dxf_dirblk_stage(b, t, prev + 4, prev + 6);
}

int dxf_dirslot_match(const struct dxf_dirview *v, uint64_t off,
		      const char *name, size_t len, struct dxf_dirent *out)
{
	struct dxf_ext2 *e2 = v->dir->e2;
	uint32_t bsize = dxf_dirview_bsize(v), in = off & (bsize - 1);
	uint8_t buf[DXF_DIR_HEADER + DXF_NAME_MAX];
	struct dxf_dirslot s = { .off = in };
	const char *fault = "the block is gone";
	struct dxf_run run;
	int r;

	assert(len <= DXF_NAME_MAX && off < v->size);
	if (bsize - in < DXF_DIR_HEADER + len)
		return 0;
	r = dxf_bmap_lookup(v->dir, v->map, off >> e2->geom.block_bits, 1,
			    &run);
	if (r)
		return r;
	if (run.pblk && !run.unwritten) {
		r = dxf_ext2_read(e2, v->dir->ino,
				  dxf_blk_off(&e2->geom, run.pblk) + in, buf,
				  DXF_DIR_HEADER + len);
		if (r)
			return r;
		fault = header_fault(e2, buf, bsize - in);
	}
	if (fault)
		return dxf_ext2_corrupt(e2, v->dir->ino, run.pblk,
					"directory offset %llu: %s",
					(unsigned long long)off, fault);
	s.ino = dxf_get_le32(buf);
	s.rec_len = dxf_get_le16(buf + 4);
	s.name_len = buf[6];
	s.type = buf[7];
	s.name = (const char *)buf + DXF_DIR_HEADER;
	if (!s.ino || s.name_len != len || memcmp(s.name, name, len))
		return 0;
	dxf_dirslot_export(&s, off - in, out);
	return 1;
}

static const uint8_t dt_of_ft[EXT2_FT_MAX] = {
	[EXT2_FT_UNKNOWN] = DT_UNKNOWN,
	[EXT2_FT_REG_FILE] = DT_REG,
	[EXT2_FT_DIR] = DT_DIR,
	[EXT2_FT_CHRDEV] = DT_CHR,
	[EXT2_FT_BLKDEV] = DT_BLK,
	[EXT2_FT_FIFO] = DT_FIFO,
	[EXT2_FT_SOCK] = DT_SOCK,
	[EXT2_FT_SYMLINK] = DT_LNK,
};

void dxf_dirslot_export(const struct dxf_dirslot *s, uint64_t base,
			struct dxf_dirent *out)
{
	out->ino = s->ino;
	out->type = s->type < EXT2_FT_MAX ? dt_of_ft[s->type] : DT_UNKNOWN;
	out->name_len = s->name_len;
	out->off = base + s->off;
	out->next = out->off + s->rec_len;
	memcpy(out->name, s->name, s->name_len);
	out->name[s->name_len] = '\0';
}

uint8_t dxf_dirslot_type(const struct dxf_ext2 *e2, uint8_t dt)
{
	if (!e2->geom.has_filetype)
		return EXT2_FT_UNKNOWN;
	for (uint8_t ft = 0; ft < EXT2_FT_MAX; ft++)
		if (dt_of_ft[ft] == dt)
			return ft;
	return EXT2_FT_UNKNOWN;
}
