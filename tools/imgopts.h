/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * imgopts.h - the command line of daxfuse-image.
 */
#ifndef DXF_IMGOPTS_H
#define DXF_IMGOPTS_H

#include "region.h"

struct dxf_imgopts {
	struct dxf_region_opts region;
	bool discard, foreground, verbose, help, version;
	bool run;
	const char *device;
	const char *file;		/* without run */
	char *const *program;		/* with run; NULL-terminated */
};

/*
 * Ownership: everything points into @argv, which the parsing changes.
 * Returns: 0; -EINVAL: @o->run is still valid.
 */
int dxf_imgopts_parse(struct dxf_imgopts *o, int argc, char **argv,
		      struct dxf_err *err);

#endif
