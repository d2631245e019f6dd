// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * badino.c - taking bad blocks out of use: the bad-blocks inode.
 *
 * Inode 1 maps the bad blocks as if they were its data, one behind the other,
 * always by indirect blocks; it has no type and no links, and nobody ever reads
 * through it.
 *
 * Invariant: it is read and changed inside transactions only, so it needs
 * neither a place in a cache nor a lock of its own.
 */
#include "badino.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "bmap_priv.h"
#include "ext2_priv.h"

/* How far behind its size the list may go on; the tools keep it exact. */
#define MAX_BEHIND	1024

/* The first hole of the list at or behind *@lblk. */
static int find_end(struct dxf_node *n, const struct dxf_dinode *di,
		    dxf_lblk_t *lblk)
{
	struct dxf_run run;

	for (int i = 0; i < MAX_BEHIND; i++) {
		int err = dxf_ind_lookup(n, di, *lblk, 1, &run);

		if (err || run.pblk == 0)
			return err;
		*lblk = run.lblk + run.nblk;
	}
	return -EFBIG;
}

static int append(struct dxf_node *n, struct dxf_dinode *di,
		  struct dxf_txn *t, dxf_blk_t blk)
{
	struct dxf_map_op op = { n, di, t, blk + 1, DXF_BALLOC_RESERVED_OK };
	unsigned int bits = dxf_ext2_geom(n->e2)->block_bits;
	dxf_lblk_t lblk = di->size >> bits;
	int err = find_end(n, di, &lblk);

	if (err)
		return err;
	/* Without a type the size has 32 bits. */
	if ((lblk + 1) << bits > UINT32_MAX)
		return -EFBIG;
	err = dxf_ind_insert(&op, lblk, blk, 1);
	if (err)
		return err;
	dxf_map_count(&op, 1);
	di->size = (lblk + 1) << bits;
	di->atime = di->mtime = (struct timespec){ .tv_sec = time(NULL) };
	if (di->ctime.tv_sec == 0)
		di->ctime = di->mtime;
	return 0;
}

static int retire(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_blk_t blk)
{
	struct dxf_dinode di;
	struct dxf_node n;
	int err = dxf_dinode_read_bad(e2, &di);

	if (err)
		return err;
	dxf_node_init(&n, e2, EXT2_BAD_INO);
	err = append(&n, &di, t, blk);
	if (!err)
		err = dxf_dinode_write(e2, t, EXT2_BAD_INO, &di);
	dxf_node_fini(&n);
	return err;
}

int dxf_badino_replace(struct dxf_node *n, struct dxf_dinode *di,
		       struct dxf_txn *t, dxf_lblk_t lblk, dxf_blk_t old,
		       dxf_blk_t fresh)
{
	int err;

	assert(old != fresh && old != 0);
	assert(!dxf_ext2_is_fixed_block(n->e2, old, 1));
	err = dxf_balloc_publish(n->e2, t, fresh, 1);
	if (!err)
		err = dxf_bmap_replace(n, di, t, lblk, fresh);
	return err ? err : retire(n->e2, t, old);
}
