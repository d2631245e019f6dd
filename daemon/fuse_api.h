/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuse_api.h - libfuse's low-level interface, at the version we write for.
 */
#ifndef DXF_FUSE_API_H
#define DXF_FUSE_API_H

#define FUSE_USE_VERSION	35
#include <fuse_lowlevel.h>

#endif
