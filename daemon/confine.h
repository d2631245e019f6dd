/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine.h - give up what is not needed any more.
 *
 * Serving a mounted filesystem takes the connection, the mapping, and files
 * that are open already.  So the daemon gives up everything else once it is
 * mounted, however it was started: what a broken image could make it do ends
 * at its own open files.
 *
 *	capabilities	none, or CAP_SYS_NICE (the keeper: two, see keeper.h)
 *	new privileges	never again, by no exec
 *	core files	none: they would hold the filesystem's contents
 *	system calls	those in confine.c; others are EPERM, clone3 is ENOSYS.
 *			So no open, no socket, no process, no mount, nothing
 *			mapped executable; threads are allowed, and those
 *			that there are may be moved and made to yield
 *
 * It holds for every thread, and cannot be undone.
 */
#ifndef DXF_CONFINE_H
#define DXF_CONFINE_H

#include <stdbool.h>

#include "err.h"

/*
 * Confine the calling process to what the daemon needs.  System calls are left
 * alone in a build without libseccomp; a build with a sanitizer, which needs
 * more, is not confined at all.  With @core it may still leave a core file,
 * with @ring enter rings that are there (ring.c says what they allow), with
 * @nice it keeps CAP_SYS_NICE (place.h), by which it can do no more than is
 * said above: the system calls allow no other thread and no other policy.
 * Returns: 0; -errno with a sentence in @err: it is confined in part.
 */
int dxf_confine_daemon(bool core, bool ring, bool nice, struct dxf_err *err);

/*
 * The same for root's keeper, which unmounts and reads /proc: it may open
 * files, umount, and keeps the capabilities for that.
 */
int dxf_confine_keeper(struct dxf_err *err);

/*
 * What a user's keeper can be kept from: leaving core files and being traced by
 * the user's other programs.  No new privileges and the filter, which needs
 * that, would take away the right to start fusermount3(1), which is setuid.
 */
int dxf_confine_user_keeper(struct dxf_err *err);

/* In words, for one line of a log: what this build confines. */
const char *dxf_confine_describe(void);

#endif
