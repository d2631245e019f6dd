/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nlink.c - link counts and their limits.
 *
 * A directory counts 2 and its subdirectories.  With dir_nlink the count
 * saturates: more than DIR_LINKS_MAX is stored as 1, "not counted".  e2fsck
 * wants the true count back as soon as it fits again, so a saturated directory
 * that loses a subdirectory is counted - once, then the number is remembered
 * for the directory that was last counted.
 */
#include "fs_priv.h"

#include <assert.h>
#include <dirent.h>

/* The greatest count that e2fsck (EXT2_LINK_MAX) and the kernel store. */
#define DIR_LINKS_MAX	65000u

static bool saturated(const struct dxf_fs *fs, const struct dxf_dinode *di)
{
	return fs->geom->has_dir_nlink && di->nlink == 1;
}

int dxf_nlink_room(const struct dxf_fs *fs, const struct dxf_dinode *di)
{
	uint32_t max = fs->geom->max_links;

	if (S_ISDIR(di->mode)) {
		if (fs->geom->has_dir_nlink)
			return 0;
		max = fs->geom->max_links_dir;
	}
	return di->nlink < max ? 0 : -EMLINK;
}

/* What the operation will leave as the remembered number. */
static void remember(struct dxf_op *op, dxf_ino_t ino, uint32_t n)
{
	op->subdirs = (struct dxf_subdirs){ ino, n };
	op->subdirs_changed = true;
}

void dxf_nlink_committed(struct dxf_op *op)
{
	if (op->subdirs_changed)
		op->fs->subdirs = op->subdirs;
}

/* The remembered number as the operation sees it; false: of others. */
static bool recall(const struct dxf_op *op, dxf_ino_t ino, uint32_t *n)
{
	const struct dxf_subdirs *s = op->subdirs_changed ? &op->subdirs :
							    &op->fs->subdirs;

	*n = s->n;
	return s->ino == ino;
}

int dxf_nlink_add_subdir(struct dxf_op *op, struct dxf_inode *dir)
{
	struct dxf_dinode *di = dxf_op_di(op, dir);
	uint32_t n;

	assert(S_ISDIR(di->mode));
	if (saturated(op->fs, di)) {
		if (recall(op, dir->node.ino, &n))
			remember(op, dir->node.ino, n + 1);
		return 0;
	}
	if (++di->nlink <= DIR_LINKS_MAX || !op->fs->geom->has_dir_nlink)
		return 0;
	remember(op, dir->node.ino, di->nlink - 2);
	di->nlink = 1;
	return 0;
}

struct count {
	uint32_t dirs;
	bool unknown;		/* entries without a type: cannot be counted */
};

static int count_entry(void *ctx, const struct dxf_dirent *de)
{
	struct count *c = ctx;

	if (de->type == DT_UNKNOWN)
		c->unknown = true;
	else if (de->type == DT_DIR)
		c->dirs++;
	return c->unknown;
}

/* Without the entry that the operation removed; "." and ".." are not meant. */
static int count_subdirs(struct dxf_inode *dir, uint32_t *n)
{
	struct count c = { 0 };
	int err = dxf_dir_iterate(&dir->node, 0, count_entry, &c);

	if (err != 0)
		return err;
	*n = c.unknown || c.dirs < 2 ? UINT32_MAX : c.dirs - 2;
	return 0;
}

int dxf_nlink_drop_subdir(struct dxf_op *op, struct dxf_inode *dir)
{
	struct dxf_dinode *di = dxf_op_di(op, dir);
	uint32_t n;
	int err;

	assert(S_ISDIR(di->mode));
	if (!saturated(op->fs, di)) {
		if (di->nlink > 2)
			di->nlink--;
		return 0;
	}
	if (recall(op, dir->node.ino, &n)) {
		n -= n > 0;
	} else {
		err = count_subdirs(dir, &n);
		if (err != 0)
			return err;
	}
	if (n > DIR_LINKS_MAX - 2) {
		if (n != UINT32_MAX)
			remember(op, dir->node.ino, n);
		return 0;
	}
	di->nlink = n + 2;
	return 0;
}
