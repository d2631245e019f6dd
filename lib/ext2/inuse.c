// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inuse.c - who uses a file or device, as the tools of e2fsprogs look for it.
 *
 * Must not know what is on it.
 */
#include "detect.h"

#include <assert.h>
#include <string.h>

#include "ext2_priv.h"

enum dxf_use dxf_ext2_in_use(const char *path, char *target, size_t len)
{
	int flags = 0;
	errcode_t ec;

	assert(len > 0);
	target[0] = '\0';
	ec = ext2fs_check_mount_point(path, &flags, target, (int)len - 1);
	target[len - 1] = '\0';
	/* without a table of mounts nothing is known */
	if (ec != 0)
		return DXF_USE_NONE;
	if (flags & EXT2_MF_SWAP)
		return DXF_USE_SWAP;
	return flags & EXT2_MF_MOUNTED ? DXF_USE_MOUNTED : DXF_USE_NONE;
}
