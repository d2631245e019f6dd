/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statinfo.h - the figures of a mounted filesystem, for daxfuse-stat and the
 * log.
 */
#ifndef DXF_STATINFO_H
#define DXF_STATINFO_H

#include "session.h"
#include "statabi.h"

/* Gather what struct dxf_stat has.  Takes a few short locks. */
void dxf_statinfo_get(const struct dxf_session *s, struct dxf_stat *st);

/* The same, and each kind of request that came, as lines of the log. */
void dxf_statinfo_log(const struct dxf_session *s);

#endif
