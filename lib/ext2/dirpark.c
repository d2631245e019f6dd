// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirpark.c - indexes of directories that are not in memory.
 *
 * The kernel forgets a directory when it likes, and asks for names in it a
 * moment later.  To read 100,000 names again takes 10 ms, so large indexes stay
 * a while.
 *
 * Owns e2->park.  Must not know what is in an index.
 *
 * Invariants:
 *	K1  a directory without a node does not change, and every change of one
 *	    with a node gets its index first (dxf_dirindex_get()), parked or not:
 *	    so a parked index is as its directory is
 *	K2  what is removed is forgotten, before its number can be another's
 *	K3  all of them together are no more than MAX_BYTES; they count as
 *	    others do and may be evicted, then nothing is in them
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "dir_priv.h"

#define NPARKED		16u
#define MAX_BYTES	(8 * DXF_MIB)

struct parked {
	struct dxf_dirindex *idx;	/* NULL: none */
	dxf_ino_t ino;
	uint32_t generation;
	uint64_t size;			/* of the directory */
	uint64_t came;			/* by the clock */
};

/* protected by e2->index_lock */
struct dxf_dirpark {
	uint64_t clock;
	struct parked v[NPARKED];
};

int dxf_dirpark_open(struct dxf_ext2 *e2)
{
	e2->park = dxf_calloc(1, sizeof(*e2->park));
	return e2->park ? 0 : -ENOMEM;
}

void dxf_dirpark_close(struct dxf_ext2 *e2)
{
	for (unsigned int i = 0; e2->park && i < NPARKED; i++)
		if (e2->park->v[i].idx)
			dxf_dirindex_free(e2->park->v[i].idx);
	free(e2->park);
	e2->park = NULL;
}

/* The one that came first, if there are too many of them for one more. */
static struct dxf_dirindex *push_out(struct dxf_ext2 *e2, uint64_t bytes)
{
	struct parked *v = e2->park->v, *first = NULL;
	unsigned int n = 0;

	dxf_mutex_assert_held(&e2->index_lock);
	for (unsigned int i = 0; i < NPARKED; i++) {
		if (!v[i].idx)
			continue;
		n++;
		bytes += v[i].idx->bytes;
		if (!first || v[i].came < first->came)
			first = &v[i];
	}
	if (!first || (n < NPARKED && bytes <= MAX_BYTES))
		return NULL;
	return DXF_STEAL(first->idx);
}

/* Returns: false: it is too large, or another one had to go first: *@out. */
static bool park(const struct dxf_node *dir, struct dxf_dirindex *idx,
		 struct dxf_dirindex **out)
{
	struct dxf_ext2 *e2 = dir->e2;
	DXF_SCOPED_MUTEX(&e2->index_lock);
	struct parked *p = e2->park->v;

	*out = NULL;
	if (idx->bytes > MAX_BYTES)
		return false;
	*out = push_out(e2, idx->bytes);			/* K3 */
	if (*out)
		return false;
	while (p->idx)
		p++;
	assert(p < e2->park->v + NPARKED);
	*p = (struct parked){
		.idx = idx, .ino = dir->ino, .size = dir->di.size,
		.generation = dir->di.generation,
		.came = ++e2->park->clock,
	};
	return true;
}

void dxf_dirpark_put(const struct dxf_node *dir, struct dxf_dirindex *idx)
{
	struct dxf_dirindex *out;

	while (!park(dir, idx, &out)) {
		dxf_dirindex_free(out ? out : idx);
		if (!out)
			return;
	}
}

static struct dxf_dirindex *take(struct dxf_ext2 *e2, dxf_ino_t ino,
				 struct parked *was)
{
	DXF_SCOPED_MUTEX(&e2->index_lock);
	struct parked *v = e2->park->v;

	for (unsigned int i = 0; i < NPARKED; i++) {
		if (!v[i].idx || v[i].ino != ino)
			continue;
		*was = v[i];
		return DXF_STEAL(v[i].idx);
	}
	return NULL;
}

struct dxf_dirindex *dxf_dirpark_take(const struct dxf_node *dir)
{
	struct parked was;
	struct dxf_dirindex *idx = take(dir->e2, dir->ino, &was);

	if (!idx)
		return NULL;
	if (was.generation == dir->di.generation && was.size == dir->di.size)
		return idx;
	dxf_dirindex_free(idx);
	return NULL;
}

void dxf_dirpark_forget(struct dxf_ext2 *e2, dxf_ino_t ino)
{
	struct parked was;
	struct dxf_dirindex *idx = take(e2, ino, &was);		/* K2 */

	if (idx)
		dxf_dirindex_free(idx);
}
