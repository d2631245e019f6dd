/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mkfsopts.h - the command line of mkfs.daxfuse, and mke2fs's made from it.
 */
#ifndef DXF_MKFSOPTS_H
#define DXF_MKFSOPTS_H

#include "err.h"
#include "units.h"

#define DXF_MKFS_MAX_ARGS	96

struct dxf_mkfsopts {
	const char *target;
	uint64_t size;		/* bytes; 0: all of it */
	bool force, sparse, quiet, dry_run, help, version;
	/* of mke2fs's, as they were given, in order */
	char *pass[DXF_MKFS_MAX_ARGS];
	unsigned int npass;
	unsigned char given[256];	/* by letter */
	const char *extended;		/* -E's; NULL: none */
	const char *features;		/* -O's */
};

/*
 * Ownership: everything points into @argv.
 * Returns: 0; -EINVAL.
 */
int dxf_mkfsopts_parse(struct dxf_mkfsopts *o, int argc, char **argv,
		       struct dxf_err *err);

/*
 * mke2fs's arguments for @path: our defaults, each unless it was given, then
 * what was.  -E's are one list.
 * Ownership: *@out is released with dxf_mkfsopts_free().
 * Returns: 0; -ENOMEM.
 */
int dxf_mkfsopts_command(const struct dxf_mkfsopts *o, const char *path,
			 char ***out);
void dxf_mkfsopts_free(char **command);

#endif
