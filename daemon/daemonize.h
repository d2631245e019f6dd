/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemonize.h - the way to the background.
 *
 * The process forks before it opens anything (locks and threads do not survive
 * a fork) and the parent waits for the child's word: the command returns when
 * the filesystem is mounted, or with the child's message and status.
 */
#ifndef DXF_DAEMONIZE_H
#define DXF_DAEMONIZE_H

/*
 * Fork - returns in the child only; the parent hands signals that it reads from
 * @sigfd on to the child, and exits with the child's status.
 * Returns: a descriptor for dxf_daemonize_ready(); -errno: no fork happened.
 */
int dxf_daemonize_begin(int sigfd);

/*
 * In the child: leave the terminal's session and the directory.
 * Returns: /dev/null, open, for the next; -errno.
 */
int dxf_daemonize_leave(void);

/*
 * Log to syslog instead of standard error, and let the parent exit with status
 * 0.  Nothing is opened: it works in a confined process.
 * Ownership: closes @fd and @null.
 * Returns: 0; -errno.
 */
int dxf_daemonize_ready(int fd, int null);

#endif
