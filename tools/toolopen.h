/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * toolopen.h - a region for a tool.
 */
#ifndef DXF_TOOLOPEN_H
#define DXF_TOOLOPEN_H

#include "region.h"

/*
 * dxf_region_open() - waits up to two seconds for who has unmounted it but has
 * not yet let go of it.
 */
int dxf_tool_open(struct dxf_region **out, const char *path,
		  const struct dxf_region_opts *opts, struct dxf_err *err);

#endif
