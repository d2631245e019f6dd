/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.h - tell a service manager how far we are (sd_notify(3)'s protocol).
 */
#ifndef DXF_NOTIFY_H
#define DXF_NOTIFY_H

/*
 * Connect to the socket that NOTIFY_SOCKET names, and take it out of the
 * environment.  Without one, or if it fails, nothing is told to anybody.
 */
void dxf_notify_open(void);

/* Tell it "KEY=VALUE" lines.  It works in a confined process. */
void dxf_notify(const char *lines);

#endif
