/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * data.h - what the files that move a file's bytes share.
 *
 * A write, a copy and a fallocate are one thing: for each stretch of a range,
 * by what lies there (written blocks, unwritten blocks, a hole) and by what is
 * wanted, store in place, fill and convert, reserve and fill and map, or leave
 * it.  struct dxf_wr says what is wanted; alloc_write.c does it.
 */
#ifndef DXF_DATA_H
#define DXF_DATA_H

#include "lacks.h"

enum dxf_wr_kind {
	DXF_WR_DATA,		/* store the source's bytes */
	DXF_WR_HOLE,		/* zeros, but no block is allocated for them */
	DXF_WR_PREALLOC,	/* allocate what is not; contents stay */
	DXF_WR_ZERO,		/* zeros, allocated */
};

struct dxf_wr {
	struct dxf_fs *fs;
	struct dxf_inode *inode;
	enum dxf_wr_kind kind;
	uint64_t start, end;	/* the whole range, in bytes of the file */
	unsigned int balloc;	/* enum dxf_balloc_flags */
	bool keep_size;
	/* DATA: the source of the byte at start; in memory, or ... */
	const uint8_t *buf;
	/* ... in a file, locked by the caller at least shared */
	struct dxf_inode *in;
	uint64_t in_off;
};

static inline unsigned int dxf_block_bits(const struct dxf_fs *fs)
{
	return fs->geom->block_bits;
}

static inline uint64_t dxf_block_size(const struct dxf_fs *fs)
{
	return fs->geom->block_size;
}

/* The part of a byte range that lies in one run. */
struct dxf_seg {
	bool mapped;		/* written blocks: at @off on media */
	dxf_off_t off;
	uint64_t len;		/* bytes, > 0 */
	struct dxf_run run;
};

/*
 * What lies at @pos of the file, up to @end (> @pos).
 * Locks: the inode's lock held at least shared.
 * Returns: 0; -errno of dxf_bmap_lookup().
 */
int dxf_seg_at(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t pos,
	       uint64_t end, struct dxf_seg *seg);

/* Data I/O takes a regular file: 0, -EISDIR, -EINVAL. */
int dxf_regular(mode_t mode);

/* ---- write.c ---- */

/*
 * Store the write's bytes from @pos on to media at @off; nothing is fenced.
 * @flags as dxf_persist_copy().
 */
int dxf_wr_store(const struct dxf_wr *w, uint64_t pos, dxf_off_t off,
		 uint64_t len, unsigned int flags);
/* The same into new blocks, with @pad zeros behind; DXF_WR_DATA. */
int dxf_wr_fill(const struct dxf_wr *w, uint64_t pos, dxf_off_t off,
		uint64_t len, uint64_t pad);
/*
 * The same into blocks that the file maps: settles what was left in the cache
 * there and remembers what this leaves there.  @inside: all of it is below the
 * end of file, so that durability=fsync may defer it.
 */
int dxf_wr_inplace(const struct dxf_wr *w, uint64_t pos, dxf_off_t off,
		   uint64_t len, bool inside);
/*
 * Remember a stored range for fsync if the media need it; without memory to
 * remember it is written back at once.
 */
int dxf_data_mark(struct dxf_fs *fs, struct dxf_inode *inode, dxf_off_t off,
		  uint64_t len);
/*
 * Zero what is mapped and written in [@from, @to): behind the end of file
 * anything may lie there.
 * Durability: volatile; the caller fences.
 */
int dxf_zero_mapped(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t from,
		    uint64_t to);
/* Does changing the data cost the file its setuid, setgid (if @suid: the
 * caller asked for these) or its capability? */
bool dxf_needs_kill_priv(struct dxf_inode *inode, const struct dxf_peek *p,
			 bool suid);
/*
 * Clip [@off, @off + *@len) to what the inode's kind of map can hold.
 * Returns: 0; -EFBIG nothing is left.
 */
int dxf_clip_to_max(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t off,
		    uint64_t *len);
/*
 * Strip them, in a transaction of its own, if there are any.
 * Locks: the inode's lock held exclusively, no transaction open.
 */
int dxf_strip_priv(struct dxf_fs *fs, struct dxf_inode *inode, bool suid);

/* ---- rescue.c ---- */

/*
 * How many bytes of @seg, which maps blocks, lie before the first block in which
 * a bad part of it is known: seg->len where none is.
 */
uint64_t dxf_before_bad(const struct dxf_fs *fs, const struct dxf_seg *seg);
/* Did a store to @seg get -EIO (@err) because of a bad block there? */
bool dxf_met_bad(const struct dxf_fs *fs, const struct dxf_seg *seg, int err);
/*
 * Store the write's bytes from @pos on, where @seg begins, to the first block
 * of it, which is bad: clears the block or moves its data elsewhere and takes
 * it out of use.  Written blocks, and unwritten ones below the end of file.
 * *@done: how many bytes that were.
 * Durability: in place volatile (the caller fences), a moved block as a
 * metadata operation.
 * Locks: the inode's lock held exclusively, no transaction open.
 * Returns: 0; -EIO: a bad part would be left in the file, the source is bad, or
 * the list of bad blocks cannot take one more; -ENOSPC no fresh block; -ENOMEM,
 * -EUCLEAN, -EROFS.
 */
int dxf_rescue(struct dxf_wr *w, uint64_t pos, const struct dxf_seg *seg,
	       uint64_t *done);

/* ---- alloc_write.c ---- */

/*
 * Do [*@pos, w->end) of @w in as few transactions as it takes.  *@pos follows
 * what is done and committed, also when it fails.
 * Locks: the inode's lock held exclusively, no transaction open.
 * Returns: 0; -ENOSPC; -EFBIG; -EIO, -EUCLEAN, -ENOMEM, -EROFS.
 */
int dxf_wr_range(struct dxf_wr *w, uint64_t *pos);

/*
 * After -ENOSPC: give back what others could use.  Locks: none held.
 * Returns: true if it is worth one more try.
 */
bool dxf_make_room(struct dxf_fs *fs, struct dxf_inode *inode);

/* ---- truncate.c ---- */

/*
 * Free what is mapped behind the end of file, off the orphan list.
 * Locks: the inode's lock held exclusively, no transaction open.
 */
int dxf_truncate_settle(struct dxf_fs *fs, struct dxf_inode *inode);
/* The number of blocks that @size bytes need: the first behind them. */
dxf_lblk_t dxf_blocks_of(const struct dxf_fs *fs, uint64_t size);
/* Forget dirty ranges of [@from, @to), about to be unmapped. */
struct dxf_drop {
	int n;
	struct {
		dxf_off_t start, end;
	} r[32];
};
void dxf_drop_collect(struct dxf_fs *fs, struct dxf_inode *inode,
		      uint64_t from, uint64_t to, struct dxf_drop *d);
void dxf_drop_apply(struct dxf_inode *inode, const struct dxf_drop *d);

/* ---- attr.c ---- */

/*
 * Change @di by @sa (size excepted), with what follows: stripped privileges,
 * the access ACL, ctime.
 */
int dxf_setattr_apply(struct dxf_op *op, struct dxf_inode *inode,
		      struct dxf_dinode *di, const struct dxf_setattr *sa);

/* ---- sync.c ---- */

/* O_SYNC, sync and the like: after a change of data. */
int dxf_sync_data_after(struct dxf_fs *fs, struct dxf_inode *inode,
			bool o_sync);
/* Can there be data that a returned write did not make durable? */
bool dxf_data_is_deferred(const struct dxf_fs *fs);
/*
 * Write back the data of many inodes: collect for each in turn, which on page
 * media only hands over to fs->rest; dxf_flush_rest() is to follow.
 * Returns: 0; -EIO, sticky: the filesystem is read-only from now on.
 */
int dxf_flush_collect(struct dxf_fs *fs, struct dxf_inode *inode);
/* The tree of an inode, made at its first use; NULL without memory. */
struct dxf_dirty *dxf_inode_dirty(struct dxf_inode *inode);
/* The same without making one. */
static inline struct dxf_dirty *dxf_inode_dirty_peek(struct dxf_inode *inode)
{
	return __atomic_load_n(&inode->dirty, __ATOMIC_ACQUIRE);
}

#endif
