// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acc.c - what the open transaction does to groups and reservations, applied
 * in memory when it ends.
 *
 * Owns struct dxf_acc, one for the one transaction, under the metadata lock.
 * It registers its end hook at the first use in a transaction.  Memory grows
 * while staging, where it may fail; the hook only reads, so it cannot.
 *
 * Invariant: t is NULL exactly when there is no entry and no event.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "groups.h"

/* Above this the memory is given back at the end of the transaction. */
#define KEEP	1024

struct event {
	uint64_t start;
	uint32_t n;
	enum dxf_ev_kind kind;
};

struct dxf_acc {
	struct dxf_txn_hook hook;
	struct dxf_ext2 *e2;
	struct dxf_txn *t;
	struct dxf_gacc *groups;
	size_t ngroups, groups_cap;
	struct event *events;
	size_t nevents, events_cap;
	uint64_t *map;		/* one block */
};

int dxf_acc_init(struct dxf_ext2 *e2)
{
	struct dxf_acc *acc = dxf_calloc(1, sizeof(*acc));

	if (acc == NULL)
		return -ENOMEM;
	acc->map = dxf_calloc(1, e2->geom.block_size);
	if (acc->map == NULL) {
		free(acc);
		return -ENOMEM;
	}
	acc->e2 = e2;
	e2->acc = acc;
	return 0;
}

static void drop_memory(struct dxf_acc *acc)
{
	free(acc->groups);
	free(acc->events);
	acc->groups = NULL;
	acc->events = NULL;
	acc->groups_cap = acc->events_cap = 0;
}

void dxf_acc_fini(struct dxf_ext2 *e2)
{
	if (e2->acc == NULL)
		return;
	assert(e2->acc->t == NULL);
	drop_memory(e2->acc);
	free(e2->acc->map);
	free(e2->acc);
	e2->acc = NULL;
}

static void end_event(struct dxf_ext2 *e2, const struct event *ev,
		      bool committed)
{
	switch (ev->kind) {
	case DXF_EV_PUBLISHED:
		if (committed)
			dxf_resv_del_locked(e2, ev->start, ev->n);
		break;
	case DXF_EV_ONE:
		dxf_resv_del_locked(e2, ev->start, ev->n);
		break;
	case DXF_EV_FREED:
		dxf_quar_del_locked(e2, ev->start, ev->n);
		break;
	case DXF_EV_INODE_FREED:
		break;
	}
}

static void apply(struct dxf_ext2 *e2, const struct dxf_gacc *ga)
{
	struct dxf_group *g = &e2->groups[ga->group];

	e2->free_blocks += ga->free_blocks;
	e2->free_blocks -= g->free_blocks;
	e2->free_inodes += ga->free_inodes;
	e2->free_inodes -= g->free_inodes;
	e2->used_dirs += ga->used_dirs;
	e2->used_dirs -= g->used_dirs;
	g->free_blocks = ga->free_blocks;
	g->free_inodes = ga->free_inodes;
	g->used_dirs = ga->used_dirs;
	g->itable_unused = ga->itable_unused;
	g->flags = ga->flags;
}

static void end_txn(struct dxf_txn_hook *h, bool committed)
{
	struct dxf_acc *acc = dxf_container_of(h, struct dxf_acc, hook);
	struct dxf_ext2 *e2 = acc->e2;

	assert(acc->t != NULL);
	dxf_mutex_lock(&e2->alloc_lock);
	for (size_t i = 0; i < acc->nevents; i++)
		end_event(e2, &acc->events[i], committed);
	for (size_t i = 0; i < acc->ngroups && committed; i++)
		apply(e2, &acc->groups[i]);
	dxf_mutex_unlock(&e2->alloc_lock);
	acc->t = NULL;
	acc->ngroups = acc->nevents = 0;
	if (acc->events_cap > KEEP || acc->groups_cap > KEEP)
		drop_memory(acc);
}

static struct dxf_acc *use(struct dxf_ext2 *e2, struct dxf_txn *t)
{
	struct dxf_acc *acc = e2->acc;

	assert(t == dxf_txn_current(e2->txnmgr));
	if (acc->t == NULL) {
		assert(acc->ngroups == 0 && acc->nevents == 0);
		acc->t = t;
		acc->hook.fn = end_txn;
		dxf_txn_on_end(t, &acc->hook);
	}
	assert(acc->t == t);
	return acc;
}

uint64_t *dxf_acc_map(struct dxf_ext2 *e2)
{
	return e2->acc->map;
}

static struct dxf_gacc *find(const struct dxf_acc *acc, uint32_t group)
{
	/* The last one is the likely one. */
	for (size_t i = acc->ngroups; i-- > 0; )
		if (acc->groups[i].group == group)
			return &acc->groups[i];
	return NULL;
}

/* Locks: the metadata lock, or alloc_lock: a commit changes them under both. */
static struct dxf_gacc from_memory(const struct dxf_ext2 *e2, uint32_t group)
{
	const struct dxf_group *g = &e2->groups[group];

	assert(group < e2->geom.ngroups);
	return (struct dxf_gacc){
		.group = group,
		.free_blocks = g->free_blocks,
		.free_inodes = g->free_inodes,
		.used_dirs = g->used_dirs,
		.itable_unused = g->itable_unused,
		.flags = g->flags,
	};
}

int dxf_acc_group(struct dxf_ext2 *e2, struct dxf_txn *t, uint32_t group,
		  struct dxf_gacc **out)
{
	struct dxf_acc *acc = use(e2, t);
	struct dxf_gacc *ga = find(acc, group);
	size_t cap = acc->groups_cap != 0 ? acc->groups_cap * 2 : 16;

	if (ga == NULL && acc->ngroups == acc->groups_cap) {
		ga = dxf_realloc(acc->groups, cap * sizeof(*ga));
		if (ga == NULL)
			return -ENOMEM;
		acc->groups = ga;
		acc->groups_cap = cap;
		ga = NULL;
	}
	if (ga == NULL) {
		ga = &acc->groups[acc->ngroups++];
		*ga = from_memory(e2, group);
	}
	*out = ga;
	return 0;
}

struct dxf_gacc dxf_acc_view(struct dxf_ext2 *e2, const struct dxf_txn *t,
			     uint32_t group)
{
	const struct dxf_gacc *ga = NULL;

	if (t == NULL) {
		DXF_SCOPED_MUTEX(&e2->alloc_lock);
		return from_memory(e2, group);
	}
	assert(t == dxf_txn_current(e2->txnmgr));
	if (e2->acc->t == t)
		ga = find(e2->acc, group);
	return ga != NULL ? *ga : from_memory(e2, group);
}

int dxf_acc_reserve(struct dxf_ext2 *e2, struct dxf_txn *t, size_t n)
{
	struct dxf_acc *acc = use(e2, t);
	size_t cap = DXF_MAX(acc->events_cap * 2, acc->nevents + n + 16);
	struct event *events;

	if (acc->nevents + n <= acc->events_cap)
		return 0;
	events = dxf_realloc(acc->events, cap * sizeof(*events));
	if (events == NULL)
		return -ENOMEM;
	acc->events = events;
	acc->events_cap = cap;
	return 0;
}

void dxf_acc_event(struct dxf_ext2 *e2, enum dxf_ev_kind kind, uint64_t start,
		   uint32_t n)
{
	struct dxf_acc *acc = e2->acc;

	assert(acc->t != NULL && acc->nevents < acc->events_cap);
	acc->events[acc->nevents++] = (struct event){ start, n, kind };
}

bool dxf_acc_inode_freed(const struct dxf_ext2 *e2, dxf_ino_t ino)
{
	const struct dxf_acc *acc = e2->acc;

	for (size_t i = 0; i < acc->nevents; i++)
		if (acc->events[i].kind == DXF_EV_INODE_FREED &&
		    acc->events[i].start == ino)
			return true;
	return false;
}
