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

/* Insert @inode as LOADING, unless another thread was first. */
static struct dxf_inode *claim(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	struct dxf_inode *i = dxf_icache_find_live(fs, inode->node.ino);

	if (i != NULL) {
		i->pins++;
		return i;
	}
	inode->state = DXF_I_LOADING;
	inode->pins = 1;
	dxf_itable_insert(fs, inode);
	return inode;
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

static int get(struct dxf_fs *fs, dxf_ino_t ino, enum load_how how,
	       struct dxf_inode **out)
{
	struct dxf_inode *inode, *i;
	int err;

	if (!reachable(fs, ino))
		return -ESTALE;
	inode = dxf_icache_find(fs, ino);
	dxf_count(inode ? DXF_COUNT_INODE_HIT : DXF_COUNT_INODE_MISS, 1);
	if (inode != NULL) {
		*out = inode;
		return 0;
	}
	err = dxf_icache_alloc(fs, &inode);
	if (err != 0)
		return err;
	dxf_node_init(&inode->node, fs->e2, ino);
	inode->lock.key = ino;
	i = claim(fs, inode);
	if (i == inode) {
		err = load(fs, inode, how);
		loaded(fs, inode, err);
	}
	if (i != inode || err != 0)
		dxf_icache_free_new(inode);
	if (err == 0)
		*out = i;
	return err;
}

int dxf_icache_get(struct dxf_fs *fs, dxf_ino_t ino, struct dxf_inode **out)
{
	return get(fs, ino, LOAD_NUMBER, out);
}

int dxf_icache_get_named(struct dxf_fs *fs, struct dxf_inode *dir,
			 dxf_ino_t ino, struct dxf_inode **out)
{
	int err;

	dxf_rwlock_assert_held(&dir->lock);
	err = get(fs, ino, LOAD_NAMED, out);
	if (err == -ESTALE)
		err = dxf_ext2_corrupt(fs->e2, dir->node.ino, 0,
				"an entry names inode %u, which is %s", ino,
				reachable(fs, ino) ? "not in use" : "reserved");
	return err;
}

int dxf_icache_get_orphan(struct dxf_fs *fs, dxf_ino_t ino,
			  struct dxf_inode **out)
{
	return get(fs, ino, LOAD_ORPHAN, out);
}
