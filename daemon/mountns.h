/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountns.h - mount(8)'s and umount(8)'s -N.
 *
 * They find the helper in their own mount namespace, and leave it to the helper
 * to enter the one that is meant.
 */
#ifndef DXF_MOUNTNS_H
#define DXF_MOUNTNS_H

/*
 * Enter the mount namespace that the file @path stands for, for good; the root
 * and the current directory are that namespace's then.  There must be one
 * thread.
 * Returns: 0; -errno of open and setns.
 */
int dxf_mountns_enter(const char *path);

#endif
