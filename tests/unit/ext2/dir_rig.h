/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dir_rig.h - one directory on a fresh image, and a naive model of its names.
 *
 * Names have numbers; the model is an array of the inodes they stand for.
 * Each change is a transaction as the layer above makes one, and is entered
 * into the model after the commit.  The names are hard links to a few files,
 * whose link counts are written before the image is checked.
 */
#ifndef DXF_DIR_RIG_H
#define DXF_DIR_RIG_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bmap.h"
#include "dir_priv.h"
#include "fault.h"
#include "ialloc.h"
#include "load.h"
#include "log.h"
#include "persist.h"

#define RIG_FILES	20

struct rig {
	char path[64];
	struct dxf_region *region;
	struct dxf_txnmgr *mgr;
	struct dxf_ext2 *e2;
	const struct dxf_geom *g;
	struct dxf_node dir;
	dxf_ino_t file[RIG_FILES];
	uint32_t nlink[RIG_FILES];
	dxf_ino_t *model;		/* 0: not there */
	uint32_t nnames;		/* numbers are below this */
	bool long_names;		/* 1 to 255 bytes, else 2 to 24 */
	uint64_t seed;
	int messages;			/* logged */
	uint32_t renamed[2];		/* in their places, or not */
};

/*
 * mke2fs with @opts on an image of @mib MiB in memory, opened read-write, with
 * an empty directory "d" and the files.
 */
void rig_open(struct rig *r, const char *opts, unsigned int mib,
	      uint32_t nnames);
void rig_close(struct rig *r);
/* Close cleanly; e2fsck -fn must print its Pass lines and summary alone. */
void rig_check(struct rig *r);
/* Open an image again that was closed by rig_check(). */
void rig_reopen(struct rig *r);
/* Close, and remove the image. */
void rig_drop(struct rig *r);
int rig_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

uint32_t rig_random(struct rig *r, uint32_t bound);
size_t rig_name(const struct rig *r, uint32_t i, char name[256]);

/* Forget the index and re-read the inode. */
void rig_forget(struct rig *r);
struct dxf_txn *rig_begin(struct rig *r);
/* Stage @di, commit, make it the directory's. */
int rig_commit(struct rig *r, struct dxf_txn *t, const struct dxf_dinode *di);

/*
 * One operation on name @i, with its lookup; @commit: or abort in the end.
 * Returns: 0, or what failed; then nothing has changed.
 */
int rig_insert(struct rig *r, uint32_t i, bool commit);
int rig_remove(struct rig *r, uint32_t i, bool commit);
int rig_replace(struct rig *r, uint32_t i, bool commit);
/* Name @i becomes @to, by removing and adding where it has no room. */
int rig_rename(struct rig *r, uint32_t i, uint32_t to, bool commit);
/* Insert what is not there; remove, rename or replace what is. */
int rig_step(struct rig *r, uint32_t i, bool commit);

/* Name @i is looked up as the model says. */
void rig_verify_name(struct rig *r, uint32_t i);
/* All names are looked up and iterated as the model says. */
void rig_verify(struct rig *r);

/* The bytes of the blocks in use. */
struct image {
	uint8_t *bytes;
	uint8_t *used;			/* one byte per block */
};
void rig_snapshot(struct rig *r, struct image *im);
void rig_same(struct rig *r, const struct image *im);
void rig_free_image(struct image *im);

#endif
