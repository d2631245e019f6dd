// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libext2fs.c - the libext2fs handle, which lives while a filesystem is opened.
 *
 * Owns e2->fs.  libext2fs validates what it reads and knows where superblocks
 * and descriptors are; it never owns state: it keeps copies of superblock,
 * descriptors and inodes, and no copy can come back to media or be read when it
 * is stale, because the handle is read-only and gone before the first
 * transaction.  It is freed, never flushed or closed.
 */
#include "libext2fs.h"

#include <assert.h>
#include <et/com_err.h>

int dxf_libext2fs_open(struct dxf_ext2 *e2, struct dxf_err *err)
{
	int flags = EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES |
		EXT2_FLAG_SKIP_MMP;
	ext2_filsys fs = NULL;
	errcode_t ec;
	int ret;

	assert(e2->fs == NULL);
	if (dxf_mutated(DXF_MUT_EXT2_CSUM))
		flags |= EXT2_FLAG_IGNORE_CSUM_ERRORS;
	initialize_ext2_error_table();
	dxf_io_set_opening(e2);
	ec = DXF_E2(ext2fs_open2("daxfuse", NULL, flags, 0, 0,
				 &dxf_io_manager, &fs));
	dxf_io_set_opening(NULL);
	ret = dxf_ext2_errno(ec);
	if (ret != 0)
		return dxf_err_set(err, ret, "libext2fs cannot open it: %s",
				   error_message(ec));
	e2->fs = fs;
	return 0;
}

void dxf_libext2fs_close(struct dxf_ext2 *e2)
{
	if (e2->fs == NULL)
		return;
	ext2fs_free(e2->fs);
	e2->fs = NULL;
}
