/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * orphan.c - the orphan list: what is freed or truncated but not yet wholly.
 *
 * Owns the list on media (the superblock's head, links in i_dtime) and its
 * mirror in memory, and the end of an unlinked inode.  Does not know how
 * blocks are mapped or when an inode loses its last reference.
 *
 * Invariants:
 *   R1  the list in memory is the list on media after each commit: same
 *	 members, same order, then fs->orphan_rest
 *   R2  a member is cached (icache.c, C3), so that its slot, which holds the
 *	 link, can change in the same operation as its neighbour's
 *   R3  an inode with nlink 0 is a member until the transaction that frees its
 *	 number
 */
#include "fs_priv.h"

#include <assert.h>
#include <stdlib.h>

#include "alloc.h"
#include "log.h"

/* The link behind a member: the next one's number. */
static uint32_t link_to(const struct dxf_fs *fs, const struct dxf_inode *next)
{
	return next != NULL ? next->node.ino : fs->orphan_rest;
}

int dxf_orphan_add(struct dxf_op *op, struct dxf_inode *inode)
{
	struct dxf_fs *fs = op->fs;
	struct dxf_dinode *di = dxf_op_di(op, inode);

	if (inode->orphan)
		return 0;
	assert(op->orphan_add == NULL && op->orphan_del == NULL);
	di->dtime = link_to(fs, fs->orphan_head);
	op->orphan_add = inode;
	return dxf_ext2_set_orphan_head(fs->e2, op->t, inode->node.ino);
}

static int unlist(struct dxf_op *op, struct dxf_inode *inode)
{
	struct dxf_fs *fs = op->fs;
	uint32_t next;

	assert(inode->orphan);
	assert(op->orphan_add == NULL && op->orphan_del == NULL);
	next = link_to(fs, inode->orphan_next);
	dxf_op_di(op, inode)->dtime = 0;
	op->orphan_del = inode;
	if (inode->orphan_prev == NULL)
		return dxf_ext2_set_orphan_head(fs->e2, op->t, next);
	dxf_op_di(op, inode->orphan_prev)->dtime = next;
	return 0;
}

int dxf_orphan_del(struct dxf_op *op, struct dxf_inode *inode)
{
	if (!inode->orphan || dxf_op_di(op, inode)->nlink == 0)
		return 0;
	return unlist(op, inode);
}

static void list_push(struct dxf_fs *fs, struct dxf_inode *inode)
{
	inode->orphan = true;
	inode->orphan_prev = NULL;
	inode->orphan_next = fs->orphan_head;
	if (fs->orphan_head != NULL)
		fs->orphan_head->orphan_prev = inode;
	fs->orphan_head = inode;
	__atomic_fetch_add(&fs->norphans, 1, __ATOMIC_RELAXED);
}

static void list_remove(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_inode *prev = inode->orphan_prev, *next = inode->orphan_next;

	assert(inode->orphan && (prev != NULL) == (fs->orphan_head != inode));
	if (prev != NULL)
		prev->orphan_next = next;
	else
		fs->orphan_head = next;
	if (next != NULL)
		next->orphan_prev = prev;
	inode->orphan = false;
	inode->orphan_prev = inode->orphan_next = NULL;
	inode->linkable = false;
	__atomic_fetch_sub(&fs->norphans, 1, __ATOMIC_RELAXED);
}

void dxf_orphan_committed(struct dxf_op *op)
{
	if (op->orphan_add != NULL)
		list_push(op->fs, op->orphan_add);
	if (op->orphan_del != NULL)
		list_remove(op->fs, op->orphan_del);
	for (int i = 0; i < op->norphans_del; i++)
		list_remove(op->fs, op->orphans_del[i]);
}

/* ---- the end of an inode ---- */

/* It is off the list by now. */
static int clear_slot(struct dxf_op *op, struct dxf_inode *inode,
		      struct dxf_dinode *di)
{
	int err = 0;

	assert(di->nlink == 0);
	if (di->file_acl != 0)
		err = dxf_xattr_free_block(&inode->node, di, op->t);
	if (err == 0)
		err = dxf_ialloc_free(op->fs->e2, op->t, inode->node.ino,
				      di->mode);
	di->size = 0;
	di->dtime = (uint32_t)dxf_now().tv_sec;
	return err;
}

static int free_slot(struct dxf_op *op, struct dxf_inode *inode)
{
	int err = unlist(op, inode);

	return err != 0 ? err : clear_slot(op, inode, dxf_op_di(op, inode));
}

static int free_blocks(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_dinode di;

	dxf_rwlock_assert_wrheld(&inode->lock);
	dxf_inode_get_di(inode, &di);
	if (!dxf_inode_has_map(fs, &di))
		return 0;
	return dxf_truncate_blocks(fs, inode, 0);
}

/*
 * Blocks and slot in one transaction, as most inodes are freed.
 * Returns: 0; 1 blocks are left, or nothing changed: go on piece by piece.
 */
static int free_at_once(struct dxf_fs *fs, struct dxf_inode *inode)
{
	dxf_lblk_t done = 0;
	struct dxf_dinode *di;
	struct dxf_op op;
	int err = dxf_op_begin(&op, fs);

	if (err != 0)
		return err;
	di = dxf_op_di(&op, inode);
	if (dxf_inode_has_map(fs, di))
		err = dxf_bmap_remove(&inode->node, di, op.t, 0, UINT64_MAX,
				      &done);
	if (err == 0 && done == 0)
		err = free_slot(&op, inode);
	err = dxf_op_end(&op, err);
	if (err == 0 && done > 0)
		return 1;
	return err == -EFBIG ? 1 : err;
}

int dxf_orphan_free_inode(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	struct dxf_op op;
	int err;

	assert(inode->orphan);					/* R3 */
	err = free_at_once(fs, inode);
	if (err <= 0)
		return err;
	err = free_blocks(fs, inode);
	if (err == 0)
		err = dxf_op_begin(&op, fs);
	if (err != 0)
		return err;
	return dxf_op_end(&op, free_slot(&op, inode));
}

/* ---- the end of many ---- */

/* Have the list pass by @inode, and by those behind it that leave, too. */
static int bridge(struct dxf_op *op, struct dxf_inode *inode)
{
	struct dxf_inode *prev = inode->orphan_prev, *next = inode->orphan_next;
	struct dxf_fs *fs = op->fs;

	assert(inode->orphan && inode->leaving);
	if (prev != NULL && prev->leaving)
		return 0;
	while (next != NULL && next->leaving)
		next = next->orphan_next;
	if (prev == NULL)
		return dxf_ext2_set_orphan_head(fs->e2, op->t,
						link_to(fs, next));
	dxf_op_di(op, prev)->dtime = link_to(fs, next);
	return 0;
}

static int unlist_many(struct dxf_op *op, struct dxf_inode **v, int n)
{
	int err = 0;

	for (int i = 0; i < n; i++)
		v[i]->leaving = true;
	for (int i = 0; i < n && err == 0; i++)
		err = bridge(op, v[i]);
	for (int i = 0; i < n; i++)
		v[i]->leaving = false;
	op->orphans_del = v;
	op->norphans_del = n;
	return err;
}

static int free_one_of_many(struct dxf_op *op, struct dxf_inode *inode)
{
	struct dxf_dinode *di = dxf_op_take(op, inode);
	dxf_lblk_t left = 0;
	int err = 0;

	if (dxf_inode_has_map(op->fs, di))
		err = dxf_bmap_remove(&inode->node, di, op->t, 0, UINT64_MAX,
				      &left);
	if (err == 0 && left > 0)
		err = -EFBIG;
	return err != 0 ? err : clear_slot(op, inode, di);
}

int dxf_orphan_free_many(struct dxf_fs *fs, struct dxf_inode **v, int n)
{
	/* Each of them, and the one that is before it on the list. */
	struct dxf_op_in in[2 * DXF_PARK_MAX];
	struct dxf_op op;
	int m = dxf_inodes_wrlock(v, n), err;

	assert(m == n && n > 0 && n <= DXF_PARK_MAX);
	err = dxf_op_begin(&op, fs);
	if (err == 0) {
		dxf_op_use(&op, in, DXF_ARRAY_SIZE(in));
		for (int i = 0; i < n && err == 0; i++)
			err = free_one_of_many(&op, v[i]);
		if (err == 0)
			err = unlist_many(&op, v, n);
		err = dxf_op_end(&op, err);
	}
	dxf_inodes_unlock(v, m);
	return err;
}

/* ---- no space: zombies that nobody has open ---- */

/* The numbers on the list; *@n 0 without memory. */
static dxf_ino_t *list_numbers(struct dxf_fs *fs, size_t *n)
{
	dxf_ino_t *v = NULL;
	struct dxf_txn *t;

	*n = 0;
	if (dxf_txn_begin(fs->txnmgr, 0, &t) != 0)
		return NULL;
	v = dxf_malloc(fs->norphans * sizeof(*v) + 1);
	for (struct dxf_inode *i = fs->orphan_head; v != NULL && i != NULL;
	     i = i->orphan_next)
		v[(*n)++] = i->node.ino;
	assert(v == NULL || *n == fs->norphans);		/* R1 */
	dxf_txn_abort(t);
	return v;
}

static bool reclaim_one(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	struct dxf_dinode di;
	uint64_t before;

	dxf_inode_get_di(inode, &di);
	if (di.nlink != 0 || S_ISLNK(di.mode) || !dxf_icache_reclaim(fs, inode))
		return false;
	before = di.sectors;
	free_blocks(fs, inode);
	dxf_inode_get_di(inode, &di);
	return di.sectors < before;
}

bool dxf_orphan_reclaim(struct dxf_fs *fs)
{
	DXF_CLEANUP_FREE dxf_ino_t *v = NULL;
	bool freed = dxf_park_drain(fs);
	size_t n;

	if (__atomic_load_n(&fs->norphans, __ATOMIC_RELAXED) == 0)
		return freed;
	v = list_numbers(fs, &n);
	for (size_t i = 0; i < n; i++) {
		struct dxf_inode *inode = dxf_icache_find(fs, v[i]);

		if (inode == NULL) {
			freed = true;	/* its last reference just went */
			continue;
		}
		if (reclaim_one(fs, inode))
			freed = true;
		dxf_icache_put(fs, inode);
	}
	return freed;
}

/* ---- recovery ---- */

/*
 * The list is read at mount and its members are kept pinned; the background
 * thread puts one after the other, so that the mount does not wait for the
 * freeing of large files.
 */

/*
 * Append the inode @ino, which the list names; *@next: what it names in turn.
 * The pin stays.
 */
static int read_member(struct dxf_fs *fs, dxf_ino_t ino,
		       struct dxf_inode **tail, dxf_ino_t *next)
{
	struct dxf_inode *inode;
	int err;

	if (ino < fs->geom->first_ino || ino > fs->geom->ninodes)
		return -ESTALE;
	err = dxf_icache_get_orphan(fs, ino, &inode);
	if (err != 0)
		return err;
	if (inode->orphan) {			/* a cycle */
		dxf_icache_put(fs, inode);
		return -ESTALE;
	}
	inode->orphan = true;
	inode->orphan_prev = *tail;
	*(*tail != NULL ? &(*tail)->orphan_next : &fs->orphan_head) = inode;
	*tail = inode;
	fs->norphans++;
	*next = inode->node.di.dtime;
	return 0;
}

/*
 * Read the list, every member pinned.  What cannot be read now is the rest; a
 * link that leads nowhere is dropped with the member that holds it.
 */
static int read_list(struct dxf_fs *fs)
{
	dxf_ino_t ino = dxf_ext2_orphan_head(fs->e2);
	struct dxf_inode *tail = NULL;
	int err = 0;

	while (ino != 0 && err == 0)
		err = read_member(fs, ino, &tail, &ino);
	fs->orphan_rest = err == -ESTALE ? 0 : ino;
	if (err == -ESTALE)
		return dxf_ext2_corrupt(fs->e2, ino, 0,
			"the orphan list names inode %u, which is no orphan",
			ino);
	return err;
}

/* Off the list at once: it has no blocks behind a size. */
static int take_off(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_op op;
	int err = dxf_op_begin(&op, fs);

	return err != 0 ? err : dxf_op_end(&op, dxf_orphan_del(&op, inode));
}

/*
 * An unlinked inode is freed by its last put.  What lies behind the size of an
 * interrupted truncate is trimmed there too, or before the first change of the
 * file's data (eof_blocks).
 */
static int prepare_member(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	struct dxf_dinode di;

	dxf_inode_get_di(inode, &di);
	if (di.nlink == 0)
		return 0;
	if (!S_ISREG(di.mode))
		return take_off(fs, inode);
	inode->eof_blocks = true;
	return 0;
}

int dxf_orphan_recover(struct dxf_fs *fs)
{
	struct dxf_inode *inode, *next;
	int first, err;

	assert(!fs->opts.ro && fs->orphan_head == NULL);
	first = read_list(fs);
	if (fs->norphans == 0)
		return first == -ENOMEM ? first : 0;
	dxf_log_info("finishing %zu unlinked or truncated files",
		     fs->norphans);
	fs->unfinished = dxf_malloc(fs->norphans * sizeof(inode));
	for (inode = fs->orphan_head; inode != NULL; inode = next) {
		next = inode->orphan_next;
		err = prepare_member(fs, inode);
		if (first == 0)
			first = err;
		if (fs->unfinished != NULL)
			fs->unfinished[fs->nunfinished++] = inode;
		else
			dxf_icache_put(fs, inode);
	}
	return first == -ENOMEM ? first : 0;
}

bool dxf_orphan_finish_one(struct dxf_fs *fs)
{
	if (fs->nunfinished == 0)
		return false;
	dxf_icache_put(fs, fs->unfinished[--fs->nunfinished]);
	if (fs->nunfinished == 0) {
		free(fs->unfinished);
		fs->unfinished = NULL;
	}
	return true;
}
