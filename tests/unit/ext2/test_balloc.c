// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_balloc.c - reserving, publishing and freeing blocks.
 */
#include "core_rig.h"

/* Reserve, or fail the test. */
static uint32_t reserve(struct core *c, struct dxf_window *w, dxf_blk_t goal,
			uint32_t want, dxf_blk_t *blk)
{
	uint32_t got;

	ck_assert_int_eq(dxf_balloc_reserve(c->e2, w, goal, want, 0, blk,
					    &got), 0);
	ck_assert_uint_ge(got, 1);
	ck_assert_uint_le(got, want);
	return got;
}

static void publish(struct core *c, dxf_blk_t blk, uint32_t n)
{
	struct dxf_txn *t = core_begin(c);

	ck_assert_int_eq(dxf_balloc_publish(c->e2, t, blk, n), 0);
	core_commit(t);
}

static void release(struct core *c, dxf_blk_t blk, uint32_t n)
{
	struct dxf_txn *t = core_begin(c);

	ck_assert_int_eq(dxf_balloc_free(c->e2, t, 11, blk, n), 0);
	core_commit(t);
}

/* ---- one block's life, on every kind of filesystem ---- */

START_TEST(test_balloc_publish_and_free_leaves_clean)
{
	struct core c;
	dxf_blk_t blk[64];
	uint32_t got[64];

	core_open_config(&c, _i);
	ck_assert_int_eq(dxf_ext2_mark_mounted(c.e2), 0);
	for (int i = 0; i < 64; i++) {
		dxf_blk_t goal = c.g->nblocks * (uint64_t)i / 64;

		got[i] = reserve(&c, NULL, goal, 1 + (uint32_t)i * 3, &blk[i]);
		ck_assert(!dxf_ext2_is_fixed_block(c.e2, blk[i], got[i]));
		publish(&c, blk[i], got[i]);
		for (uint32_t k = 0; k < got[i]; k++)
			CORE_CHECK(core_block_used(&c, blk[i] + k));
	}
	core_check_memory(&c);
	for (int i = 0; i < 64; i++)
		release(&c, blk[i], got[i]);
	ck_assert_uint_eq(c.e2->free_blocks, c.start.free_blocks);
	core_close_clean(&c);
}
END_TEST

/* ---- where blocks are found ---- */

START_TEST(test_balloc_reserve_at_goal_is_contiguous)
{
	struct core c;
	dxf_blk_t a, b, goal;
	uint32_t na, nb;

	core_open(&c, "-t ext2 -b 1024", 16);
	na = reserve(&c, NULL, 3000, 10, &a);
	goal = a + na;
	nb = reserve(&c, NULL, goal, 10, &b);
	ck_assert_uint_eq(b, goal);
	ck_assert_uint_eq(nb, 10);
	dxf_balloc_cancel(c.e2, a, na);
	dxf_balloc_cancel(c.e2, b, nb);
	core_check_memory(&c);
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_reserve_goal_outside_is_no_error)
{
	static const dxf_blk_t goals[] = { 0, UINT64_MAX, UINT64_MAX / 2 };
	struct core c;
	dxf_blk_t blk;

	core_open(&c, "-t ext2 -b 1024", 16);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(goals); i++) {
		reserve(&c, NULL, goals[i], 1, &blk);
		ck_assert(!dxf_ext2_is_fixed_block(c.e2, blk, 1));
		dxf_balloc_cancel(c.e2, blk, 1);
	}
	core_close(&c);
}
END_TEST

/* Publish every other block of a group, so that only single ones are left. */
static void fragment(struct core *c, uint32_t group)
{
	dxf_blk_t first = dxf_group_first(c->e2, group), blk;
	uint32_t n = dxf_group_nblocks(c->e2, group);
	struct dxf_txn *t;
	uint32_t got;

	for (uint32_t i = 0; i < n; i += 2) {
		if (core_block_used(c, first + i))
			continue;
		got = reserve(c, NULL, first + i, 1, &blk);
		ck_assert_uint_eq(blk, first + i);
		t = core_begin(c);
		ck_assert_int_eq(dxf_balloc_publish(c->e2, t, blk, got), 0);
		core_commit(t);
	}
}

START_TEST(test_balloc_reserve_long_run_skips_fragmented_group)
{
	struct core c;
	dxf_blk_t blk, first;
	uint32_t got;

	core_open(&c, "-t ext2 -b 1024 -g 1024 -m 0", 16);
	fragment(&c, 3);
	first = dxf_group_first(c.e2, 3);
	/* The goal is in use, its group has no two blocks together. */
	got = reserve(&c, NULL, first, 64, &blk);
	ck_assert_uint_eq(got, 64);
	ck_assert_uint_ne(dxf_group_of_blk(c.e2, blk), 3);
	dxf_balloc_cancel(c.e2, blk, got);
	/* What was learnt of the group does not hide its single blocks. */
	got = reserve(&c, NULL, first, 1, &blk);
	ck_assert_uint_eq(dxf_group_of_blk(c.e2, blk), 3);
	dxf_balloc_cancel(c.e2, blk, got);
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_freed_run_is_found_again)
{
	struct core c;
	dxf_blk_t blk, again;
	uint32_t got;

	core_open(&c, "-t ext2 -b 1024 -g 1024 -m 0", 2);
	fragment(&c, 1);
	fragment(&c, 0);
	got = reserve(&c, NULL, 1501, 16, &blk);
	ck_assert_uint_eq(got, 1);
	dxf_balloc_cancel(c.e2, blk, got);
	/* A run appears in a group that is known to have none. */
	for (dxf_blk_t b = 1600; b < 1620; b++)
		if (core_block_used(&c, b))
			release(&c, b, 1);
	got = reserve(&c, NULL, 1501, 16, &again);
	ck_assert_uint_eq(got, 16);
	dxf_balloc_cancel(c.e2, again, got);
	core_close(&c);
}
END_TEST

/* ---- the end of space ---- */

/* Reserve until -ENOSPC.  Returns: blocks reserved; marks them in @taken. */
static uint64_t reserve_all(struct core *c, unsigned int flags, uint8_t *taken)
{
	uint64_t total = 0;
	uint32_t got;
	dxf_blk_t blk;

	while (dxf_balloc_reserve(c->e2, NULL, 1, 37, flags, &blk,
				  &got) == 0) {
		for (uint32_t i = 0; i < got; i++) {
			CORE_CHECK(!core_block_used(c, blk + i));
			CORE_CHECK(taken[blk + i] == 0);
			taken[blk + i] = 1;
		}
		total += got;
	}
	return total;
}

static void cancel_all(struct core *c, uint8_t *taken)
{
	for (dxf_blk_t b = 0; b < c->g->nblocks; b++)
		if (taken[b])
			dxf_balloc_cancel(c->e2, b, 1);
}

START_TEST(test_balloc_enospc_after_exactly_all)
{
	unsigned int flags = _i == 0 ? 0 : DXF_BALLOC_RESERVED_OK;
	struct core c;
	uint8_t *taken;
	uint64_t want;
	uint32_t got;
	dxf_blk_t blk;

	core_open(&c, "-t ext2 -b 1024 -g 1024 -m 10", 16);
	taken = calloc(c.g->nblocks, 1);
	ck_assert_ptr_nonnull(taken);
	want = c.start.free_blocks - (_i == 0 ? c.g->reserved_blocks : 0);
	ck_assert_uint_gt(c.g->reserved_blocks, 1000);
	ck_assert_uint_eq(reserve_all(&c, flags, taken), want);
	ck_assert_int_eq(dxf_balloc_reserve(c.e2, NULL, 1, 1, flags, &blk,
					    &got), -ENOSPC);
	cancel_all(&c, taken);
	core_check_memory(&c);
	free(taken);
	core_close_clean(&c);
}
END_TEST

START_TEST(test_balloc_windows_are_stolen_before_enospc)
{
	struct dxf_window w[8] = { 0 };
	struct core c;
	uint8_t *taken;
	uint64_t total;
	dxf_blk_t blk;

	core_open(&c, "-t ext2 -b 1024 -g 1024 -m 0", 8);
	taken = calloc(c.g->nblocks, 1);
	ck_assert_ptr_nonnull(taken);
	for (int i = 0; i < 8; i++) {
		w[i].goal_len = 512;
		reserve(&c, &w[i], (dxf_blk_t)i * 1024 + 100, 1, &blk);
		ck_assert_uint_gt(w[i].len, 100);
		taken[blk] = 1;
	}
	total = reserve_all(&c, 0, taken);
	ck_assert_uint_eq(total + 8, c.start.free_blocks);
	for (int i = 0; i < 8; i++)
		dxf_balloc_drop_window(c.e2, &w[i]);
	cancel_all(&c, taken);
	core_check_memory(&c);
	free(taken);
	core_close(&c);
}
END_TEST

/* ---- windows ---- */

START_TEST(test_balloc_interleaved_appenders_stay_contiguous)
{
	enum { FILES = 8, BLOCKS = 500 };
	struct dxf_window w[FILES] = { 0 };
	dxf_blk_t last[FILES] = { 0 }, blk;
	int runs[FILES] = { 0 };
	struct core c;

	core_open(&c, "-t ext2 -b 1024", 32);
	for (int i = 0; i < BLOCKS; i++) {
		for (int f = 0; f < FILES; f++) {
			dxf_blk_t goal = i == 0 ? 2000 : last[f] + 1;

			reserve(&c, &w[f], goal, 1, &blk);
			publish(&c, blk, 1);
			runs[f] += blk != last[f] + 1;
			last[f] = blk;
		}
	}
	for (int f = 0; f < FILES; f++) {
		ck_assert_int_le(runs[f], 8);
		dxf_balloc_drop_window(c.e2, &w[f]);
	}
	core_check_memory(&c);
	core_close(&c);
}
END_TEST

/* ---- transactions ---- */

START_TEST(test_balloc_abort_changes_nothing)
{
	struct core c;
	struct dxf_txn *t;
	dxf_blk_t blk, one;
	void *before;
	uint32_t got;

	core_open_config(&c, _i);
	before = image_snapshot(c.region);
	got = reserve(&c, NULL, c.g->nblocks / 2, 100, &blk);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_balloc_publish(c.e2, t, blk, got), 0);
	ck_assert_int_eq(dxf_balloc_one(c.e2, t, blk, 0, &one), 0);
	dxf_txn_abort(t);
	core_assert_same(&c, before);
	/* Still reserved, and only what the caller reserved. */
	ck_assert_uint_eq(c.e2->reserved, got);
	dxf_balloc_cancel(c.e2, blk, got);
	core_check_memory(&c);
	free(before);
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_freed_block_is_not_given_out_before_the_end)
{
	struct core c;
	struct dxf_txn *t;
	dxf_blk_t blk, other, one;
	uint32_t got;

	core_open(&c, "-t ext2 -b 1024", 16);
	got = reserve(&c, NULL, 5000, 4, &blk);
	publish(&c, blk, got);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_balloc_free(c.e2, t, 12, blk, got), 0);
	ck_assert_int_eq(dxf_balloc_one(c.e2, t, blk, 0, &one), 0);
	ck_assert(one < blk || one >= blk + got);
	reserve(&c, NULL, blk, 1, &other);
	ck_assert(other < blk || other >= blk + got);
	dxf_balloc_cancel(c.e2, other, 1);
	core_commit(t);
	ck_assert_uint_eq(reserve(&c, NULL, blk, 4, &other), 4);
	ck_assert_uint_eq(other, blk);
	dxf_balloc_cancel(c.e2, other, 4);
	release(&c, one, 1);
	core_close_clean(&c);
}
END_TEST

/* A free of a block published in the same transaction. */
static void publish_and_free(struct core *c, bool commit)
{
	struct dxf_txn *t;
	dxf_blk_t blk, one;
	uint32_t got;

	got = reserve(c, NULL, 4000, 10, &blk);
	t = core_begin(c);
	ck_assert_int_eq(dxf_balloc_publish(c->e2, t, blk, got), 0);
	ck_assert_int_eq(dxf_balloc_one(c->e2, t, blk, 0, &one), 0);
	ck_assert_int_eq(dxf_balloc_free(c->e2, t, 12, blk + 2, 3), 0);
	ck_assert_int_eq(dxf_balloc_free(c->e2, t, 12, one, 1), 0);
	if (commit) {
		core_commit(t);
		ck_assert_uint_eq(c->e2->free_blocks,
				  c->start.free_blocks - got + 3);
		release(c, blk, 2);
		release(c, blk + 5, got - 5);
	} else {
		dxf_txn_abort(t);
		ck_assert_uint_eq(c->e2->reserved, got);
		dxf_balloc_cancel(c->e2, blk, got);
	}
}

START_TEST(test_balloc_free_of_just_published_is_right)
{
	struct core c;

	core_open_config(&c, _i);
	publish_and_free(&c, true);
	publish_and_free(&c, false);
	core_close_clean(&c);
}
END_TEST

/* ---- damage ---- */

START_TEST(test_balloc_double_free_is_reported)
{
	struct core c;
	struct dxf_txn *t;
	dxf_blk_t blk;

	core_open(&c, "-t ext2 -b 1024", 16);
	reserve(&c, NULL, 5000, 3, &blk);
	publish(&c, blk, 3);
	release(&c, blk + 1, 1);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_balloc_free(c.e2, t, 123, blk, 3), -EUCLEAN);
	dxf_txn_abort(t);
	ck_assert_int_ge(c.messages, 1);
	ck_assert(dxf_ext2_errors_pending(c.e2));
	ck_assert(dxf_txnmgr_is_ro(c.mgr));
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_free_of_metadata_is_reported)
{
	struct core c;
	struct dxf_txn *t;

	core_open(&c, "-t ext2 -b 1024", 16);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_balloc_free(c.e2, t, 123,
		c.e2->groups[1].inode_table, 1), -EUCLEAN);
	ck_assert_int_eq(dxf_balloc_free(c.e2, t, 123, c.g->nblocks - 1, 2),
			 -EUCLEAN);
	ck_assert_int_eq(dxf_balloc_free(c.e2, t, 123, UINT64_MAX, 1),
			 -EUCLEAN);
	dxf_txn_abort(t);
	core_close(&c);
}
END_TEST

static void poke(struct core *c, dxf_off_t off, int byte, size_t len)
{
	uint8_t buf[4096];

	ck_assert_uint_le(len, sizeof(buf));
	memset(buf, byte, len);
	ck_assert_int_eq(dxf_persist_copy(c->region, off, buf, len, 0), 0);
}

START_TEST(test_balloc_full_bitmap_with_free_count_is_enospc)
{
	struct core c;
	dxf_blk_t blk;
	uint32_t got;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 16);
	for (uint32_t i = 0; i < c.g->ngroups; i++)
		poke(&c, dxf_blk_off(c.g, c.e2->groups[i].block_bitmap), 0xff,
		     128);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(dxf_balloc_reserve(c.e2, NULL, 1, 100, 0,
						    &blk, &got), -ENOSPC);
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_bitmap_freeing_metadata_is_not_used)
{
	struct core c;
	dxf_blk_t blk, goal;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 16);
	poke(&c, dxf_blk_off(c.g, c.e2->groups[2].block_bitmap), 0, 128);
	goal = dxf_group_first(c.e2, 2) + 600;
	reserve(&c, NULL, goal, 1, &blk);
	ck_assert_uint_ne(dxf_group_of_blk(c.e2, blk), 2);
	ck_assert_int_ge(c.messages, 1);
	dxf_balloc_cancel(c.e2, blk, 1);
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_wrong_bitmap_checksum_is_not_used)
{
	struct core c;
	struct dxf_txn *t;
	dxf_blk_t blk, goal;
	uint32_t group = 0, bit;

	core_open(&c, "-t ext4 -O ^has_journal,metadata_csum -b 1024 -g 1024",
		  16);
	while ((c.e2->groups[group].flags & EXT2_BG_BLOCK_UNINIT) != 0 ||
	       c.e2->groups[group].free_blocks < 8)
		group++;
	/* The last block of a group is free, its byte is set to "used". */
	bit = dxf_group_nblocks(c.e2, group) - 1;
	goal = dxf_group_first(c.e2, group) + bit;
	ck_assert(!core_block_used(&c, goal));
	poke(&c, dxf_blk_off(c.g, c.e2->groups[group].block_bitmap) + bit / 8,
	     0xff, 1);
	reserve(&c, NULL, goal - 1, 1, &blk);
	ck_assert_uint_ne(dxf_group_of_blk(c.e2, blk), group);
	ck_assert_int_ge(c.messages, 1);
	dxf_balloc_cancel(c.e2, blk, 1);
	ck_assert_int_eq(dxf_txn_begin(c.mgr, DXF_TXN_FORCE, &t), 0);
	ck_assert_int_eq(dxf_balloc_free(c.e2, t, 12, goal, 1), -EUCLEAN);
	dxf_txn_abort(t);
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_used_under_a_reservation_is_reported)
{
	struct core c;
	struct dxf_txn *t;
	dxf_blk_t blk;
	uint32_t group;

	core_open(&c, "-t ext2 -b 1024", 16);
	reserve(&c, NULL, 5000, 8, &blk);
	group = dxf_group_of_blk(c.e2, blk);
	poke(&c, dxf_blk_off(c.g, c.e2->groups[group].block_bitmap) +
	     (blk + 4 - dxf_group_first(c.e2, group)) / 8, 0xff, 1);
	t = core_begin(&c);
	ck_assert_int_eq(dxf_balloc_publish(c.e2, t, blk, 8), -EUCLEAN);
	dxf_txn_abort(t);
	dxf_balloc_cancel(c.e2, blk, 8);
	core_close(&c);
}
END_TEST

START_TEST(test_balloc_unreadable_bitmap_is_skipped)
{
	struct core c;
	dxf_blk_t blk, goal;
	uint32_t got;

	core_open(&c, "-t ext2 -b 1024 -g 1024", 2);
	ck_assert_uint_eq(c.g->ngroups, 2);
	goal = dxf_group_first(c.e2, 1) + 900;
	dxf_region_add_bad(c.region,
			   dxf_blk_off(c.g, c.e2->groups[1].block_bitmap),
			   1024);
	reserve(&c, NULL, goal, 1, &blk);
	ck_assert_uint_eq(dxf_group_of_blk(c.e2, blk), 0);
	dxf_balloc_cancel(c.e2, blk, 1);
	dxf_region_add_bad(c.region,
			   dxf_blk_off(c.g, c.e2->groups[0].block_bitmap),
			   1024);
	ck_assert_int_eq(dxf_balloc_reserve(c.e2, NULL, goal, 1, 0, &blk,
					    &got), -EIO);
	core_close(&c);
}
END_TEST

/* ---- the fault plan ---- */

/* An operation of every kind.  Returns: 0, or the error; nothing is left. */
static int mixed_operation(struct core *c, dxf_blk_t old, uint32_t nold)
{
	struct dxf_window w = { 0 };
	struct dxf_txn *t;
	dxf_blk_t blk, one;
	uint32_t got;
	int ret;

	ret = dxf_balloc_reserve(c->e2, &w, c->g->nblocks / 2 + 77, 300, 0,
				 &blk, &got);
	if (ret < 0)
		return ret;
	ret = dxf_txn_begin(c->mgr, 0, &t);
	if (ret == 0) {
		ret = dxf_balloc_publish(c->e2, t, blk, got);
		if (ret == 0)
			ret = dxf_balloc_one(c->e2, t, blk, 0, &one);
		if (ret == 0)
			ret = dxf_balloc_free(c->e2, t, 12, old, nold);
		if (ret == 0)
			ret = dxf_txn_commit(t);
		else
			dxf_txn_abort(t);
	}
	if (ret < 0)
		dxf_balloc_cancel(c->e2, blk, got);
	dxf_balloc_drop_window(c->e2, &w);
	return ret;
}

static const enum dxf_fault_kind kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
	DXF_FAULT_HOSTALLOC,
};

static void sweep(int config, enum dxf_fault_kind kind)
{
	struct core c;
	dxf_blk_t old;
	uint32_t nold;
	void *before;
	bool hit = true;
	int ret;

	core_open_config(&c, config);
	nold = reserve(&c, NULL, c.g->nblocks / 3, 20, &old);
	publish(&c, old, nold);
	before = image_snapshot(c.region);
	for (uint64_t n = 1; hit; n++) {
		core_reopen(&c);
		dxf_fault_arm(kind, n);
		ret = mixed_operation(&c, old, nold);
		hit = dxf_fault_disarm();
		ck_assert_int_lt((int)n, 1000);
		if (ret == 0)
			break;
		ck_assert(hit);
		core_assert_same(&c, before);
		core_check_memory(&c);
	}
	/* A window that got no memory is no error, so the loop may end early. */
	ck_assert_int_eq(ret, 0);
	core_check_memory(&c);
	free(before);
	core_close(&c);
}

START_TEST(test_balloc_fault_leaves_nothing_behind)
{
	static const int configs[] = { 0, 8, 9, 11 };

	for (size_t i = 0; i < DXF_ARRAY_SIZE(configs); i++)
		sweep(configs[i], kinds[_i]);
}
END_TEST

/* ---- against a naive model ---- */

enum { M_FREE, M_USED, M_MINE, M_RESERVED };

struct model {
	struct core c;
	uint8_t *state;
	uint64_t seed;
	struct { dxf_blk_t blk; uint32_t n; } resv[32];
	int nresv;
	struct dxf_window w[4];
};

static void model_init(struct model *m, int config)
{
	core_open_config(&m->c, config);
	m->state = calloc(m->c.g->nblocks, 1);
	ck_assert_ptr_nonnull(m->state);
	m->nresv = 0;
	memset(m->w, 0, sizeof(m->w));
	for (dxf_blk_t b = 0; b < m->c.g->nblocks; b++)
		if (b < m->c.g->first_block || core_block_used(&m->c, b))
			m->state[b] = M_USED;
}

static void model_set(struct model *m, dxf_blk_t blk, uint32_t n, int from,
		      int to)
{
	for (uint32_t i = 0; i < n; i++) {
		CORE_CHECK(m->state[blk + i] == from);
		m->state[blk + i] = (uint8_t)to;
	}
}

static void model_reserve(struct model *m)
{
	struct dxf_window *w = &m->w[core_random(&m->seed) % 4];
	dxf_blk_t goal = core_random(&m->seed) % m->c.g->nblocks, blk;
	uint32_t want = 1 + core_random(&m->seed) % 700, got;
	int ret;

	if (m->nresv == 32)
		return;
	if (w->len != 0 && core_random(&m->seed) % 2 == 0)
		goal = w->start;
	ret = dxf_balloc_reserve(m->c.e2,
				 core_random(&m->seed) % 2 != 0 ? w : NULL,
				 goal, want, 0, &blk, &got);
	if (ret == -ENOSPC)
		return;
	ck_assert_int_eq(ret, 0);
	model_set(m, blk, got, M_FREE, M_RESERVED);
	m->resv[m->nresv].blk = blk;
	m->resv[m->nresv++].n = got;
}

/* Take the last reservation out of the list. */
static bool model_pop(struct model *m, dxf_blk_t *blk, uint32_t *n)
{
	if (m->nresv == 0)
		return false;
	m->nresv--;
	*blk = m->resv[m->nresv].blk;
	*n = m->resv[m->nresv].n;
	return true;
}

static void model_cancel(struct model *m)
{
	dxf_blk_t blk;
	uint32_t n;

	if (!model_pop(m, &blk, &n))
		return;
	dxf_balloc_cancel(m->c.e2, blk, n);
	model_set(m, blk, n, M_RESERVED, M_FREE);
}

/* A run of blocks of ours, from a random place on. */
static uint32_t model_find_mine(struct model *m, dxf_blk_t *blk)
{
	dxf_blk_t b = core_random(&m->seed) % m->c.g->nblocks;
	uint32_t max = 1 + core_random(&m->seed) % 900, n = 0;

	for (dxf_blk_t i = 0; i < m->c.g->nblocks; i++) {
		if (m->state[b] == M_MINE)
			break;
		b = (b + 1) % m->c.g->nblocks;
	}
	*blk = b;
	while (n < max && b + n < m->c.g->nblocks && m->state[b + n] == M_MINE)
		n++;
	return n;
}

static void model_transaction(struct model *m)
{
	bool commit = core_random(&m->seed) % 4 != 0;
	struct dxf_txn *t = core_begin(&m->c);
	dxf_blk_t blk = 0, mine = 0;
	uint32_t n = 0, nmine;

	if (model_pop(m, &blk, &n))
		ck_assert_int_eq(dxf_balloc_publish(m->c.e2, t, blk, n), 0);
	nmine = model_find_mine(m, &mine);
	if (nmine != 0)
		ck_assert_int_eq(dxf_balloc_free(m->c.e2, t, 12, mine, nmine),
				 0);
	if (!commit) {
		dxf_txn_abort(t);
		if (n != 0)
			dxf_balloc_cancel(m->c.e2, blk, n);
		model_set(m, blk, n, M_RESERVED, M_FREE);
		return;
	}
	core_commit(t);
	model_set(m, blk, n, M_RESERVED, M_MINE);
	model_set(m, mine, nmine, M_MINE, M_FREE);
}

static void model_check(struct model *m)
{
	uint64_t nfree = 0;

	for (dxf_blk_t b = m->c.g->first_block; b < m->c.g->nblocks; b++) {
		bool used = m->state[b] == M_USED || m->state[b] == M_MINE;

		CORE_CHECK(core_block_used(&m->c, b) == used);
		nfree += !used;
	}
	ck_assert_uint_eq(m->c.e2->free_blocks, nfree);
}

START_TEST(test_balloc_random_operations_agree_with_model)
{
	struct model m = { .seed = (uint64_t)_i * 7919 };
	dxf_blk_t blk;
	uint32_t n;

	model_init(&m, _i);
	for (int i = 0; i < 3000; i++) {
		switch (core_random(&m.seed) % 8) {
		case 0: case 1: case 2:
			model_reserve(&m);
			break;
		case 3:
			model_cancel(&m);
			break;
		case 4:
			dxf_balloc_drop_window(m.c.e2,
				&m.w[core_random(&m.seed) % 4]);
			break;
		default:
			model_transaction(&m);
		}
		if (i % 1000 == 0)
			model_check(&m);
	}
	while (m.nresv > 0)
		model_cancel(&m);
	for (int i = 0; i < 4; i++)
		dxf_balloc_drop_window(m.c.e2, &m.w[i]);
	while ((n = model_find_mine(&m, &blk)) != 0) {
		release(&m.c, blk, n);
		model_set(&m, blk, n, M_MINE, M_FREE);
	}
	model_check(&m);
	free(m.state);
	core_close_clean(&m.c);
}
END_TEST

/* ---- threads ---- */

struct worker {
	struct core *c;
	uint64_t seed;
	pthread_t thread;
	uint64_t allocated;
};

static void *work(void *arg)
{
	struct worker *wk = arg;
	struct dxf_window w = { 0 };
	struct dxf_txn *t;
	uint32_t got;
	dxf_blk_t blk;

	for (int i = 0; i < 400; i++) {
		if (dxf_balloc_reserve(wk->c->e2, &w,
				       core_random(&wk->seed) % 20000,
				       1 + core_random(&wk->seed) % 50, 0,
				       &blk, &got) != 0)
			continue;
		if (i % 3 == 0) {
			dxf_balloc_cancel(wk->c->e2, blk, got);
			continue;
		}
		t = core_begin(wk->c);
		ck_assert_int_eq(dxf_balloc_publish(wk->c->e2, t, blk, got), 0);
		core_commit(t);
		if (i % 3 == 1) {
			t = core_begin(wk->c);
			ck_assert_int_eq(dxf_balloc_free(wk->c->e2, t, 12, blk,
							 got), 0);
			core_commit(t);
			continue;
		}
		wk->allocated += got;
	}
	dxf_balloc_drop_window(wk->c->e2, &w);
	return NULL;
}

START_TEST(test_balloc_threads_lose_nothing)
{
	struct worker wk[4];
	uint64_t total = 0;
	struct core c;

	core_open_config(&c, _i == 0 ? 0 : 11);
	for (int i = 0; i < 4; i++) {
		wk[i] = (struct worker){ .c = &c, .seed = (uint64_t)i << 32 };
		ck_assert_int_eq(pthread_create(&wk[i].thread, NULL, work,
						&wk[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(wk[i].thread, NULL);
		total += wk[i].allocated;
	}
	ck_assert_uint_gt(total, 0);
	ck_assert_uint_eq(c.e2->free_blocks, c.start.free_blocks - total);
	core_check_memory(&c);
	core_close(&c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("balloc");
	TCase *tc = tcase_create("every format");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, test_balloc_publish_and_free_leaves_clean, 0,
			    core_nconfigs);
	tcase_add_loop_test(tc, test_balloc_abort_changes_nothing, 0,
			    core_nconfigs);
	tcase_add_loop_test(tc, test_balloc_free_of_just_published_is_right, 0,
			    core_nconfigs);
	tcase_add_loop_test(tc, test_balloc_random_operations_agree_with_model,
			    0, core_nconfigs);
	suite_add_tcase(s, tc);
	tc = tcase_create("search");
	tcase_add_test(tc, test_balloc_reserve_at_goal_is_contiguous);
	tcase_add_test(tc, test_balloc_reserve_goal_outside_is_no_error);
	tcase_add_test(tc, test_balloc_reserve_long_run_skips_fragmented_group);
	tcase_add_test(tc, test_balloc_freed_run_is_found_again);
	tcase_add_loop_test(tc, test_balloc_enospc_after_exactly_all, 0, 2);
	tcase_add_test(tc, test_balloc_windows_are_stolen_before_enospc);
	tcase_add_test(tc, test_balloc_interleaved_appenders_stay_contiguous);
	tcase_add_test(tc,
		       test_balloc_freed_block_is_not_given_out_before_the_end);
	suite_add_tcase(s, tc);
	tc = tcase_create("damage");
	tcase_add_test(tc, test_balloc_double_free_is_reported);
	tcase_add_test(tc, test_balloc_free_of_metadata_is_reported);
	tcase_add_test(tc, test_balloc_full_bitmap_with_free_count_is_enospc);
	tcase_add_test(tc, test_balloc_bitmap_freeing_metadata_is_not_used);
	tcase_add_test(tc, test_balloc_wrong_bitmap_checksum_is_not_used);
	tcase_add_test(tc, test_balloc_used_under_a_reservation_is_reported);
	tcase_add_test(tc, test_balloc_unreadable_bitmap_is_skipped);
	suite_add_tcase(s, tc);
	tc = tcase_create("faults and threads");
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, test_balloc_fault_leaves_nothing_behind, 0,
			    DXF_ARRAY_SIZE(kinds));
	tcase_add_loop_test(tc, test_balloc_threads_lose_nothing, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return core_run(suite());
}
