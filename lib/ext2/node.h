/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node.h - an inode in core: the decoded slot, and what is cached with it.
 *
 * struct dxf_dinode is the slot in the machine's endianness.  An operation
 * copies node->di inside its transaction, changes the copy, stages it with
 * dxf_dinode_write(), and stores it back into node->di after the commit.  So
 * every function that changes an inode's mapping, size or xattrs takes the
 * node (identity and caches) and the dinode copy separately; it changes the
 * copy and stages everything but the slot itself.
 */
#ifndef DXF_NODE_H
#define DXF_NODE_H

#include <sys/stat.h>

#include "balloc.h"
#include "ext2.h"
#include "lock.h"

#define DXF_NDIRECT	12
#define DXF_NIBLOCKS	15

struct dxf_dinode {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint32_t nlink;
	uint64_t size;
	uint64_t sectors;	/* i_blocks, always in 512-byte units */
	uint32_t flags;		/* i_flags, EXT2_*_FL */
	uint32_t generation;
	uint32_t dtime;		/* deletion time, or next orphan */
	uint32_t projid;
	dxf_blk_t file_acl;	/* xattr block, 0: none */
	struct timespec atime, mtime, ctime, crtime;
	/* i_block[] as on media (little endian): map, extent root, fast
	 * symlink or device number */
	uint8_t block[DXF_NIBLOCKS * 4];
	uint16_t extra_isize;	/* 0 on 128-byte inodes */
};

/* A stretch of a file that lies together on media, or a hole. */
struct dxf_run {
	dxf_lblk_t lblk;
	dxf_blk_t pblk;		/* 0: a hole */
	uint64_t nblk;
	bool unwritten;		/* allocated, reads as zeros */
};

/*
 * The same, cached and packed (runs.c): where = lblk | nblk << 32, 0: empty;
 * what = pblk << 1 | unwritten.  A million inodes keep these.
 */
struct dxf_cached_run {
	uint64_t where;
	uint64_t what;
};

#define DXF_NRUNS	3

struct dxf_dirindex;
struct dxf_runtab;

struct dxf_node {
	struct dxf_ext2 *e2;
	dxf_ino_t ino;
	uint32_t run_gen;		/* counts invalidations */
	/*
	 * Changed after a commit, under the metadata lock and @attr; so it may
	 * be read under either.  Implicit times are changed under @attr alone.
	 */
	struct dxf_dinode di;
	struct dxf_mutex attr;		/* DXF_RANK_ATTR; also the run cache */
	/* the run cache (runs.c), changed under @attr */
	uint32_t run_seq;		/* odd: it is changing */
	/*
	 * For the owner: which moment mtime and ctime in di were set to, or 0.
	 * Changed under @attr, read without it.
	 */
	uint32_t touched;
	struct dxf_cached_run runs[DXF_NRUNS];
	struct dxf_runtab *runtab;	/* NULL: these few are enough */
	struct dxf_window window;	/* protected by the owner's inode lock
					 * held exclusively */
	struct dxf_dirindex *index;	/* directories; by the inode lock */
};

/* Prepare an empty node: no I/O. */
void dxf_node_init(struct dxf_node *n, struct dxf_ext2 *e2, dxf_ino_t ino);
/* Release windows, caches and the index. */
void dxf_node_fini(struct dxf_node *n);

/*
 * Read and check the slot (checksum, mode, sizes, extent root magic) - does
 * not look at the inode bitmap.
 * Returns: 0; -EINVAL no such inode number; -EIO; -EUCLEAN (reported);
 * -ESTALE the slot is not in use (nlink 0 and no mode).
 */
int dxf_dinode_read(struct dxf_ext2 *e2, dxf_ino_t ino,
		    struct dxf_dinode *out);

/*
 * The same for an inode that may be changing meanwhile: nothing is reported,
 * and who finds that it did has read nothing.
 * Returns: 0; -EAGAIN: use dxf_dinode_read(); @out is undefined then.
 */
int dxf_dinode_glance(struct dxf_ext2 *e2, dxf_ino_t ino,
		      struct dxf_dinode *out);

/* A hint that the slot of inode @ino, which exists, will be read soon. */
void dxf_dinode_ahead(const struct dxf_ext2 *e2, dxf_ino_t ino);

/*
 * The slot of the bad-blocks inode, which has no type and no links: checksum,
 * and that it could be one.
 * Returns: 0; -EIO; -EUCLEAN (reported).
 */
int dxf_dinode_read_bad(struct dxf_ext2 *e2, struct dxf_dinode *out);

/*
 * Stage the slot; the in-inode xattrs and unknown fields stay, the checksum is
 * renewed.  Sets HUGE_FILE, LARGE_FILE features when needed.
 * Returns: 0; -EFBIG i_blocks cannot be expressed; -EOVERFLOW never (times are
 * clamped to what the slot can hold); -ENOMEM, -EIO.
 */
int dxf_dinode_write(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		     const struct dxf_dinode *di);

/*
 * Stage a fresh slot: all other bytes (in-inode xattrs too) zero, extra_isize
 * as the superblock wants it; with extents the empty extent root goes into
 * di->block for regular files and directories (EXTENTS_FL is set in di->flags
 * by the caller who wants extents: dxf_dinode_fresh()).
 */
int dxf_dinode_create(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		      struct dxf_dinode *di);
/*
 * The bytes of a fresh slot with its checksum, inode_size of them: for the one
 * inode that is stored past all transactions (logmake.c).
 */
void dxf_dinode_image(const struct dxf_ext2 *e2, dxf_ino_t ino,
		      const struct dxf_dinode *di, uint8_t *raw);
/*
 * Fill @di for a new inode: times now, nlink as given, flags inherited from
 * @dir_flags as ext4 masks them for the kind of file, EXTENTS_FL and an empty
 * root where the filesystem has extents and the kind maps blocks.
 */
void dxf_dinode_fresh(struct dxf_ext2 *e2, struct dxf_dinode *di, mode_t mode,
		      uint32_t dir_flags, const struct timespec *now);

/* The range and precision that the slot can store: for utimensat(2). */
struct timespec dxf_dinode_clamp_time(const struct dxf_ext2 *e2,
				      const struct dxf_dinode *di,
				      struct timespec ts);

/* Device numbers of S_ISCHR and S_ISBLK inodes, old and new encoding. */
dev_t dxf_dinode_get_rdev(const struct dxf_dinode *di);
void dxf_dinode_set_rdev(struct dxf_dinode *di, dev_t rdev);

/* The slot's byte offset in the region and its size on media. */
dxf_off_t dxf_inode_slot_off(const struct dxf_ext2 *e2, dxf_ino_t ino);

#endif
