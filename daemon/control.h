/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - what another process of ours asks a running daemon, by ioctl(2)
 * on the root directory of its mount.
 */
#ifndef DXF_CONTROL_H
#define DXF_CONTROL_H

#include <linux/ioctl.h>
#include <stdint.h>

/*
 * The mount is about to become read-only (1) or writable (0), or just has.
 * Read-only: everything is written back and the superblock clean when the call
 * returns, and stays so until somebody writes; reads are no accesses any more.
 * For root and the user who mounted.
 * Errors: EPERM; EROFS it cannot be written; EBUSY writers, or unlinked files
 * that are open; EIO; ENOTTY: not a daxfuse.
 */
#define DXF_IOC_READONLY	_IOW('D', 0xd1, uint32_t)

#endif
