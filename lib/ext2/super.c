// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * super.c - the superblock of a running filesystem: mount state, counters,
 * features, the orphan list's head.
 *
 * Owns every change of the superblock but the error fields.  Each is a
 * transaction or part of one; the primary copy only, as the kernel does.
 * s_free_* are lazy: right at a clean unmount, recomputed from the descriptors
 * at mount.
 */
#include "super.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <time.h>

static_assert(sizeof(struct ext2_super_block) == SUPERBLOCK_SIZE, "layout");

int dxf_super_read(struct dxf_txnmgr *m, struct ext2_super_block *sb)
{
	return dxf_txn_read(m, DXF_SUPER_OFF, sb, sizeof(*sb));
}

uint32_t dxf_super_csum(const struct ext2_super_block *sb)
{
	return dxf_crc32c(~0u, sb, offsetof(struct ext2_super_block,
					    s_checksum));
}

/* It was there at the opening: somebody else has been at the image. */
static int check_magic(struct dxf_ext2 *e2, uint16_t magic)
{
	if (magic == EXT2_SUPER_MAGIC)
		return 0;
	return dxf_ext2_corrupt(e2, 0, DXF_SUPER_OFF >> e2->geom.block_bits,
				"the superblock is none any more");
}

int dxf_super_store(struct dxf_ext2 *e2, struct dxf_txn *t,
		    struct ext2_super_block *sb)
{
	int ret = check_magic(e2, sb->s_magic);

	if (ret < 0)
		return ret;
	if (e2->geom.has_csum)
		sb->s_checksum = dxf_super_csum(sb);
	return dxf_txn_store(t, DXF_SUPER_OFF, sb, sizeof(*sb));
}

void dxf_super_set_wtime(struct ext2_super_block *sb, time_t now)
{
	uint64_t then = (uint64_t)now - 1;

	sb->s_wtime = (uint32_t)then;
	sb->s_wtime_hi = (uint8_t)(then >> 32);
}

static void set_mounted(struct ext2_super_block *sb, time_t now)
{
	sb->s_state &= (uint16_t)~EXT2_VALID_FS;
	sb->s_mtime = (uint32_t)now;
	sb->s_mtime_hi = (uint8_t)((uint64_t)now >> 32);
	if (sb->s_mnt_count < UINT16_MAX)
		sb->s_mnt_count++;
	dxf_super_set_wtime(sb, now);
}

static void set_clean(struct dxf_ext2 *e2, struct ext2_super_block *sb,
		      time_t now)
{
	struct dxf_ext2_counts counts;

	dxf_ext2_counts(e2, &counts);
	sb->s_free_inodes_count = (uint32_t)counts.free_inodes;
	sb->s_free_blocks_count = (uint32_t)counts.free_blocks;
	if (e2->geom.has_64bit)
		sb->s_free_blocks_hi = (uint32_t)(counts.free_blocks >> 32);
	if (e2->was_clean && !dxf_errlog_any(e2))
		sb->s_state |= EXT2_VALID_FS;
	dxf_super_set_wtime(sb, now);
}

int dxf_ext2_stage_state(struct dxf_ext2 *e2, struct dxf_txn *t,
			 enum dxf_super_state state)
{
	struct ext2_super_block sb;
	int ret = dxf_super_read(e2->txnmgr, &sb);

	if (ret < 0)
		return ret;
	switch (state) {
	case DXF_SUPER_MOUNTED:
		set_mounted(&sb, time(NULL));
		break;
	case DXF_SUPER_BUSY:
		sb.s_state &= (uint16_t)~EXT2_VALID_FS;
		dxf_super_set_wtime(&sb, time(NULL));
		break;
	case DXF_SUPER_CLEAN:
		set_clean(e2, &sb, time(NULL));
		break;
	}
	return dxf_super_store(e2, t, &sb);
}

/* One transaction that does only this. */
static int update(struct dxf_ext2 *e2, enum dxf_super_state state)
{
	struct dxf_txn *t;
	int ret;

	ret = dxf_txn_begin(e2->txnmgr, 0, &t);
	if (ret < 0)
		return ret;
	ret = dxf_ext2_stage_state(e2, t, state);
	if (ret == 0)
		return dxf_txn_commit(t);
	dxf_txn_abort(t);
	return ret;
}

int dxf_ext2_mark_mounted(struct dxf_ext2 *e2)
{
	return update(e2, DXF_SUPER_MOUNTED);
}

int dxf_ext2_mark_clean(struct dxf_ext2 *e2)
{
	return update(e2, DXF_SUPER_CLEAN);
}

/* Fields that revision 0 does not have get the values they stand for. */
static void make_dynamic(struct ext2_super_block *sb)
{
	if (sb->s_rev_level != EXT2_GOOD_OLD_REV)
		return;
	sb->s_rev_level = EXT2_DYNAMIC_REV;
	sb->s_first_ino = EXT2_GOOD_OLD_FIRST_INO;
	sb->s_inode_size = EXT2_GOOD_OLD_INODE_SIZE;
}

static void set_feature(struct ext2_super_block *sb, enum dxf_feature f)
{
	switch (f) {
	case DXF_FEATURE_LARGE_FILE:
		ext2fs_set_feature_large_file(sb);
		break;
	case DXF_FEATURE_EXT_ATTR:
		ext2fs_set_feature_xattr(sb);
		break;
	case DXF_FEATURE_DIR_NLINK:
		ext2fs_set_feature_dir_nlink(sb);
		break;
	case DXF_FEATURE_HUGE_FILE:
		ext2fs_set_feature_huge_file(sb);
		break;
	}
}

static bool had_feature(const struct dxf_geom *g, enum dxf_feature f)
{
	switch (f) {
	case DXF_FEATURE_LARGE_FILE:
		return g->has_large_file;
	case DXF_FEATURE_EXT_ATTR:
		return g->has_ext_attr;
	case DXF_FEATURE_DIR_NLINK:
		return g->has_dir_nlink;
	case DXF_FEATURE_HUGE_FILE:
		return g->has_huge_file;
	}
	assert(!"no such feature");
	return true;
}

int dxf_ext2_need_feature(struct dxf_ext2 *e2, struct dxf_txn *t,
			  enum dxf_feature f)
{
	struct ext2_super_block sb;
	int ret;

	if (had_feature(&e2->geom, f))
		return 0;
	/* Not there at open; an earlier transaction may have set it. */
	ret = dxf_super_read(e2->txnmgr, &sb);
	if (ret < 0)
		return ret;
	make_dynamic(&sb);
	set_feature(&sb, f);
	return dxf_super_store(e2, t, &sb);
}

dxf_ino_t dxf_ext2_orphan_head(struct dxf_ext2 *e2)
{
	uint32_t ino;

	if (dxf_txn_read(e2->txnmgr, DXF_SUPER_OFF +
			 offsetof(struct ext2_super_block, s_last_orphan),
			 &ino, sizeof(ino)) < 0)
		return 0;
	return ino;
}

/* Each unlink does this: where no checksum is over all of it, in short. */
int dxf_ext2_set_orphan_head(struct dxf_ext2 *e2, struct dxf_txn *t,
			     dxf_ino_t ino)
{
	const size_t magic_at = offsetof(struct ext2_super_block, s_magic);
	const size_t at = offsetof(struct ext2_super_block, s_last_orphan);
	struct ext2_super_block sb;
	uint32_t head = ino;
	int ret;

	assert(ino <= e2->geom.ninodes);
	if (e2->geom.has_csum) {
		ret = dxf_super_read(e2->txnmgr, &sb);
		sb.s_last_orphan = head;
		return ret < 0 ? ret : dxf_super_store(e2, t, &sb);
	}
	ret = dxf_txn_read(e2->txnmgr, DXF_SUPER_OFF + magic_at, &sb.s_magic,
			   sizeof(sb.s_magic));
	if (ret == 0)
		ret = check_magic(e2, sb.s_magic);
	if (ret < 0)
		return ret;
	return dxf_txn_store(t, DXF_SUPER_OFF + at, &head, sizeof(head));
}
