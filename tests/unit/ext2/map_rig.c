// SPDX-License-Identifier: GPL-2.0-or-later
/* map_rig.c - see map_rig.h. */
#include "map_rig.h"

#include <stdio.h>
#include <sys/stat.h>

static void count_message(void *ctx, enum dxf_log_level level,
			  const char *text)
{
	struct rig *r = ctx;

	r->messages++;
}

uint32_t rig_random(struct rig *r, uint32_t bound)
{
	r->seed = r->seed * 1103515245u + 12345u;
	return (uint32_t)(dxf_hash_u64(r->seed) >> 32) % bound;
}

static void make_file(struct rig *r)
{
	struct timespec now = { .tv_sec = 1700000000 };
	struct dxf_dinode di;
	struct dxf_txn *t = rig_begin(r);
	dxf_ino_t ino;
	uint32_t gen;

	ck_assert_int_eq(dxf_ialloc_new(r->e2, t, DXF_ROOT_INO, S_IFREG, &ino,
					&gen), 0);
	dxf_dinode_fresh(r->e2, &di, S_IFREG | 0644, 0, &now);
	di.nlink = 1;
	di.generation = gen;
	ck_assert_int_eq(dxf_dinode_create(r->e2, t, ino, &di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	dxf_node_init(&r->node, r->e2, ino);
	r->node.di = di;
}

void rig_open(struct rig *r, const char *opts, unsigned int mib)
{
	struct dxf_ext2_opts o = { .errors = DXF_ERRORS_CONTINUE };
	struct dxf_err err = { "" };

	memset(r, 0, sizeof(*r));
	r->seed = 1;
	dxf_log_set_sink(count_message, r);
	r->region = image_make(mib * DXF_MIB, opts, true);
	ck_assert_int_eq(dxf_txnmgr_open(&r->mgr, r->region), 0);
	ck_assert_msg(dxf_ext2_open(&r->e2, r->mgr, &o, &err) == 0, "%s",
		      err.text);
	r->g = dxf_ext2_geom(r->e2);
	ck_assert_int_eq(dxf_ext2_mark_mounted(r->e2), 0);
	make_file(r);
	dxf_ext2_counts(r->e2, &r->start);
}

static void close_fs(struct rig *r)
{
	dxf_node_fini(&r->node);
	dxf_ext2_close(r->e2);
	dxf_txnmgr_close(r->mgr);
	for (int i = 0; i < r->nzones; i++) {
		free(r->zone[i].pblk);
		free(r->zone[i].unwritten);
	}
	dxf_log_set_sink(NULL, NULL);
}

void rig_close(struct rig *r)
{
	close_fs(r);
	dxf_region_close(r->region);
}

/* Make the size fit the map: to the end of what is mapped. */
static void set_size(struct rig *r)
{
	struct dxf_dinode di = r->node.di;
	struct dxf_txn *t = rig_begin(r);
	dxf_lblk_t end = 0;

	for (int i = 0; i < r->nzones; i++) {
		for (uint32_t k = 0; k < r->zone[i].len; k++) {
			if (r->zone[i].pblk[k] != 0)
				end = DXF_MAX(end, r->zone[i].start + k + 1);
		}
	}
	di.size = end << r->g->block_bits;
	rig_commit(r, t, &di);
}

void rig_check_and_close(struct rig *r)
{
	char cmd[128];

	set_size(r);
	ck_assert_int_eq(dxf_ext2_mark_clean(r->e2), 0);
	snprintf(cmd, sizeof(cmd), "debugfs -w -R 'link <%u> f' $IMG 2>&1",
		 r->node.ino);
	close_fs(r);
	ck_assert_int_eq(image_run(r->region, cmd, true, NULL, 0), 0);
	ck_assert(image_is_clean(r->region));
	dxf_region_close(r->region);
}

void rig_add_zone(struct rig *r, dxf_lblk_t start, uint32_t len)
{
	struct zone *z = &r->zone[r->nzones++];

	ck_assert_int_le(r->nzones, MAX_ZONES);
	z->start = start;
	z->len = len;
	z->pblk = calloc(len, sizeof(*z->pblk));
	z->unwritten = calloc(len, sizeof(*z->unwritten));
	ck_assert(z->pblk && z->unwritten);
}

static struct zone *find_zone(const struct rig *r, dxf_lblk_t lblk)
{
	for (int i = 0; i < r->nzones; i++) {
		if (lblk - r->zone[i].start < r->zone[i].len)
			return (struct zone *)&r->zone[i];
	}
	return NULL;
}

dxf_blk_t rig_model(const struct rig *r, dxf_lblk_t lblk, bool *unwritten)
{
	const struct zone *z = find_zone(r, lblk);

	if (!z)
		return 0;
	*unwritten = z->unwritten[lblk - z->start];
	return z->pblk[lblk - z->start];
}

static void set_model(struct rig *r, dxf_lblk_t lblk, dxf_blk_t pblk,
		      bool unwritten)
{
	struct zone *z = find_zone(r, lblk);

	ck_assert_ptr_nonnull(z);
	z->pblk[lblk - z->start] = pblk;
	z->unwritten[lblk - z->start] = unwritten;
}

struct dxf_txn *rig_begin(struct rig *r)
{
	struct dxf_txn *t;

	ck_assert_int_eq(dxf_txn_begin(r->mgr, 0, &t), 0);
	return t;
}

void rig_commit(struct rig *r, struct dxf_txn *t, const struct dxf_dinode *di)
{
	ck_assert_int_eq(dxf_dinode_write(r->e2, t, r->node.ino, di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	r->node.di = *di;
}

static int reserve(struct rig *r, dxf_lblk_t lblk, uint32_t want,
		   dxf_blk_t *blk, uint32_t *got)
{
	dxf_blk_t goal = dxf_bmap_goal(&r->node, &r->node.di, lblk);

	if (r->fragment)
		goal = r->g->first_block +
			rig_random(r, (uint32_t)r->g->nblocks - 1);
	return dxf_balloc_reserve(r->e2, r->fragment ? NULL : &r->node.window,
				  goal, want, DXF_BALLOC_RESERVED_OK, blk,
				  got);
}

int rig_insert(struct rig *r, dxf_lblk_t lblk, uint32_t want, bool unwritten,
	       bool commit)
{
	struct dxf_dinode di = r->node.di;
	struct dxf_txn *t;
	dxf_blk_t blk;
	uint32_t got;
	int err = reserve(r, lblk, want, &blk, &got);

	if (err)
		return err;
	t = rig_begin(r);
	err = dxf_balloc_publish(r->e2, t, blk, got);
	if (!err)
		err = dxf_bmap_insert(&r->node, &di, t, lblk, blk, got,
				      unwritten, DXF_BALLOC_RESERVED_OK);
	if (err || !commit) {
		dxf_txn_abort(t);
		dxf_balloc_cancel(r->e2, blk, got);
		return err;
	}
	rig_commit(r, t, &di);
	for (uint32_t i = 0; i < got; i++)
		set_model(r, lblk + i, blk + i, unwritten);
	return 0;
}

int rig_convert(struct rig *r, dxf_lblk_t lblk, uint32_t n, bool commit)
{
	struct dxf_dinode di = r->node.di;
	struct dxf_txn *t = rig_begin(r);
	int err = dxf_bmap_convert(&r->node, &di, t, lblk, n,
				   DXF_BALLOC_RESERVED_OK);
	bool old;

	if (err || !commit) {
		dxf_txn_abort(t);
		return err;
	}
	rig_commit(r, t, &di);
	for (uint32_t i = 0; i < n; i++)
		set_model(r, lblk + i, rig_model(r, lblk + i, &old), false);
	return 0;
}

static void unmap_model(struct rig *r, dxf_lblk_t start, dxf_lblk_t end)
{
	for (int i = 0; i < r->nzones; i++) {
		struct zone *z = &r->zone[i];

		for (uint32_t k = 0; k < z->len; k++) {
			if (z->start + k >= start && z->start + k < end)
				set_model(r, z->start + k, 0, false);
		}
	}
}

int rig_remove(struct rig *r, dxf_lblk_t start, dxf_lblk_t end, bool commit,
	       int *ntxn)
{
	dxf_lblk_t from = end;

	*ntxn = 0;
	do {
		struct dxf_dinode di = r->node.di;
		struct dxf_txn *t = rig_begin(r);
		dxf_lblk_t before = from;
		int err = dxf_bmap_remove(&r->node, &di, t, start, from,
					  &from);

		if (err || !commit) {
			dxf_txn_abort(t);
			return err;
		}
		ck_assert(from >= start && from <= before);
		ck_assert(from < before || start >= end);
		rig_commit(r, t, &di);
		unmap_model(r, from, end);
		(*ntxn)++;
	} while (from > start);
	return 0;
}

static void verify_hole(const struct rig *r, const struct dxf_run *run)
{
	for (int i = 0; i < r->nzones; i++) {
		const struct zone *z = &r->zone[i];

		for (uint32_t k = 0; k < z->len; k++) {
			if (z->start + k - run->lblk < run->nblk)
				ck_assert_uint_eq(z->pblk[k], 0);
		}
	}
}

static void verify_run(const struct rig *r, const struct dxf_run *run)
{
	bool unwritten = false;

	ck_assert_uint_gt(run->nblk, 0);
	if (run->pblk == 0) {
		verify_hole(r, run);
		return;
	}
	for (uint64_t k = 0; k < run->nblk; k++) {
		ck_assert_uint_eq(rig_model(r, run->lblk + k, &unwritten),
				  run->pblk + k);
		ck_assert_int_eq(unwritten, run->unwritten);
	}
}

static void verify_all(struct rig *r, const struct dxf_dinode *di)
{
	struct dxf_run run;
	dxf_lblk_t at = 0;

	while (at < UINT64_MAX) {
		ck_assert_int_eq(dxf_bmap_lookup(&r->node, di, at,
						 UINT64_MAX, &run), 0);
		ck_assert_uint_eq(run.lblk, at);
		verify_run(r, &run);
		at += run.nblk;
	}
}

void rig_verify(struct rig *r)
{
	struct dxf_dinode copy = r->node.di;
	struct dxf_run run;

	verify_all(r, &copy);
	for (int i = 0; i < 50; i++) {
		const struct zone *z = &r->zone[rig_random(r, r->nzones)];
		dxf_lblk_t at = z->start + rig_random(r, z->len);
		uint64_t max = 1 + rig_random(r, 40);

		ck_assert_int_eq(dxf_bmap_lookup(&r->node, &r->node.di, at,
						 max, &run), 0);
		ck_assert_uint_eq(run.lblk, at);
		ck_assert_uint_le(run.nblk, max);
		verify_run(r, &run);
	}
}

int rig_walk(struct rig *r, const struct dxf_dinode *di)
{
	struct dxf_run run;
	dxf_lblk_t at = 0;

	while (at < UINT64_MAX) {
		int err = dxf_bmap_lookup(&r->node, di, at, UINT64_MAX, &run);

		if (err)
			return err;
		ck_assert(run.lblk == at && run.nblk > 0);
		at += run.nblk;
	}
	return 0;
}

static void step_insert(struct rig *r, const struct zone *z, dxf_lblk_t at)
{
	uint32_t n = 0, max = 1 + rig_random(r, r->fragment ? 4 : 40);
	bool unwritten = (r->node.di.flags & EXT4_EXTENTS_FL) &&
		rig_random(r, 2) == 0;

	while (n < max && at + n < z->start + z->len &&
	       z->pblk[at + n - z->start] == 0)
		n++;
	if (n > 0)
		ck_assert_int_eq(rig_insert(r, at, n, unwritten,
					    rig_random(r, 8) != 0), 0);
}

static void step_convert(struct rig *r, const struct zone *z, dxf_lblk_t at)
{
	uint32_t n = 0, max = 1 + rig_random(r, 20);

	while (n < max && at + n < z->start + z->len &&
	       z->pblk[at + n - z->start] != 0 &&
	       z->unwritten[at + n - z->start])
		n++;
	if (n > 0)
		ck_assert_int_eq(rig_convert(r, at, n, rig_random(r, 8) != 0),
				 0);
}

void rig_step(struct rig *r)
{
	const struct zone *z = &r->zone[rig_random(r, r->nzones)];
	dxf_lblk_t at = z->start + rig_random(r, z->len);
	uint32_t what = rig_random(r, 100);
	int ntxn;

	if (what < 55)
		step_insert(r, z, at);
	else if (what < 80)
		step_convert(r, z, at);
	else if (what < 99)
		ck_assert_int_eq(rig_remove(r, at,
					    at + 1 + rig_random(r, 25),
					    rig_random(r, 8) != 0, &ntxn), 0);
	else
		ck_assert_int_eq(rig_remove(r, at, UINT64_MAX, true, &ntxn),
				 0);
}

static void mark_used(struct rig *r, struct image *im, uint32_t group)
{
	uint8_t map[4096];
	dxf_blk_t first = r->g->first_block +
		(dxf_blk_t)group * r->g->blocks_per_group;

	ck_assert_int_eq(dxf_load(r->region,
		dxf_blk_off(r->g, r->e2->groups[group].block_bitmap), map,
		r->g->block_size), 0);
	for (uint32_t i = 0; i < r->g->blocks_per_group; i++) {
		if (first + i < r->g->nblocks)
			im->used[first + i] = map[i / 8] >> (i % 8) & 1;
	}
}

void rig_snapshot(struct rig *r, struct image *im)
{
	im->bytes = malloc(r->g->nblocks * r->g->block_size);
	im->used = calloc(r->g->nblocks, 1);
	ck_assert(im->bytes && im->used);
	memset(im->used, 1, r->g->first_block);
	for (uint32_t i = 0; i < r->g->ngroups; i++)
		mark_used(r, im, i);
	ck_assert_int_eq(dxf_load(r->region, 0, im->bytes,
				  r->g->nblocks * r->g->block_size), 0);
}

void rig_same(struct rig *r, const struct image *im)
{
	struct image now;

	rig_snapshot(r, &now);
	ck_assert_int_eq(memcmp(now.used, im->used, r->g->nblocks), 0);
	for (dxf_blk_t b = 0; b < r->g->nblocks; b++) {
		size_t off = b * r->g->block_size;

		if (im->used[b])
			ck_assert_int_eq(memcmp(now.bytes + off,
						im->bytes + off,
						r->g->block_size), 0);
	}
	rig_drop(&now);
}

void rig_drop(struct image *im)
{
	free(im->bytes);
	free(im->used);
}

dxf_blk_t rig_raw_block(struct rig *r, const void *bytes, size_t len)
{
	struct dxf_txn *t = rig_begin(r);
	dxf_blk_t blk;
	uint32_t got;

	ck_assert_int_eq(dxf_balloc_reserve(r->e2, NULL, 0, 1, 0, &blk, &got),
			 0);
	ck_assert_int_eq(dxf_balloc_publish(r->e2, t, blk, 1), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	ck_assert_int_eq(dxf_persist_copy(r->region, dxf_blk_off(r->g, blk),
					  bytes, len, 0), 0);
	dxf_persist_fence(r->region);
	return blk;
}
