/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open.h - the steps of opening: features, geometry, groups.
 *
 * Each looks at what the steps before it found sane and at nothing else.
 */
#ifndef DXF_OPEN_H
#define DXF_OPEN_H

#include "ext2_priv.h"


/*
 * May a filesystem with the features of @sb be opened?  @path names the image
 * in the commands of the message.
 * Returns: 0; -EOPNOTSUPP; -EROFS only read-only.
 */
int dxf_features_check(const struct ext2_super_block *sb, bool ro,
		       const char *path, struct dxf_err *err);

/*
 * Check every number of @sb that the geometry follows from, and the size of
 * the region.
 * Returns: 0 and *@g; -EINVAL.
 */
int dxf_geom_read(struct dxf_geom *g, const struct ext2_super_block *sb,
		  uint64_t region_size, struct dxf_err *err);

/* s_desc_size, or 32 without the 64bit feature. */
uint32_t dxf_geom_desc_size(const struct ext2_super_block *sb);

/*
 * Read and check the descriptors, into e2->groups, with e2->fs open.
 * Returns: 0; -EUCLEAN damaged (read-only: only what cannot be read at all);
 * -EIO; -ENOMEM.
 */
int dxf_groups_load(struct dxf_ext2 *e2, struct dxf_err *err);

/*
 * Collect the blocks with metadata at a fixed place, with the groups loaded.
 * Returns: 0; -EUCLEAN two overlap; -ENOMEM.
 */
int dxf_fixed_build(struct dxf_ext2 *e2, struct dxf_err *err);

#endif
