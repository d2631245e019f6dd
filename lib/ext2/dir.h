/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dir.h - directories: linear entries with checksummed tails, in place, and a
 * name index in memory.
 *
 * The index (keyed hash of the name -> place of the entry) is built on first
 * use of a directory of more than a few blocks, sooner or later of a small one,
 * lives in node->index, and its memory is bounded over all directories of a
 * filesystem.  Lookup, insert and remove cost does not grow with the directory.
 * A directory with an on-disk htree is read linearly (its index blocks look like
 * empty entries) and turned into a linear one by the first change (DESIGN.md).
 *
 * Locks: the caller holds the directory's inode lock: shared for lookup and
 * iterate (which may build the index under a lock of its own), exclusive for
 * changes; changes are inside a transaction.  After an abort the index forgets
 * what the transaction did by itself.
 */
#ifndef DXF_DIR_H
#define DXF_DIR_H

#include "node.h"

/* An entry, copied. */
struct dxf_dirent {
	dxf_ino_t ino;
	uint8_t type;		/* DT_*, DT_UNKNOWN without filetype */
	uint8_t name_len;
	uint64_t off;		/* byte offset in the directory */
	uint64_t next;		/* offset (cookie) of the entry behind it */
	char name[DXF_NAME_MAX + 1];
};

/*
 * Find a name ("." and ".." too) in the directory as it is committed: look up
 * first, then change.
 * Returns: 0 and *@out; -ENOENT; -ENAMETOOLONG; -EIO; -EUCLEAN (reported);
 * -ENOMEM.
 */
int dxf_dir_lookup(struct dxf_node *dir, const char *name, size_t len,
		   struct dxf_dirent *out);

/* A name to insert. */
struct dxf_dir_new {
	const char *name;		/* not "." or ".." */
	size_t len;
	dxf_ino_t ino;
	uint8_t type;			/* a DT_* value */
	unsigned int balloc_flags;	/* should the directory grow */
};

/*
 * Insert a name that is not there; the directory grows by a block if it must
 * (di->size, di->sectors).
 * Returns: 0; -ENOSPC, also when the directory is at the format's limit;
 * -ENAMETOOLONG; -EFBIG the transaction would not fit; -ENOMEM, -EIO,
 * -EUCLEAN.
 */
int dxf_dir_add(struct dxf_node *dir, struct dxf_dinode *di, struct dxf_txn *t,
		const struct dxf_dir_new *n);

static inline int dxf_dir_insert(struct dxf_node *dir, struct dxf_dinode *di,
				 struct dxf_txn *t, const char *name,
				 size_t len, dxf_ino_t ino, uint8_t type)
{
	struct dxf_dir_new n = {
		.name = name, .len = len, .ino = ino, .type = type,
	};

	return dxf_dir_add(dir, di, t, &n);
}

/* Remove the entry that lookup found.  Returns: 0, -errno as insert. */
int dxf_dir_remove(struct dxf_node *dir, struct dxf_dinode *di,
		   struct dxf_txn *t, const struct dxf_dirent *de);

/*
 * Give the entry that lookup found another name, which is not there, where it
 * is; n->ino is the inode it names.
 * Returns: 0; 1: there is no room for it, nothing was done: remove and add;
 * -errno as insert.
 */
int dxf_dir_rename(struct dxf_node *dir, struct dxf_dinode *di,
		   struct dxf_txn *t, const struct dxf_dirent *de,
		   const struct dxf_dir_new *n);

/* Point the entry that lookup found (also "..") to another inode. */
int dxf_dir_replace(struct dxf_node *dir, struct dxf_dinode *di,
		    struct dxf_txn *t, const struct dxf_dirent *de,
		    dxf_ino_t ino, uint8_t type);

/*
 * The first block of a new directory: "." and ".."; sets di->size.  No name is
 * in an index yet.  Returns: 0, -errno as add.
 */
int dxf_dir_make_first(struct dxf_node *dir, struct dxf_dinode *di,
		       struct dxf_txn *t, dxf_ino_t parent,
		       unsigned int balloc_flags);

static inline int dxf_dir_make_empty(struct dxf_node *dir,
				     struct dxf_dinode *di, struct dxf_txn *t,
				     dxf_ino_t parent)
{
	return dxf_dir_make_first(dir, di, t, parent, 0);
}

/* Only "." and ".." in it: 1, 0, -errno. */
int dxf_dir_is_empty(struct dxf_node *dir);

/*
 * Call @fn for each entry at or behind cookie @off until it returns non-zero
 * or the end; a cookie that points into a merged entry continues at the first
 * entry at or past it.  A damaged block is reported and ends with -EUCLEAN
 * after the entries before it.
 * Returns: 0 (also when @fn stopped it); -EIO; -EUCLEAN; -ENOMEM.
 */
int dxf_dir_iterate(struct dxf_node *dir, uint64_t off,
		    int (*fn)(void *ctx, const struct dxf_dirent *de),
		    void *ctx);

/*
 * The same, told beforehand what comes: ahead() gets the numbers of the next
 * @n entries, 0 for "." and "..", and returns for how many of them it is enough
 * (>= 1); when those were handed out it is called again.
 */
#define DXF_DIR_AHEAD	32
struct dxf_dir_walk {
	int (*fn)(void *ctx, const struct dxf_dirent *de);
	unsigned int (*ahead)(void *ctx, const dxf_ino_t *ino, unsigned int n);
	void *ctx;
};
int dxf_dir_walk(struct dxf_node *dir, uint64_t off,
		 const struct dxf_dir_walk *w);

/* S_IFMT bits -> DT_*. */
uint8_t dxf_dir_type(mode_t mode);

/* Release the index.  Exclusive lock or last ref. */
void dxf_dir_forget_index(struct dxf_node *dir);
/*
 * The node is about to go: a large index is kept for when the directory is
 * looked at again.  Nobody may come by the directory until the node is gone.
 */
void dxf_dir_leave_index(struct dxf_node *dir);

/*
 * The bound on index memory over all directories of @e2, bytes; default
 * 256 MiB.  Beyond it the indexes not used for longest are released.
 */
void dxf_dir_set_index_limit(struct dxf_ext2 *e2, uint64_t bytes);
/* What the indexes take now, bytes. */
uint64_t dxf_dir_index_bytes(struct dxf_ext2 *e2);

#endif
