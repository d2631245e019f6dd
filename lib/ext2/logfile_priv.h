/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logfile_priv.h - the log file as lograw.c, logmake.c and logfile.c share it.
 */
#ifndef DXF_LOGFILE_PRIV_H
#define DXF_LOGFILE_PRIV_H

#include "ext2_priv.h"
#include "logfile.h"
#include "txlog.h"

/* One level of indirection: the raw reader's job stays small. */
static inline uint64_t dxf_log_max_blocks(uint32_t block_size)
{
	return EXT2_NDIR_BLOCKS + block_size / sizeof(uint32_t);
}

enum dxf_log_found {
	DXF_LOG_NONE,		/* inode 5 is not in use */
	DXF_LOG_OURS,
	DXF_LOG_OTHER,		/* in use by something else */
};

/* What stands on media, as far as the log needs it. */
struct dxf_log_raw {
	enum dxf_log_found found;
	struct dxf_txlog_place place;	/* OURS; else without runs */
	uint32_t block_bits;
	dxf_off_t slot_off;		/* of inode 5; 0: there is no ext2 here */
	uint32_t inode_size;
	dxf_blk_t map_blk;		/* the indirect block, 0: none */
	uint64_t lastcheck;		/* s_lastcheck */
	bool valid;			/* EXT2_VALID_FS */
};

struct dxf_logfile {
	struct dxf_txnmgr *m;
	struct dxf_region *region;
	struct dxf_log_raw raw;
	struct dxf_txlog *log;		/* NULL: none that can be used */
	enum dxf_recovery recovery;
	bool in_use;
};

/*
 * Read geometry, inode 5 and its map - bounds are checked, checksums are not;
 * what makes no sense is left to the opening to complain about.
 * Returns: 0; -EIO.
 */
int dxf_log_find(struct dxf_region *r, struct dxf_log_raw *out);

/*
 * The smallest log that holds every transaction that cannot be cut, in a
 * filesystem that is not damaged (FORMAT.md, "Bounds").
 */
uint64_t dxf_log_min_size(const struct dxf_geom *g);
/*
 * The size of a new log: *@size is what was asked for, 0 nothing; becomes a
 * multiple of the block size.
 * Returns: 0; -EINVAL out of bounds, @err has them.
 */
int dxf_log_check_size(const struct dxf_geom *g, const char *path,
		       uint64_t *size, struct dxf_err *err);

/*
 * Make the log: find room, format it, link inode 5 to it, allocate its blocks
 * in the first transaction that goes through it.
 * Returns: 0; -ENOSPC; -EIO; -ENOMEM; nothing is left behind then.
 */
int dxf_log_make(struct dxf_logfile *lf, struct dxf_ext2 *e2, uint64_t size);

/* Are the log's blocks marked in use?  All, none, or some (-EIO). */
enum dxf_log_bits { DXF_LOG_BITS_NONE, DXF_LOG_BITS_ALL, DXF_LOG_BITS_SOME };
int dxf_log_bits(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		 enum dxf_log_bits *out);

/*
 * Mark them, in a transaction through the log (state CREATING).
 * Returns: 0; -errno: they are not.
 */
int dxf_log_allocate(struct dxf_logfile *lf, struct dxf_ext2 *e2);

/*
 * Inode 5 is in use no more; its blocks are not freed.
 * Returns: 0; -EIO.
 */
int dxf_log_retire(struct dxf_logfile *lf);

/*
 * Blocks in use that are nobody else's from now on (fixed.c).
 * Returns: 0; -EUCLEAN they were already; -ENOMEM.
 */
int dxf_fixed_add(struct dxf_ext2 *e2, dxf_blk_t blk, uint64_t nblk);

#endif
