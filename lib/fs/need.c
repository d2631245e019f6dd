// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * need.c - page media: which metadata the fsync of one inode needs.
 *
 * Owns inode->need.  Must not know how anything is written back.
 *
 * Invariants:
 *   N1  what a commit stored for an inode is in its lists, or they say "all",
 *	 or the epoch of the commit is clean, or it was written by an fsync
 *   N2  an entry is removed only when an fsync that read it has succeeded; what
 *	 was added since stays, were it the same page
 *   N3  an inode that leaves the cache with needs raises need_lost to the epoch:
 *	 until that is clean every fsync is one of everything
 *
 * Locks: need_lock, a leaf; the end hook has the metadata lock as well.
 */
#include "need.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "mutate.h"

#define MAX_PAGES	1024u	/* in one list; then it is "all" */
#define NEAR		16u	/* so far back a page is looked for */
#define MAX_ABOVE	3	/* directories that name one file */
#define MAX_STEPS	4096	/* up a tree */

/* Pages in the order of their coming; entry i has the number base + i. */
struct pages {
	uint64_t *v;
	uint32_t n, cap;
	bool all;
	uint64_t base;
	uint64_t read;		/* an fsync may hold entries below */
	uint64_t epoch;		/* of the newest entry */
};

struct dxf_need {
	struct pages own;	/* of every operation it took part in */
	struct pages place;	/* a directory's name, size and map */
	/* the directories that named a file since it was cached */
	int nabove;		/* MAX_ABOVE + 1: too many */
	dxf_ino_t above[MAX_ABOVE];
};

/* ---- lists ---- */

static void pages_drop(struct pages *p, uint32_t n)
{
	assert(n <= p->n);
	p->base += n;
	p->n -= n;
	memmove(p->v, p->v + n, p->n * sizeof(*p->v));
}

static bool pages_needed(const struct pages *p, uint64_t clean)
{
	return p->epoch > clean && (p->all || p->n > 0);
}

static void pages_all(struct pages *p)
{
	pages_drop(p, p->n);
	p->all = true;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t sort_unique(uint64_t *v, size_t n)
{
	size_t m = 0;

	qsort(v, n, sizeof(*v), by_number);
	for (size_t i = 0; i < n; i++)
		if (m == 0 || v[m - 1] != v[i])
			v[m++] = v[i];
	return m;
}

/* Room for one more.  Returns: false: there is none. */
static bool pages_room(struct pages *p)
{
	uint32_t cap = p->cap != 0 ? p->cap * 2 : 8;
	uint64_t *v;

	if (p->n < p->cap)
		return true;
	/* What nobody has read can be put in another order. */
	if (p->cap == MAX_PAGES && p->read <= p->base)
		p->n = (uint32_t)sort_unique(p->v, p->n);
	if (p->cap == MAX_PAGES)
		return p->n < MAX_PAGES / 2;
	v = dxf_realloc(p->v, cap * sizeof(*v));
	if (v == NULL)
		return false;
	p->v = v;
	p->cap = cap;
	return true;
}

static void pages_add(struct pages *p, uint64_t page)
{
	uint32_t from = p->read > p->base ? (uint32_t)(p->read - p->base) : 0;

	if (p->all)
		return;
	for (uint32_t i = p->n; i > from && i + NEAR > p->n; i--)
		if (p->v[i - 1] == page)
			return;
	if (pages_room(p))
		p->v[p->n++] = page;
	else
		pages_all(p);					/* N1 */
}

/* The pages of one commit. */
struct stored {
	const uint64_t *v;
	size_t n;
	bool all;
	uint64_t epoch, clean;
};

static void pages_add_all(struct pages *p, const struct stored *s)
{
	if (p->epoch <= s->clean) {
		pages_drop(p, p->n);
		p->all = false;
	}
	p->epoch = s->epoch;
	if (s->all)
		pages_all(p);
	for (size_t i = 0; i < s->n; i++)
		pages_add(p, s->v[i]);
}

static void pages_done(struct pages *p, uint64_t read)
{
	if (read > p->base)					/* N2 */
		pages_drop(p, (uint32_t)(read - p->base));
}

/* N3 */
static void needs_are_lost(struct dxf_fs *fs)
{
	uint64_t epoch = dxf_txnmgr_epoch(fs->txnmgr);
	uint64_t old = __atomic_load_n(&fs->need_lost, __ATOMIC_ACQUIRE);

	while (old < epoch && !__atomic_compare_exchange_n(&fs->need_lost,
				&old, epoch, false, __ATOMIC_ACQ_REL,
				__ATOMIC_ACQUIRE))
		;
}

/* ---- what a commit stored ---- */

/* Will the inode's entries be found in other places, or in more? */
static bool place_changes(const struct dxf_dinode *old,
			  const struct dxf_dinode *new)
{
	return S_ISDIR(new->mode) &&
	       (old->size != new->size || old->flags != new->flags ||
		old->sectors != new->sectors ||
		memcmp(old->block, new->block, sizeof(old->block)) != 0);
}

static struct dxf_inode *named_in(const struct dxf_op *op,
				  const struct dxf_inode *inode)
{
	for (int i = 0; i < op->nnamed; i++)
		if (op->named[i].inode == inode)
			return op->named[i].dir;
	return NULL;
}

/* A directory has one parent, a file may have many. */
static void set_above(struct dxf_inode *inode, struct dxf_inode *dir,
		      bool is_dir)
{
	struct dxf_need *need = inode->need;

	dxf_need_found(dir, inode);
	for (int i = 0; i < need->nabove && i < MAX_ABOVE; i++)
		if (need->above[i] == dir->node.ino)
			return;
	if (is_dir)
		return;
	if (need->nabove < MAX_ABOVE)
		need->above[need->nabove] = dir->node.ino;
	if (need->nabove <= MAX_ABOVE)
		need->nabove++;
}

static void committed_one(struct dxf_op *op, int i, const struct stored *s)
{
	struct dxf_inode *inode = op->in[i].inode, *dir = named_in(op, inode);
	const struct dxf_dinode *di = &op->in[i].di;
	bool is_dir = S_ISDIR(di->mode);

	if (inode->need == NULL)
		inode->need = dxf_calloc(1, sizeof(*inode->need));
	if (inode->need == NULL) {
		needs_are_lost(op->fs);
		if (dir != NULL)
			dxf_need_found(dir, inode);
		return;
	}
	pages_add_all(&inode->need->own, s);
	if (is_dir && (dir != NULL || place_changes(&inode->node.di, di)))
		pages_add_all(&inode->need->place, s);
	if (dir != NULL)
		set_above(inode, dir, is_dir);
}

void dxf_need_committed(struct dxf_op *op)
{
	struct dxf_fs *fs = op->fs;
	struct stored s;

	if (dxf_region_media(fs->region) != DXF_MEDIA_PAGE)
		return;
	s.v = dxf_txn_pages(op->t, &s.n, &s.all);
	s.epoch = dxf_txnmgr_epoch(fs->txnmgr);
	s.clean = dxf_txnmgr_clean(fs->txnmgr);
	DXF_SCOPED_MUTEX(&fs->need_lock);
	for (int i = 0; i < op->n; i++)
		committed_one(op, i, &s);
}

void dxf_need_forget(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_need *need = inode->need;
	uint64_t clean = dxf_txnmgr_clean(fs->txnmgr);

	if (need == NULL)
		return;
	/* What is said of an unlinked inode its directory needs, too. */
	if (inode->node.di.nlink != 0 && (pages_needed(&need->own, clean) ||
					  pages_needed(&need->place, clean)))
		needs_are_lost(fs);
	inode->need = NULL;
	free(need->own.v);
	free(need->place.v);
	free(need);
}

/* ---- what an fsync needs ---- */

static void list_add(struct dxf_need_list *l, const struct pages *p)
{
	size_t cap = l->n + p->n;
	uint64_t *v;

	if (p->all)
		l->all = true;
	if (l->all || p->n == 0)
		return;
	v = dxf_realloc(l->v, cap * sizeof(*v));
	if (v == NULL) {
		l->all = true;
		return;
	}
	memcpy(v + l->n, p->v, p->n * sizeof(*v));
	l->v = v;
	l->n = l->cap = cap;
}

static uint64_t read_pages(struct dxf_need_list *l, struct pages *p,
			   uint64_t clean)
{
	if (!pages_needed(p, clean))
		return 0;
	list_add(l, p);
	p->read = p->base + p->n;
	return p->read;
}

/*
 * Read the lists of @inode, @own: also those that are not about its place.
 * Returns: whether they may be needed until dxf_need_done().
 */
static bool read_lists(struct dxf_fs *fs, struct dxf_inode *inode, bool own,
		       struct dxf_need_list *l)
{
	uint64_t clean = dxf_txnmgr_clean(fs->txnmgr);
	struct dxf_need *need = inode->need;
	int i = l->nsources;

	dxf_mutex_assert_held(&fs->need_lock);
	if (need == NULL || (!pages_needed(&need->place, clean) &&
			     (!own || !pages_needed(&need->own, clean))))
		return false;
	if (i == DXF_NEED_SOURCES) {
		l->all = true;
		return false;
	}
	l->source[i].inode = inode;
	l->source[i].pinned = !own;
	l->source[i].own = own ? read_pages(l, &need->own, clean) : 0;
	l->source[i].place = read_pages(l, &need->place, clean);
	l->nsources++;
	return true;
}

static dxf_ino_t above(const struct dxf_inode *inode)
{
	return __atomic_load_n(&inode->above, __ATOMIC_RELAXED);
}

/* From @ino up: what is in memory of the directories on the way. */
static void climb(struct dxf_fs *fs, dxf_ino_t ino, struct dxf_need_list *l)
{
	struct dxf_inode *dir;
	bool kept;

	for (int n = 0; ino != 0 && !l->all; n++) {
		l->all = n == MAX_STEPS;
		dir = dxf_icache_find(fs, ino);
		if (dir == NULL)
			return;
		dxf_mutex_lock(&fs->need_lock);
		kept = read_lists(fs, dir, false, l);
		ino = above(dir);
		dxf_mutex_unlock(&fs->need_lock);
		if (!kept)
			dxf_icache_put(fs, dir);
	}
}

void dxf_need_collect(struct dxf_fs *fs, struct dxf_inode *inode,
		      struct dxf_need_list *l)
{
	dxf_ino_t from[MAX_ABOVE + 1] = { above(inode) };
	int n = 0;

	*l = (struct dxf_need_list){
		.all = dxf_txnmgr_has_unknown(fs->txnmgr) ||
		       __atomic_load_n(&fs->need_lost, __ATOMIC_ACQUIRE) >
		       dxf_txnmgr_clean(fs->txnmgr),
	};
	dxf_mutex_lock(&fs->need_lock);
	(void)read_lists(fs, inode, true, l);
	if (inode->need != NULL) {
		n = inode->need->nabove;
		memcpy(from + 1, inode->need->above,
		       sizeof(inode->need->above));
	}
	dxf_mutex_unlock(&fs->need_lock);
	if (dxf_mutated(DXF_MUT_PAGE_OWN))
		l->n = 0;
	if (n > MAX_ABOVE)
		l->all = true;
	for (int i = 0; i <= n && !l->all &&
			!dxf_mutated(DXF_MUT_PAGE_PLACE); i++)
		climb(fs, from[i], l);
	l->n = sort_unique(l->v, l->n);
}

void dxf_need_done(struct dxf_fs *fs, struct dxf_need_list *l, bool durable)
{
	dxf_mutex_lock(&fs->need_lock);
	for (int i = 0; i < l->nsources && durable; i++) {
		struct dxf_need *need = l->source[i].inode->need;

		assert(need != NULL);
		pages_done(&need->own, l->source[i].own);
		pages_done(&need->place, l->source[i].place);
	}
	dxf_mutex_unlock(&fs->need_lock);
	for (int i = 0; i < l->nsources; i++)
		if (l->source[i].pinned)
			dxf_icache_put(fs, l->source[i].inode);
	free(l->v);
	l->v = NULL;
}
