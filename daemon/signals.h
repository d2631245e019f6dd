/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * signals.h - what a signal means to the daemon.
 *
 *	SIGTERM, SIGINT	unmount, make everything durable, exit 0
 *	SIGHUP		the same in the foreground, nothing in the background
 *
 * They are blocked from before the image is touched to the very end, and read
 * from a descriptor: none can fall between two steps and kill a daemon that
 * has not yet marked the superblock clean.
 */
#ifndef DXF_SIGNALS_H
#define DXF_SIGNALS_H

#include <stdbool.h>

/* Block them.  Returns: a descriptor to read them from; -errno. */
int dxf_signals_open(void);

/* The terminal is gone: SIGHUP means nothing from now on. */
void dxf_signals_ignore_hangup(void);

/*
 * Wait for a signal or for @ended_fd to become readable.
 * Returns: the signal; 0 when it was @ended_fd.
 */
int dxf_signals_wait(int fd, int ended_fd);

#endif
