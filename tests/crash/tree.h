/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - what a filesystem holds, as its users see it, and whether one such
 * picture lies between two others as an interrupted operation may leave it.
 */
#ifndef CRASH_TREE_H
#define CRASH_TREE_H

#include "fs.h"

#define TREE_CHUNK	1024u

struct tree_chunk {
	uint64_t idx;		/* offset by TREE_CHUNK */
	uint8_t data[TREE_CHUNK];
};

struct tree_node {
	char *path;
	struct dxf_attr a;
	struct tree_chunk *chunk;	/* those that are not all zero */
	size_t nchunks;
	uint8_t *xattr;		/* name, 0, length, value; by name */
	size_t xlen;
	char *target;		/* of a symlink */
};

struct tree {
	struct tree_node *node;	/* by path */
	size_t n, cap;
};

/* Explicit times of workloads: the only ones that are compared. */
#define TREE_TIME	((time_t)1000000000)
#define TREE_TIMES	1000

/*
 * Everything at and below the directory @root ("" is the root of all).
 * Changes nothing that lives longer than a cache.
 * Returns: 0; -errno and the path in @why.
 */
int tree_take(struct tree *t, struct dxf_fs *fs, const char *root, char *why,
	      size_t cap);
void tree_free(struct tree *t);
const struct tree_node *tree_find(const struct tree *t, const char *path);

enum tree_rule {
	TREE_ATOMIC,	/* as before or as after */
	/* ... and while the size is the old one, each aligned word that the
	 * range covers, of others each byte, is old or new */
	TREE_WRITE,
	/* ... and whatever the size, each word is old or new, the size is one
	 * between the two: operations that are done up to some block */
	TREE_BLOCKS,
};

struct tree_between {
	const struct tree *before, *after;
	enum tree_rule rule;
	const char *path;	/* whose bytes; NULL with TREE_ATOMIC */
	/* pictures in between: of each word any of their versions as well */
	const struct tree *const *mid;
	unsigned int nmid;
};

/*
 * Is @got a state that an interruption between the two may leave?
 * Returns: true; false and the difference in @why.
 */
bool tree_allows(const struct tree_between *b, const struct tree *got,
		 char *why, size_t cap);

/*
 * @except: the path of a file that is not compared, or NULL.
 * Returns: true; false and the first difference in @why.
 */
bool tree_equal(const struct tree *want, const struct tree *got,
		const char *except, char *why, size_t cap);

/*
 * The same file, but for how many names it has and how a directory is laid out.
 * Returns: true; false and the difference in @why.
 */
bool tree_same_file(const struct tree_node *want, const struct tree_node *got,
		    char *why, size_t cap);

#endif
