/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext2_priv.h - what the files of lib/ext2 share and nobody else sees.
 */
#ifndef DXF_EXT2_PRIV_H
#define DXF_EXT2_PRIV_H

#include <assert.h>

#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

#include "ext2.h"
#include "fault.h"
#include "hash.h"
#include "lock.h"
#include "mutate.h"

/*
 * A block group in memory.  The counters follow the descriptors after each
 * commit; at most 128 bytes with its share of the fixed extents, since a large
 * filesystem has many.
 */
struct dxf_group {
	dxf_blk_t block_bitmap;
	dxf_blk_t inode_bitmap;
	dxf_blk_t inode_table;
	/*
	 * Counters and flags follow the commits, under both the metadata lock and
	 * alloc_lock: whoever has either may read them.  The rest is protected by
	 * alloc_lock.
	 */
	uint32_t free_blocks;
	uint32_t free_inodes;
	uint32_t used_dirs;
	uint32_t itable_unused;
	uint16_t flags;			/* EXT2_BG_*, 0 without gdt checksums */
	/* DXF_BG_*, ours; atomic: what is set under alloc_lock stays */
	uint8_t checked;
	bool no_huge;			/* no 2 MiB piece is free */
	uint32_t nresv;			/* bits set in resv */
	uint32_t nquar;			/* of them: freed by the open txn */
	uint32_t nsoft;			/* bits set in soft */
	uint64_t *resv;			/* reserved blocks, or NULL: none */
	uint64_t *soft;			/* blocks in somebody's window, or NULL */
	uint32_t hint;			/* no block is free below this bit */
	uint32_t hint_soft;		/* none that is in no window, either */
	uint32_t longest;		/* no free run is longer than this */
	/* protected by the metadata lock: no inode is free below this */
	uint32_t ihint;
};
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "the disk's structures are used as they are");
static_assert(sizeof(struct dxf_group) <= 96, "128 bytes with the extents");

enum dxf_group_checked {
	DXF_BG_BLOCKS_OK = 1 << 0,	/* the block bitmap was checked */
	DXF_BG_BLOCKS_BAD = 1 << 1,	/* ... and is damaged: not used */
	DXF_BG_INODES_OK = 1 << 2,
	DXF_BG_INODES_BAD = 1 << 3,
};

/* A stretch of blocks with metadata at a fixed place. */
struct dxf_fixed {
	dxf_blk_t start;
	dxf_blk_t end;
};

#define DXF_SPARE_MAPS	4
#define DXF_HUGE	(2 * DXF_MIB)

struct dxf_acc;
struct dxf_ext2_errlog;

struct dxf_ext2 {
	/* constant after open */
	struct dxf_txnmgr *txnmgr;
	struct dxf_region *region;
	struct dxf_geom geom;
	struct dxf_ext2_opts opts;
	bool has_gdt_csum;		/* gdt_csum or metadata_csum (has_csum) */
	bool was_clean;			/* VALID_FS stood at mount */
	uint32_t csum_seed;		/* metadata_csum */
	struct dxf_hash_key hash_key;	/* for the name indexes */
	uint32_t desc_size;
	uint32_t itable_blocks;		/* per group */
	/* blocks of 2 MiB, and a block that begins so many bytes in memory */
	uint32_t huge_blocks;		/* 0: none begins a block */
	uint32_t huge_first;
	uint32_t want_extra_isize;
	uint32_t ndesc_blocks;
	dxf_blk_t *desc_loc;		/* block of each descriptor block */
	struct dxf_fixed *fixed;	/* sorted, disjoint */
	size_t nfixed;
	ext2_filsys fs;			/* while opening only */

	/* protected by the metadata lock */
	struct dxf_acc *acc;		/* what the open transaction changes */
	uint64_t generations;		/* counter behind i_generation */
	struct dxf_dirkept *kept;	/* dirkept.c's */

	struct dxf_mutex alloc_lock;	/* DXF_RANK_ALLOC */
	/* protected by alloc_lock */
	struct dxf_group *groups;
	uint64_t free_blocks;
	uint64_t free_inodes;
	uint64_t used_dirs;
	uint64_t reserved;		/* reserved, not yet committed blocks */
	uint32_t next_dir_group;
	uint64_t *scratch;		/* one block: a bitmap being searched */
	/* zeroed maps kept for the next groups: an allocation makes two */
	uint64_t *spare_map[DXF_SPARE_MAPS];
	unsigned int nspare;

	struct dxf_mutex err_lock;	/* DXF_RANK_LEAF */
	struct dxf_ext2_errlog *errlog;	/* corrupt.c's */
	struct dxf_mutex index_lock;	/* DXF_RANK_LEAF; dirindex.c's */
	struct dxf_dirindex_lru *index_lru;
	struct dxf_dirpark *park;	/* dirpark.c's, by index_lock */
	uint32_t looks;			/* atomic: dirindex.c's */
};

/*
 * errcode_t -> errno, by one table (err.c); damage becomes EUCLEAN.
 * Returns: a positive errno; 0 for 0.
 */
int dxf_ext2_errno(errcode_t ec);

/* A libext2fs call under the fault plan: ec = DXF_E2(ext2fs_foo(...)). */
#define DXF_E2(call) \
	(dxf_fault(DXF_FAULT_EXT2FS) ? (errcode_t)EXT2_ET_NO_MEMORY : (call))

/* The name indexes of @e2 (dirindex.c): at open, and when no node is left. */
int dxf_dirindex_open(struct dxf_ext2 *e2);
void dxf_dirindex_close(struct dxf_ext2 *e2);
/* The kept directory blocks (dirkept.c).  Returns: 0, -ENOMEM. */
int dxf_dirkept_open(struct dxf_ext2 *e2);
/* The parked indexes (dirpark.c), the same. */
int dxf_dirpark_open(struct dxf_ext2 *e2);
void dxf_dirpark_close(struct dxf_ext2 *e2);
void dxf_dirkept_close(struct dxf_ext2 *e2);

/*
 * dxf_txn_read() for metadata, of @ino (0: of none): an error of the media is
 * an error of the filesystem, recorded and answered by the errors= policy.
 * Returns: 0, -EIO.
 */
int dxf_ext2_read(struct dxf_ext2 *e2, dxf_ino_t ino, dxf_off_t off, void *buf,
		  size_t len);
/* The same for a block. */
int dxf_blk_read(struct dxf_ext2 *e2, dxf_ino_t ino, dxf_blk_t blk, void *buf);

/* crc32c as the format uses it, chained: no inversion before or after. */
uint32_t dxf_crc32c(uint32_t seed, const void *buf, size_t len);

/* Is the checksum found on media, @is, the one that its bytes have? */
static inline bool dxf_csum_fits(uint32_t is, uint32_t computed)
{
	return is == computed || dxf_mutated(DXF_MUT_EXT2_CSUM);
}

/* The seed of an inode's checksums: csum_seed, number, generation. */
uint32_t dxf_inode_csum_seed(const struct dxf_ext2 *e2, dxf_ino_t ino,
			     uint32_t generation);

#endif
