/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * utab.h - let umount(8) know that it has a helper to call.
 *
 * umount(8) looks for /sbin/umount.TYPE only if the mount is in its own table,
 * /run/mount/utab, where mounts with an option of user space (x-*) are.
 * Otherwise it calls umount(2) alone and returns while the daemon still writes
 * back.
 */
#ifndef DXF_UTAB_H
#define DXF_UTAB_H

/*
 * Enter the mount of @source on @target, of type fuse.@subtype, if we are root,
 * the helper is installed and it is not there yet.  What fails is left out:
 * only the waiting is lost.
 * Locks: the mount is served; no other thread forks.
 */
void dxf_utab_enter(const char *source, const char *target,
		    const char *subtype);

#endif
