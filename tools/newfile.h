/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * newfile.h - an image file that is not there yet.
 */
#ifndef DXF_NEWFILE_H
#define DXF_NEWFILE_H

#include "err.h"
#include "units.h"

/*
 * Make @path with @size bytes, all of them allocated unless @sparse - where
 * the host has to be written to, @progress tells how far it is.  What cannot
 * be made whole is removed.
 * Returns: 0; -EEXIST; -ENOSPC; -errno.
 */
int dxf_newfile_make(const char *path, uint64_t size, bool sparse,
		     bool progress, struct dxf_err *err);

#endif
