/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountpoint.h - the directory: what is on it, and unmounting it.
 */
#ifndef DXF_MOUNTPOINT_H
#define DXF_MOUNTPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* Is it a connection that somebody opened and mounted for us? */
bool dxf_mountpoint_is_fd(const char *path);

/*
 * Is there such a directory - asked before the image is touched.
 * Returns: 0, perhaps with a dead mount on it; as dxf_mountpoint_prepare().
 */
int dxf_mountpoint_check(const char *path, struct dxf_err *err);

/*
 * Find the directory @path, and that something can be mounted on it.  A mount
 * of @source whose daemon is gone is detached from it, with one line to the
 * log: the caller holds the lock on @source, so there is none.
 * Ownership: *@real is its absolute name, released with free(3).
 * Returns: 0; with a sentence in @err -ENOENT, -ENOTDIR, -EACCES; -EBUSY
 * @source is mounted on it already; -ENOTCONN something else is, and dead;
 * -errno.
 */
int dxf_mountpoint_prepare(const char *path, const char *source, char **real,
			   struct dxf_err *err);

/* The id of the mount that is seen at @path.  Returns: 0: not known. */
uint64_t dxf_mountpoint_id(const char *path);

/* Is what is mounted at @path a FUSE mount that nobody serves any more? */
bool dxf_mountpoint_is_dead(const char *path);

/*
 * Unmount, as root or through fusermount3.
 * Returns: 0; -EBUSY files are open in it; -errno.
 */
int dxf_mountpoint_umount(const char *path);
/* The same, lazily: what is open in it lives on. */
int dxf_mountpoint_detach(const char *path);

/* Write what shared mappings of files below @path left dirty. */
void dxf_mountpoint_sync(const char *path);

#endif
