/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transport.h - by what the kernel's requests come: /dev/fuse, or io_uring.
 */
#ifndef DXF_TRANSPORT_H
#define DXF_TRANSPORT_H

#include "session.h"

/*
 * Before FUSE_INIT is answered: prepare s->ring where io_uring is wanted and can
 * be had.  Where it was asked for and cannot be had, one sentence goes to the
 * log, and the mount goes on over /dev/fuse: it is as good, if not as fast.
 */
void dxf_transport_prepare(struct dxf_session *s);

/* FUSE_INIT was answered: drop s->ring if the kernel did not offer it. */
void dxf_transport_settle(struct dxf_session *s);

/* In words, for the log and for daxfuse-stat. */
const char *dxf_transport_describe(const struct dxf_session *s);

#endif
