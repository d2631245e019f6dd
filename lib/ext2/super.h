/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * super.h - the superblock as bytes: read, changed and staged whole.
 */
#ifndef DXF_SUPER_H
#define DXF_SUPER_H

#include "ext2_priv.h"

#define DXF_SUPER_OFF	((dxf_off_t)1024)

/* Through the open transaction.  Returns: 0, -EIO, -ERANGE. */
int dxf_super_read(struct dxf_txnmgr *m, struct ext2_super_block *sb);
/*
 * Stage it, the checksum renewed.  Returns: 0; -EUCLEAN (reported) what was read
 * is no superblock; -errno of the store.
 */
int dxf_super_store(struct dxf_ext2 *e2, struct dxf_txn *t,
		    struct ext2_super_block *sb);
uint32_t dxf_super_csum(const struct ext2_super_block *sb);

/*
 * s_wtime, one second in the past: the tools set it to now when they change
 * the filesystem, so that a change of theirs is seen even within one second.
 */
void dxf_super_set_wtime(struct ext2_super_block *sb, time_t now);

/* The image's path for messages, "IMAGE" where it has none. */
static inline const char *dxf_super_path(const struct dxf_ext2 *e2)
{
	const char *path = dxf_region_path(e2->region);

	return path[0] != '\0' ? path : "IMAGE";
}

/* ---- corrupt.c ---- */

int dxf_errlog_init(struct dxf_ext2 *e2);
void dxf_errlog_fini(struct dxf_ext2 *e2);
/* An error was found since the filesystem was opened. */
bool dxf_errlog_any(struct dxf_ext2 *e2);

#endif
