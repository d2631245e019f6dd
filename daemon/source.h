/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.h - "UUID=..." and "LABEL=..." as the source.
 */
#ifndef DXF_SOURCE_H
#define DXF_SOURCE_H

#include "err.h"

/*
 * Where "UUID=X" or "LABEL=X" is: by the links that udev makes for dax devices,
 * then those for disks.  Other sources are left as they are.
 * Ownership: *@source is replaced by another string that free(3) releases.
 * Returns: 0; -ENOENT, -EINVAL, -ENOMEM with a sentence in @err.
 */
int dxf_source_resolve(char **source, struct dxf_err *err);

#endif
