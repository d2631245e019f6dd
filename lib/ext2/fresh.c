// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fresh.c - what a new inode starts with, and device numbers.
 *
 * Owns the rules by which flags are inherited; must not do I/O.
 */
#include <stddef.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext3_extents.h>

#include "ext2_priv.h"
#include "itime.h"
#include "node.h"

/* What a new inode takes from its directory, and which kinds take it. */
#define INHERITED	(EXT2_SECRM_FL | EXT2_UNRM_FL | EXT2_COMPR_FL | \
			 EXT2_SYNC_FL | EXT2_NODUMP_FL | EXT2_NOATIME_FL | \
			 EXT2_NOCOMPR_FL | EXT3_JOURNAL_DATA_FL | \
			 EXT2_NOTAIL_FL | EXT2_DIRSYNC_FL | \
			 EXT4_PROJINHERIT_FL | FS_DAX_FL)
#define NOT_FOR_FILES	(EXT2_DIRSYNC_FL | EXT2_TOPDIR_FL | \
			 EXT4_PROJINHERIT_FL)
#define FOR_OTHERS	(EXT2_NODUMP_FL | EXT2_NOATIME_FL)

static uint32_t inherited(mode_t mode, uint32_t dir_flags)
{
	uint32_t flags = dir_flags & INHERITED;

	if (S_ISDIR(mode))
		return flags;
	if (S_ISREG(mode))
		return flags & ~(uint32_t)NOT_FOR_FILES;
	return flags & FOR_OTHERS;
}

static void init_extent_root(struct dxf_dinode *di)
{
	struct ext3_extent_header *eh = (struct ext3_extent_header *)di->block;

	eh->eh_magic = EXT3_EXT_MAGIC;
	eh->eh_max = (sizeof(di->block) - sizeof(*eh)) /
		sizeof(struct ext3_extent);
}

void dxf_dinode_fresh(struct dxf_ext2 *e2, struct dxf_dinode *di, mode_t mode,
		      uint32_t dir_flags, const struct timespec *now)
{
	memset(di, 0, sizeof(*di));
	di->mode = mode;
	di->nlink = S_ISDIR(mode) ? 2 : 1;
	di->flags = inherited(mode, dir_flags);
	di->extra_isize = (uint16_t)e2->want_extra_isize;
	if (e2->geom.has_extents && (S_ISREG(mode) || S_ISDIR(mode))) {
		di->flags |= EXT4_EXTENTS_FL;
		init_extent_root(di);
	}
	di->atime = dxf_dinode_clamp_time(e2, di, *now);
	di->mtime = di->ctime = di->atime;
	if (di->extra_isize != 0)
		di->crtime = di->atime;
}

struct timespec dxf_dinode_clamp_time(const struct dxf_ext2 *e2,
				      const struct dxf_dinode *di,
				      struct timespec ts)
{
	/* i_atime_extra is the last of the three. */
	size_t end = offsetof(struct ext2_inode_large, i_atime_extra) +
		sizeof(uint32_t) - EXT2_GOOD_OLD_INODE_SIZE;

	return dxf_time_clamp(ts, di->extra_isize >= end);
}

/*
 * Old numbers (both below 256) are in the first word, others in the second as
 * the kernel's new_encode_dev() has them.
 */
dev_t dxf_dinode_get_rdev(const struct dxf_dinode *di)
{
	uint32_t w[2];

	memcpy(w, di->block, sizeof(w));
	if (w[0] != 0)
		return makedev(w[0] >> 8 & 0xff, w[0] & 0xff);
	return makedev(w[1] >> 8 & 0xfff,
		       (w[1] & 0xff) | (w[1] >> 12 & 0xfff00));
}

void dxf_dinode_set_rdev(struct dxf_dinode *di, dev_t rdev)
{
	uint32_t maj = major(rdev), min = minor(rdev);
	uint32_t w[2] = { 0, 0 };

	if (maj < 256 && min < 256)
		w[0] = maj << 8 | min;
	else
		w[1] = (min & 0xff) | maj << 8 | (min & ~0xffu) << 12;
	memset(di->block, 0, sizeof(di->block));
	memcpy(di->block, w, sizeof(w));
}
