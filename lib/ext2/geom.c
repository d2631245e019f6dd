// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * geom.c - the geometry, from a superblock that nobody has checked yet.
 *
 * Owns the bounds: after dxf_geom_read() every product of the numbers in
 * struct dxf_geom that addresses media lies in the region.  Must not do I/O.
 * Nothing is believed before it is compared; sums and products are made in 64
 * bits from numbers that are bounded already.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "open.h"

#define MIN_BLOCKS_PER_GROUP	256u
#define LINK_MAX_EXT2		32000u
#define LINK_MAX_EXT4		65000u

static bool is_pow2(uint32_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static int bad(struct dxf_err *err, const char *field, uint64_t value)
{
	return dxf_err_set(err, EINVAL,
		"the superblock is damaged: %s is %llu; `e2fsck -f` can repair it",
		field, (unsigned long long)value);
}

uint32_t dxf_geom_desc_size(const struct ext2_super_block *sb)
{
	return ext2fs_has_feature_64bit((struct ext2_super_block *)sb) ?
		sb->s_desc_size : EXT2_MIN_DESC_SIZE;
}

static int check_sizes(const struct ext2_super_block *sb, struct dxf_geom *g,
		       struct dxf_err *err)
{
	uint32_t desc_size = dxf_geom_desc_size(sb);
	bool dynamic = sb->s_rev_level != EXT2_GOOD_OLD_REV;

	if (sb->s_log_block_size > 2)
		return dxf_err_set(err, EINVAL,
			"blocks of more than 4 KiB are not handled (s_log_block_size is %u)",
			sb->s_log_block_size);
	g->block_bits = 10 + sb->s_log_block_size;
	g->block_size = 1u << g->block_bits;
	if (sb->s_log_cluster_size != sb->s_log_block_size)
		return bad(err, "s_log_cluster_size", sb->s_log_cluster_size);
	g->inode_size = dynamic ? sb->s_inode_size : EXT2_GOOD_OLD_INODE_SIZE;
	if (!is_pow2(g->inode_size) || g->inode_size > g->block_size ||
	    g->inode_size < EXT2_GOOD_OLD_INODE_SIZE)
		return bad(err, "s_inode_size", g->inode_size);
	if (g->has_64bit &&
	    (!is_pow2(desc_size) || desc_size < EXT2_MIN_DESC_SIZE_64BIT ||
	     desc_size > EXT2_MAX_DESC_SIZE))
		return bad(err, "s_desc_size", desc_size);
	g->first_ino = dynamic ? sb->s_first_ino : EXT2_GOOD_OLD_FIRST_INO;
	if (g->first_ino < EXT2_GOOD_OLD_FIRST_INO)
		return bad(err, "s_first_ino", g->first_ino);
	return 0;
}

static int check_per_group(const struct ext2_super_block *sb,
			   struct dxf_geom *g, struct dxf_err *err)
{
	uint32_t bits = 8 * g->block_size;

	g->blocks_per_group = sb->s_blocks_per_group;
	if (g->blocks_per_group < MIN_BLOCKS_PER_GROUP ||
	    g->blocks_per_group > bits || g->blocks_per_group % 8 != 0)
		return bad(err, "s_blocks_per_group", g->blocks_per_group);
	if (sb->s_clusters_per_group != g->blocks_per_group)
		return bad(err, "s_clusters_per_group",
			   sb->s_clusters_per_group);
	g->inodes_per_group = sb->s_inodes_per_group;
	if (g->inodes_per_group < g->block_size / g->inode_size ||
	    g->inodes_per_group > bits || g->inodes_per_group % 8 != 0)
		return bad(err, "s_inodes_per_group", g->inodes_per_group);
	return 0;
}

static int check_counts(const struct ext2_super_block *sb, struct dxf_geom *g,
			uint64_t region_size, struct dxf_err *err)
{
	uint64_t ngroups;

	g->first_block = sb->s_first_data_block;
	if (g->first_block != (g->block_size == 1024 ? 1 : 0))
		return bad(err, "s_first_data_block", g->first_block);
	g->nblocks = ext2fs_blocks_count((struct ext2_super_block *)sb);
	if (g->nblocks <= g->first_block + 1)
		return bad(err, "s_blocks_count", g->nblocks);
	if (g->nblocks > region_size >> g->block_bits)
		return dxf_err_set(err, EINVAL,
			"the image is too small: the filesystem has %llu blocks of %u bytes, the image only %llu; was it truncated?",
			(unsigned long long)g->nblocks, g->block_size,
			(unsigned long long)(region_size >> g->block_bits));
	ngroups = (g->nblocks - g->first_block + g->blocks_per_group - 1) /
		g->blocks_per_group;
	if (ngroups * g->inodes_per_group != sb->s_inodes_count)
		return bad(err, "s_inodes_count", sb->s_inodes_count);
	/* So 32 bits hold it, inodes_per_group being at least 8. */
	assert(ngroups < UINT32_MAX);
	g->ngroups = (uint32_t)ngroups;
	g->ninodes = sb->s_inodes_count;
	if (g->first_ino > g->ninodes)
		return bad(err, "s_first_ino", g->first_ino);
	return 0;
}

/* The descriptors behind the superblock must lie in the filesystem. */
static int check_desc_table(const struct ext2_super_block *sb,
			    const struct dxf_geom *g, struct dxf_err *err)
{
	uint32_t per_block = g->block_size / dxf_geom_desc_size(sb);
	uint64_t ndesc = (g->ngroups + (uint64_t)per_block - 1) / per_block;
	uint64_t head = 1 + ndesc + sb->s_reserved_gdt_blocks;

	if (sb->s_reserved_gdt_blocks > g->block_size / 4)
		return bad(err, "s_reserved_gdt_blocks",
			   sb->s_reserved_gdt_blocks);
	if (ext2fs_has_feature_meta_bg((struct ext2_super_block *)sb)) {
		if (sb->s_first_meta_bg > ndesc)
			return bad(err, "s_first_meta_bg", sb->s_first_meta_bg);
		head = 1 + sb->s_first_meta_bg;
	}
	if (head >= g->nblocks - g->first_block)
		return bad(err, "s_blocks_count", g->nblocks);
	if (sb->s_log_groups_per_flex > 31)
		return bad(err, "s_log_groups_per_flex",
			   sb->s_log_groups_per_flex);
	return 0;
}

/*
 * i_blocks counts 512-byte sectors, map blocks included: without huge_file in
 * 32 bits.  The largest file that fits is a little below the 2 TiB.
 */
static uint64_t max_blocks_of_count(const struct dxf_geom *g)
{
	uint64_t sectors = g->has_huge_file ? ((uint64_t)1 << 48) - 1 :
		UINT32_MAX;

	return sectors >> (g->block_bits - 9);
}

static uint64_t max_size_ind(const struct dxf_geom *g)
{
	uint64_t p = g->block_size / 4;
	uint64_t map = 12 + p + p * p + p * p * p;
	uint64_t meta = 1 + (1 + p) + (1 + p + p * p);
	uint64_t limit = max_blocks_of_count(g);

	assert(limit > meta);
	return DXF_MIN(map, limit - meta) << g->block_bits;
}

static uint64_t max_size_ext(const struct dxf_geom *g)
{
	uint64_t blocks = UINT32_MAX;

	return DXF_MIN(blocks, max_blocks_of_count(g)) << g->block_bits;
}

static void set_features(struct dxf_geom *g, struct ext2_super_block *sb)
{
	g->has_extents = ext2fs_has_feature_extents(sb);
	g->has_csum = ext2fs_has_feature_metadata_csum(sb);
	g->has_64bit = ext2fs_has_feature_64bit(sb);
	g->has_large_file = ext2fs_has_feature_large_file(sb);
	g->has_huge_file = ext2fs_has_feature_huge_file(sb);
	g->has_dir_nlink = ext2fs_has_feature_dir_nlink(sb);
	g->has_filetype = ext2fs_has_feature_filetype(sb);
	g->has_ext_attr = ext2fs_has_feature_xattr(sb);
	g->has_extra_isize = ext2fs_has_feature_extra_isize(sb);
	g->has_dir_index = ext2fs_has_feature_dir_index(sb);
	g->has_large_dir = ext2fs_has_feature_largedir(sb);
}

static void set_limits(struct dxf_geom *g, const struct ext2_super_block *sb)
{
	uint64_t r_blocks = sb->s_r_blocks_count;

	g->max_size_ind = max_size_ind(g);
	g->max_size_ext = max_size_ext(g);
	/* The old ext2 driver's limit where nothing says that it is ext4. */
	g->max_links = g->has_extents || g->has_dir_nlink ?
		LINK_MAX_EXT4 : LINK_MAX_EXT2;
	g->max_links_dir = g->max_links;
	g->resuid = sb->s_def_resuid;
	g->resgid = sb->s_def_resgid;
	if (g->has_64bit)
		r_blocks |= (uint64_t)sb->s_r_blocks_count_hi << 32;
	g->reserved_blocks = DXF_MIN(r_blocks, g->nblocks);
	g->default_mount_opts = sb->s_default_mount_opts;
	static_assert(sizeof(g->uuid) == sizeof(sb->s_uuid), "uuid");
	static_assert(sizeof(g->label) == sizeof(sb->s_volume_name) + 1, "label");
	memcpy(g->uuid, sb->s_uuid, sizeof(g->uuid));
	memcpy(g->label, sb->s_volume_name, sizeof(sb->s_volume_name));
	g->label[sizeof(sb->s_volume_name)] = '\0';
}

int dxf_geom_read(struct dxf_geom *out, const struct ext2_super_block *sb,
		  uint64_t region_size, struct dxf_err *err)
{
	struct dxf_geom g;
	int ret;

	memset(&g, 0, sizeof(g));
	if (sb->s_rev_level > EXT2_DYNAMIC_REV)
		return dxf_err_set(err, EINVAL,
			"revision %u of the format is not handled",
			sb->s_rev_level);
	if (sb->s_creator_os == EXT2_OS_HURD)
		return dxf_err_set(err, EINVAL,
			"the filesystem was made for the Hurd, whose inodes are different");
	set_features(&g, (struct ext2_super_block *)sb);
	ret = check_sizes(sb, &g, err);
	if (ret == 0)
		ret = check_per_group(sb, &g, err);
	if (ret == 0)
		ret = check_counts(sb, &g, region_size, err);
	if (ret == 0)
		ret = check_desc_table(sb, &g, err);
	if (ret < 0)
		return ret;
	set_limits(&g, sb);
	assert(g.nblocks <= region_size >> g.block_bits);
	*out = g;
	return 0;
}
