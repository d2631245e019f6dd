/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * namei.c - looking names up, and what the operations on names share.
 *
 * An entry keeps its inode from being freed as long as the directory's lock is
 * held (removing it takes that lock exclusively), so an inode is pinned under
 * the lock of the directory that names it.
 */
#include "need.h"

#include <assert.h>
#include <string.h>

int dxf_name_check(const char *name)
{
	if (name[0] == '\0')
		return -ENOENT;
	if (strchr(name, '/') != NULL)
		return -EINVAL;
	return strlen(name) > DXF_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int dir_check(const struct dxf_dinode *di)
{
	if (!S_ISDIR(di->mode))
		return -ENOTDIR;
	return di->nlink == 0 ? -ENOENT : 0;
}

int dxf_dir_check(struct dxf_inode *dir)
{
	dxf_rwlock_assert_held(&dir->lock);
	return dir_check(&dir->node.di);
}

int dxf_dir_may_create(struct dxf_inode *dir)
{
	int err = dxf_dir_check(dir);

	dxf_rwlock_assert_wrheld(&dir->lock);
	return err != 0 ? err : dxf_inode_may_change(&dir->node.di, true);
}

int dxf_dir_may_insert(struct dxf_inode *dir, const char *name)
{
	struct dxf_dirent de;
	int err = dxf_dir_may_create(dir);

	if (err != 0)
		return err;
	err = dxf_dir_lookup(&dir->node, name, strlen(name), &de);
	if (err == 0)
		return -EEXIST;
	return err == -ENOENT ? 0 : err;
}

int dxf_dir_may_delete(struct dxf_inode *dir, struct dxf_inode *victim)
{
	uint32_t nlink;
	int err = dxf_dir_check(dir);

	dxf_rwlock_assert_wrheld(&dir->lock);
	if (err == 0)
		err = dxf_inode_may_change(&dir->node.di, false);
	if (err != 0)
		return err;
	dxf_mutex_lock(&victim->node.attr);
	nlink = victim->node.di.nlink;
	err = dxf_inode_may_change(&victim->node.di, false);
	dxf_mutex_unlock(&victim->node.attr);
	if (nlink == 0)
		return dxf_ext2_corrupt(victim->node.e2, victim->node.ino, 0,
					"named, but its link count is 0");
	return err;
}

void dxf_dir_changed(struct dxf_dinode *di, const struct timespec *now)
{
	di->mtime = *now;
	di->ctime = *now;
}

int dxf_inodes_wrlock(struct dxf_inode **v, int n)
{
	int m = 0;

	/* Insertion into the sorted front; few of them. */
	for (int i = 0; i < n; i++) {
		struct dxf_inode *x = v[i];
		int j = m;

		if (x == NULL)
			continue;
		while (j > 0 && v[j - 1]->node.ino > x->node.ino)
			j--;
		if (j > 0 && v[j - 1] == x)
			continue;
		memmove(&v[j + 1], &v[j], (size_t)(m - j) * sizeof(*v));
		v[j] = x;
		m++;
	}
	for (int i = 0; i < m; i++)
		dxf_rwlock_wrlock(&v[i]->lock);
	return m;
}

void dxf_inodes_unlock(struct dxf_inode **v, int n)
{
	while (n-- > 0)
		dxf_rwlock_unlock(&v[n]->lock);
}

static bool is_real(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int dxf_dir_find(struct dxf_fs *fs, struct dxf_inode *dir, const char *name,
		 struct dxf_dirent *de, struct dxf_inode **out)
{
	int err = dxf_dir_check(dir);

	if (err == 0)
		err = dxf_dir_lookup(&dir->node, name, strlen(name), de);
	if (err == 0)
		err = dxf_icache_get_named(fs, dir, de->ino, out);
	if (err == 0 && is_real(name))
		dxf_need_found(dir, *out);
	return err;
}

int dxf_dir_peek(struct dxf_fs *fs, struct dxf_inode *dir, const char *name,
		 struct dxf_inode **out)
{
	DXF_SCOPED_RDLOCK(&dir->lock);
	struct dxf_dirent de;

	return dxf_dir_find(fs, dir, name, &de, out);
}

/* The same for who asks for attributes. */
static int see(struct dxf_fs *fs, struct dxf_inode *dir, const char *name,
	       struct dxf_icache_found *out)
{
	DXF_SCOPED_RDLOCK(&dir->lock);
	struct dxf_dirent de;
	int err = dxf_dir_check(dir);

	if (err == 0)
		err = dxf_dir_lookup(&dir->node, name, strlen(name), &de);
	if (err == 0)
		err = dxf_icache_see_named(fs, dir, de.ino, out);
	if (err == 0 && out->inode != NULL && is_real(name))
		dxf_need_found(dir, out->inode);
	return err;
}

void dxf_give_lookup(struct dxf_fs *fs, struct dxf_inode *inode,
		     struct dxf_attr *out)
{
	dxf_inode_fill_attr(inode, out);
	dxf_icache_pin_to_lookup(fs, inode);
}

int dxf_fs_lookup(struct dxf_fs *fs, dxf_ino_t parent, const char *name,
		  struct dxf_attr *out)
{
	struct dxf_icache_found found;
	struct dxf_inode *dir;
	int err = dxf_name_check(name);

	if (err == 0)
		err = dxf_icache_get(fs, parent, &dir);
	if (err != 0)
		return err;
	err = see(fs, dir, name, &found);
	if (err != 0 || found.inode == NULL) {
		dxf_icache_put(fs, dir);
		if (err == 0)
			*out = found.attr;
		return err;
	}
	dxf_inode_fill_attr(found.inode, out);
	dxf_icache_give(fs, found.inode, dir);
	return 0;
}

/* A zombie that only waits for its end is gone already. */
static int still_there(struct dxf_fs *fs, struct dxf_inode *inode,
		       uint32_t generation)
{
	struct dxf_dinode di;

	dxf_inode_get_di(inode, &di);
	if (generation != 0 && di.generation != generation)
		return -ESTALE;
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	if (di.nlink == 0 && (inode->reclaimed ||
			      (inode->nlookup == 0 && inode->nopen == 0)))
		return -ESTALE;
	return 0;
}

int dxf_fs_lookup_ino(struct dxf_fs *fs, dxf_ino_t ino, uint32_t generation,
		      struct dxf_attr *out)
{
	struct dxf_inode *inode;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	err = still_there(fs, inode, generation);
	if (err != 0) {
		dxf_icache_put(fs, inode);
		return err;
	}
	dxf_give_lookup(fs, inode, out);
	return 0;
}
