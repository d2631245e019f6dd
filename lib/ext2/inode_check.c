// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inode_check.c - is a decoded inode possible?
 *
 * Owns what every user of an inode may rely on: a known type, a size that the
 * kind of map can hold, an xattr block that is not the format's own, a sane
 * root of an extent tree, no flag of a feature that is refused.  Must not do
 * I/O: the map itself is checked where it is read.
 */
#include "inode_check.h"

#include <assert.h>

#include <ext2fs/ext3_extents.h>

/* Five levels map 2^32 blocks even at 1 KiB. */
#define MAX_DEPTH	5

#define REFUSED_FLAGS	(EXT4_ENCRYPT_FL | EXT4_EA_INODE_FL | \
			 EXT4_INLINE_DATA_FL | EXT4_CASEFOLD_FL)

static bool known_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

static bool maps_blocks(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

static bool extent_root_ok(const struct dxf_dinode *di)
{
	const struct ext3_extent_header *eh =
		(const struct ext3_extent_header *)di->block;
	unsigned int max = (sizeof(di->block) - sizeof(*eh)) /
		sizeof(struct ext3_extent);

	static_assert(sizeof(struct ext3_extent) ==
		      sizeof(struct ext3_extent_idx), "one bound serves both");
	return eh->eh_magic == EXT3_EXT_MAGIC && eh->eh_max == max &&
		eh->eh_entries <= eh->eh_max && eh->eh_depth <= MAX_DEPTH;
}

static uint64_t max_size(const struct dxf_ext2 *e2, const struct dxf_dinode *di)
{
	if (S_ISLNK(di->mode))
		return e2->geom.block_size;
	return (di->flags & EXT4_EXTENTS_FL) != 0 ? e2->geom.max_size_ext :
		e2->geom.max_size_ind;
}

const char *dxf_inode_check(const struct dxf_ext2 *e2,
			    const struct dxf_dinode *di)
{
	bool extents = (di->flags & EXT4_EXTENTS_FL) != 0;

	if (!known_type(di->mode))
		return "the inode's type is unknown";
	if ((di->flags & REFUSED_FLAGS) != 0)
		return "the inode has a flag of a feature that is not there";
	if (di->file_acl != 0 && dxf_ext2_is_fixed_block(e2, di->file_acl, 1))
		return "the block of extended attributes is not a file's";
	if (!maps_blocks(di->mode))
		return NULL;
	if (extents && !e2->geom.has_extents)
		return "the inode has extents, the filesystem does not";
	if (extents && !extent_root_ok(di))
		return "the root of the extent tree is damaged";
	if (di->size > max_size(e2, di))
		return "the size is impossible";
	return NULL;
}
