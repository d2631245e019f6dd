/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * itable.c - the table from numbers to inodes in memory.
 *
 * Owns its size and its chains, fs->icache_lock protects them; must not know
 * what state an inode is in.
 */
#include "itable.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "hash.h"

#define TABLE_MIN	1024u

/*
 * Inodes that are made together are asked for together: NEAR numbers in a row
 * have their buckets in a row, in an order of their own.
 */
#define NEAR		64u

static struct dxf_inode **bucket(const struct dxf_fs *fs, dxf_ino_t ino)
{
	uint64_t h = dxf_hash_u64(ino / NEAR) ^ ino % NEAR;

	static_assert(NEAR <= TABLE_MIN, "they fit");
	return &fs->table[h & (fs->table_size - 1)];
}

struct dxf_inode *dxf_itable_find(struct dxf_fs *fs, dxf_ino_t ino)
{
	struct dxf_inode *i;

	dxf_mutex_assert_held(&fs->icache_lock);
	for (i = *bucket(fs, ino); i != NULL; i = i->hash_next) {
		if (i->node.ino == ino)
			return i;
	}
	return NULL;
}

/* Without memory the table stays as it is: slower, not wrong. */
static bool resize(struct dxf_fs *fs, size_t size)
{
	struct dxf_inode **old = fs->table, **new, *i, **b;
	size_t old_size = fs->table_size;

	assert((size & (size - 1)) == 0 && size >= TABLE_MIN);
	new = dxf_calloc(size, sizeof(struct dxf_inode *));
	if (new == NULL)
		return false;
	fs->table = new;
	fs->table_size = size;
	for (size_t n = 0; n < old_size; n++) {
		while ((i = old[n]) != NULL) {
			old[n] = i->hash_next;
			b = bucket(fs, i->node.ino);
			i->hash_next = *b;
			*b = i;
		}
	}
	free(old);
	return true;
}

void dxf_itable_insert(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_inode **b;

	assert(dxf_itable_find(fs, inode->node.ino) == NULL);
	if (fs->ncached >= fs->table_size)
		resize(fs, fs->table_size * 2);
	b = bucket(fs, inode->node.ino);
	inode->hash_next = *b;
	*b = inode;
	fs->ncached++;
	fs->narrived++;
}

bool dxf_itable_remove(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_inode **p = bucket(fs, inode->node.ino);

	while (*p != inode)
		p = &(*p)->hash_next;
	*p = inode->hash_next;
	assert(fs->ncached > 0);
	fs->ncached--;
	if (fs->table_size == TABLE_MIN || fs->ncached >= fs->table_size / 8)
		return false;
	return resize(fs, fs->table_size / 4 > TABLE_MIN ?
			    fs->table_size / 4 : TABLE_MIN);
}

int dxf_itable_init(struct dxf_fs *fs)
{
	fs->table = dxf_calloc(TABLE_MIN, sizeof(struct dxf_inode *));
	fs->table_size = TABLE_MIN;
	return fs->table != NULL ? 0 : -ENOMEM;
}
