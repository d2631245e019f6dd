/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * icache.c - the inodes in memory: who refers to them, and when they go.
 *
 * Owns the states of an inode and the three counts that keep it in the table
 * (itable.c): pins (calls that run now), lookups (the kernel's) and opens.
 * Reading a slot (iget.c) and freeing it are others' work.  Knows no names.
 *
 *	      get, first		    last put, forget, release
 *	absent ---------> LOADING ---> LIVE ----------------> EVICTING
 *	   ^		     |	        ^			|   |
 *	   |    failed	     |		'-----------------------'   |
 *	   |<----------------'	  could not be freed	^	    |
 *	   |						|	    |
 *	   |	     LIVE, unlinked --> PARKED (park.c) '	    |
 *	   '--------------------------------------------------------'
 *
 * Invariants:
 *   C1  one inode per number; a number whose inode is LOADING or EVICTING is
 *	 waited for, so that nobody sees a slot half read or half freed; one
 *	 that is PARKED counts as gone for all but who would use its number
 *   C2  an inode with a reference is LIVE (or LOADING, with one pin)
 *   C3  an inode on the orphan list on media never leaves the cache: its
 *	 neighbours point to it, and its number is not free
 *   C4  an inode whose lookups are in fs->known has none here: it is absent or
 *	 LOADING, it is in use, and nothing changes its slot (iget.c)
 *   C5  I/O and waiting for locks happen with icache_lock released
 */
#include "need.h"

#include <assert.h>
#include <linux/fs.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "itable.h"
#include "log.h"

/*
 * With malloc's overhead (its pieces are 16 n + 8 bytes) and up to two slots of
 * the table, a cached inode takes 512 bytes at most.
 */
static_assert(sizeof(struct dxf_inode) <= 488, "512 bytes per cached inode");

struct dxf_inode *dxf_icache_find_live(struct dxf_fs *fs, dxf_ino_t ino)
{
	struct dxf_inode *i;

	while ((i = dxf_itable_find(fs, ino)) != NULL &&
	       i->state != DXF_I_LIVE && i->state != DXF_I_PARKED)
		dxf_mutex_wait(&fs->icache_lock, &fs->icache_cond);
	return i;
}

/* ---- an inode's memory ---- */

int dxf_icache_alloc(struct dxf_fs *fs, struct dxf_inode **out)
{
	/* not calloc(), which takes nothing from the thread's own list */
	struct dxf_inode *inode = dxf_malloc(sizeof(*inode));

	if (inode == NULL)
		return -ENOMEM;
	memset(inode, 0, sizeof(*inode));
	dxf_rwlock_init(&inode->lock, DXF_RANK_INODE, 0);
	*out = inode;
	return 0;
}

void dxf_icache_free_new(struct dxf_inode *inode)
{
	assert(inode->lazy_pprev == NULL);
	assert(!inode->orphan);					/* C3 */
	assert(inode->dirty == NULL && inode->need == NULL);
	if (inode->node.ino != 0)
		dxf_node_fini(&inode->node);
	dxf_rwlock_destroy(&inode->lock);
	free(inode);
}

struct dxf_inode *dxf_icache_find(struct dxf_fs *fs, dxf_ino_t ino)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	struct dxf_inode *i = dxf_icache_find_live(fs, ino);

	if (i != NULL && i->state == DXF_I_PARKED)
		return NULL;
	if (i != NULL)
		i->pins++;
	return i;
}

struct dxf_inode *dxf_icache_add(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_inode *i;

	assert(inode->node.ino != 0 && inode->pins == 0);
	dxf_mutex_lock(&fs->icache_lock);
	/* The number's last inode may still be on its way out. */
	i = dxf_icache_find_live(fs, inode->node.ino);
	assert(i == NULL || i->state == DXF_I_LIVE);
	if (i == NULL) {
		i = inode;
		i->state = DXF_I_LIVE;
		dxf_itable_insert(fs, i);
		dxf_icache_take_known(fs, i);
	}
	i->pins++;
	dxf_mutex_unlock(&fs->icache_lock);
	if (i != inode) {
		dxf_need_forget(fs, inode);
		dxf_icache_free_new(inode);
	}
	return i;
}

/* ---- the last reference ---- */

static bool referred(const struct dxf_inode *inode)
{
	return inode->pins != 0 || inode->nlookup != 0 || inode->nopen != 0;
}

/* Bring to media what is in memory alone; errors stay behind, logged. */
static void write_back(struct dxf_fs *fs, struct dxf_inode *inode)
{
	bool zombie = dxf_inode_nlink(inode) == 0;
	int err;

	if (fs->opts.ro)
		return;
	if (zombie)
		err = dxf_orphan_free_inode(fs, inode);
	else
		err = dxf_inode_flush_times(fs, inode);
	if (err == 0 && !zombie && inode->orphan)
		err = dxf_truncate_evict(fs, inode);
	if (err != 0 && err != -EROFS)
		dxf_log_warn("inode %u: %s: error %d", inode->node.ino,
			     zombie ? "cannot be freed now" :
				      "its times are lost", -err);
}

/* Take out of the table, or make LIVE again, whoever waits. */
static void evicted(struct dxf_fs *fs, struct dxf_inode *inode, bool gone)
{
	bool trim = false;

	dxf_mutex_lock(&fs->icache_lock);
	assert(inode->state == DXF_I_EVICTING && !referred(inode));	/* C2 */
	inode->state = DXF_I_LIVE;
	if (gone)
		trim = dxf_itable_remove(fs, inode);
	pthread_cond_broadcast(&fs->icache_cond);
	dxf_mutex_unlock(&fs->icache_lock);
	if (gone)
		dxf_icache_free_new(inode);
	if (trim)
		malloc_trim(0);
}

void dxf_icache_evict(struct dxf_fs *fs, struct dxf_inode *inode)
{
	write_back(fs, inode);
	dxf_bg_forget(fs, inode);
	/* While nobody can have the directory: then it may change. */
	dxf_dir_leave_index(&inode->node);
	evicted(fs, inode, !inode->orphan);			/* C3 */
}

void dxf_icache_freed(struct dxf_fs *fs, struct dxf_inode **v, int n)
{
	bool trim = false;

	for (int i = 0; i < n; i++) {
		dxf_bg_forget(fs, v[i]);
		dxf_dir_leave_index(&v[i]->node);
	}
	dxf_mutex_lock(&fs->icache_lock);
	for (int i = 0; i < n; i++) {
		assert(v[i]->state == DXF_I_EVICTING && !referred(v[i]));
		trim = dxf_itable_remove(fs, v[i]) || trim;
	}
	pthread_cond_broadcast(&fs->icache_cond);
	dxf_mutex_unlock(&fs->icache_lock);
	for (int i = 0; i < n; i++)
		dxf_icache_free_new(v[i]);
	if (trim)
		malloc_trim(0);
}

/* Start eviction if nothing refers to it, or park it.  Locks: icache_lock. */
static enum dxf_due begin_evict(struct dxf_fs *fs, struct dxf_inode *inode)
{
	if (inode->state != DXF_I_LIVE || referred(inode))
		return DXF_DUE_NOTHING;
	if (dxf_park_add(fs, inode))
		return dxf_park_due(&fs->park);
	inode->state = DXF_I_EVICTING;
	return DXF_DUE_EVICTION;
}

/* One pin less.  Locks: icache_lock. */
static enum dxf_due unpin_locked(struct dxf_fs *fs, struct dxf_inode *inode)
{
	assert(inode->pins > 0 && inode->state == DXF_I_LIVE);	/* C2 */
	inode->pins--;
	return begin_evict(fs, inode);
}

static void settle(struct dxf_fs *fs, struct dxf_inode *inode, enum dxf_due due)
{
	if (due == DXF_DUE_EVICTION)
		dxf_icache_evict(fs, inode);
	else if (due == DXF_DUE_RELEASE)
		dxf_park_release(fs);
	else if (due == DXF_DUE_CALL)
		dxf_bg_call(fs);
}

void dxf_icache_put(struct dxf_fs *fs, struct dxf_inode *inode)
{
	enum dxf_due due;

	dxf_mutex_lock(&fs->icache_lock);
	due = unpin_locked(fs, inode);
	dxf_mutex_unlock(&fs->icache_lock);
	settle(fs, inode, due);
}

void dxf_icache_give(struct dxf_fs *fs, struct dxf_inode *inode,
		     struct dxf_inode *dir)
{
	enum dxf_due due;

	dxf_mutex_lock(&fs->icache_lock);
	assert(inode->pins > 0);
	inode->nlookup++;
	inode->pins--;
	due = unpin_locked(fs, dir);
	dxf_mutex_unlock(&fs->icache_lock);
	settle(fs, dir, due);
}

/* ---- lookups and opens ---- */

void dxf_icache_add_lookup(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	assert(inode->pins > 0);
	inode->nlookup++;
}

void dxf_icache_pins_to_lookups(struct dxf_fs *fs, struct dxf_inode **v,
				unsigned int n)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	for (unsigned int i = 0; i < n; i++) {
		assert(v[i]->pins > 0);
		v[i]->nlookup++;
		v[i]->pins--;
	}
}

void dxf_icache_pin_to_lookup(struct dxf_fs *fs, struct dxf_inode *inode)
{
	dxf_icache_pins_to_lookups(fs, &inode, 1);
}

/*
 * Nothing of it is in memory alone, so that it can go at once.  What is asked
 * for here changes only while somebody refers to the inode, or, on the orphan
 * list, while it is on it.
 * Locks: icache_lock; nobody refers to it.
 */
static bool owes_nothing(const struct dxf_inode *inode)
{
	assert(inode->state == DXF_I_EVICTING && !referred(inode));
	return inode->node.di.nlink != 0 && !inode->orphan &&
	       !inode->eof_blocks && inode->lazy == 0 && !inode->queued &&
	       inode->dirty == NULL && inode->need == NULL &&
	       inode->node.index == NULL;
}

void dxf_fs_forget(struct dxf_fs *fs, dxf_ino_t ino, uint64_t n)
{
	struct dxf_inode *inode, *gone = NULL;
	enum dxf_due due = DXF_DUE_NOTHING;
	bool trim = false;

	dxf_mutex_lock(&fs->icache_lock);
	inode = dxf_icache_find_live(fs, ino);
	if (inode != NULL && inode->state == DXF_I_LIVE) {
		/* Nobody counted a lookup of the root, whose number is known. */
		assert(n <= inode->nlookup || ino == DXF_ROOT_INO);
		inode->nlookup -= DXF_MIN(n, inode->nlookup);
		due = begin_evict(fs, inode);
	} else if (inode == NULL) {
		trim = dxf_known_drop(&fs->known, ino, n);
	}
	if (due == DXF_DUE_EVICTION && owes_nothing(inode)) {
		trim = dxf_itable_remove(fs, inode);
		gone = DXF_STEAL(inode);
	}
	dxf_mutex_unlock(&fs->icache_lock);
	if (gone != NULL)
		dxf_icache_free_new(gone);
	else
		settle(fs, inode, due);
	if (trim)
		malloc_trim(0);
}

static int add_open_locked(struct dxf_fs *fs, struct dxf_inode *inode,
			   bool direct)
{
	assert(inode->pins > 0);
	if (inode->reclaimed)
		return -ESTALE;
	if (inode->nopen++ == 0) {
		inode->dax = direct;
		fs->nopen++;
	}
	return 0;
}

static bool has_dax_flag(struct dxf_inode *inode)
{
	struct dxf_peek p;

	dxf_inode_peek(inode, &p);
	return (p.flags & FS_DAX_FL) != 0;
}

int dxf_icache_add_open(struct dxf_fs *fs, struct dxf_inode *inode,
			bool direct)
{
	direct = direct || has_dax_flag(inode);
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	return add_open_locked(fs, inode, direct);
}

int dxf_icache_give_opened(struct dxf_fs *fs, struct dxf_inode *inode,
			   struct dxf_inode *dir, bool direct, bool *dax)
{
	enum dxf_due due = DXF_DUE_NOTHING;
	int err;

	direct = direct || has_dax_flag(inode);
	dxf_mutex_lock(&fs->icache_lock);
	err = add_open_locked(fs, inode, direct);
	if (err == 0) {
		*dax = inode->dax;
		inode->nlookup++;
		inode->pins--;
		due = unpin_locked(fs, dir);
	}
	dxf_mutex_unlock(&fs->icache_lock);
	settle(fs, dir, due);
	return err;
}

bool dxf_icache_drop_open(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	assert(inode->nopen > 0);
	if (--inode->nopen > 0)
		return false;
	fs->nopen--;
	return true;
}

bool dxf_icache_reclaim(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	if (inode->nopen > 0 || inode->reclaimed)
		return false;
	inode->reclaimed = true;
	return true;
}

/* ---- all of them ---- */

/* Pin the next LIVE inode of the chain at @i. */
static struct dxf_inode *pin_from(struct dxf_inode *i)
{
	while (i != NULL && i->state != DXF_I_LIVE)
		i = i->hash_next;
	if (i != NULL)
		i->pins++;
	return i;
}

/*
 * The chain of bucket @n; a pinned inode stays in it, except when the table is
 * resized.  Returns: false if that happened.
 */
static bool walk_bucket(struct dxf_fs *fs, size_t n,
	void (*fn)(struct dxf_fs *fs, struct dxf_inode *inode, void *ctx),
	void *ctx)
{
	struct dxf_inode *i, *next = NULL;
	size_t size;
	bool same = true;

	dxf_mutex_lock(&fs->icache_lock);
	size = fs->table_size;
	i = n < size ? pin_from(fs->table[n]) : NULL;
	dxf_mutex_unlock(&fs->icache_lock);
	for (; i != NULL; i = next) {
		fn(fs, i, ctx);
		dxf_mutex_lock(&fs->icache_lock);
		same = fs->table_size == size;
		next = same ? pin_from(i->hash_next) : NULL;
		dxf_mutex_unlock(&fs->icache_lock);
		dxf_icache_put(fs, i);
	}
	return same;
}

void dxf_icache_for_each(struct dxf_fs *fs,
	void (*fn)(struct dxf_fs *fs, struct dxf_inode *inode, void *ctx),
	void *ctx)
{
	size_t size, n;

	/*
	 * Growing splits each bucket into itself and a higher one, so going on
	 * from the same place misses nothing; after shrinking begin anew.
	 */
	for (n = 0, size = 0; ; ) {
		size_t now;

		dxf_mutex_lock(&fs->icache_lock);
		now = fs->table_size;
		dxf_mutex_unlock(&fs->icache_lock);
		if (now < size)
			n = 0;
		size = now;
		if (n >= size)
			return;
		if (walk_bucket(fs, n, fn, ctx))
			n++;
	}
}

int dxf_icache_init(struct dxf_fs *fs)
{
	dxf_mutex_init(&fs->icache_lock, DXF_RANK_ICACHE);
	pthread_cond_init(&fs->icache_cond, NULL);
	if (dxf_itable_init(fs) == 0)
		return 0;
	dxf_mutex_destroy(&fs->icache_lock);
	pthread_cond_destroy(&fs->icache_cond);
	return -ENOMEM;
}

static void drop_all(struct dxf_fs *fs, struct dxf_inode *inode, void *ctx)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	assert(inode->pins == 1);
	inode->nlookup = 0;
	inode->nopen = 0;
}

/* What could not be freed stays on the orphan list on media. */
static void free_rest(struct dxf_fs *fs)
{
	struct dxf_inode *i;

	for (size_t n = 0; n < fs->table_size; n++) {
		while ((i = fs->table[n]) != NULL) {
			fs->table[n] = i->hash_next;
			dxf_bg_forget(fs, i);
			i->orphan = false;
			dxf_icache_free_new(i);
		}
	}
}

void dxf_icache_fini(struct dxf_fs *fs)
{
	if (fs->table == NULL)
		return;
	dxf_icache_for_each(fs, drop_all, NULL);
	free_rest(fs);
	free(fs->table);
	fs->table = NULL;
	dxf_known_fini(&fs->known);
	pthread_cond_destroy(&fs->icache_cond);
	dxf_mutex_destroy(&fs->icache_lock);
}
