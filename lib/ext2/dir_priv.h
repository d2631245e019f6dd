/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dir_priv.h - what the directory files share: a view of a directory, a block
 * of it in memory, and the index of its names.
 *
 *	dirblock.c	blocks: read, validate, search, gaps, checksums
 *	dirhtree.c	index blocks of on-disk htrees
 *	dirtable.c	the tables of an index, pure memory
 *	dirindex.c	life of indexes: pin, evict, abort
 *	dirbuild.c	their contents, read from the directory
 *	dirpark.c	those of directories that are not in memory
 *	dirkept.c	blocks kept from one change to the next
 *	dirread.c	views, lookup, iterate
 *	dir.c		changes
 */
#ifndef DXF_DIR_PRIV_H
#define DXF_DIR_PRIV_H

#include "dir.h"
#include "ext2_priv.h"
#include "le.h"

#define DXF_DIR_MAX_BLOCK	4096u
#define DXF_DIR_HEADER		8u	/* of an entry, before the name */
#define DXF_DIR_MIN_REC		12u
#define DXF_DIR_TAIL		12u	/* the entry that holds the checksum */
#define DXF_DIR_TAIL_TYPE	0xdeu
/*
 * The greatest size of a directory we make: the index addresses entries by 32
 * bits of (offset / 4) + 1.
 */
#define DXF_DIR_MAX_SIZE	((uint64_t)1 << 34)

/* The length of an entry for a name of @name_len bytes. */
static inline uint32_t dxf_dir_rec_len(uint32_t name_len)
{
	return (DXF_DIR_HEADER + name_len + 3) & ~3u;
}

/* The longest entry that the room of the entry at @p, of a validated block,
 * still takes. */
static inline uint32_t dxf_dir_gap(const uint8_t *p)
{
	uint32_t used = dxf_get_le32(p) ? dxf_dir_rec_len(p[6]) : 0;

	return dxf_get_le16(p + 4) - used;
}

static inline bool dxf_dir_is_dot(const char *name, size_t len)
{
	return (len == 1 || (len == 2 && name[1] == '.')) && name[0] == '.';
}

/*
 * A directory as one operation sees it: as committed, or as the copy of its
 * inode that a transaction is changing says.
 */
struct dxf_dirview {
	struct dxf_node *dir;
	const struct dxf_dinode *map;	/* what dxf_bmap_lookup() is given */
	uint64_t size;
	uint64_t nblk;
	uint32_t flags;
	uint32_t generation;
};

/*
 * Look at @dir through @di, a transaction's copy; NULL: as it is committed.
 * Returns: 0; -EUCLEAN the size is impossible (reported).
 */
int dxf_dirview_init(struct dxf_dirview *v, struct dxf_node *dir,
		     const struct dxf_dinode *di);

static inline uint32_t dxf_dirview_bsize(const struct dxf_dirview *v)
{
	return v->dir->e2->geom.block_size;
}

/* ---- dirblock.c ---- */

/* A block, copied from media and validated. */
struct dxf_dirblk {
	const struct dxf_dirview *v;
	dxf_lblk_t lblk;
	dxf_blk_t pblk;		/* 0: a hole, it has no entries */
	uint64_t span;		/* blocks to step over: 1, or the hole's */
	uint32_t end;		/* of the entries; the tail lies behind it */
	bool dx;		/* checksummed as an htree block: no tail */
	/*
	 * The longest entry that would fit in, and where; nowhere else does one
	 * longer than gap2 fit.
	 */
	uint32_t gap, gap_at, gap2;
	/* Before the entry at none_to none of none_need bytes fits. */
	uint32_t none_to, none_need;
	/* A bit for each 4 bytes: does an entry begin there? */
	uint64_t begins[DXF_DIR_MAX_BLOCK / 4 / 64];
	/* A name may be read in words, up to 7 bytes past the block. */
	uint8_t buf[DXF_DIR_MAX_BLOCK + 8];
};

/* An entry of a block; @name points into it. */
struct dxf_dirslot {
	uint32_t off;		/* in the block */
	dxf_ino_t ino;		/* 0: unused */
	uint32_t rec_len;
	uint8_t name_len;
	uint8_t type;		/* EXT2_FT_*, 0 without filetype */
	const char *name;
};

/*
 * Read and validate block @lblk < v->nblk.
 * Returns: 0 (also for a hole); -EIO; -EUCLEAN (reported); -ENOMEM.
 */
int dxf_dirblk_read(struct dxf_dirblk *b, const struct dxf_dirview *v,
		    dxf_lblk_t lblk);
/*
 * The same for a block that was read before, when the index was built: it is
 * checked again for what a change relies on, which names are not.
 */
int dxf_dirblk_reread(struct dxf_dirblk *b, const struct dxf_dirview *v,
		      dxf_lblk_t lblk);
/* Decode the entry at @off < b->end of a validated block. */
void dxf_dirblk_slot(const struct dxf_dirblk *b, uint32_t off,
		     struct dxf_dirslot *s);
static inline void dxf_dirblk_begins(struct dxf_dirblk *b, uint32_t off)
{
	b->begins[off / 256] |= (uint64_t)1 << off / 4 % 64;
}

static inline void dxf_dirblk_ends(struct dxf_dirblk *b, uint32_t off)
{
	b->begins[off / 256] &= ~((uint64_t)1 << off / 4 % 64);
}

/*
 * Does an entry begin at @off, a multiple of 4?  *@prev is where the one before
 * it begins; @off itself if it is the first.
 */
bool dxf_dirblk_has(const struct dxf_dirblk *b, uint32_t off, uint32_t *prev);
/* Find a name.  Returns: was it there? */
bool dxf_dirblk_find(const struct dxf_dirblk *b, const char *name, size_t len,
		     struct dxf_dirslot *s);
/* The longest entry that fits into the block as it is; 0: none. */
static inline uint32_t dxf_dirblk_max_gap(const struct dxf_dirblk *b)
{
	/* An index block: it has no tail, nothing can be put there. */
	return b->dx ? 0 : b->gap;
}
/*
 * Find room for an entry of @need <= b->gap bytes, and take it.
 * Returns: where the new entry is; *@from is the first byte that changed, in
 * the entry that was shortened for it.
 */
uint32_t dxf_dirblk_take(struct dxf_dirblk *b, uint32_t need, uint32_t *from);
/*
 * Unite entry @s with the one before it, at @prev (itself: it becomes unused).
 * Returns: 0; as dxf_dirblk_stage().
 */
int dxf_dirblk_unite(struct dxf_dirblk *b, struct dxf_txn *t,
		     const struct dxf_dirslot *s, uint32_t prev);
/* Entries of the block got longer or shorter names in the room they had. */
void dxf_dirblk_count_gaps(struct dxf_dirblk *b);
/* Make the block, in memory, one empty entry (and a tail). */
void dxf_dirblk_format(struct dxf_dirblk *b, const struct dxf_dirview *v,
		       dxf_lblk_t lblk, dxf_blk_t pblk);
/* Renew the checksum in the tail, if there is to be one. */
void dxf_dirblk_seal(struct dxf_dirblk *b);
/* Seal, and stage the bytes [@from, @to) and the tail. */
int dxf_dirblk_stage(struct dxf_dirblk *b, struct dxf_txn *t, uint32_t from,
		     uint32_t to);
/*
 * Read the one entry at byte offset @off of the directory, in a block that was
 * validated before, and check it: does it have this name?
 * Returns: 1, and it is in *@out; 0; -EIO; -EUCLEAN (reported); -ENOMEM.
 */
int dxf_dirslot_match(const struct dxf_dirview *v, uint64_t off,
		      const char *name, size_t len, struct dxf_dirent *out);
/* Copy an entry out; @base is the byte offset of its block. */
void dxf_dirslot_export(const struct dxf_dirslot *s, uint64_t base,
			struct dxf_dirent *out);
/* EXT2_FT_* of a DT_*, 0 where the filesystem does not keep it. */
uint8_t dxf_dirslot_type(const struct dxf_ext2 *e2, uint8_t dt);

/* ---- dirkept.c: inside a transaction ---- */

/*
 * Block @lblk < v->nblk as dxf_dirblk_read() or, without @names, _reread()
 * give it, to be looked at and changed until the next call.
 */
int dxf_dirkept_read(struct dxf_dirblk **out, const struct dxf_dirview *v,
		     struct dxf_txn *t, dxf_lblk_t lblk, bool names);
/* Is block @lblk in memory?  Then who changes it has to change that, too. */
bool dxf_dirkept_holds(const struct dxf_dirview *v, struct dxf_txn *t,
		       dxf_lblk_t lblk);
/* The same for a new block, formatted.  Cannot fail. */
struct dxf_dirblk *dxf_dirkept_new(const struct dxf_dirview *v,
				   struct dxf_txn *t, dxf_lblk_t lblk,
				   dxf_blk_t pblk);
/* The directory @ino begins, or its blocks change elsewhere. */
void dxf_dirkept_forget(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino);

/* ---- dirhtree.c ---- */

/*
 * With metadata_csum, in a directory with an htree: does the block have the
 * shape of an index block (no tail), and does its checksum fit?
 * Returns: 1; 0 not such a block; -EUCLEAN the checksum is wrong (not
 * reported).
 */
int dxf_dirhtree_check(const struct dxf_dirview *v, dxf_lblk_t lblk,
		       const uint8_t *buf);
/*
 * Make the directory linear, in @t: clears EXT2_INDEX_FL in @di; with
 * metadata_csum the index blocks become empty ones with tails.
 */
int dxf_dirhtree_linearize(struct dxf_node *dir, struct dxf_dinode *di,
			   struct dxf_txn *t);

/* ---- dirtable.c ---- */

/*
 * An open-addressing table of (hash, place) with linear probing, and a max
 * tree over the gaps of the blocks.  All zero is an empty one.
 */
struct dxf_dirtable {
	struct dxf_dirkey *keys;
	uint32_t nkeys;		/* capacity, a power of two, or 0 */
	uint32_t used;
	uint16_t *gaps;		/* [1, 2 * ngaps): node i over 2i and 2i + 1 */
	uint32_t ngaps;		/* leaves, a power of two, or 0 */
};

/* One name: 8 bytes. */
struct dxf_dirkey {
	uint32_t hash;
	uint32_t place;		/* offset / 4 + 1; 0: free */
};

void dxf_dirtable_free(struct dxf_dirtable *t);
uint64_t dxf_dirtable_bytes(const struct dxf_dirtable *t);
/*
 * The capacities needed for one more name and for @nblk blocks; equal to the
 * present ones when nothing has to grow.
 */
uint32_t dxf_dirtable_want_keys(const struct dxf_dirtable *t);
uint32_t dxf_dirtable_want_gaps(const struct dxf_dirtable *t, uint64_t nblk);
/* Resize.  Returns: 0; -ENOMEM, nothing changed. */
int dxf_dirtable_resize_keys(struct dxf_dirtable *t, uint32_t nkeys);
int dxf_dirtable_resize_gaps(struct dxf_dirtable *t, uint32_t ngaps);
/* There must be room. */
void dxf_dirtable_add(struct dxf_dirtable *t, uint32_t hash, uint64_t off);
/* Returns: was it there? */
bool dxf_dirtable_del(struct dxf_dirtable *t, uint32_t hash, uint64_t off);
/*
 * The places of names with @hash, one by one: *@pos starts as the hash.
 * Returns: false at the end.
 */
bool dxf_dirtable_next(const struct dxf_dirtable *t, uint32_t hash,
		       uint32_t *pos, uint64_t *off);
void dxf_dirtable_set_gap(struct dxf_dirtable *t, dxf_lblk_t blk, uint32_t gap);
/* The first block with a gap of @need bytes.  Returns: false: none. */
bool dxf_dirtable_find_gap(const struct dxf_dirtable *t, uint32_t need,
			   dxf_lblk_t *blk);

/* ---- dirindex.c ---- */

/* Unreadable blocks that an index may have; they are searched one by one. */
#define DXF_DIRINDEX_NBAD	8

struct dxf_dirindex {
	struct dxf_dirtable tab;
	dxf_lblk_t bad[DXF_DIRINDEX_NBAD];
	uint32_t nbad;
	int32_t pins;		/* atomic; >= 0 ready, < 0 see dirindex.c */
	bool recent;		/* atomic; used since the clock came by */
	bool broken;		/* atomic; to be dropped, not to be used */
	struct dxf_ext2 *e2;
	/* protected by e2->index_lock */
	struct dxf_dirindex *prev, *next;
	uint64_t bytes;		/* what is accounted for; > 0: on the list */
	uint64_t refused;	/* the limit that it alone would exceed */
	/* protected by the metadata lock */
	struct dxf_txn_hook hook;
	bool hooked;		/* the open transaction may have changed it */
};

/*
 * Pin the index of the directory, building it if need be.
 * Returns: the index; NULL: none, scan (the directory is small, or there is no
 * memory, or too much of it cannot be read).
 */
struct dxf_dirindex *dxf_dirindex_get(const struct dxf_dirview *v);
void dxf_dirindex_put(struct dxf_dirindex *idx);
/* Nobody has it pinned, nor can come by it. */
void dxf_dirindex_free(struct dxf_dirindex *idx);

/*
 * The same for a change by @t: from here to the end of the transaction the
 * index cannot be evicted, and an abort drops it.
 */
struct dxf_dirindex *dxf_dirindex_get_change(const struct dxf_dirview *v,
					     struct dxf_txn *t);
/*
 * Follow a change.  They cannot fail: without memory the index is given up at
 * the end of the transaction and not used before.  @off is a byte offset.
 */
void dxf_dirindex_add(struct dxf_dirindex *idx, const char *name, size_t len,
		      uint64_t off);
void dxf_dirindex_del(struct dxf_dirindex *idx, const char *name, size_t len,
		      uint64_t off);
void dxf_dirindex_set_gap(struct dxf_dirindex *idx, dxf_lblk_t lblk,
			  uint32_t gap);

uint32_t dxf_dirindex_hash(const struct dxf_ext2 *e2, const char *name,
			   size_t len);

/*
 * For whoever has the index for itself (dirindex.c).  Resize the tables within
 * the limit.  Returns: false: no memory.
 */
bool dxf_dirindex_resize(struct dxf_dirindex *idx, uint32_t nkeys,
			 uint32_t ngaps);

/* ---- dirpark.c: indexes without a node ---- */

/* The node of @dir goes, its index @idx stays for its next life. */
void dxf_dirpark_put(const struct dxf_node *dir, struct dxf_dirindex *idx);
/* Returns: the directory's index of before, the caller's now; NULL: none. */
struct dxf_dirindex *dxf_dirpark_take(const struct dxf_node *dir);
/* The directory is gone. */
void dxf_dirpark_forget(struct dxf_ext2 *e2, dxf_ino_t ino);

/* ---- dirbuild.c ---- */

/*
 * Read the names of the directory into the empty tables; what cannot be read
 * is in idx->bad.
 * Returns: false: no memory, or too much of it cannot be read.
 */
bool dxf_dirindex_fill(struct dxf_dirindex *idx, const struct dxf_dirview *v);
/*
 * One more name.  @share: those so far are in one of so many parts of the
 * directory, of which all will come.
 * Returns: false: no memory.
 */
bool dxf_dirindex_add_key(struct dxf_dirindex *idx, uint32_t hash,
			  uint64_t off, uint64_t share);

#endif
