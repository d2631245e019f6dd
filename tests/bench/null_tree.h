/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_tree.h - a tree of files in plain memory.
 *
 * Knows nothing of FUSE but its counting of lookups and opens: a node without
 * names lives until both are given back.
 */
#ifndef BENCH_NULL_TREE_H
#define BENCH_NULL_TREE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct null_name;

struct null_node {
	/* protected by the node's own lock */
	pthread_rwlock_t lock;
	char *bytes;		/* data, or a symlink's target */
	size_t cap;

	/* protected by the tree's lock; size: by both */
	struct stat st;
	uint64_t lookups, opens;
	/* of a directory: its names in the order of their making, with gaps */
	struct null_name **slots;
	size_t nslots, nslots_cap, nchildren;
};

struct null_name {
	struct null_name *next;		/* in its bucket */
	struct null_node *parent, *node;
	size_t slot;
	char name[];
};

/* The root; the same for the life of the process. */
struct null_node *null_tree_root(void);

/* All but the two of data below are called with the tree's lock held. */
void null_tree_lock(void);
void null_tree_unlock(void);

/* Returns: NULL: there is none. */
struct null_name *null_tree_find(const struct null_node *dir,
				 const char *name);
/* A node without names or lookups.  Returns: NULL without memory. */
struct null_node *null_tree_new(mode_t mode, dev_t rdev, uid_t uid, gid_t gid);
/* Give @node a name, which is not there yet.  Returns: 0; -ENOMEM. */
int null_tree_link(struct null_node *dir, const char *name,
		   struct null_node *node);
/* Take a name away, and with the last one perhaps the node. */
void null_tree_unlink(struct null_name *n);
/* Free the node if nothing holds it any more. */
void null_tree_put(struct null_node *node);

/*
 * Make room for @end bytes - zeros behind what was there; the caller holds the
 * node's lock for writing, the tree's is not needed.  Returns: 0; -ENOMEM.
 */
int null_tree_room(struct null_node *node, size_t end);

#endif
