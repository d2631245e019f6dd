/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountwatch.h - notice that the kernel made our mount read-only.
 *
 * `mount -o remount,ro` tells the daemon; the system call alone does not.  The
 * kernel's table of mounts, kept open, can be waited on.
 */
#ifndef DXF_MOUNTWATCH_H
#define DXF_MOUNTWATCH_H

#include <stdint.h>

struct dxf_mountwatch;

/*
 * Watch the mount @id.
 * Ownership: *@out is released by dxf_mountwatch_close().
 * Returns: 0; -ENOMEM; -errno of opening the table.
 */
int dxf_mountwatch_open(struct dxf_mountwatch **out, uint64_t id);
/* NULL is allowed. */
void dxf_mountwatch_close(struct dxf_mountwatch *w);
/* poll(2) it for POLLPRI: the table has changed.  NULL: -1. */
int dxf_mountwatch_fd(const struct dxf_mountwatch *w);
/*
 * Read the table; opens nothing.
 * Returns: 1: the filesystem is read-only; 0: it is not; -ENOENT: our mount is
 * not in the table (any more).
 */
int dxf_mountwatch_is_ro(struct dxf_mountwatch *w);

#endif
