// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * logmake.c - making the log file, completing what an interrupted making left,
 * and taking it out of use.
 *
 * Owns the order of stores by which inode 5 comes into being, with no log to
 * fall back on:
 *
 *	log formatted, state CREATING; indirect block	nothing reaches them
 *	inode 5 but for its first word			mode 0: not in use
 *	its first word (mode)				the log can be found
 *	bitmaps and counts			a transaction through the log
 *
 * A crash before the third leaves free blocks with bytes in them; after it the
 * next mount finds state CREATING and does the fourth again.  The superblock is
 * not touched, so the filesystem stays as clean as it was.  In between another
 * program may allocate the log's blocks, since they are not marked: then the
 * fingerprint does not fit and inode 5 is retired, never freed (logfile.c).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "balloc.h"
#include "groups.h"
#include "load.h"
#include "logfile_priv.h"
#include "mutate.h"
#include "node.h"
#include "persist.h"

/* More pieces than this: the filesystem is too full for a log. */
#define MAX_PIECES	16

/* Blocks that are reserved for the log. */
struct pieces {
	struct { dxf_blk_t blk; uint32_t n; } v[MAX_PIECES + 1];
	unsigned int n;
};

static void cancel(struct dxf_ext2 *e2, struct pieces *p)
{
	for (unsigned int i = 0; i < p->n; i++)
		dxf_balloc_cancel(e2, p->v[i].blk, p->v[i].n);
	p->n = 0;
}

static int reserve(struct dxf_ext2 *e2, struct pieces *p, dxf_blk_t goal,
		   uint32_t want)
{
	dxf_blk_t blk;
	uint32_t got;
	int err = dxf_balloc_reserve(e2, NULL, goal, want,
				     DXF_BALLOC_RESERVED_OK, &blk, &got);

	if (err < 0)
		return err;
	p->v[p->n].blk = blk;
	p->v[p->n++].n = got;
	/* The map has 32 bits for a block. */
	return blk + got <= UINT32_MAX ? 0 : -ENOSPC;
}

/* Reserve @n blocks for the log, and behind them one for its map. */
static int reserve_all(struct dxf_ext2 *e2, struct pieces *p, uint32_t n)
{
	dxf_blk_t goal = dxf_balloc_goal(e2, DXF_LOG_INO);
	bool map = n > EXT2_NDIR_BLOCKS;
	int err = 0;

	while (n > 0 && err == 0) {
		if (p->n == MAX_PIECES)
			return -ENOSPC;
		err = reserve(e2, p, goal, n);
		if (err == 0) {
			n -= p->v[p->n - 1].n;
			goal = p->v[p->n - 1].blk + p->v[p->n - 1].n;
		}
	}
	return err == 0 && map ? reserve(e2, p, goal, 1) : err;
}

/* Fill the place and the map from the pieces. */
static void lay_out(struct dxf_logfile *lf, const struct pieces *p,
		    uint32_t n, uint32_t *map)
{
	struct dxf_txlog_place *place = &lf->raw.place;
	uint32_t bits = lf->raw.block_bits;
	unsigned int npieces = n > EXT2_NDIR_BLOCKS ? p->n - 1 : p->n;
	uint32_t at = 0;

	place->nruns = 0;
	for (unsigned int i = 0; i < npieces; i++) {
		dxf_txlog_place_add(place, p->v[i].blk << bits,
				    (uint64_t)p->v[i].n << bits);
		for (uint32_t b = 0; b < p->v[i].n; b++)
			map[at++] = (uint32_t)(p->v[i].blk + b);
	}
	assert(at == n);
	lf->raw.map_blk = 0;
	place->nforbidden = 1;
	if (npieces == p->n)
		return;
	lf->raw.map_blk = p->v[npieces].blk;
	place->forbidden[place->nforbidden++] = (struct dxf_span){
		lf->raw.map_blk << bits, (uint64_t)1 << bits };
}

/* Store and, on page media, write back: no transaction covers it. */
static int put(struct dxf_logfile *lf, dxf_off_t off, const void *buf,
	       size_t len, enum dxf_mutation site)
{
	int err = dxf_persist_copy(lf->region, off, buf, len,
				   DXF_PERSIST_DATA);

	if (err < 0)
		return err;
	if (!dxf_mutated(site))
		dxf_persist_fence(lf->region);
	return dxf_region_media(lf->region) == DXF_MEDIA_PAGE ?
		dxf_persist_msync(lf->region, off, len) : 0;
}

static int link_inode(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		      const uint32_t *map, uint32_t n)
{
	struct timespec now = { .tv_sec = time(NULL) };
	uint8_t raw[4096];
	struct dxf_dinode di;
	int err;

	dxf_dinode_fresh(e2, &di, S_IFREG | 0600, 0, &now);
	di.flags = 0;
	di.size = (uint64_t)n << lf->raw.block_bits;
	di.sectors = (n + (lf->raw.map_blk != 0)) *
		(uint64_t)(1u << (lf->raw.block_bits - 9));
	memset(di.block, 0, sizeof(di.block));
	memcpy(di.block, map, DXF_MIN(n, (uint32_t)EXT2_NDIR_BLOCKS) *
	       sizeof(*map));
	if (lf->raw.map_blk != 0) {
		uint32_t blk = (uint32_t)lf->raw.map_blk;

		memcpy(di.block + EXT2_IND_BLOCK * sizeof(blk), &blk,
		       sizeof(blk));
	}
	dxf_dinode_image(e2, DXF_LOG_INO, &di, raw);
	err = put(lf, lf->raw.slot_off + DXF_WORD, raw + DXF_WORD,
		  lf->raw.inode_size - DXF_WORD, DXF_MUT_CREATE_FENCE_INODE);
	return err < 0 ? err : put(lf, lf->raw.slot_off, raw, DXF_WORD,
				   DXF_MUT_CREATE_FENCE_MODE);
}

int dxf_log_retire(struct dxf_logfile *lf)
{
	static const uint8_t zeros[4096];
	int err = put(lf, lf->raw.slot_off, zeros, DXF_WORD, DXF_MUT_NONE);

	if (err == 0)
		err = put(lf, lf->raw.slot_off, zeros, lf->raw.inode_size,
			  DXF_MUT_NONE);
	if (err < 0)
		return err;
	dxf_txlog_close(lf->log);
	lf->log = NULL;
	lf->raw.found = DXF_LOG_NONE;
	lf->raw.place.nruns = 0;
	lf->raw.map_blk = 0;
	return 0;
}

/* Mark the pieces in use, through the log.  On error still reserved. */
static int publish(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		   const struct pieces *p)
{
	struct dxf_txn *t;
	int err;

	dxf_txlog_attach(lf->log, lf->m);
	err = dxf_txn_begin(lf->m, 0, &t);
	if (err == 0) {
		for (unsigned int i = 0; i < p->n && err == 0; i++)
			err = dxf_balloc_publish(e2, t, p->v[i].blk,
						 p->v[i].n);
		if (err == 0)
			err = dxf_txn_commit(t);
		else
			dxf_txn_abort(t);
	}
	if (err < 0)
		dxf_txlog_detach(lf->log, lf->m);
	return err;
}

static int make(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		const struct pieces *p, uint32_t n, bool *linked)
{
	uint32_t map[EXT2_NDIR_BLOCKS + 4096 / sizeof(uint32_t)] = { 0 };
	int err;

	lay_out(lf, p, n, map);
	err = dxf_txlog_open(&lf->log, lf->region, &lf->raw.place);
	if (err == 0)
		err = dxf_txlog_format(lf->log, lf->raw.lastcheck);
	if (err == 0 && lf->raw.map_blk != 0)
		err = put(lf, lf->raw.map_blk << lf->raw.block_bits,
			  map + EXT2_NDIR_BLOCKS, e2->geom.block_size,
			  DXF_MUT_CREATE_FENCE_MAP);
	if (err < 0)
		return err;
	*linked = true;
	err = link_inode(lf, e2, map, n);
	if (err == 0)
		err = publish(lf, e2, p);
	return err;
}

int dxf_log_make(struct dxf_logfile *lf, struct dxf_ext2 *e2, uint64_t size)
{
	uint32_t n = (uint32_t)(size >> lf->raw.block_bits);
	struct pieces p = { .n = 0 };
	bool linked = false;
	int err;

	assert(lf->raw.found == DXF_LOG_NONE && lf->log == NULL);
	assert(n > 0 && n <= dxf_log_max_blocks(e2->geom.block_size));
	err = reserve_all(e2, &p, n);
	if (err == 0)
		err = make(lf, e2, &p, n, &linked);
	if (err == 0) {
		lf->raw.found = DXF_LOG_OURS;
		return 0;
	}
	/* Not even the first word may stay: the blocks will be others'. */
	if (linked && dxf_log_retire(lf) < 0)
		dxf_txnmgr_set_ro(lf->m);
	else
		cancel(e2, &p);
	dxf_txlog_close(lf->log);
	lf->log = NULL;
	lf->raw.place.nruns = 0;
	return err;
}

/* Call @fn for the log's blocks and its map's. */
static int for_each_run(struct dxf_logfile *lf,
			int (*fn)(struct dxf_ext2 *e2, dxf_blk_t blk,
				  uint32_t n, void *ctx),
			struct dxf_ext2 *e2, void *ctx)
{
	const struct dxf_txlog_place *p = &lf->raw.place;
	uint32_t bits = lf->raw.block_bits;
	int err = 0;

	for (unsigned int i = 0; i < p->nruns && err == 0; i++)
		err = fn(e2, p->run[i].off >> bits,
			 (uint32_t)(p->run[i].len >> bits), ctx);
	if (err == 0 && lf->raw.map_blk != 0)
		err = fn(e2, lf->raw.map_blk, 1, ctx);
	return err;
}

struct bits_count {
	uint64_t set, clear;
};

static int count_bits(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n,
		      void *ctx)
{
	struct bits_count *c = ctx;

	for (; n > 0; n--, blk++) {
		uint32_t group = dxf_group_of_blk(e2, blk);
		uint32_t bit = (uint32_t)(blk - dxf_group_first(e2, group));
		uint64_t *map = dxf_acc_map(e2);
		int err = dxf_bitmap_load(e2, group,
			(e2->groups[group].flags & EXT2_BG_BLOCK_UNINIT) != 0,
			map, bit, bit + 1);

		if (err < 0)
			return err;
		if (dxf_bits_test(map, bit))
			c->set++;
		else
			c->clear++;
	}
	return 0;
}

int dxf_log_bits(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		 enum dxf_log_bits *out)
{
	struct bits_count c = { 0, 0 };
	int err = for_each_run(lf, count_bits, e2, &c);

	if (err < 0)
		return err;
	*out = c.clear == 0 ? DXF_LOG_BITS_ALL :
		c.set == 0 ? DXF_LOG_BITS_NONE : DXF_LOG_BITS_SOME;
	return 0;
}

/* Reserve exactly these: they are free, nothing else runs. */
static int reserve_run(struct dxf_ext2 *e2, dxf_blk_t blk, uint32_t n,
		       void *ctx)
{
	struct pieces *p = ctx;

	while (n > 0) {
		int err = p->n <= MAX_PIECES ?
			reserve(e2, p, blk, n) : -ENOSPC;

		if (err < 0)
			return err;
		if (p->v[p->n - 1].blk != blk)
			return -ENOSPC;
		n -= p->v[p->n - 1].n;
		blk += p->v[p->n - 1].n;
	}
	return 0;
}

int dxf_log_allocate(struct dxf_logfile *lf, struct dxf_ext2 *e2)
{
	struct pieces p = { .n = 0 };
	int err = for_each_run(lf, reserve_run, e2, &p);

	if (err == 0)
		err = publish(lf, e2, &p);
	if (err < 0)
		cancel(e2, &p);
	return err;
}
