// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirkept.c - directory blocks that are kept from one change to the next.
 *
 * Reading and validating a block costs more than the change of one entry in
 * it, and changes come to the same blocks again and again.  So the last
 * blocks that were changed stay in memory, as validated copies: half a MiB of
 * them at most, and no memory before there are any.
 *
 * Owns e2->kept.  Must not know how entries lie in a block.
 *
 * Invariants:
 *	H1  a kept block is what the metadata lock's holder would read: media,
 *	    with what the open transaction staged; changed by it alone
 *	H2  what a transaction may have changed is forgotten when it aborts
 *	H3  a block belongs to a directory from dxf_dir_make_first() on, which
 *	    forgets what its number had before; its place never changes
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "dir_priv.h"
#include "hash.h"

#define WAYS	4u
#define NSETS	32u
#define NKEPT	(NSETS * WAYS)

/* Apart from the blocks, so that all are looked through at once. */
struct kept {
	dxf_ino_t ino;		/* of the directory; 0: nothing is kept here */
	bool names;		/* they were validated, too */
	dxf_lblk_t lblk;
	uint64_t used;		/* by the clock */
};

/* protected by the metadata lock */
struct dxf_dirkept {
	struct dxf_txn_hook hook;
	struct dxf_txn *t;	/* the transaction that it follows, or NULL */
	uint64_t clock;
	struct kept v[NKEPT];
	struct dxf_dirblk b[NKEPT];
};

int dxf_dirkept_open(struct dxf_ext2 *e2)
{
	e2->kept = dxf_calloc(1, sizeof(*e2->kept));
	return e2->kept ? 0 : -ENOMEM;
}

void dxf_dirkept_close(struct dxf_ext2 *e2)
{
	assert(!e2->kept || !e2->kept->t);
	free(e2->kept);
	e2->kept = NULL;
}

static void transaction_ends(struct dxf_txn_hook *h, bool committed)
{
	struct dxf_dirkept *d = dxf_container_of(h, struct dxf_dirkept, hook);

	assert(d->t);
	d->t = NULL;
	for (unsigned int i = 0; i < NKEPT && !committed; i++)	/* H2 */
		d->v[i].ino = 0;
}

static struct dxf_dirkept *follow(struct dxf_ext2 *e2, struct dxf_txn *t)
{
	struct dxf_dirkept *d = e2->kept;

	assert(dxf_txn_current(e2->txnmgr) == t);		/* H1 */
	if (!d->t) {
		d->t = t;
		d->hook.fn = transaction_ends;
		dxf_txn_on_end(t, &d->hook);
	}
	assert(d->t == t);
	return d;
}

/* The WAYS places that a block may have. */
static struct kept *set_of(struct dxf_dirkept *d, dxf_ino_t ino,
			   dxf_lblk_t lblk)
{
	uint64_t h = dxf_hash_u64((uint64_t)ino << 32 ^ lblk);

	return &d->v[h % NSETS * WAYS];
}

static struct kept *find(struct dxf_dirkept *d, dxf_ino_t ino, dxf_lblk_t lblk)
{
	struct kept *set = set_of(d, ino, lblk);

	for (unsigned int i = 0; i < WAYS; i++)
		if (set[i].ino == ino && set[i].lblk == lblk)
			return &set[i];
	return NULL;
}

/* The place of the one not used for longest, empty now. */
static struct kept *make_room(struct dxf_dirkept *d, dxf_ino_t ino,
			      dxf_lblk_t lblk)
{
	struct kept *set = set_of(d, ino, lblk), *k = &set[0];

	for (unsigned int i = 1; i < WAYS && k->ino; i++)
		if (!set[i].ino || set[i].used < k->used)
			k = &set[i];
	k->ino = 0;
	return k;
}

static struct dxf_dirblk *use(struct dxf_dirkept *d, struct kept *k,
			      const struct dxf_dirview *v)
{
	struct dxf_dirblk *b = &d->b[k - d->v];

	k->ino = v->dir->ino;
	k->lblk = b->lblk;
	k->used = ++d->clock;
	b->v = v;
	return b;
}

int dxf_dirkept_read(struct dxf_dirblk **out, const struct dxf_dirview *v,
		     struct dxf_txn *t, dxf_lblk_t lblk, bool names)
{
	struct dxf_dirkept *d = follow(v->dir->e2, t);
	struct kept *k = find(d, v->dir->ino, lblk);
	struct dxf_dirblk *b;
	int r;

	if (!k || (names && !k->names)) {
		if (!k)
			k = make_room(d, v->dir->ino, lblk);
		k->ino = 0;
		b = &d->b[k - d->v];
		r = names ? dxf_dirblk_read(b, v, lblk) :
			    dxf_dirblk_reread(b, v, lblk);
		if (r)
			return r;
		k->names = names;
	}
	*out = use(d, k, v);
	return 0;
}

bool dxf_dirkept_holds(const struct dxf_dirview *v, struct dxf_txn *t,
		       dxf_lblk_t lblk)
{
	return find(follow(v->dir->e2, t), v->dir->ino, lblk) != NULL;
}

struct dxf_dirblk *dxf_dirkept_new(const struct dxf_dirview *v,
				   struct dxf_txn *t, dxf_lblk_t lblk,
				   dxf_blk_t pblk)
{
	struct dxf_dirkept *d = follow(v->dir->e2, t);
	struct kept *k = make_room(d, v->dir->ino, lblk);

	assert(!find(d, v->dir->ino, lblk));
	dxf_dirblk_format(&d->b[k - d->v], v, lblk, pblk);
	k->names = true;
	return use(d, k, v);
}

void dxf_dirkept_forget(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino)
{
	struct dxf_dirkept *d = follow(e2, t);

	for (unsigned int i = 0; i < NKEPT; i++)
		if (d->v[i].ino == ino)
			d->v[i].ino = 0;
}
