// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * desc.c - group descriptors: fields, checksums, the way to media.
 *
 * Owns the layout of struct ext4_group_desc; must not know why a count
 * changes.  A descriptor is changed as a copy and staged whole: only the words
 * that differ reach the transaction, fields unknown here stay as they are.
 */
#include <assert.h>
#include <stddef.h>

#include "groups.h"

/* crc16 of gdt_csum: polynomial 0x8005 reflected, four bits at a time. */
static uint16_t crc16(uint16_t crc, const void *buf, size_t len)
{
	static const uint16_t nibble[16] = {
		0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401,
		0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400,
	};
	const uint8_t *p = buf;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		crc = (uint16_t)(crc >> 4 ^ nibble[crc & 15]);
		crc = (uint16_t)(crc >> 4 ^ nibble[crc & 15]);
	}
	return crc;
}

#define CSUM_AT		offsetof(struct ext4_group_desc, bg_checksum)
#define CSUM_END	(CSUM_AT + sizeof(uint16_t))

uint16_t dxf_desc_csum(const struct dxf_ext2 *e2, const struct dxf_desc *d)
{
	static const uint16_t zero;
	uint32_t crc;
	uint16_t crc16v;

	assert(e2->desc_size >= CSUM_END && e2->desc_size <= sizeof(d->raw));
	if (e2->geom.has_csum) {
		crc = dxf_crc32c(e2->csum_seed, &d->group, sizeof(d->group));
		crc = dxf_crc32c(crc, d->raw, CSUM_AT);
		crc = dxf_crc32c(crc, &zero, sizeof(zero));
		crc = dxf_crc32c(crc, d->raw + CSUM_END,
				 e2->desc_size - CSUM_END);
		return (uint16_t)crc;
	}
	if (!e2->has_gdt_csum)
		return 0;
	crc16v = crc16(0xffff, e2->geom.uuid, sizeof(e2->geom.uuid));
	crc16v = crc16(crc16v, &d->group, sizeof(d->group));
	crc16v = crc16(crc16v, d->raw, CSUM_AT);
	return crc16(crc16v, d->raw + CSUM_END, e2->desc_size - CSUM_END);
}

static dxf_off_t desc_off(const struct dxf_ext2 *e2, uint32_t group)
{
	uint32_t per_block = e2->geom.block_size / e2->desc_size;

	assert(group < e2->geom.ngroups);
	assert(group / per_block < e2->ndesc_blocks);
	return dxf_blk_off(&e2->geom, e2->desc_loc[group / per_block]) +
		(group % per_block) * e2->desc_size;
}

int dxf_desc_read(struct dxf_ext2 *e2, uint32_t group, struct dxf_desc *d)
{
	d->group = group;
	return dxf_ext2_read(e2, 0, desc_off(e2, group), d->raw,
			     e2->desc_size);
}

int dxf_desc_store(struct dxf_ext2 *e2, struct dxf_txn *t, struct dxf_desc *d)
{
	if (e2->has_gdt_csum)
		d->d.bg_checksum = dxf_desc_csum(e2, d);
	return dxf_txn_store(t, desc_off(e2, d->group), d->raw,
			     e2->desc_size);
}

/* Does the descriptor have its upper half? */
static bool has_hi(const struct dxf_ext2 *e2)
{
	return e2->desc_size >= EXT2_MIN_DESC_SIZE_64BIT;
}

static uint64_t join(const struct dxf_ext2 *e2, uint32_t lo, uint32_t hi,
		     unsigned int shift)
{
	return has_hi(e2) ? lo | (uint64_t)hi << shift : lo;
}

dxf_blk_t dxf_desc_block_bitmap(const struct dxf_ext2 *e2,
				const struct dxf_desc *d)
{
	return join(e2, d->d.bg_block_bitmap, d->d.bg_block_bitmap_hi, 32);
}

dxf_blk_t dxf_desc_inode_bitmap(const struct dxf_ext2 *e2,
				const struct dxf_desc *d)
{
	return join(e2, d->d.bg_inode_bitmap, d->d.bg_inode_bitmap_hi, 32);
}

dxf_blk_t dxf_desc_inode_table(const struct dxf_ext2 *e2,
			       const struct dxf_desc *d)
{
	return join(e2, d->d.bg_inode_table, d->d.bg_inode_table_hi, 32);
}

uint32_t dxf_desc_free_blocks(const struct dxf_ext2 *e2,
			      const struct dxf_desc *d)
{
	return (uint32_t)join(e2, d->d.bg_free_blocks_count,
			      d->d.bg_free_blocks_count_hi, 16);
}

uint32_t dxf_desc_free_inodes(const struct dxf_ext2 *e2,
			      const struct dxf_desc *d)
{
	return (uint32_t)join(e2, d->d.bg_free_inodes_count,
			      d->d.bg_free_inodes_count_hi, 16);
}

uint32_t dxf_desc_used_dirs(const struct dxf_ext2 *e2,
			    const struct dxf_desc *d)
{
	return (uint32_t)join(e2, d->d.bg_used_dirs_count,
			      d->d.bg_used_dirs_count_hi, 16);
}

uint32_t dxf_desc_itable_unused(const struct dxf_ext2 *e2,
				const struct dxf_desc *d)
{
	if (!e2->has_gdt_csum)
		return 0;
	return (uint32_t)join(e2, d->d.bg_itable_unused,
			      d->d.bg_itable_unused_hi, 16);
}

uint16_t dxf_desc_flags(const struct dxf_ext2 *e2, const struct dxf_desc *d)
{
	return e2->has_gdt_csum ? d->d.bg_flags : 0;
}

void dxf_desc_set_free_blocks(const struct dxf_ext2 *e2, struct dxf_desc *d,
			      uint32_t n)
{
	d->d.bg_free_blocks_count = (uint16_t)n;
	if (has_hi(e2))
		d->d.bg_free_blocks_count_hi = (uint16_t)(n >> 16);
}

void dxf_desc_set_free_inodes(const struct dxf_ext2 *e2, struct dxf_desc *d,
			      uint32_t n)
{
	d->d.bg_free_inodes_count = (uint16_t)n;
	if (has_hi(e2))
		d->d.bg_free_inodes_count_hi = (uint16_t)(n >> 16);
}

void dxf_desc_set_used_dirs(const struct dxf_ext2 *e2, struct dxf_desc *d,
			    uint32_t n)
{
	d->d.bg_used_dirs_count = (uint16_t)n;
	if (has_hi(e2))
		d->d.bg_used_dirs_count_hi = (uint16_t)(n >> 16);
}

void dxf_desc_set_itable_unused(const struct dxf_ext2 *e2, struct dxf_desc *d,
				uint32_t n)
{
	assert(e2->has_gdt_csum);
	d->d.bg_itable_unused = (uint16_t)n;
	if (has_hi(e2))
		d->d.bg_itable_unused_hi = (uint16_t)(n >> 16);
}

void dxf_desc_set_block_csum(const struct dxf_ext2 *e2, struct dxf_desc *d,
			     uint32_t crc)
{
	d->d.bg_block_bitmap_csum_lo = (uint16_t)crc;
	if (has_hi(e2))
		d->d.bg_block_bitmap_csum_hi = (uint16_t)(crc >> 16);
}

void dxf_desc_set_inode_csum(const struct dxf_ext2 *e2, struct dxf_desc *d,
			     uint32_t crc)
{
	d->d.bg_inode_bitmap_csum_lo = (uint16_t)crc;
	if (has_hi(e2))
		d->d.bg_inode_bitmap_csum_hi = (uint16_t)(crc >> 16);
}

bool dxf_desc_block_csum_ok(const struct dxf_ext2 *e2,
			    const struct dxf_desc *d, uint32_t crc)
{
	uint64_t is = join(e2, d->d.bg_block_bitmap_csum_lo,
			   d->d.bg_block_bitmap_csum_hi, 16);

	return dxf_csum_fits((uint32_t)is, has_hi(e2) ? crc : (uint16_t)crc);
}

bool dxf_desc_inode_csum_ok(const struct dxf_ext2 *e2,
			    const struct dxf_desc *d, uint32_t crc)
{
	uint64_t is = join(e2, d->d.bg_inode_bitmap_csum_lo,
			   d->d.bg_inode_bitmap_csum_hi, 16);

	return dxf_csum_fits((uint32_t)is, has_hi(e2) ? crc : (uint16_t)crc);
}
