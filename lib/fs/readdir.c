/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * readdir.c - listing directories, with the entries' attributes if asked for.
 *
 * The caller's function runs under the directory's lock held shared; it may
 * not call back into the filesystem.  An entry's inode is pinned under that
 * lock, since the entry keeps it from being freed, and the pin becomes the
 * caller's lookup, which evicts nothing; the one of an entry that was refused
 * is put after the lock is released.
 */
#include "need.h"

#include <assert.h>
#include <dirent.h>
#include <string.h>

struct listing {
	struct dxf_fs *fs;
	struct dxf_inode *dir;
	bool plus;
	int (*fn)(void *ctx, const struct dxf_fs_dirent *de);
	void *ctx;
	struct dxf_inode *refused;
	/* pinned; the caller's lookups are counted for many at once */
	struct dxf_inode *taken[64];
	unsigned int ntaken;
	struct dxf_inode *spare;	/* icache_get_listed() */
};

static bool is_dots(const struct dxf_dirent *de)
{
	return (de->name_len == 1 && de->name[0] == '.') ||
	       (de->name_len == 2 && de->name[0] == '.' && de->name[1] == '.');
}

/*
 * The entry's inode, pinned; without it (damage, no memory) the entry goes out
 * bare, and the error shows when it is looked up.
 */
static struct dxf_inode *pin_entry(struct listing *l,
				   const struct dxf_dirent *de,
				   struct dxf_fs_dirent *out)
{
	struct dxf_inode *inode;

	if (!l->plus || is_dots(de) ||
	    dxf_icache_get_listed(l->fs, l->dir, de->ino, &l->spare,
				  &inode) != 0)
		return NULL;
	dxf_need_found(l->dir, inode);
	dxf_inode_fill_attr(inode, &out->attr);
	out->attr_valid = true;
	if (out->type == DT_UNKNOWN)
		out->type = dxf_dir_type(out->attr.mode);
	return inode;
}

static void count_lookups(struct listing *l)
{
	dxf_icache_pins_to_lookups(l->fs, l->taken, l->ntaken);
	l->ntaken = 0;
}

static void take(struct listing *l, struct dxf_inode *inode)
{
	if (l->ntaken == DXF_ARRAY_SIZE(l->taken))
		count_lookups(l);
	l->taken[l->ntaken++] = inode;
}

static int list_entry(void *ctx, const struct dxf_dirent *de)
{
	struct listing *l = ctx;
	struct dxf_fs_dirent out = {
		.name = de->name,
		.name_len = de->name_len,
		.ino = de->ino,
		.type = de->type,
		.next = de->next,
	};
	struct dxf_inode *inode = pin_entry(l, de, &out);
	int stop = l->fn(l->ctx, &out);

	assert(l->refused == NULL);
	if (inode == NULL)
		return stop;
	if (stop != 0)
		l->refused = inode;
	else
		take(l, inode);
	return stop;
}

static int list(struct listing *l, uint64_t off)
{
	DXF_SCOPED_RDLOCK(&l->dir->lock);
	int err = dxf_dir_check(l->dir);

	if (err == -ENOENT)
		return 0;		/* removed, but still open */
	if (err != 0)
		return err;
	return dxf_dir_iterate(&l->dir->node, off, list_entry, l);
}

int dxf_fs_readdir(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off, bool plus,
		   int (*fn)(void *ctx, const struct dxf_fs_dirent *de),
		   void *ctx)
{
	struct listing l = { .fs = fs, .plus = plus, .fn = fn, .ctx = ctx };
	int err = dxf_icache_get(fs, ino, &l.dir);

	if (err != 0)
		return err;
	err = list(&l, off);
	count_lookups(&l);
	if (l.spare != NULL)
		dxf_icache_free_new(l.spare);
	if (l.refused != NULL)
		dxf_icache_put(fs, l.refused);
	if (err == 0)
		dxf_inode_accessed(fs, l.dir);
	dxf_icache_put(fs, l.dir);
	return err;
}
