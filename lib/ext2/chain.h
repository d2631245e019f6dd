/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.h - the libext2fs handle: opening it and the hooks in it.
 */
#ifndef DXF_CHAIN_H
#define DXF_CHAIN_H

#include "ext2_priv.h"

/* The filesystem whose channel this thread's next ext2fs_open2() opens. */
void dxf_io_set_opening(struct dxf_ext2 *e2);

/*
 * Open libext2fs on e2's region, into e2->fs, and hang in our hooks.
 * Returns: 0; -errno with a sentence.
 */
int dxf_chain_open(struct dxf_ext2 *e2, struct dxf_err *err);
/* Free the handle; writes nothing.  NULL is allowed. */
void dxf_chain_close(struct dxf_ext2 *e2);

#endif
