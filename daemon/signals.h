/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * signals.h - what a signal means to the daemon.
 *
 *	SIGTERM, SIGINT	while mounting: give up; later: unmount, make everything
 *			durable, exit 0.  A busy mount is kept by the first one.
 *	SIGHUP		the same in the foreground, nothing in the background
 *	SIGUSR1		log the figures
 *
 * They are blocked from before the image is touched to the very end, and read
 * from a descriptor: none can fall between two steps and kill a daemon that
 * has not yet marked the superblock clean.
 */
#ifndef DXF_SIGNALS_H
#define DXF_SIGNALS_H

#include <stdbool.h>

/*
 * Block them.  Over fork(2) each process reads its own from the descriptor.
 * Returns: a descriptor to read them from; -errno.
 */
int dxf_signals_open(void);

/* The terminal is gone: SIGHUP means nothing from now on. */
void dxf_signals_ignore_hangup(void);

/*
 * A signal to end that came and was not read yet.  Returns: 0: none did.
 */
int dxf_signals_pending(int fd);

/* What dxf_signals_wait() waits for besides signals; -1: not for that. */
struct dxf_signals_wait {
	int ended_fd;		/* readable: the connection has ended */
	int mounts_fd;		/* the table of mounts: it has changed */
};

enum {
	DXF_WAIT_ENDED = 0,
	DXF_WAIT_MOUNTS = -1,
};

/*
 * Wait.  Where several things happened, the end comes first.
 * Returns: the signal (> 0), or DXF_WAIT_*.
 */
int dxf_signals_wait(int fd, const struct dxf_signals_wait *w);

#endif
