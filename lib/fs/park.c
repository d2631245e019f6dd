/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * park.c - unlinked inodes that nobody refers to, until they are freed together.
 *
 * A transaction costs as much as what it takes to free a small file.  So the
 * files that rm removes are not freed one by one: they wait, on the orphan list
 * on media as before, and one transaction frees DXF_PARK_MAX of them.  That is
 * done by the background thread, at its next turn or when it is called since
 * many wait: mostly rm and the thread that serves it take turns on one CPU, and
 * another is idle.  It is called rarely: each time it takes what both of them
 * use from the other's cache, and the metadata lock when that may want it.  Who
 * finds the room full frees some.  So does whoever wants to see the space: who
 * finds none, statfs, sync, the unmount.
 *
 * Owns the inodes that are PARKED and the way from there to EVICTING.  Must not
 * know how an inode is freed.
 *
 * Invariants:
 *   P1  a parked inode is on the orphan list and has no reference; nobody can
 *	 get one, for it counts as gone (icache.c, C1)
 *   P2  a limited number is parked, of small ones
 *   P3  with fs->park.open off none is parked
 */
#include "fs_priv.h"

#include <assert.h>
#include <string.h>

/* In sectors: a file with more is freed by itself, and at once (P2). */
#define SMALL		(2 * 64u)

/* Where the @i-th is, the oldest being the first. */
static struct dxf_inode **place(struct dxf_park *p, int i)
{
	return &p->v[(p->first + (unsigned int)i) % DXF_PARK_ROOM];
}

bool dxf_park_add(struct dxf_fs *fs, struct dxf_inode *inode)
{
	const struct dxf_dinode *di = &inode->node.di;

	dxf_mutex_assert_held(&fs->icache_lock);
	assert(inode->state == DXF_I_LIVE && inode->pins == 0);	/* P1 */
	if (di->nlink != 0 || !fs->park.open || !inode->orphan ||
	    di->sectors > SMALL || fs->park.n == DXF_PARK_ROOM)
		return false;
	inode->state = DXF_I_PARKED;
	*place(&fs->park, fs->park.n++) = inode;
	return true;
}

enum dxf_due dxf_park_due(struct dxf_park *p)
{
	assert(p->n > 0 && p->n <= DXF_PARK_ROOM);		/* P2 */
	if (p->n == DXF_PARK_ROOM)
		return DXF_DUE_RELEASE;
	if (p->n < DXF_PARK_CALL || p->called)
		return DXF_DUE_NOTHING;
	p->called = true;
	return DXF_DUE_CALL;
}

/* The oldest off the park, EVICTING.  Returns: how many. */
static int begin_release(struct dxf_fs *fs, struct dxf_inode **v)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	int n = DXF_MIN(fs->park.n, DXF_PARK_MAX);

	for (int i = 0; i < n; i++) {
		v[i] = *place(&fs->park, i);
		assert(v[i]->state == DXF_I_PARKED && v[i]->nlookup == 0);
		v[i]->state = DXF_I_EVICTING;
	}
	fs->park.first = (fs->park.first + (unsigned int)n) % DXF_PARK_ROOM;
	fs->park.n -= n;
	fs->park.nleaving += n;
	return n;
}

static void end_release(struct dxf_fs *fs, int n)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	assert(fs->park.nleaving >= n);
	fs->park.nleaving -= n;
	pthread_cond_broadcast(&fs->icache_cond);
}

/* Returns: whether there was something to release. */
static bool release(struct dxf_fs *fs)
{
	struct dxf_inode *v[DXF_PARK_MAX];
	int n = begin_release(fs, v);

	if (n == 0)
		return false;
	/* What spoils it for all is found, and reported, one by one. */
	if (n > 1 && dxf_orphan_free_many(fs, v, n) == 0) {
		dxf_icache_freed(fs, v, n);
	} else {
		for (int i = 0; i < n; i++)
			dxf_icache_evict(fs, v[i]);
	}
	end_release(fs, n);
	return true;
}

void dxf_park_release(struct dxf_fs *fs)
{
	(void)release(fs);
}

/* No more than can have been there: others go on parking. */
static bool release_all(struct dxf_fs *fs)
{
	int n = 0;

	while (n < DXF_PARK_ROOM && release(fs))
		n += DXF_PARK_MAX;
	return n > 0;
}

void dxf_park_serve(struct dxf_fs *fs)
{
	(void)release_all(fs);
	DXF_SCOPED_MUTEX(&fs->icache_lock);
	/* for those that came meanwhile it is called by the next */
	fs->park.called = false;
}

bool dxf_park_drain(struct dxf_fs *fs)
{
	bool some = release_all(fs);

	DXF_SCOPED_MUTEX(&fs->icache_lock);
	while (fs->park.nleaving > 0) {
		dxf_mutex_wait(&fs->icache_lock, &fs->icache_cond);
		some = true;
	}
	return some;
}

static void set_parking(struct dxf_fs *fs, bool on)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	fs->park.open = on;
}

void dxf_park_open(struct dxf_fs *fs)
{
	assert(!fs->opts.ro && fs->bg_running);
	set_parking(fs, true);
}

void dxf_park_close(struct dxf_fs *fs)
{
	if (fs->table == NULL)
		return;
	set_parking(fs, false);
	(void)dxf_park_drain(fs);
	assert(fs->park.n == 0);				/* P3 */
}
