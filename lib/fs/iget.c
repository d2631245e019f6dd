/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iget.c - an inode by its number: found in memory, or read in.
 *
 * Owns the way of an inode from absent over LOADING to LIVE (icache.c draws
 * it).  Knows nothing of how it goes again.
 *
 * Invariant: I/O happens with icache_lock released; who comes meanwhile for
 * the same number waits.
 */
#include "icache.h"

#include <assert.h>

#include "count.h"
#include "fs_priv.h"
#include "itable.h"

enum load_how { LOAD_NUMBER, LOAD_NAMED, LOAD_ORPHAN };

static int read_slot(struct dxf_fs *fs, struct dxf_inode *inode,
		     enum load_how how)
{
	struct dxf_dinode *di = &inode->node.di;
	int err = dxf_ialloc_in_use(fs->e2, inode->node.ino);

	if (err <= 0)
		return err == 0 || err == -EINVAL ? -ESTALE : err;
	err = dxf_dinode_read(fs->e2, inode->node.ino, di);
	if (err == 0 && di->nlink == 0 && how != LOAD_ORPHAN)
		err = -ESTALE;
	return err;
}

/*
 * A name (under its directory's lock) or the orphan list keeps an inode from
 * changing while it is not cached.  A bare number does not: the inode may be
 * created this very moment, and the metadata lock keeps that apart.
 */
static int load(struct dxf_fs *fs, struct dxf_inode *inode, enum load_how how)
{
	struct dxf_txn *t;
	int err;

	if (how != LOAD_NUMBER || fs->opts.ro)
		return read_slot(fs, inode, how);
	err = dxf_txn_begin(fs->txnmgr, DXF_TXN_FORCE, &t);
	/* The log has failed: nothing changes any more. */
	if (err == -EROFS)
		return read_slot(fs, inode, how);
	if (err != 0)
		return err;
	err = read_slot(fs, inode, how);
	dxf_txn_abort(t);
	return err;
}

static bool reachable(const struct dxf_fs *fs, dxf_ino_t ino)
{
	return ino == DXF_ROOT_INO ||
	       (ino >= fs->geom->first_ino && ino <= fs->geom->ninodes);
}

/*
 * The inode @ino, pinned; if it is absent *@spare, which is given away, as
 * LOADING.  Returns: NULL: it is absent, and there is no memory for it yet.
 */
static struct dxf_inode *find_or_claim(struct dxf_fs *fs, dxf_ino_t ino,
				       struct dxf_inode **spare, bool *is_new)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	struct dxf_inode *i = dxf_icache_find_live(fs, ino);

	*is_new = i == NULL && *spare != NULL;
	if (*is_new) {
		i = DXF_STEAL(*spare);
		dxf_node_init(&i->node, fs->e2, ino);
		i->lock.key = ino;
		i->state = DXF_I_LOADING;
		dxf_itable_insert(fs, i);
	}
	if (i != NULL)
		i->pins++;
	return i;
}

static void loaded(struct dxf_fs *fs, struct dxf_inode *inode, int err)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	assert(inode->state == DXF_I_LOADING && inode->pins == 1);
	inode->state = DXF_I_LIVE;
	if (err != 0)
		dxf_itable_remove(fs, inode);
	pthread_cond_broadcast(&fs->icache_cond);
}

static int get_with(struct dxf_fs *fs, dxf_ino_t ino, enum load_how how,
		    struct dxf_inode **spare, struct dxf_inode **out)
{
	struct dxf_inode *inode;
	bool is_new;
	int err;

	if (!reachable(fs, ino))
		return -ESTALE;
	inode = find_or_claim(fs, ino, spare, &is_new);
	if (inode == NULL) {
		err = dxf_icache_alloc(fs, spare);
		if (err != 0)
			return err;
		inode = find_or_claim(fs, ino, spare, &is_new);
	}
	dxf_count(is_new ? DXF_COUNT_INODE_MISS : DXF_COUNT_INODE_HIT, 1);
	if (is_new) {
		err = load(fs, inode, how);
		loaded(fs, inode, err);
		if (err != 0) {
			dxf_icache_free_new(inode);
			return err;
		}
	}
	*out = inode;
	return 0;
}

static int get(struct dxf_fs *fs, dxf_ino_t ino, enum load_how how,
	       struct dxf_inode **out)
{
	struct dxf_inode *spare = NULL;
	int err = get_with(fs, ino, how, &spare, out);

	/* Another thread was first. */
	if (spare != NULL)
		dxf_icache_free_new(spare);
	return err;
}

int dxf_icache_get(struct dxf_fs *fs, dxf_ino_t ino, struct dxf_inode **out)
{
	return get(fs, ino, LOAD_NUMBER, out);
}

static int not_in_use(struct dxf_fs *fs, struct dxf_inode *dir, dxf_ino_t ino)
{
	return dxf_ext2_corrupt(fs->e2, dir->node.ino, 0,
				"an entry names inode %u, which is %s", ino,
				reachable(fs, ino) ? "not in use" : "reserved");
}

int dxf_icache_get_listed(struct dxf_fs *fs, struct dxf_inode *dir,
			  dxf_ino_t ino, struct dxf_inode **spare,
			  struct dxf_inode **out)
{
	int err;

	dxf_rwlock_assert_held(&dir->lock);
	if (*spare == NULL && (err = dxf_icache_alloc(fs, spare)) != 0)
		return err;
	err = get_with(fs, ino, LOAD_NAMED, spare, out);
	return err == -ESTALE ? not_in_use(fs, dir, ino) : err;
}

int dxf_icache_get_named(struct dxf_fs *fs, struct dxf_inode *dir,
			 dxf_ino_t ino, struct dxf_inode **out)
{
	int err;

	dxf_rwlock_assert_held(&dir->lock);
	err = get(fs, ino, LOAD_NAMED, out);
	return err == -ESTALE ? not_in_use(fs, dir, ino) : err;
}

int dxf_icache_get_orphan(struct dxf_fs *fs, dxf_ino_t ino,
			  struct dxf_inode **out)
{
	return get(fs, ino, LOAD_ORPHAN, out);
}
