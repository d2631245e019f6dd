/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core_rig.h - a filesystem for the tests of superblock, allocators and inode
 * slots: made by mke2fs, in guarded memory, opened read-write.
 */
#ifndef DXF_CORE_RIG_H
#define DXF_CORE_RIG_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "balloc.h"
#include "ext2_priv.h"
#include "fault.h"
#include "groups.h"
#include "ialloc.h"
#include "image.h"
#include "load.h"
#include "log.h"
#include "node.h"
#include "persist.h"
#include "super.h"

struct core_config {
	const char *name;
	const char *args;	/* of mke2fs */
	unsigned int mib;
};
extern const struct core_config core_configs[];
extern const int core_nconfigs;

/*
 * For inner loops: ck_assert() writes to a pipe each time, which a million
 * checks feel.
 */
#define CORE_CHECK(cond) \
	do { \
		if (!(cond)) \
			ck_abort_msg("not true: %s", #cond); \
	} while (0)

struct core {
	struct dxf_region *region;
	struct dxf_txnmgr *mgr;
	struct dxf_ext2 *e2;
	const struct dxf_geom *g;
	struct dxf_ext2_counts start;
	int messages;		/* logged since core_open() */
	char last[512];		/* the last of them */
};

void core_open(struct core *c, const char *args, unsigned int mib);
void core_open_config(struct core *c, int config);
/* Open the filesystem again (read-write, errors=remount-ro). */
void core_reopen(struct core *c);
/* Close without a look at the image. */
void core_close(struct core *c);
/* Mark clean, close; e2fsck must be silent. */
void core_close_clean(struct core *c);

/* dxf_ext2_open() on the region as it is; *c is not opened after a failure. */
int core_try_open(struct core *c, const struct dxf_ext2_opts *opts,
		  struct dxf_err *err);

struct dxf_txn *core_begin(struct core *c);
void core_commit(struct dxf_txn *t);

void core_read_super(struct core *c, struct ext2_super_block *sb);
/* Store it with its checksum made right, as an editor of images would. */
void core_write_super(struct core *c, struct ext2_super_block *sb);

/* The bit of @blk in the block bitmap on media; uninitialised groups: 0. */
bool core_block_used(struct core *c, dxf_blk_t blk);

/* Every in-memory counter and map agrees with the media; nothing reserved. */
void core_check_memory(struct core *c);

/* Compare with a snapshot; staged ranges aside nothing may differ. */
void core_assert_same(struct core *c, const void *snapshot);

/* A small deterministic random number generator. */
uint32_t core_random(uint64_t *state);

/* Run the suite: exit status for main(). */
int core_run(Suite *s);

#endif
