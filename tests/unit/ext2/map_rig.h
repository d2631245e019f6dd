/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map_rig.h - one file on a fresh image, and a naive model of its block map.
 *
 * The model keeps, for a few zones of the file, what each block is mapped to;
 * outside the zones the file must be a hole.  Every change goes through a
 * transaction as the layer above makes one, and is entered into the model only
 * after the commit.
 */
#ifndef DXF_MAP_RIG_H
#define DXF_MAP_RIG_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "balloc.h"
#include "bmap.h"
#include "ext2_priv.h"
#include "fault.h"
#include "ialloc.h"
#include "image.h"
#include "le.h"
#include "load.h"
#include "log.h"
#include "persist.h"

#define MAX_ZONES	8

struct zone {
	dxf_lblk_t start;
	uint32_t len;
	dxf_blk_t *pblk;
	bool *unwritten;
};

struct rig {
	struct dxf_region *region;
	struct dxf_txnmgr *mgr;
	struct dxf_ext2 *e2;
	const struct dxf_geom *g;
	struct dxf_node node;
	struct dxf_ext2_counts start;	/* before the file mapped anything */
	unsigned int seed;
	bool fragment;			/* allocate at random places */
	int nzones;
	struct zone zone[MAX_ZONES];
	int messages;			/* logged */
};

/* mke2fs with @opts on an image of @mib MiB in memory, opened read-write. */
void rig_open(struct rig *r, const char *opts, unsigned int mib);
/* Close without looking; for images that were damaged on purpose. */
void rig_close(struct rig *r);
/*
 * Give the file a name and a size, close cleanly and run e2fsck -fn, which
 * must print its Pass lines and summary alone.
 */
void rig_check_and_close(struct rig *r);

void rig_add_zone(struct rig *r, dxf_lblk_t start, uint32_t len);
uint32_t rig_random(struct rig *r, uint32_t bound);

struct dxf_txn *rig_begin(struct rig *r);
/* Stage the slot, commit, and make @di the file's inode. */
void rig_commit(struct rig *r, struct dxf_txn *t, const struct dxf_dinode *di);

/*
 * Map up to @want blocks of the hole at @lblk; @commit: or abort.
 * Returns: 0, or what failed, then nothing has changed.
 */
int rig_insert(struct rig *r, dxf_lblk_t lblk, uint32_t want, bool unwritten,
	       bool commit);
int rig_convert(struct rig *r, dxf_lblk_t lblk, uint32_t n, bool commit);
/* In as many transactions as it takes; the number of them goes to *@ntxn. */
int rig_remove(struct rig *r, dxf_lblk_t start, dxf_lblk_t end, bool commit,
	       int *ntxn);

/* What the model has there. */
dxf_blk_t rig_model(const struct rig *r, dxf_lblk_t lblk, bool *unwritten);
/* The whole map and some random places are as the model says. */
void rig_verify(struct rig *r);
/* Walk a map that may be damaged.  Returns: 0 or the first error. */
int rig_walk(struct rig *r, const struct dxf_dinode *di);
/* One random change inside the zones. */
void rig_step(struct rig *r);

/* The bytes of all blocks in use; the caller frees it. */
struct image {
	uint8_t *bytes;
	uint8_t *used;			/* one byte per block */
};
void rig_snapshot(struct rig *r, struct image *im);
/* The media are as they were, free blocks aside. */
void rig_same(struct rig *r, const struct image *im);
void rig_drop(struct image *im);

/* A reserved block with @bytes of content, for damaged maps. */
dxf_blk_t rig_raw_block(struct rig *r, const void *bytes, size_t len);

#endif
