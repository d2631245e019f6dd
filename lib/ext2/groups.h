/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * groups.h - block groups: descriptors, bitmaps, and what the open transaction
 * does to them.
 *
 * Three views of a group: media; media with the open transaction laid over it
 * (the thread that has it sees this through dxf_txn_read()); and struct
 * dxf_group in memory, which follows the commits.
 */
#ifndef DXF_GROUPS_H
#define DXF_GROUPS_H

#include "bits.h"
#include "ext2_priv.h"

/* ---- geometry ---- */

static inline uint32_t dxf_group_of_blk(const struct dxf_ext2 *e2,
					dxf_blk_t blk)
{
	return (uint32_t)((blk - e2->geom.first_block) /
			  e2->geom.blocks_per_group);
}

static inline dxf_blk_t dxf_group_first(const struct dxf_ext2 *e2,
					uint32_t group)
{
	return e2->geom.first_block +
		(dxf_blk_t)group * e2->geom.blocks_per_group;
}

/* Blocks in the group: the last one may be short. */
static inline uint32_t dxf_group_nblocks(const struct dxf_ext2 *e2,
					 uint32_t group)
{
	return (uint32_t)DXF_MIN((dxf_blk_t)e2->geom.blocks_per_group,
				 e2->geom.nblocks - dxf_group_first(e2, group));
}

static inline uint32_t dxf_group_of_ino(const struct dxf_ext2 *e2,
					dxf_ino_t ino)
{
	return (ino - 1) / e2->geom.inodes_per_group;
}

/* ---- descriptors (desc.c) ---- */

/* A descriptor as on media, to be changed and stored back. */
struct dxf_desc {
	uint32_t group;
	union {
		struct ext4_group_desc d;
		uint8_t raw[EXT2_MAX_DESC_SIZE];
	};
};

/* The checksum that belongs into bg_checksum; 0 without gdt checksums. */
uint16_t dxf_desc_csum(const struct dxf_ext2 *e2, const struct dxf_desc *d);
/* Read through the open transaction.  Returns: 0, -EIO. */
int dxf_desc_read(struct dxf_ext2 *e2, uint32_t group, struct dxf_desc *d);
/* Stage it with its checksum renewed.  Returns: 0, -errno of the store. */
int dxf_desc_store(struct dxf_ext2 *e2, struct dxf_txn *t, struct dxf_desc *d);

dxf_blk_t dxf_desc_block_bitmap(const struct dxf_ext2 *e2,
				const struct dxf_desc *d);
dxf_blk_t dxf_desc_inode_bitmap(const struct dxf_ext2 *e2,
				const struct dxf_desc *d);
dxf_blk_t dxf_desc_inode_table(const struct dxf_ext2 *e2,
			       const struct dxf_desc *d);
uint32_t dxf_desc_free_blocks(const struct dxf_ext2 *e2,
			      const struct dxf_desc *d);
uint32_t dxf_desc_free_inodes(const struct dxf_ext2 *e2,
			      const struct dxf_desc *d);
uint32_t dxf_desc_used_dirs(const struct dxf_ext2 *e2,
			    const struct dxf_desc *d);
uint32_t dxf_desc_itable_unused(const struct dxf_ext2 *e2,
				const struct dxf_desc *d);
/* EXT2_BG_*; 0 without gdt checksums, where the field means nothing. */
uint16_t dxf_desc_flags(const struct dxf_ext2 *e2, const struct dxf_desc *d);
void dxf_desc_set_free_blocks(const struct dxf_ext2 *e2, struct dxf_desc *d,
			      uint32_t n);
void dxf_desc_set_free_inodes(const struct dxf_ext2 *e2, struct dxf_desc *d,
			      uint32_t n);
void dxf_desc_set_used_dirs(const struct dxf_ext2 *e2, struct dxf_desc *d,
			    uint32_t n);
void dxf_desc_set_itable_unused(const struct dxf_ext2 *e2, struct dxf_desc *d,
				uint32_t n);
/* Bitmap checksums, crc32c cut to what the descriptor has room for. */
void dxf_desc_set_block_csum(const struct dxf_ext2 *e2, struct dxf_desc *d,
			     uint32_t crc);
void dxf_desc_set_inode_csum(const struct dxf_ext2 *e2, struct dxf_desc *d,
			     uint32_t crc);
bool dxf_desc_block_csum_ok(const struct dxf_ext2 *e2,
			    const struct dxf_desc *d, uint32_t crc);
bool dxf_desc_inode_csum_ok(const struct dxf_ext2 *e2,
			    const struct dxf_desc *d, uint32_t crc);

/* ---- fixed metadata (fixed.c) ---- */

/* Set the bits of @group's fixed metadata in @map. */
void dxf_fixed_mark(const struct dxf_ext2 *e2, uint32_t group, uint64_t *map);
/* All bits of @group's fixed metadata are set in @map. */
bool dxf_fixed_marked(const struct dxf_ext2 *e2, uint32_t group,
		      const uint64_t *map);

/* ---- bitmaps (bitmap.c) ---- */

/*
 * Load the words of @group's block bitmap that hold bits [@from, @to) to their
 * places in @map (a block); that of an uninitialised group is built.  @uninit:
 * as the caller's view of the descriptor says.
 * Returns: 0, -EIO.
 */
int dxf_bitmap_load(struct dxf_ext2 *e2, uint32_t group, bool uninit,
		    uint64_t *map, uint32_t from, uint32_t to);
/*
 * First use of a group's block bitmap: its checksum and the bits of the fixed
 * metadata must be right.  @map is a scratch block.
 * Locks: alloc_lock.
 * Returns: 0; -EIO; -EUCLEAN: reported once, the group is not used.
 */
int dxf_bitmap_check_blocks(struct dxf_ext2 *e2, uint32_t group,
			    uint64_t *map);
/* The same for the inode bitmap (checksum only). */
int dxf_bitmap_check_inodes(struct dxf_ext2 *e2, uint32_t group,
			    uint64_t *map);
/* The same without the lock, which only the first use takes. */
int dxf_bitmap_use_blocks(struct dxf_ext2 *e2, uint32_t group);
int dxf_bitmap_use_inodes(struct dxf_ext2 *e2, uint32_t group);

/* DXF_BG_*: what is known of the group's bitmaps. */
static inline uint8_t dxf_group_checked(const struct dxf_group *g)
{
	return __atomic_load_n(&g->checked, __ATOMIC_ACQUIRE);
}

/* The block bitmap's bits behind the group's end, as the format wants them. */
void dxf_bitmap_pad(const struct dxf_ext2 *e2, uint32_t nbits, uint64_t *map);
/* crc32c over the bits that the format's checksum covers. */
uint32_t dxf_bitmap_csum(const struct dxf_ext2 *e2, const uint64_t *map,
			 uint32_t nbits);
/* An empty map for e2's groups, from the spare one if there is one. */
uint64_t *dxf_map_get(struct dxf_ext2 *e2);
/* Give back a map whose bits are all clear. */
void dxf_map_put(struct dxf_ext2 *e2, uint64_t *map);

/* ---- what the open transaction changes (acc.c) ---- */

/* The counters of a group as the open transaction leaves them. */
struct dxf_gacc {
	uint32_t group;
	uint32_t free_blocks;
	uint32_t free_inodes;
	uint32_t used_dirs;
	uint32_t itable_unused;
	uint16_t flags;
};

enum dxf_ev_kind {
	DXF_EV_PUBLISHED,	/* reserved by the caller, who cancels on abort */
	DXF_EV_ONE,		/* reserved by dxf_balloc_one(), cancelled here */
	DXF_EV_FREED,		/* in quarantine until the end */
	DXF_EV_INODE_FREED,	/* start is an inode number */
};

int dxf_acc_init(struct dxf_ext2 *e2);
void dxf_acc_fini(struct dxf_ext2 *e2);
/* A block of scratch memory of the open transaction. */
uint64_t *dxf_acc_map(struct dxf_ext2 *e2);
/*
 * The group's entry, made from e2->groups at its first use; valid until the
 * next call.  Returns: 0, -ENOMEM.
 */
int dxf_acc_group(struct dxf_ext2 *e2, struct dxf_txn *t, uint32_t group,
		  struct dxf_gacc **out);
/* The group's counters in the view of @t (NULL: of the last commit). */
struct dxf_gacc dxf_acc_view(struct dxf_ext2 *e2, const struct dxf_txn *t,
			     uint32_t group);
/* Room for @n more events, so that dxf_acc_event() cannot fail. */
int dxf_acc_reserve(struct dxf_ext2 *e2, struct dxf_txn *t, size_t n);
void dxf_acc_event(struct dxf_ext2 *e2, enum dxf_ev_kind kind, uint64_t start,
		   uint32_t n);
/* Was @ino freed by the open transaction? */
bool dxf_acc_inode_freed(const struct dxf_ext2 *e2, dxf_ino_t ino);
/* ---- reservations (resv.c); alloc_lock held ---- */

/* Set reserved bits.  Returns: 0, -ENOMEM. */
int dxf_resv_add_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n);
/* They are no longer reserved. */
void dxf_resv_del_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n);
/* Into quarantine, and out of it. */
int dxf_quar_add_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n);
void dxf_quar_del_locked(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n);

#endif
