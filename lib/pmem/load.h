/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.h - guarded loads: copy media into memory, poison and truncation are
 * -EIO.
 *
 * The copy loop has an entry in an exception table; the SIGBUS handler only
 * moves the program counter to its fix-up.  No longjmp over locks, no
 * substitute pages.  Everything the filesystem knows of metadata went through
 * here: callers validate the copy and never look at the media again.
 */
#ifndef DXF_LOAD_H
#define DXF_LOAD_H

#include "region.h"

/*
 * Copy [@off, @off + @len) into @buf.  After a failure @buf is undefined.
 * Returns: 0; -EIO poison, truncated image (the range is remembered as bad
 * when it is poison); -ERANGE outside the region.
 */
int dxf_load(struct dxf_region *r, dxf_off_t off, void *buf, size_t len);

/*
 * The same for as much as can be had: ends before the first byte that cannot
 * be loaded.  @len > 0.
 * Returns: bytes > 0; -EIO, -ERANGE as dxf_load().
 */
ssize_t dxf_load_some(struct dxf_region *r, dxf_off_t off, void *buf,
		      size_t len);

/*
 * A hint that [@off, @off + @len), which is in the region, will be loaded soon:
 * the caches may begin to.  Nothing is touched while any media are known to be
 * bad.
 */
void dxf_load_ahead(const struct dxf_region *r, dxf_off_t off, size_t len);

/*
 * Was the -EIO that this thread's last failed load got the media's (and not
 * the fault plan's)?
 */
bool dxf_load_met_media(void);

/*
 * Install the SIGBUS handler for the process (idempotent; regions call it).
 * A SIGBUS that is not ours goes to the handler that was there before.
 */
void dxf_load_init(void);

#endif
