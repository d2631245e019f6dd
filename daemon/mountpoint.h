/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountpoint.h - the directory, and unmounting it.
 */
#ifndef DXF_MOUNTPOINT_H
#define DXF_MOUNTPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* Is it a connection that somebody opened and mounted for us? */
bool dxf_mountpoint_is_fd(const char *path);

/*
 * Check that @path is a directory.
 * Ownership: *@real is its absolute name, released with free(3).
 * Returns: 0; -errno with a sentence in @err.
 */
int dxf_mountpoint_resolve(const char *path, char **real,
			   struct dxf_err *err);

/* The id of the mount that is seen at @path.  Returns: 0: not known. */
uint64_t dxf_mountpoint_id(const char *path);

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
