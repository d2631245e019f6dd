/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loopdev.h - loop devices over a file, which no lock on the file shows.
 */
#ifndef DXF_LOOPDEV_H
#define DXF_LOOPDEV_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Find a loop device over the file @path that somebody uses: it, or a
 * partition of it, is mounted or otherwise claimed.  Where that may not be
 * tried (it takes opening the device) only mounts of the device count.
 * Returns: true, and its name in @loop.
 */
bool dxf_loopdev_find_used(const char *path, char *loop, size_t len);

/*
 * The file below @path, if that is a loop device or a partition of one.
 * Returns: true, and its name in @file.
 */
bool dxf_loopdev_backing(const char *path, char *file, size_t len);

#endif
