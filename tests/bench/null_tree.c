/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_tree.c - a tree of files in plain memory.
 *
 * One hash table finds all names; a directory also has its names in an array,
 * whose index is the cookie of readdir.  The array only grows while the
 * directory has names, so cookies stay good.
 *
 * Invariant: slots[n->slot] == n for each name n of a directory.
 */
#include "null_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "null.h"

#define NBUCKETS	(1u << 20)

static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;
static struct null_name *buckets[NBUCKETS];
static struct null_node root = {
	.lock = PTHREAD_RWLOCK_INITIALIZER,
	.st = { .st_mode = S_IFDIR | 0755, .st_nlink = 2, .st_ino = 1,
		.st_blksize = 4096, .st_size = 4096 },
};

struct null_node *null_tree_root(void)
{
	return &root;
}

void null_tree_lock(void)
{
	pthread_mutex_lock(&tree_lock);
}

void null_tree_unlock(void)
{
	pthread_mutex_unlock(&tree_lock);
}

/* FNV-1a, begun with the directory. */
static struct null_name **bucket(const struct null_node *dir, const char *name)
{
	uint64_t h = 0xcbf29ce484222325 ^ ((uintptr_t)dir >> 4);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3;
	return &buckets[(h ^ h >> 32) % NBUCKETS];
}

struct null_name *null_tree_find(const struct null_node *dir, const char *name)
{
	struct null_name *n = *bucket(dir, name);

	while (n != NULL && (n->parent != dir || strcmp(n->name, name) != 0))
		n = n->next;
	return n;
}

struct null_node *null_tree_new(mode_t mode, dev_t rdev, uid_t uid, gid_t gid)
{
	struct null_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	pthread_rwlock_init(&node->lock, NULL);
	node->st.st_ino = (ino_t)(uintptr_t)node;
	node->st.st_mode = mode;
	node->st.st_rdev = rdev;
	node->st.st_uid = uid;
	node->st.st_gid = gid;
	node->st.st_blksize = 4096;
	node->st.st_nlink = S_ISDIR(mode) ? 1 : 0;
	clock_gettime(CLOCK_REALTIME_COARSE, &node->st.st_mtim);
	node->st.st_atim = node->st.st_ctim = node->st.st_mtim;
	return node;
}

static int add_slot(struct null_node *dir, struct null_name *n)
{
	struct null_name **slots = dir->slots;
	size_t cap = dir->nslots_cap;

	if (dir->nchildren == 0)
		dir->nslots = 0;
	if (dir->nslots == cap) {
		cap = cap ? 2 * cap : 16;
		slots = realloc(slots, cap * sizeof(slots[0]));
		if (slots == NULL)
			return -ENOMEM;
		dir->slots = slots;
		dir->nslots_cap = cap;
	}
	n->slot = dir->nslots;
	slots[dir->nslots++] = n;
	dir->nchildren++;
	return 0;
}

int null_tree_link(struct null_node *dir, const char *name,
		   struct null_node *node)
{
	struct null_name *n = malloc(sizeof(*n) + strlen(name) + 1), **b;

	assert(S_ISDIR(dir->st.st_mode) && !null_tree_find(dir, name));
	if (n == NULL || add_slot(dir, n) != 0) {
		free(n);
		return -ENOMEM;
	}
	strcpy(n->name, name);
	n->parent = dir;
	n->node = node;
	b = bucket(dir, name);
	n->next = *b;
	*b = n;
	node->st.st_nlink++;
	if (S_ISDIR(node->st.st_mode))
		dir->st.st_nlink++;
	return 0;
}

void null_tree_unlink(struct null_name *n)
{
	struct null_node *dir = n->parent, *node = n->node;
	struct null_name **p = bucket(dir, n->name);

	assert(dir->slots[n->slot] == n && node->st.st_nlink > 0);
	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	dir->slots[n->slot] = NULL;
	dir->nchildren--;
	node->st.st_nlink--;
	if (S_ISDIR(node->st.st_mode)) {
		dir->st.st_nlink--;
		node->st.st_nlink--;
	}
	free(n);
	null_tree_put(node);
}

void null_tree_put(struct null_node *node)
{
	if (node->st.st_nlink > 0 || node->lookups > 0 || node->opens > 0)
		return;
	assert(node != &root && node->nchildren == 0);
	null_durable(NULL_FREE);
	pthread_rwlock_destroy(&node->lock);
	free(node->slots);
	free(node->bytes);
	free(node);
}

int null_tree_room(struct null_node *node, size_t end)
{
	size_t cap = node->cap;
	char *bytes;

	if (end <= cap)
		return 0;
	/* a small file exactly, a growing one by doubling */
	cap = cap == 0 ? end : 2 * cap;
	if (cap < end)
		cap = end;
	bytes = realloc(node->bytes, cap);
	if (bytes == NULL)
		return -ENOMEM;
	memset(bytes + node->cap, 0, cap - node->cap);
	node->bytes = bytes;
	node->cap = cap;
	assert(node->cap >= end);
	return 0;
}
