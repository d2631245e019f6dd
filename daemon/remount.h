/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remount.h - `mount -o remount`: from read-write to read-only and back.
 */
#ifndef DXF_REMOUNT_H
#define DXF_REMOUNT_H

#include "err.h"
#include "options.h"

/*
 * Change the mount on o->mountpoint, which another process serves, to
 * o->region.ro; suid, dev and exec follow where they are named, all else stays.
 * Durability: read-only: everything is durable and the superblock clean.
 * Returns: 0; with a sentence in @err -EBUSY somebody writes; -EROFS it cannot
 * be made writable; -EPERM; -EINVAL no daxfuse is mounted there; -errno.
 */
int dxf_remount(const struct dxf_options *o, struct dxf_err *err);

#endif
