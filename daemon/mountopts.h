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

/*
 * The same as one list, escaped for libfuse; @selinux: with the labels.
 * Ownership: *@opts is released with free(3).
 * Returns: 0, -ENOMEM.
 */
int dxf_mountopts_list(const struct dxf_session *s, bool selinux, char **opts);

/*
 * Set what libfuse cannot on the mount at @at - before FUSE_INIT is answered.
 * Returns: 0; -errno with a sentence in @err: nosymfollow could not be set.
 */
int dxf_mountopts_apply(const struct dxf_options *o, const char *at,
			struct dxf_err *err);

#endif
