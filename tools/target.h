/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h - what mkfs and fsck are pointed at, before they touch it.
 */
#ifndef DXF_TARGET_H
#define DXF_TARGET_H

#include "view.h"

/*
 * Is @path mounted by the kernel, itself or through a loop device, or used for
 * swapping?  daxfuse's own mounts have the region's lock.
 * Returns: 0 it is not, or nothing is there; -EBUSY.
 */
int dxf_target_check_mounted(const char *path, struct dxf_err *err);

/* Programs of e2fsprogs are found whatever PATH the user has. */
void dxf_target_extend_path(void);

/*
 * What libblkid finds in the region behind @v, read by a child through the
 * view that is mounted over the region's own path.
 * Returns: 1 and @what, one phrase ("an ext4 filesystem, labelled x"); 0
 * nothing; -EIO it could not be read; -errno.
 */
int dxf_target_probe(struct dxf_view *v, const char *path, char what[256]);

/*
 * Ask on the terminal.  Returns: 1 yes; 0 no; -ENOTTY there is no terminal.
 */
int dxf_target_ask(const char *question);

#endif
