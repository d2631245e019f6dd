/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext2_priv.h - what the files of lib/ext2 share and nobody else sees.
 */
#ifndef DXF_EXT2_PRIV_H
#define DXF_EXT2_PRIV_H

#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

#include "ext2.h"
#include "hash.h"
#include "lock.h"

/*
 * A block group in memory.  The counters follow the descriptors after each
 * commit; at most 128 bytes, since a large filesystem has many.
 */
struct dxf_group {
	dxf_blk_t block_bitmap;
	dxf_blk_t inode_bitmap;
	dxf_blk_t inode_table;
	/* protected by alloc_lock */
	uint32_t free_blocks;
	uint32_t free_inodes;
	uint32_t used_dirs;
	uint32_t itable_unused;
	uint16_t flags;			/* EXT2_BG_* */
	uint32_t nresv;			/* bits set in resv */
	uint8_t *resv;			/* reserved blocks, or NULL: none */
	uint8_t *soft;			/* blocks in somebody's window, or NULL */
	uint32_t nsoft;
	uint32_t hint;			/* no free run is known below this bit */
	uint8_t *iresv;			/* inodes chosen or freed by the open txn */
	uint32_t niresv;
};

struct dxf_ext2 {
	/* constant after open */
	struct dxf_txnmgr *txnmgr;
	struct dxf_region *region;
	struct dxf_geom geom;
	struct dxf_ext2_opts opts;
	uint32_t csum_seed;		/* metadata_csum */
	struct dxf_hash_key hash_key;	/* for the name indexes */
	uint32_t desc_size;
	dxf_blk_t *desc_loc;		/* block of each descriptor block */
	bool was_clean;			/* VALID_FS stood at mount */

	struct dxf_mutex alloc_lock;	/* DXF_RANK_ALLOC */
	/* protected by alloc_lock */
	struct dxf_group *groups;
	uint64_t free_blocks;
	uint64_t free_inodes;
	uint64_t reserved;		/* reserved, not yet published blocks */
	uint32_t next_dir_group;

	struct dxf_mutex fs_lock;	/* DXF_RANK_EXT2FS */
	/* protected by fs_lock */
	ext2_filsys fs;

	struct dxf_mutex err_lock;	/* DXF_RANK_LEAF */
	struct dxf_ext2_errors *errors;	/* super.c's */
	struct dxf_mutex index_lock;	/* DXF_RANK_LEAF; dirindex.c's */
	struct dxf_dirindex_lru *index_lru;
};

/* errcode_t -> errno, by one table (err.c).  Returns: a positive errno; 0 for 0. */
int dxf_ext2_errno(errcode_t ec);

/*
 * A chain of libext2fs calls: takes fs_lock, flushes its inode cache; end
 * clears the DIRTY flags that the calls set and releases the lock.  Within,
 * the io_manager reads with dxf_txn_read() and writes with dxf_txn_store() to
 * the calling thread's transaction; ext2fs_write_inode() goes to @di if that
 * is not NULL (i_block and flags are copied into it), else fails.
 */
ext2_filsys dxf_ext2fs_begin(struct dxf_ext2 *e2, dxf_ino_t ino,
			     struct dxf_dinode *di);
void dxf_ext2fs_end(struct dxf_ext2 *e2);
/* The inode as libext2fs wants it for ext2fs_extent_open2(), from @di. */
struct dxf_dinode;
void dxf_dinode_to_ext2fs(const struct dxf_dinode *di,
			  struct ext2_inode_large *out);

/* The io_manager over region and transactions (io_dax.c). */
extern struct struct_io_manager dxf_io_manager;

/* Read a block through dxf_txn_read. */
int dxf_blk_read(struct dxf_ext2 *e2, dxf_blk_t blk, void *buf);

/* crc32c (libext2fs's), chained. */
static inline uint32_t dxf_crc32c(uint32_t seed, const void *buf, size_t len)
{
	return ext2fs_crc32c_le(seed, buf, len);
}

/* The seed of an inode's checksums: csum_seed, number, generation. */
uint32_t dxf_inode_csum_seed(const struct dxf_ext2 *e2, dxf_ino_t ino,
			     uint32_t generation);

#endif
