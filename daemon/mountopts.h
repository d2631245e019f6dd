/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountopts.h - the options that libfuse and the kernel are given.
 */
#ifndef DXF_MOUNTOPTS_H
#define DXF_MOUNTOPTS_H

#include "fuse_api.h"
#include "session.h"

/*
 * Build libfuse's arguments: exactly what is meant, in words that it knows.
 * Ownership: fuse_opt_free_args() releases *@args.
 * Returns: 0, -ENOMEM.
 */
int dxf_mountopts_build(const struct dxf_session *s, struct fuse_args *args);

#endif
