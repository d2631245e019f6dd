/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zero.h - zeros where there are none yet.
 */
#ifndef DXF_ZERO_H
#define DXF_ZERO_H

#include "region.h"

/*
 * Make [@off, @off + @len) read as zeros - holes of the host stay holes, and
 * what reads as zeros is not stored to: new memory mostly is zero, and a store
 * costs several times a load.  @stop is asked every few MiB; NULL: never.
 * Durability: DAX media: durable on return, page media: after msync.
 * Returns: 0; -EINTR @stop said so; -ENOSPC, -EIO, -ERANGE, -EROFS as
 * dxf_persist_zero().
 */
int dxf_zero(struct dxf_region *r, dxf_off_t off, uint64_t len,
	     bool (*stop)(void *ctx), void *ctx);

#endif
