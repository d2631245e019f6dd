/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * readdir.c - listing directories, with the entries' attributes if asked for.
 *
 * The caller's function runs under the directory's lock held shared; it may
 * not call back into the filesystem.  An entry's inode is pinned under that
 * lock, since the entry keeps it from being freed, and the pin becomes the
 * caller's lookup, which evicts nothing; those of entries that were refused are
 * put after the lock is released.  Of one that is not in memory no more than a
 * lookup is counted, beforehand.
 */
#include "need.h"

#include <assert.h>
#include <dirent.h>
#include <string.h>

struct listing {
	struct dxf_fs *fs;
	struct dxf_inode *dir;
	unsigned int plus;		/* so many more may be taken */
	int (*fn)(void *ctx, const struct dxf_fs_dirent *de);
	void *ctx;
	/* pinned or counted, of the entries that come next: [next, nahead) */
	struct dxf_icache_found ahead[DXF_ICACHE_MANY];
	unsigned int next, nahead;
	/* pinned; the caller's lookups are counted for many at once */
	struct dxf_inode *taken[64];
	unsigned int ntaken;
};

/*
 * Pin what comes, many under one lock, but not much more than is going to be
 * taken.
 */
static unsigned int pin_ahead(void *ctx, const dxf_ino_t *ino, unsigned int n)
{
	struct listing *l = ctx;

	assert(l->next == l->nahead && n > 0);
	static_assert(DXF_DIR_AHEAD <= DXF_ICACHE_MANY, "it fits");
	n = DXF_MIN(n, DXF_MAX(l->plus, 1));
	l->plus -= DXF_MIN(n, l->plus);
	dxf_icache_get_many(l->fs, l->dir, ino, n, l->ahead);
	l->next = 0;
	l->nahead = n;
	return n;
}

/*
 * Its attributes, and the entry's inode, pinned; NULL if its lookup is counted.
 * Without them (damage, no memory) the entry goes out bare, and the error shows
 * when it is looked up.
 */
static struct dxf_inode *pinned_entry(struct listing *l,
				      struct dxf_fs_dirent *out)
{
	const struct dxf_icache_found *f = &l->ahead[l->next];

	if (l->next == l->nahead || (f->inode == NULL && !f->counted))
		return NULL;
	if (f->inode != NULL) {
		dxf_need_found(l->dir, f->inode);
		dxf_inode_fill_attr(f->inode, &out->attr);
	} else {
		out->attr = f->attr;
	}
	out->attr_valid = true;
	if (out->type == DT_UNKNOWN)
		out->type = dxf_dir_type(out->attr.mode);
	return f->inode;
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
	struct dxf_inode *inode = pinned_entry(l, &out);
	int stop = l->fn(l->ctx, &out);

	if (stop == 0 && inode != NULL)
		take(l, inode);
	if (stop == 0 && l->next < l->nahead)
		l->next++;
	return stop;
}

static int list(struct listing *l, uint64_t off)
{
	const struct dxf_dir_walk w = {
		.fn = list_entry,
		.ahead = l->plus ? pin_ahead : NULL,
		.ctx = l,
	};
	DXF_SCOPED_RDLOCK(&l->dir->lock);
	int err = dxf_dir_check(l->dir);

	if (err == -ENOENT)
		return 0;		/* removed, but still open */
	if (err != 0)
		return err;
	return dxf_dir_walk(&l->dir->node, off, &w);
}

/* What was got for entries that were not taken. */
static void give_back(struct listing *l)
{
	for (; l->next < l->nahead; l->next++) {
		const struct dxf_icache_found *f = &l->ahead[l->next];

		if (f->inode != NULL)
			dxf_icache_put(l->fs, f->inode);
		else if (f->counted)
			dxf_fs_forget(l->fs, f->attr.ino, 1);
	}
}

int dxf_fs_readdir(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
		   unsigned int plus,
		   int (*fn)(void *ctx, const struct dxf_fs_dirent *de),
		   void *ctx)
{
	struct listing l = { .fs = fs, .plus = plus, .fn = fn, .ctx = ctx };
	int err = dxf_icache_get(fs, ino, &l.dir);

	if (err != 0)
		return err;
	err = list(&l, off);
	count_lookups(&l);
	give_back(&l);
	if (err == 0)
		dxf_inode_accessed(fs, l.dir);
	dxf_icache_put(fs, l.dir);
	return err;
}
