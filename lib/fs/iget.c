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
#include "itable.h"
#include "lacks.h"
#include "need.h"

enum load_how { LOAD_NUMBER, LOAD_NAMED, LOAD_ORPHAN };

static int read_slot(struct dxf_fs *fs, struct dxf_inode *inode,
		     enum load_how how, struct dxf_inuse *near)
{
	struct dxf_dinode *di = &inode->node.di;
	int err = dxf_ialloc_in_use_near(fs->e2, inode->node.ino, near);

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
	struct dxf_inuse near = { 0 };
	struct dxf_txn *t;
	int err;

	if (how != LOAD_NUMBER || fs->opts.ro)
		return read_slot(fs, inode, how, &near);
	err = dxf_txn_begin(fs->txnmgr, DXF_TXN_FORCE, &t);
	/* The log has failed: nothing changes any more. */
	if (err == -EROFS)
		return read_slot(fs, inode, how, &near);
	if (err != 0)
		return err;
	err = read_slot(fs, inode, how, &near);
	dxf_txn_abort(t);
	return err;
}

static bool reachable(const struct dxf_fs *fs, dxf_ino_t ino)
{
	return ino == DXF_ROOT_INO ||
	       (ino >= fs->geom->first_ino && ino <= fs->geom->ninodes);
}

/* Its attributes will be asked for: all lines at once, not one by one. */
static void fetch(const struct dxf_inode *i)
{
	const char *p = (const char *)&i->node;

	for (size_t n = 0; n < sizeof(i->node); n += DXF_CACHELINE)
		__builtin_prefetch(p + n);
}

/* @i is to be inode @ino, pinned, but not yet read. */
static void claim(struct dxf_fs *fs, struct dxf_inode *i, dxf_ino_t ino)
{
	dxf_mutex_assert_held(&fs->icache_lock);
	dxf_node_init(&i->node, fs->e2, ino);
	i->lock.key = ino;
	i->state = DXF_I_LOADING;
	/* who had no inode of ours has read nothing of it */
	i->lacks = DXF_LACKS_PAGES;
	i->pins = 1;
	dxf_itable_insert(fs, i);
}

/*
 * The inode @ino, pinned; if it is absent *@spare, which is given away, as
 * LOADING, or NULL where there is no memory for it yet.  A lookup, too, keeps
 * it from changing while it is not cached.
 * Returns: 0; -ESTALE: it was unlinked, and waits to be freed.
 */
static int find_or_claim(struct dxf_fs *fs, dxf_ino_t ino,
			 struct dxf_inode **spare, bool *is_new,
			 enum load_how *how, struct dxf_inode **out)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	struct dxf_inode *i = dxf_icache_find_live(fs, ino);

	if (i != NULL && i->state == DXF_I_PARKED)
		return -ESTALE;
	*is_new = i == NULL && *spare != NULL;
	if (*is_new) {
		i = DXF_STEAL(*spare);
		claim(fs, i, ino);
		if (*how == LOAD_NUMBER && dxf_known_count(&fs->known, ino))
			*how = LOAD_NAMED;
	} else if (i != NULL) {
		fetch(i);
		i->pins++;
	}
	*out = i;
	return 0;
}

void dxf_icache_take_known(struct dxf_fs *fs, struct dxf_inode *inode)
{
	dxf_ino_t ino = inode->node.ino;
	uint32_t n = dxf_known_count(&fs->known, ino);

	dxf_mutex_assert_held(&fs->icache_lock);
	if (n == 0)
		return;
	inode->nlookup += n;
	(void)dxf_known_drop(&fs->known, ino, n);
}

static void loaded_locked(struct dxf_fs *fs, struct dxf_inode *inode, int err)
{
	assert(inode->state == DXF_I_LOADING && inode->pins == 1);
	inode->state = DXF_I_LIVE;
	if (err != 0)
		dxf_itable_remove(fs, inode);
	else
		dxf_icache_take_known(fs, inode);
}

static void loaded(struct dxf_fs *fs, struct dxf_inode *inode, int err)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	loaded_locked(fs, inode, err);
	pthread_cond_broadcast(&fs->icache_cond);
}

static int get_with(struct dxf_fs *fs, dxf_ino_t ino, enum load_how how,
		    struct dxf_inode **spare, struct dxf_inode **out)
{
	struct dxf_inode *inode = NULL;
	bool is_new;
	int err;

	if (!reachable(fs, ino))
		return -ESTALE;
	err = find_or_claim(fs, ino, spare, &is_new, &how, &inode);
	if (err == 0 && inode == NULL) {
		dxf_dinode_ahead(fs->e2, ino);
		err = dxf_icache_alloc(fs, spare);
		if (err == 0)
			err = find_or_claim(fs, ino, spare, &is_new, &how,
					    &inode);
	}
	if (err != 0)
		return err;
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

/* ---- many at a time ---- */

/*
 * Steps of dxf_icache_get_many(), each under icache_lock once.  Whoever has
 * claimed inodes must not wait for another's: two that list the same files in
 * another order would wait for each other.  So what is not LIVE waits, and comes
 * alone in the end.
 */
struct many {
	struct dxf_fs *fs;
	const dxf_ino_t *ino;
	unsigned int n;
	struct dxf_icache_found *out;
	unsigned int hits;
	size_t narrived;			/* before it was looked */
	uint32_t absent, waits, mine, seen;	/* a bit for each */
};

static_assert(DXF_ICACHE_MANY <= 32, "bits");

#define MANY_BIT(i)	((uint32_t)1 << (i))

static void pin_cached(struct many *m)
{
	DXF_SCOPED_MUTEX(&m->fs->icache_lock);

	m->narrived = m->fs->narrived;
	for (unsigned int i = 0; i < m->n; i++) {
		struct dxf_inode *inode;

		m->out[i].inode = NULL;
		m->out[i].counted = false;
		if (m->ino[i] == 0)
			continue;
		inode = dxf_itable_find(m->fs, m->ino[i]);
		if (!reachable(m->fs, m->ino[i])) {
			m->waits |= MANY_BIT(i);	/* for its error */
		} else if (inode == NULL) {
			m->absent |= MANY_BIT(i);
		} else if (inode->state == DXF_I_LIVE) {
			fetch(inode);
			inode->pins++;
			m->out[i].inode = inode;
			m->hits++;
		} else {
			m->waits |= MANY_BIT(i);
		}
	}
}

/*
 * What is absent is as its slot says, as long as it is absent: who changes it
 * has it in the table.  So the attributes of all are read without one being
 * made, and are good if none has come into the table meanwhile.
 */
static void glance(struct many *m)
{
	struct dxf_inuse near = { 0 };
	struct dxf_ext2 *e2 = m->fs->e2;
	struct dxf_dinode di;

	for (unsigned int i = 0; i < m->n; i++) {
		if (!(m->absent & MANY_BIT(i)) ||
		    dxf_ialloc_in_use_near(e2, m->ino[i], &near) != 1 ||
		    dxf_dinode_glance(e2, m->ino[i], &di) != 0 ||
		    di.nlink == 0)
			continue;
		dxf_dinode_fill_attr(e2, m->ino[i], &di, &m->out[i].attr);
		m->seen |= MANY_BIT(i);
	}
}

/* The rest is read in. */
static void count_seen(struct many *m)
{
	DXF_SCOPED_MUTEX(&m->fs->icache_lock);

	if (m->fs->narrived != m->narrived)
		return;
	for (unsigned int i = 0; i < m->n; i++) {
		if (!(m->seen & MANY_BIT(i)) ||
		    dxf_known_add(&m->fs->known, m->ino[i]) != 0)
			continue;
		assert(dxf_itable_find(m->fs, m->ino[i]) == NULL);
		m->out[i].counted = true;
		m->absent &= ~MANY_BIT(i);
	}
}

static void see_absent(struct many *m)
{
	if (dxf_need_names(m->fs))
		return;
	for (unsigned int i = 0; i < m->n; i++)
		if (m->absent & MANY_BIT(i))
			dxf_dinode_ahead(m->fs->e2, m->ino[i]);
	glance(m);
	if (m->seen != 0)
		count_seen(m);
}

/* Those that are still absent; the memory for the others comes back. */
static void claim_absent(struct many *m, struct dxf_inode **spare)
{
	DXF_SCOPED_MUTEX(&m->fs->icache_lock);

	for (unsigned int i = 0; i < m->n; i++) {
		if (!(m->absent & MANY_BIT(i)) || spare[i] == NULL)
			continue;
		/* also one that is listed twice */
		if (dxf_itable_find(m->fs, m->ino[i]) != NULL) {
			m->waits |= MANY_BIT(i);
			continue;
		}
		m->out[i].inode = DXF_STEAL(spare[i]);
		claim(m->fs, m->out[i].inode, m->ino[i]);
		m->mine |= MANY_BIT(i);
	}
}

static void all_loaded(struct many *m, const int *err)
{
	DXF_SCOPED_MUTEX(&m->fs->icache_lock);

	for (unsigned int i = 0; i < m->n; i++)
		if (m->mine & MANY_BIT(i))
			loaded_locked(m->fs, m->out[i].inode, err[i]);
	pthread_cond_broadcast(&m->fs->icache_cond);
}

static void load_absent(struct many *m, struct dxf_inode *dir)
{
	struct dxf_inode *spare[DXF_ICACHE_MANY] = { NULL };
	struct dxf_inuse near = { 0 };
	int err[DXF_ICACHE_MANY] = { 0 };

	for (unsigned int i = 0; i < m->n; i++) {
		if (!(m->absent & MANY_BIT(i)))
			continue;
		dxf_dinode_ahead(m->fs->e2, m->ino[i]);
		(void)dxf_icache_alloc(m->fs, &spare[i]);
	}
	claim_absent(m, spare);
	for (unsigned int i = 0; i < m->n; i++)
		if (m->mine & MANY_BIT(i))
			err[i] = read_slot(m->fs, m->out[i].inode, LOAD_NAMED,
					   &near);
	all_loaded(m, err);
	for (unsigned int i = 0; i < m->n; i++) {
		if (spare[i] != NULL)
			dxf_icache_free_new(spare[i]);
		if (!(m->mine & MANY_BIT(i)) || err[i] == 0)
			continue;
		dxf_icache_free_new(DXF_STEAL(m->out[i].inode));
		if (err[i] == -ESTALE)
			(void)not_in_use(m->fs, dir, m->ino[i]);
	}
}

void dxf_icache_get_many(struct dxf_fs *fs, struct dxf_inode *dir,
			 const dxf_ino_t *ino, unsigned int n,
			 struct dxf_icache_found *out)
{
	struct many m = { .fs = fs, .ino = ino, .n = n, .out = out };

	dxf_rwlock_assert_held(&dir->lock);
	assert(n <= DXF_ICACHE_MANY);
	pin_cached(&m);
	dxf_count(DXF_COUNT_INODE_HIT, m.hits);
	dxf_count(DXF_COUNT_INODE_MISS,
		  (unsigned int)__builtin_popcount(m.absent));
	if (m.absent != 0)
		see_absent(&m);
	if (m.absent != 0)
		load_absent(&m, dir);
	for (unsigned int i = 0; i < n; i++)
		if ((m.waits & MANY_BIT(i)) &&
		    dxf_icache_get_named(fs, dir, ino[i], &out[i].inode) != 0)
			out[i].inode = NULL;
}

int dxf_icache_see_named(struct dxf_fs *fs, struct dxf_inode *dir,
			 dxf_ino_t ino, struct dxf_icache_found *out)
{
	struct many m = { .fs = fs, .ino = &ino, .n = 1, .out = out };

	dxf_rwlock_assert_held(&dir->lock);
	pin_cached(&m);
	if (m.absent != 0)
		see_absent(&m);
	if (out->inode == NULL && !out->counted)
		return dxf_icache_get_named(fs, dir, ino, &out->inode);
	dxf_count(m.hits != 0 ? DXF_COUNT_INODE_HIT : DXF_COUNT_INODE_MISS, 1);
	return 0;
}
