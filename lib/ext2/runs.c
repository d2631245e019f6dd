// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * runs.c - the run cache of a node.
 *
 * Owns node->run*; must not know how a map is laid out nor what a run is
 * checked for.
 *
 * The table is a hash of windows of the file, a few runs each: indirect maps
 * end a run at each indirect block, so that a large file has one or two per
 * window, and random access to it needs them all.
 *
 * Invariants:
 *	R1  entries change under node->attr with run_seq odd; who finds reads
 *	    them without a lock and takes what it saw for a miss if run_seq
 *	    was odd or has moved
 *	R2  the table holds nothing if its gen is not the node's
 *	R3  a table is released only where no one can be finding: with the
 *	    inode lock held exclusively, or with the node
 *	R4  holes are cut before they are filled, all else is forgotten before
 *	    it changes: what is left is right whether the change comes about or
 *	    not
 */
#include "runs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define WAYS		4u
/* Blocks of a window: what one indirect block of 4 KiB maps. */
#define WINDOW_BITS	10
#define MIN_SETS	4u
#define MAX_SETS	1024u

struct dxf_runtab {
	uint32_t gen;
	uint32_t nsets;			/* a power of two */
	uint32_t hand;			/* the way that is replaced next */
	struct dxf_cached_run r[];	/* nsets * WAYS */
};

/* ---- one entry ---- */

static uint64_t pack_where(const struct dxf_run *run)
{
	uint64_t n = DXF_MIN(run->nblk, (uint64_t)UINT32_MAX);

	return run->lblk | n << 32;
}

static uint64_t pack_what(const struct dxf_run *run)
{
	return run->pblk << 1 | run->unwritten;
}

/* Does the entry hold @lblk?  An empty one has no blocks. */
static bool entry_read(const struct dxf_cached_run *c, dxf_lblk_t lblk,
		       struct dxf_run *run)
{
	uint64_t where = __atomic_load_n(&c->where, __ATOMIC_ACQUIRE);
	uint64_t what = __atomic_load_n(&c->what, __ATOMIC_ACQUIRE);

	/* a hole may lie before it */
	if (lblk - (uint32_t)where >= where >> 32)
		return false;
	*run = (struct dxf_run){
		.lblk = (uint32_t)where, .nblk = where >> 32,
		.pblk = what >> 1, .unwritten = what & 1,
	};
	return true;
}

static void entry_write(struct dxf_cached_run *c, uint64_t where,
			uint64_t what)
{
	__atomic_store_n(&c->where, where, __ATOMIC_RELEASE);
	__atomic_store_n(&c->what, what, __ATOMIC_RELEASE);
}

static bool find_in(const struct dxf_cached_run *c, unsigned int n,
		    dxf_lblk_t lblk, struct dxf_run *run)
{
	for (unsigned int i = 0; i < n; i++)
		if (entry_read(&c[i], lblk, run))
			return true;
	return false;
}

/* ---- the table ---- */

static uint32_t wanted_sets(const struct dxf_node *n)
{
	unsigned int bits = dxf_ext2_geom(n->e2)->block_bits + WINDOW_BITS;
	uint64_t windows = n->di.size >> bits;
	uint32_t sets = MIN_SETS;

	while (sets < windows && sets < MAX_SETS)
		sets *= 2;
	return sets;
}

static const struct dxf_cached_run *set_of(const struct dxf_runtab *t,
					   dxf_lblk_t lblk)
{
	return &t->r[(lblk >> WINDOW_BITS & (t->nsets - 1)) * WAYS];
}

/* The table, empty if it was of another time; NULL: no memory. */
static struct dxf_runtab *table_locked(struct dxf_node *n)
{
	struct dxf_runtab *t = n->runtab;
	uint32_t sets;

	dxf_mutex_assert_held(&n->attr);
	if (t == NULL) {
		sets = wanted_sets(n);
		t = dxf_calloc(1, sizeof(*t) +
			       (size_t)sets * WAYS * sizeof(t->r[0]));
		if (t == NULL)
			return NULL;
		t->nsets = sets;
		t->gen = n->run_gen;
		__atomic_store_n(&n->runtab, t, __ATOMIC_RELEASE);
	} else if (t->gen != n->run_gen) {
		for (size_t i = 0; i < (size_t)t->nsets * WAYS; i++)
			entry_write(&t->r[i], 0, 0);
		__atomic_store_n(&t->gen, n->run_gen, __ATOMIC_RELEASE);
	}
	return t;
}

/* Where a new run goes: a free place in the node, else in the table. */
static struct dxf_cached_run *place_locked(struct dxf_node *n, dxf_lblk_t lblk)
{
	struct dxf_runtab *t;
	struct dxf_cached_run *set;

	for (int i = 0; i < DXF_NRUNS; i++)
		if (n->runs[i].where == 0)
			return &n->runs[i];
	t = table_locked(n);
	if (t == NULL)
		return &n->runs[n->run_seq / 2 % DXF_NRUNS];
	set = (struct dxf_cached_run *)set_of(t, lblk);
	for (unsigned int i = 0; i < WAYS; i++)
		if (set[i].where == 0)
			return &set[i];
	return &set[t->hand++ % WAYS];
}

/* ---- the cache ---- */

bool dxf_runs_find(const struct dxf_node *n, dxf_lblk_t lblk,
		   struct dxf_run *run, uint32_t *gen)
{
	uint32_t seq = __atomic_load_n(&n->run_seq, __ATOMIC_ACQUIRE);
	const struct dxf_runtab *t;
	bool found;

	*gen = __atomic_load_n(&n->run_gen, __ATOMIC_ACQUIRE);
	found = find_in(n->runs, DXF_NRUNS, lblk, run);
	if (!found) {
		t = __atomic_load_n(&n->runtab, __ATOMIC_ACQUIRE);
		found = t != NULL &&
			__atomic_load_n(&t->gen, __ATOMIC_ACQUIRE) == *gen &&
			find_in(set_of(t, lblk), WAYS, lblk, run);
	}
	return found && seq % 2 == 0 &&				/* R1 */
	       __atomic_load_n(&n->run_seq, __ATOMIC_RELAXED) == seq;
}

static void begin_locked(struct dxf_node *n)
{
	dxf_mutex_assert_held(&n->attr);
	assert(n->run_seq % 2 == 0);
	__atomic_store_n(&n->run_seq, n->run_seq + 1, __ATOMIC_RELAXED);
}

static void end_locked(struct dxf_node *n)
{
	assert(n->run_seq % 2 == 1);
	__atomic_store_n(&n->run_seq, n->run_seq + 1, __ATOMIC_RELEASE);
}

void dxf_runs_add(struct dxf_node *n, dxf_lblk_t lblk,
		  const struct dxf_run *run, uint32_t gen)
{
	DXF_SCOPED_MUTEX(&n->attr);

	assert(run->nblk > 0 && lblk - run->lblk < run->nblk);
	/* blocks behind that exist in no map: a hole that nobody needs */
	if (n->run_gen != gen || run->lblk > UINT32_MAX)
		return;
	begin_locked(n);
	entry_write(place_locked(n, lblk), pack_where(run), pack_what(run));
	end_locked(n);
}

void dxf_runs_forget(struct dxf_node *n)
{
	DXF_SCOPED_MUTEX(&n->attr);

	begin_locked(n);
	for (int i = 0; i < DXF_NRUNS; i++)
		entry_write(&n->runs[i], 0, 0);
	__atomic_store_n(&n->run_gen, n->run_gen + 1, __ATOMIC_RELEASE);
	end_locked(n);
	if (n->runtab != NULL && n->runtab->nsets < wanted_sets(n))
		dxf_runs_fini(n);				/* R3 */
}

/* What an entry says of blocks in [@from, @to), if it is a hole, is dropped. */
static void cut_hole(struct dxf_cached_run *c, dxf_lblk_t from, dxf_lblk_t to)
{
	uint64_t start = (uint32_t)c->where, len = c->where >> 32;
	uint64_t end = start + len;

	if (len == 0 || c->what >> 1 != 0 || end <= from || start >= to)
		return;
	if (end > to && to <= UINT32_MAX)
		entry_write(c, to | (end - to) << 32, 0);
	else if (start < from)
		entry_write(c, start | (from - start) << 32, 0);
	else
		entry_write(c, 0, 0);
}

void dxf_runs_fill(struct dxf_node *n, dxf_lblk_t lblk, uint64_t nblk)
{
	DXF_SCOPED_MUTEX(&n->attr);

	assert(nblk > 0);
	begin_locked(n);
	for (int i = 0; i < DXF_NRUNS; i++)
		cut_hole(&n->runs[i], lblk, lblk + nblk);
	__atomic_store_n(&n->run_gen, n->run_gen + 1, __ATOMIC_RELEASE);
	end_locked(n);
	if (n->runtab != NULL && n->runtab->nsets < wanted_sets(n))
		dxf_runs_fini(n);				/* R3 */
}

/* Does @run go on where the entry ends? */
static bool goes_on(const struct dxf_cached_run *c, const struct dxf_run *run)
{
	uint64_t len = c->where >> 32;

	return len != 0 && c->what >> 1 != 0 &&
	       (uint32_t)c->where + len == run->lblk &&
	       c->what + (len << 1) == pack_what(run) &&
	       len + run->nblk <= UINT32_MAX;
}

void dxf_runs_filled(struct dxf_node *n, const struct dxf_run *run)
{
	struct dxf_cached_run *c = NULL;

	DXF_SCOPED_MUTEX(&n->attr);

	assert(run->nblk > 0 && run->pblk != 0 && run->lblk <= UINT32_MAX);
	for (int i = 0; i < DXF_NRUNS && c == NULL; i++)
		if (goes_on(&n->runs[i], run))
			c = &n->runs[i];
	begin_locked(n);
	if (c != NULL) {
		entry_write(c, c->where + (run->nblk << 32), c->what);
	} else {
		c = place_locked(n, run->lblk);
		entry_write(c, pack_where(run), pack_what(run));
	}
	end_locked(n);
}

void dxf_runs_fini(struct dxf_node *n)
{
	free(n->runtab);
	n->runtab = NULL;
}
