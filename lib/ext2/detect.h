/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detect.h - what else is on an image, or has it: for the sentence of a mount
 * that is refused.
 */
#ifndef DXF_DETECT_H
#define DXF_DETECT_H

#include "err.h"
#include "region.h"

enum dxf_use {
	DXF_USE_NONE,
	DXF_USE_MOUNTED,
	DXF_USE_SWAP,
};

/*
 * Does this system use the file or device @path, as mke2fs and e2fsck look for
 * it: the table of mounts, loop devices in it, the root filesystem, swap?  The
 * first mount found is in @target.
 */
enum dxf_use dxf_ext2_in_use(const char *path, char *target, size_t len);

/*
 * There is no ext2 superblock in @r: say what is there instead, and the way
 * out.  @path names the image.
 * Returns: -EINVAL with a sentence in @err.
 */
int dxf_ext2_explain(struct dxf_region *r, const char *path,
		     struct dxf_err *err);

#endif
