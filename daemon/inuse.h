/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inuse.h - opening the image, and who else has it.
 */
#ifndef DXF_INUSE_H
#define DXF_INUSE_H

#include "err.h"
#include "region.h"

/*
 * Open and lock the region as dxf_region_open() does.  A daxfuse that holds it
 * but is mounted nowhere (any more) is waited for, up to 10 seconds.  For
 * writing, what no lock shows is looked for, too: mounts by the kernel or other
 * programs, loop devices over the file, swapping on it.
 * @sigfd: a signal that can be read from it ends the waiting; -1: none does.
 * Returns: 0; with a sentence in @err -EBUSY who has it and where; -EINTR;
 * as dxf_region_open().
 */
int dxf_inuse_open(struct dxf_region **out, const char *path,
		   const struct dxf_region_opts *opts, int sigfd,
		   struct dxf_err *err);

#endif
