// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lograw.c - finding the log on media that may be in the middle of a change.
 *
 * Must not trust a checksum, nor libext2fs, which refuses such media.  What it
 * reads is changed by no transaction: geometry, the first descriptor's inode
 * table, inode 5 and its indirect block.  Must not change anything.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "load.h"
#include "logfile_priv.h"
#include "super.h"

/* The numbers that everything else is computed from. */
struct raw {
	struct dxf_region *r;
	struct ext2_super_block sb;
	uint64_t nblocks;
	uint32_t bsize;
};

static bool geometry_ok(struct raw *raw)
{
	struct ext2_super_block *sb = &raw->sb;

	if (sb->s_magic != EXT2_SUPER_MAGIC || sb->s_log_block_size > 2)
		return false;
	raw->bsize = 1024u << sb->s_log_block_size;
	raw->nblocks = ext2fs_blocks_count(sb);
	return sb->s_first_data_block == (raw->bsize == 1024 ? 1 : 0) &&
	       raw->nblocks > sb->s_first_data_block + 2u &&
	       raw->nblocks <= dxf_region_size(raw->r) / raw->bsize &&
	       sb->s_inodes_per_group >= DXF_LOG_INO;
}

static uint32_t inode_size_of(const struct ext2_super_block *sb)
{
	return sb->s_rev_level == EXT2_GOOD_OLD_REV ?
		EXT2_GOOD_OLD_INODE_SIZE : sb->s_inode_size;
}

/* The place of inode 5's slot, 0: there is none. */
static int find_slot(struct raw *raw, struct dxf_log_raw *out)
{
	uint32_t isize = inode_size_of(&raw->sb);
	struct ext4_group_desc d;
	uint64_t table;
	int err;

	if (isize < EXT2_GOOD_OLD_INODE_SIZE || isize > raw->bsize ||
	    (isize & (isize - 1)) != 0)
		return 0;
	memset(&d, 0, sizeof(d));
	err = dxf_load(raw->r,
		       (raw->sb.s_first_data_block + 1ull) * raw->bsize, &d,
		       ext2fs_has_feature_64bit(&raw->sb) ?
		       sizeof(d) : EXT2_MIN_DESC_SIZE);
	if (err < 0)
		return err;
	table = d.bg_inode_table | (uint64_t)d.bg_inode_table_hi << 32;
	if (table <= raw->sb.s_first_data_block ||
	    table >= raw->nblocks - 1)
		return 0;
	out->inode_size = isize;
	out->slot_off = table * raw->bsize +
		(uint64_t)(DXF_LOG_INO - 1) * isize;
	return 0;
}

/* Append block @blk to the runs.  Returns: false: no place for a log. */
static bool add_block(const struct raw *raw, struct dxf_txlog_place *p,
		      uint32_t blk)
{
	if (blk <= raw->sb.s_first_data_block || blk >= raw->nblocks)
		return false;
	return dxf_txlog_place_add(p, (uint64_t)blk * raw->bsize, raw->bsize);
}

/* The blocks of inode 5.  Returns: 1; 0 it is no file of ours; -EIO. */
static int read_map(struct raw *raw, const struct ext2_inode *inode,
		    struct dxf_log_raw *out)
{
	uint32_t map[EXT2_NDIR_BLOCKS + 4096 / sizeof(uint32_t)];
	uint64_t n = inode->i_size / raw->bsize;
	int err = 0;

	if (!S_ISREG(inode->i_mode) || inode->i_size_high != 0 ||
	    inode->i_size % raw->bsize != 0 ||
	    (inode->i_flags & (EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL)) != 0 ||
	    n == 0 || n > dxf_log_max_blocks(raw->bsize))
		return 0;
	memset(map, 0, sizeof(map));
	memcpy(map, inode->i_block, EXT2_NDIR_BLOCKS * sizeof(map[0]));
	out->map_blk = n > EXT2_NDIR_BLOCKS ?
		inode->i_block[EXT2_IND_BLOCK] : 0;
	if (n > EXT2_NDIR_BLOCKS) {
		if (out->map_blk <= raw->sb.s_first_data_block ||
		    out->map_blk >= raw->nblocks)
			return 0;
		err = dxf_load(raw->r, out->map_blk * raw->bsize,
			       map + EXT2_NDIR_BLOCKS, raw->bsize);
	}
	if (err < 0)
		return err;
	for (uint64_t i = 0; i < n; i++)
		if (!add_block(raw, &out->place, map[i]))
			return 0;
	return 1;
}

static void set_surroundings(struct raw *raw, struct dxf_log_raw *out)
{
	struct dxf_txlog_place *p = &out->place;

	p->watched = (struct dxf_span){ DXF_SUPER_OFF, SUPERBLOCK_SIZE };
	p->fs_end = raw->nblocks * raw->bsize;
	memcpy(p->uuid, raw->sb.s_uuid, sizeof(p->uuid));
	p->forbidden[0] = (struct dxf_span){ out->slot_off, out->inode_size };
	p->nforbidden = 1;
	if (out->map_blk != 0)
		p->forbidden[p->nforbidden++] = (struct dxf_span){
			out->map_blk * raw->bsize, raw->bsize };
}

static int judge(struct raw *raw, struct dxf_log_raw *out)
{
	struct ext2_inode inode;
	int err = dxf_load(raw->r, out->slot_off, &inode, sizeof(inode));
	bool ours;

	if (err < 0)
		return err;
	if (inode.i_mode == 0) {
		set_surroundings(raw, out);
		return 0;
	}
	err = read_map(raw, &inode, out);
	if (err > 0)
		err = dxf_txlog_probe(raw->r, &out->place.run[0]);
	if (err < 0)
		return err;
	ours = err > 0;
	if (!ours) {
		out->place.nruns = 0;
		out->map_blk = 0;
	}
	out->found = ours ? DXF_LOG_OURS : DXF_LOG_OTHER;
	set_surroundings(raw, out);
	return 0;
}

int dxf_log_find(struct dxf_region *r, struct dxf_log_raw *out)
{
	struct raw raw = { .r = r };
	int err;

	memset(out, 0, sizeof(*out));
	if (dxf_region_size(r) < DXF_SUPER_OFF + sizeof(raw.sb))
		return 0;
	/* Without a superblock there is no mount; the opening says so. */
	err = dxf_load(r, DXF_SUPER_OFF, &raw.sb, sizeof(raw.sb));
	if (err < 0 || !geometry_ok(&raw))
		return 0;
	out->block_bits = 10 + raw.sb.s_log_block_size;
	out->lastcheck = raw.sb.s_lastcheck |
		(uint64_t)raw.sb.s_lastcheck_hi << 32;
	out->valid = (raw.sb.s_state & EXT2_VALID_FS) != 0;
	err = find_slot(&raw, out);
	if (err < 0 || out->slot_off == 0)
		return err;
	return judge(&raw, out);
}
