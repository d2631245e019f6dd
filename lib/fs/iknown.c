/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iknown.c - lookups of inodes that are not in memory.
 *
 * Files of a directory have numbers near each other: so counts are kept for
 * GROUP numbers in a row, 152 bytes with malloc's, that are found together.
 *
 * Owns the counts and their memory.  Must not know what an inode is, nor who
 * counts.
 *
 * Invariants:
 *   K1  a group has a count, or it is not there
 *   K2  last is NULL or in the table
 */
#include "iknown.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "hash.h"

#define GROUP		64u
#define SIZE_MIN	64u
/* A table that shrinks from this size had groups of half a MiB. */
#define MUCH		4096u

struct dxf_known_group {
	struct dxf_known_group *next;
	uint32_t nr;			/* numbers from nr * GROUP on */
	uint32_t used;			/* have a count */
	uint16_t count[GROUP];
};

static struct dxf_known_group **bucket(const struct dxf_known *k, uint32_t nr)
{
	return &k->table[dxf_hash_u64(nr) & (k->size - 1)];
}

static struct dxf_known_group *find(struct dxf_known *k, dxf_ino_t ino)
{
	uint32_t nr = ino / GROUP;
	struct dxf_known_group *g = k->last;

	if (k->n == 0 || (g != NULL && g->nr == nr))
		return g;
	for (g = *bucket(k, nr); g != NULL && g->nr != nr; g = g->next)
		;
	if (g != NULL)
		k->last = g;
	return g;
}

/* Returns: false: no memory, all is as it was. */
static bool resize(struct dxf_known *k, size_t size)
{
	struct dxf_known_group **old = k->table, **b, *g;
	size_t old_size = k->size;

	assert((size & (size - 1)) == 0 && size >= SIZE_MIN);
	b = dxf_calloc(size, sizeof(struct dxf_known_group *));
	if (b == NULL)
		return false;
	k->table = b;
	k->size = size;
	for (size_t i = 0; i < old_size; i++) {
		while ((g = old[i]) != NULL) {
			old[i] = g->next;
			b = bucket(k, g->nr);
			g->next = *b;
			*b = g;
		}
	}
	free(old);
	return true;
}

static struct dxf_known_group *make(struct dxf_known *k, dxf_ino_t ino)
{
	struct dxf_known_group *g, **b;

	/* too small is slower, not wrong */
	if (k->ngroups >= k->size &&
	    !resize(k, k->size != 0 ? k->size * 2 : SIZE_MIN) && k->size == 0)
		return NULL;
	g = dxf_calloc(1, sizeof(*g));
	if (g == NULL)
		return NULL;
	g->nr = ino / GROUP;
	b = bucket(k, g->nr);
	g->next = *b;
	*b = g;
	k->ngroups++;
	k->last = g;
	return g;
}

int dxf_known_add(struct dxf_known *k, dxf_ino_t ino)
{
	struct dxf_known_group *g = find(k, ino);

	assert(ino != 0);
	if (g == NULL)
		g = make(k, ino);
	if (g == NULL)
		return -ENOMEM;
	if (g->count[ino % GROUP] == UINT16_MAX)
		return -EOVERFLOW;
	if (g->count[ino % GROUP]++ == 0) {
		g->used++;
		k->n++;
	}
	assert(g->used > 0 && g->used <= GROUP);		/* K1 */
	return 0;
}

uint32_t dxf_known_count(struct dxf_known *k, dxf_ino_t ino)
{
	const struct dxf_known_group *g = find(k, ino);

	return g != NULL ? g->count[ino % GROUP] : 0;
}

/* Returns: as dxf_known_drop(). */
static bool remove_group(struct dxf_known *k, struct dxf_known_group *g)
{
	struct dxf_known_group **p = bucket(k, g->nr);
	size_t size = k->size;

	assert(g->used == 0 && k->ngroups > 0);
	while (*p != g)
		p = &(*p)->next;
	*p = g->next;
	free(g);
	k->ngroups--;
	k->last = NULL;						/* K2 */
	if (size == SIZE_MIN || k->ngroups >= size / 8)
		return false;
	return resize(k, size / 4 > SIZE_MIN ? size / 4 : SIZE_MIN) &&
	       size >= MUCH;
}

bool dxf_known_drop(struct dxf_known *k, dxf_ino_t ino, uint64_t n)
{
	struct dxf_known_group *g = find(k, ino);
	uint16_t *count;

	if (g == NULL || g->count[ino % GROUP] == 0)
		return false;
	count = &g->count[ino % GROUP];
	*count = n < *count ? (uint16_t)(*count - n) : 0;
	if (*count != 0)
		return false;
	assert(g->used > 0 && k->n > 0);
	k->n--;
	return --g->used == 0 && remove_group(k, g);
}

void dxf_known_fini(struct dxf_known *k)
{
	struct dxf_known_group *g;

	for (size_t i = 0; i < k->size; i++) {
		while ((g = k->table[i]) != NULL) {
			k->table[i] = g->next;
			free(g);
		}
	}
	free(k->table);
	*k = (struct dxf_known){ 0 };
}
