/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libext2fs.h - the libext2fs handle, which lives while a filesystem is opened.
 */
#ifndef DXF_LIBEXT2FS_H
#define DXF_LIBEXT2FS_H

#include "ext2_priv.h"

/* The io_manager over region and transactions (io_dax.c); reads only. */
extern struct struct_io_manager dxf_io_manager;
/* The filesystem whose channel this thread's next ext2fs_open2() opens. */
void dxf_io_set_opening(struct dxf_ext2 *e2);

/*
 * Open libext2fs on e2's region, into e2->fs: its own checks of the superblock,
 * and what it knows of where things are.
 * Returns: 0; -errno with a sentence.
 */
int dxf_libext2fs_open(struct dxf_ext2 *e2, struct dxf_err *err);
/* Free the handle; writes nothing.  No handle is no error. */
void dxf_libext2fs_close(struct dxf_ext2 *e2);

#endif
