// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * err.c - errcode_t to errno.
 *
 * Owns the one table; must not know who asks.  Codes below 256 are system
 * errnos already (that is how the io_manager's errors come back); what the
 * table does not name is damage on media, so EUCLEAN.
 */
#include <errno.h>

#include "ext2_priv.h"

static const struct {
	errcode_t ec;
	int err;
} table[] = {
	{ EXT2_ET_NO_MEMORY, ENOMEM },
	{ EXT2_ET_BLOCK_ALLOC_FAIL, ENOSPC },
	{ EXT2_ET_INODE_ALLOC_FAIL, ENOSPC },
	{ EXT2_ET_DIR_NO_SPACE, ENOSPC },
	{ EXT2_ET_EA_NO_SPACE, ENOSPC },
	{ EXT2_ET_INLINE_DATA_NO_SPACE, ENOSPC },
	{ EXT2_ET_EXTENT_NO_SPACE, ENOSPC },
	{ EXT2_ET_CANT_INSERT_EXTENT, ENOSPC },
	{ EXT2_ET_TOOSMALL, ENOSPC },
	{ EXT2_ET_FILE_TOO_BIG, EFBIG },
	{ EXT2_ET_RO_FILSYS, EROFS },
	{ EXT2_ET_FILE_RO, EROFS },
	{ EXT2_ET_FILE_NOT_FOUND, ENOENT },
	{ EXT2_ET_EXTENT_NOT_FOUND, ENOENT },
	{ EXT2_ET_EA_KEY_NOT_FOUND, ENODATA },
	{ EXT2_ET_DIR_EXISTS, EEXIST },
	{ EXT2_ET_FILE_EXISTS, EEXIST },
	{ EXT2_ET_NO_DIRECTORY, ENOTDIR },
	{ EXT2_ET_SYMLINK_LOOP, ELOOP },
	{ EXT2_ET_INVALID_ARGUMENT, EINVAL },
	{ EXT2_ET_BAD_INODE_NUM, EINVAL },
	{ EXT2_ET_BAD_MAGIC, EINVAL },
	{ EXT2_ET_UNSUPP_FEATURE, EOPNOTSUPP },
	{ EXT2_ET_RO_UNSUPP_FEATURE, EROFS },
	{ EXT2_ET_REV_TOO_HIGH, EOPNOTSUPP },
	{ EXT2_ET_UNIMPLEMENTED, EOPNOTSUPP },
	{ EXT2_ET_OP_NOT_SUPPORTED, EOPNOTSUPP },
	{ EXT2_ET_EXTENT_NOT_SUPPORTED, EOPNOTSUPP },
	{ EXT2_ET_SHORT_READ, EIO },
	{ EXT2_ET_SHORT_WRITE, EIO },
	{ EXT2_ET_GDESC_READ, EIO },
	{ EXT2_ET_GDESC_WRITE, EIO },
	{ EXT2_ET_BLOCK_BITMAP_READ, EIO },
	{ EXT2_ET_INODE_BITMAP_READ, EIO },
	{ EXT2_ET_INODE_TABLE_READ, EIO },
	{ EXT2_ET_NEXT_INODE_READ, EIO },
	{ EXT2_ET_LLSEEK_FAILED, EIO },
};

int dxf_ext2_errno(errcode_t ec)
{
	if (ec >= 0 && ec < 256)
		return (int)ec;
	for (size_t i = 0; i < DXF_ARRAY_SIZE(table); i++)
		if (table[i].ec == ec)
			return table[i].err;
	return EUCLEAN;
}
