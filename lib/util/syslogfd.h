/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syslogfd.h - messages to the system's log through a socket that is open.
 *
 * syslog(3) makes a new socket when the log daemon was restarted; a confined
 * process has no socket(2).  This one names the log's address with each
 * message instead.
 */
#ifndef DXF_SYSLOGFD_H
#define DXF_SYSLOGFD_H

/*
 * Make the socket - and read the time zone, whose file cannot be opened later.
 * @path: of the log, "/dev/log" but for tests; it must outlive the process.
 * Returns: 0; -errno of socket(2).
 */
int dxf_syslogfd_open(const char *path);

/*
 * Send a message with a priority of syslog(3), facility daemon.  What cannot
 * be sent at once is dropped: a filesystem waits for no log.
 */
void dxf_syslogfd_send(int priority, const char *text);

#endif
