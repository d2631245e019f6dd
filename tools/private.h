/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * private.h - a mount namespace of this process's own, and programs run in it
 * over a view.
 *
 * The namespace goes with its processes: whatever happens to them, no mount is
 * left anywhere.  The program dies with this process, and this process holds
 * the only descriptors of the region and the connection.
 */
#ifndef DXF_PRIVATE_H
#define DXF_PRIVATE_H

#include "view.h"

/* What programs that run others return for reasons of their own. */
enum {
	DXF_RUN_FAILED = 125,		/* the view, not the program */
	DXF_RUN_CANNOT_EXECUTE = 126,
	DXF_RUN_NOT_FOUND = 127,
	DXF_RUN_SIGNAL = 128,		/* and the number of the signal */
};

/*
 * Go into a mount namespace of our own, for users in a user namespace of our
 * own where they are who they were.  The process must have one thread.
 * Returns: 0; -EPERM the system does not allow it (@err says what does);
 * -errno.
 */
int dxf_private_enter(struct dxf_err *err);

/*
 * Serve @v until a child that runs @fn(@ctx) has ended; it starts with the
 * signals that this process was started with, and dies with it.  SIGTERM and
 * SIGHUP that come meanwhile are passed on to it.
 * Returns: its exit status, DXF_RUN_SIGNAL and more for a signal; -errno it
 * could not be started, or the connection broke (it was killed then).
 */
int dxf_private_call(struct dxf_view *v, int (*fn)(void *ctx), void *ctx);

/* The same for a program, looked up in PATH. */
int dxf_private_run(struct dxf_view *v, char *const argv[]);

#endif
