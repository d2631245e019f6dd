/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iknown.h - lookups of inodes that are not in memory.
 *
 * A listing hands out thousands of inodes of which few are used: of each of
 * the others no more than this count is kept.  It moves into the inode when
 * that is read in.
 *
 * Locks: all are called with fs->icache_lock held.
 */
#ifndef DXF_IKNOWN_H
#define DXF_IKNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "units.h"

struct dxf_known_group;

/* Protected by fs->icache_lock.  All zero is an empty one. */
struct dxf_known {
	struct dxf_known_group **table;	/* NULL: there is none */
	size_t size;			/* of it, a power of two */
	size_t ngroups;
	struct dxf_known_group *last;	/* the one that was found last */
	uint64_t n;			/* numbers with a count */
};

/* Returns: 0; -ENOMEM, -EOVERFLOW (one has so many lookups): not counted. */
int dxf_known_add(struct dxf_known *k, dxf_ino_t ino);
/* The lookups of @ino; 0: it is not known. */
uint32_t dxf_known_count(struct dxf_known *k, dxf_ino_t ino);
/*
 * @n lookups less, all of them at most.
 * Returns: true if much memory may go back to the system now.
 */
bool dxf_known_drop(struct dxf_known *k, dxf_ino_t ino, uint64_t n);
/* All that there are are dropped; there may be none. */
void dxf_known_fini(struct dxf_known *k);

#endif
