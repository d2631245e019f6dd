/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ext2.h - an open ext2 filesystem on a region: geometry, features, mount
 * state, counters, and the one door through which corruption is reported.
 *
 * The layer knows the disk format.  It knows nothing of FUSE, of open files or
 * of who may do what.  libext2fs opens and validates the filesystem and gives
 * checksums and extent trees; it never owns state (DESIGN.md, "libext2fs").
 */
#ifndef DXF_EXT2_H
#define DXF_EXT2_H

#include <time.h>

#include "err.h"
#include "txn.h"
#include "units.h"

struct dxf_ext2;

#define DXF_ROOT_INO	((dxf_ino_t)2)
#define DXF_NAME_MAX	255

/* errors=: what to do when an inconsistency is found. */
enum dxf_errors {
	DXF_ERRORS_SUPER,	/* as the superblock says (remount-ro if "continue"
				 * stands there only by mke2fs's default) */
	DXF_ERRORS_CONTINUE,
	DXF_ERRORS_RO,
	DXF_ERRORS_PANIC,	/* the process aborts */
};

struct dxf_ext2_opts {
	bool ro;
	bool force;		/* mount rw although not cleanly unmounted */
	bool recovered;		/* the log made it consistent: clean */
	enum dxf_errors errors;
};

/* Bits of s_default_mount_opts, `tune2fs -o`. */
enum dxf_defm {
	DXF_DEFM_BSDGROUPS = 0x0002,
	DXF_DEFM_XATTR_USER = 0x0004,
	DXF_DEFM_ACL = 0x0008,
};

/* Constant while the filesystem is open. */
struct dxf_geom {
	uint32_t block_size;
	uint32_t block_bits;		/* log2(block_size) */
	dxf_blk_t first_block;		/* s_first_data_block */
	dxf_blk_t nblocks;		/* s_blocks_count: the end */
	dxf_ino_t ninodes;
	dxf_ino_t first_ino;		/* first that is not reserved */
	uint32_t inode_size;
	uint32_t blocks_per_group;
	uint32_t inodes_per_group;
	uint32_t ngroups;
	uint64_t max_size_ind;		/* file size limit, indirect map */
	uint64_t max_size_ext;		/* file size limit, extents */
	uint32_t max_links_dir;		/* 32000 or 65000; above: dir_nlink */
	uint32_t max_links;		/* of other files */
	uid_t resuid;			/* who may use the reserved blocks */
	gid_t resgid;
	uint64_t reserved_blocks;
	uint32_t default_mount_opts;	/* DXF_DEFM_*, s_default_mount_opts */
	uint8_t uuid[16];
	char label[17];
	bool has_extents, has_csum, has_64bit, has_large_file, has_huge_file,
	     has_dir_nlink, has_filetype, has_ext_attr, has_extra_isize,
	     has_dir_index, has_large_dir;
};

/*
 * Open: validate the superblock and descriptors against the region, refuse
 * features that are not handled (naming each, and the command that removes
 * it), read the descriptors into memory.  Changes nothing on media.
 * Ownership: @m must outlive *@out, which dxf_ext2_close() releases.
 * Returns: 0; -EINVAL no ext2 filesystem, region too small, bad geometry;
 * -EOPNOTSUPP a feature; -EROFS rw is not possible (ro-compat feature, not
 * cleanly unmounted, errors recorded) and @err names the way out; -EUCLEAN
 * damaged; -EIO; -ENOMEM.
 */
int dxf_ext2_open(struct dxf_ext2 **out, struct dxf_txnmgr *m,
		  const struct dxf_ext2_opts *opts, struct dxf_err *err);
/* Frees memory only.  NULL is allowed. */
void dxf_ext2_close(struct dxf_ext2 *e2);

const struct dxf_geom *dxf_ext2_geom(const struct dxf_ext2 *e2);
struct dxf_txnmgr *dxf_ext2_txnmgr(const struct dxf_ext2 *e2);
struct dxf_region *dxf_ext2_region(const struct dxf_ext2 *e2);

/* Byte offset of a block in the region. */
static inline dxf_off_t dxf_blk_off(const struct dxf_geom *g, dxf_blk_t blk)
{
	return blk << g->block_bits;
}

enum dxf_super_state {
	DXF_SUPER_MOUNTED,	/* a session begins: not clean, count it */
	DXF_SUPER_BUSY,		/* not clean (any more) */
	DXF_SUPER_CLEAN,	/* right counters; clean, if it was at mount and
				 * no error was found */
};
/*
 * Stage the superblock's state and times within @t.
 * Returns: 0, -errno of the store.
 */
int dxf_ext2_stage_state(struct dxf_ext2 *e2, struct dxf_txn *t,
			 enum dxf_super_state state);
/*
 * Begin a read-write session: clear VALID_FS, set s_mtime, count the mount.
 * One transaction.  Returns: 0, -errno of the transaction.
 */
int dxf_ext2_mark_mounted(struct dxf_ext2 *e2);
/*
 * End it: write the counters, set VALID_FS if it was clean at mount and no
 * error was found since.  Everything else is on media already.
 */
int dxf_ext2_mark_clean(struct dxf_ext2 *e2);

/*
 * Corruption: log one line with inode and block (0: none), remember the first
 * and last error for the superblock, apply the errors= policy (RO: the
 * transaction manager is ro from now on).  Does no I/O: call
 * dxf_ext2_write_errors() with no lock held.
 * Returns: -EUCLEAN.
 */
int dxf_ext2_corrupt(struct dxf_ext2 *e2, dxf_ino_t ino, dxf_blk_t blk,
		     const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Errors were found and are not yet in the superblock. */
bool dxf_ext2_errors_pending(const struct dxf_ext2 *e2);
/* Write them (EXT2_ERROR_FS and the s_first/last_error fields). */
int dxf_ext2_write_errors(struct dxf_ext2 *e2);

/* Counters, exact at any time. */
struct dxf_ext2_counts {
	uint64_t free_blocks;	/* the reserved ones included */
	uint64_t free_inodes;
};
void dxf_ext2_counts(struct dxf_ext2 *e2, struct dxf_ext2_counts *out);
/*
 * Free blocks that nobody gets, since they are known to be bad.  One test where
 * nothing is bad.
 */
uint64_t dxf_ext2_bad_free_blocks(struct dxf_ext2 *e2);
/* Blocks taken by the metadata of the format itself (minixdf: not counted). */
uint64_t dxf_ext2_overhead(const struct dxf_ext2 *e2);

/*
 * A block that holds metadata at a fixed place (superblock, descriptors,
 * bitmaps, inode tables) or lies outside the filesystem: no file may map it.
 */
bool dxf_ext2_is_fixed_block(const struct dxf_ext2 *e2, dxf_blk_t blk,
			     uint64_t nblk);

/* Set feature bits when first needed, within @t.  Idempotent. */
enum dxf_feature {
	DXF_FEATURE_LARGE_FILE,
	DXF_FEATURE_EXT_ATTR,
	DXF_FEATURE_DIR_NLINK,
	DXF_FEATURE_HUGE_FILE,
};
int dxf_ext2_need_feature(struct dxf_ext2 *e2, struct dxf_txn *t,
			  enum dxf_feature f);

/* ---- the orphan list's head; links are in the inodes' i_dtime ---- */
dxf_ino_t dxf_ext2_orphan_head(struct dxf_ext2 *e2);	/* via txn_read */
int dxf_ext2_set_orphan_head(struct dxf_ext2 *e2, struct dxf_txn *t,
			     dxf_ino_t ino);

#endif
