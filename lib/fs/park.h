/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * park.h - unlinked inodes that are freed together.
 */
#ifndef DXF_PARK_H
#define DXF_PARK_H

#include <stdbool.h>

struct dxf_fs;
struct dxf_inode;

/* So many are freed in one transaction. */
#define DXF_PARK_MAX	16
/* When so many wait the background thread is called for them. */
#define DXF_PARK_CALL	1024
/* So many wait at most. */
#define DXF_PARK_ROOM	2048

/* What a reference less leaves to be done, without the lock: icache.c. */
enum dxf_due {
	DXF_DUE_NOTHING,
	DXF_DUE_EVICTION,
	DXF_DUE_RELEASE,	/* dxf_park_release() */
	DXF_DUE_CALL,		/* dxf_bg_call() */
};

/* Protected by fs->icache_lock. */
struct dxf_park {
	struct dxf_inode *v[DXF_PARK_ROOM];	/* a ring */
	unsigned int first;		/* the oldest one's place */
	int n;
	int nleaving;			/* are being freed now */
	bool open;			/* a background thread releases them */
	bool called;			/* it will come, or is at it */
};

/*
 * Nobody refers to @inode any more: keep it, to be freed with others soon?
 * Locks: icache_lock.
 * Returns: false: it is to be evicted now.
 */
bool dxf_park_add(struct dxf_fs *fs, struct dxf_inode *inode);
/* It was added: what does the caller owe now?  Locks: icache_lock. */
enum dxf_due dxf_park_due(struct dxf_park *p);
/*
 * Free the DXF_PARK_MAX that are parked for the longest.  What fails stays on the
 * orphan list, which is logged.
 * Locks: none may be held.
 */
void dxf_park_release(struct dxf_fs *fs);
/* The same with all that are parked now: the background thread does this. */
void dxf_park_serve(struct dxf_fs *fs);
/* bg.c: wake it for that alone.  Locks: none of rank LEAF held. */
void dxf_bg_call(struct dxf_fs *fs);
/*
 * The same, and wait for those whose release has begun: what was let go before
 * is free.
 * Returns: true if there was something.
 */
bool dxf_park_drain(struct dxf_fs *fs);
/* From now on inodes are parked; or not, and those that are are released. */
void dxf_park_open(struct dxf_fs *fs);
void dxf_park_close(struct dxf_fs *fs);

/*
 * orphan.c: free @n unlinked inodes, DXF_PARK_MAX at most, in one transaction;
 * @v is sorted.
 * Locks: none held; nobody refers to the inodes.
 * Returns: 0; -errno: nothing was freed (-EFBIG: too much for one transaction).
 */
int dxf_orphan_free_many(struct dxf_fs *fs, struct dxf_inode **v, int n);

#endif
