/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing to bad blocks: the list of those that are out of use, what was
 * deferred, and failures in the middle.
 */
#include <stdio.h>

#include "rescue_rig.h"

/* More than the list's direct blocks, through an indirect one. */
START_TEST(test_rescue_of_many_blocks_fills_the_list)
{
	uint64_t n = 0;
	uint32_t bs;

	setup(_i);
	bs = block_size();
	for (int round = 0; round < 3; round++) {
		for (uint64_t off = page_at(PAGE); off + PAGE <= LEN;
		     off += bs) {
			dxf_region_add_bad(x.region, media_of(ino, off), bs);
			dxf_fault_arm(DXF_FAULT_PERSIST, 1);
			put_all(off, bs);
			dxf_fault_disarm();
			n++;
		}
		fsx_remount(&x);
		fsx_hold(&x, ino);
	}
	ck_assert_uint_ge(n, 40);
	check_bytes(LEN);
	fsx_umount(&x);
	poison_heal(x.region);
	ck_assert_int_eq(count_retired(0), (int)n);
	fsx_check(&x);
	fsx_remove(&x);
}
END_TEST

/*
 * What waited in the cache for fsync went with the block (where blocks are not
 * smaller than what the dirty-extent tree tells apart).
 */
START_TEST(test_rescue_forgets_what_was_deferred)
{
	uint64_t off;

	setup(_i);
	fsx_umount(&x);
	x.opts.durability = DXF_DURABILITY_FSYNC;
	x.opts.commit = 1000;
	fsx_mount(&x);
	fsx_hold(&x, ino);
	off = page_at(4 * PAGE);
	put_all(off + 10, 20);
	poison_at(off);
	put_all(off, PAGE);
	ck_assert_int_eq(poison_hits() > 0, 1);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	ck_assert(!dxf_txnmgr_is_ro(dxf_ext2_txnmgr(dxf_fs_ext2(x.fs))));
	finish(LEN);
}
END_TEST

/* A list that leads round in circles holds nobody up. */
START_TEST(test_rescue_with_a_hostile_list_is_eio)
{
	uint32_t bs, loop;
	dxf_ino_t map;
	char cmd[100];
	uint32_t *ptrs;

	setup(_i);
	bs = block_size();
	map = fsx_create(&x, DXF_ROOT_INO, "map");
	fsx_write(&x, map, 0, 'm', bs);
	loop = (uint32_t)(media_of(map, 0) / bs);
	ptrs = malloc(bs);
	for (uint32_t i = 0; i < bs / 4; i++)
		ptrs[i] = loop;
	ck_assert_int_eq(dxf_fs_write(x.fs, map, 0, ptrs, bs, 0, &fsx_root),
			 bs);
	free(ptrs);
	fsx_umount(&x);
	for (int i = 0; i < 15; i++) {
		const char *const tree[] = { "IND", "DIND", "TIND" };

		if (i < 12)
			snprintf(cmd, sizeof(cmd), "sif <1> block[%d] %u", i,
				 loop);
		else
			snprintf(cmd, sizeof(cmd), "sif <1> block[%s] %u",
				 tree[i - 12], loop);
		fsx_debugfs(&x, cmd);
	}
	fsx_mount(&x);
	fsx_hold(&x, ino);
	dxf_region_add_bad(x.region, media_of(ino, 2 * PAGE), bs);
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	ck_assert_int_eq(put(2 * PAGE, bs), -EIO);
	ck_assert(dxf_fault_disarm());
	poison_heal(x.region);
	check_bytes(LEN);
	fsx_remove(&x);
}
END_TEST

/* ---- the fault plan ---- */

static const enum dxf_fault_kind kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
	DXF_FAULT_HOSTALLOC,
};

static void fill_up(dxf_ino_t f, size_t step)
{
	uint64_t pos = 0;
	ssize_t n;

	do {
		n = dxf_fs_write(x.fs, f, pos, fresh, step, 0, &fsx_root);
		pos += n > 0 ? (uint64_t)n : 0;
	} while (n == (ssize_t)step);
	ck_assert(n > 0 || n == -ENOSPC);
}

/* Every free block can be had: no reservation was left behind. */
static void check_nothing_reserved(void)
{
	dxf_ino_t big = fsx_create(&x, DXF_ROOT_INO, "big");
	dxf_ino_t last = fsx_create(&x, DXF_ROOT_INO, "last");

	fill_up(big, LEN);
	/* One that needs no blocks for its map. */
	fill_up(last, block_size());
	ck_assert_uint_eq(fsx_free_blocks(&x), 0);
}

/*
 * Every call in it fails once: the block reads as before, as after, or not at
 * all, and the filesystem is consistent.
 */
static bool try_with_fault(int image, enum dxf_fault_kind kind, uint64_t nth)
{
	uint64_t off;
	dxf_off_t bad;
	bool hit, dead;
	ssize_t n;

	setup(image);
	off = page_at(4 * PAGE);
	bad = poison_at(off);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, off, buf, 1), -EIO);
	dxf_fault_arm(kind, nth);
	n = put(off, block_size());
	hit = dxf_fault_disarm();
	poison_heal(x.region);
	if (n == (ssize_t)block_size())
		memcpy(want + off, fresh + off, block_size());
	else
		ck_assert_int_lt(n, 0);
	ck_assert(n > 0 || media_of(ino, off) == bad);
	check_bytes(LEN);
	/* A store in place that failed has left the filesystem read-only. */
	dead = dxf_txnmgr_is_ro(dxf_ext2_txnmgr(dxf_fs_ext2(x.fs)));
	if (!dead)
		check_nothing_reserved();
	ck_assert_int_eq(fsx_drop(&x) == 0, !dead);
	if (!dead)
		fsx_check(&x);
	fsx_remove(&x);
	return hit;
}

START_TEST(test_rescue_under_faults_leaves_old_or_new)
{
	uint64_t nth = 1;

	for (int image = 0; image < fsx_nimages; image++) {
		for (nth = 1; try_with_fault(image, kinds[_i], nth); nth++)
			ck_assert_uint_lt(nth, 500);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_rescue_of_many_blocks_fills_the_list, 0,
			    fsx_nimages);
	tcase_add_loop_test(tc, test_rescue_with_a_hostile_list_is_eio, 0,
			    fsx_nimages);
	tcase_add_loop_test(tc, test_rescue_forgets_what_was_deferred, 1,
			    fsx_nimages);
	tcase_add_loop_test(tc, test_rescue_under_faults_leaves_old_or_new, 0,
			    DXF_ARRAY_SIZE(kinds));
}

int main(void)
{
	return run_tests("rescue_list", add);
}
