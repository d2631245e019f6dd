/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing to bad blocks: what clears them, what moves their data, what is
 * refused, and what e2fsck says of it.
 */
#include <linux/falloc.h>
#include <stdio.h>

#include "fault.h"
#include "file_model.h"
#include "image.h"
#include "poison.h"

#define PAGE	POISON_PAGE
#define LEN	(16 * PAGE)

static struct fsx x;
static dxf_ino_t ino;
static uint8_t want[LEN], buf[LEN], fresh[LEN];

static uint32_t block_size(void)
{
	struct statvfs s;

	ck_assert_int_eq(dxf_fs_statfs(x.fs, &s), 0);
	return (uint32_t)s.f_bsize;
}

/* A file of LEN bytes, not zero, in want[]. */
static void setup(int i)
{
	struct rnd r = { .s = (uint64_t)i };

	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_hold(&x, ino);
	rnd_fill(&r, want, LEN);
	rnd_fill(&r, fresh, LEN);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, want, LEN, 0, &fsx_root),
			 LEN);
}

/* Where the byte at @off lies, read or not. */
static dxf_off_t media_of(dxf_ino_t of, uint64_t off)
{
	struct iovec iov[1];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 1 };
	const void *base;
	dxf_off_t at;

	ck_assert_int_gt(dxf_region_direct_access(x.region, 0, 1,
			 DXF_ACCESS_RECOVERY_WRITE, &base), 0);
	ck_assert_int_eq(dxf_fs_read_begin(x.fs, of, off, 1, &r), 1);
	at = (const char *)iov[0].iov_base - (const char *)base;
	dxf_fs_read_end(x.fs, &r);
	return at;
}

static ssize_t put(uint64_t off, size_t len)
{
	return dxf_fs_write(x.fs, ino, off, fresh + off, len, 0, &fsx_root);
}

/* put() that must work. */
static void put_all(uint64_t off, size_t len)
{
	ck_assert_int_eq(put(off, len), (ssize_t)len);
	memcpy(want + off, fresh + off, len);
}

static void check_bytes(size_t len)
{
	ck_assert_uint_eq(fsx_attr(&x, ino).size, len);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, LEN), (ssize_t)len);
	ck_assert_int_eq(memcmp(buf, want, len), 0);
}

/* How many blocks the bad-blocks inode has, and that @blk (or 0) is one. */
static int count_retired(dxf_blk_t blk)
{
	char out[16384], *line, *rest = out;
	bool seen = blk == 0;
	int n = 0;

	ck_assert_int_eq(image_run(x.region, "dumpe2fs -b $IMG 2>/dev/null",
				   false, out, sizeof(out)), 0);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] == '\0')
			continue;
		seen |= strtoull(line, NULL, 10) == blk;
		n++;
	}
	ck_assert(seen);
	return n;
}

static void finish(size_t len)
{
	check_bytes(len);
	poison_heal(x.region);
	fsx_remount(&x);
	check_bytes(len);
	fsx_finish(&x);
}

/* The page of the file at @off, which lies together on media. */
static dxf_off_t poison_at(uint64_t off)
{
	dxf_off_t at = media_of(ino, off);

	ck_assert_uint_eq(at % PAGE, 0);
	poison_add(x.region, at);
	return at;
}

/* An offset in the file from @from on whose bytes begin a page of media. */
static uint64_t page_at(uint64_t from)
{
	while (media_of(ino, from) % PAGE != 0)
		from += block_size();
	ck_assert_uint_le(from, LEN - PAGE);
	ck_assert_uint_eq(media_of(ino, from + PAGE - 1),
			  media_of(ino, from) + PAGE - 1);
	return from;
}

START_TEST(test_rescue_full_overwrite_moves_to_a_fresh_block)
{
	uint64_t off, free0;
	dxf_off_t bad;
	uint32_t bs;

	setup(_i);
	bs = block_size();
	off = page_at(4 * PAGE);
	bad = poison_at(off);
	free0 = fsx_free_blocks(&x);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, off, buf, 1), -EIO);
	put_all(off, PAGE);
	ck_assert_uint_ne(media_of(ino, off), bad);
	ck_assert_uint_eq(fsx_free_blocks(&x), free0 - PAGE / bs);
	check_bytes(LEN);
	poison_heal(x.region);
	ck_assert_int_eq(count_retired(bad / bs), (int)(PAGE / bs));
	finish(LEN);
}
END_TEST

/* Nobody has read it before: the store itself meets it. */
START_TEST(test_rescue_of_unknown_poison_works_at_once)
{
	uint64_t off;

	setup(_i);
	off = page_at(4 * PAGE);
	poison_at(off);
	put_all(off - PAGE, 3 * PAGE);
	finish(LEN);
}
END_TEST

START_TEST(test_rescue_of_a_part_is_eio_and_changes_nothing)
{
	uint64_t off;

	setup(_i);
	off = page_at(4 * PAGE);
	poison_at(off);
	ck_assert_int_eq(put(off + 100, 10), -EIO);
	ck_assert_int_eq(put(off, block_size() - 1), -EIO);
	ck_assert_int_eq(put(off + 1, block_size() - 1), -EIO);
	/* What can be stored before it is, and counted. */
	ck_assert_int_eq(put(off - 50, 100), 50);
	memcpy(want + off - 50, fresh + off - 50, 50);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, LEN), (ssize_t)off);
	ck_assert_int_eq(memcmp(buf, want, off), 0);
	poison_heal(x.region);
	ck_assert_int_eq(count_retired(0), 0);
	finish(LEN);
}
END_TEST

/* Media that are good after a store: the block stays where it is. */
START_TEST(test_rescue_in_place_when_the_driver_clears)
{
	dxf_off_t at, start, end;

	setup(_i);
	at = media_of(ino, 2 * PAGE);
	dxf_region_add_bad(x.region, at + 512, 512);
	ck_assert_int_eq(put(2 * PAGE + 600, 10), -EIO);
	put_all(2 * PAGE, 1024);
	ck_assert_uint_eq(media_of(ino, 2 * PAGE), at);
	ck_assert(!dxf_region_find_bad(x.region, at, PAGE, &start, &end));
	ck_assert_int_eq(count_retired(0), 0);
	finish(LEN);
}
END_TEST

/* What is good of the block and not written comes along. */
START_TEST(test_rescue_keeps_the_rest_of_the_block)
{
	dxf_off_t at;

	setup(_i);
	at = media_of(ino, 2 * PAGE);
	dxf_region_add_bad(x.region, at + 512, 512);
	/* Not cleared in place. */
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	put_all(2 * PAGE + 500, 530 - 2);
	ck_assert(dxf_fault_disarm());
	ck_assert_uint_ne(media_of(ino, 2 * PAGE), at);
	check_bytes(LEN);
	poison_heal(x.region);
	ck_assert_int_eq(count_retired(at / block_size()), 1);
	finish(LEN);
}
END_TEST

/* A good part of a bad block is stored to where it lies. */
START_TEST(test_rescue_is_not_for_the_good_part)
{
	dxf_off_t at;

	setup(_i);
	at = media_of(ino, 2 * PAGE);
	dxf_region_add_bad(x.region, at + 512, 512);
	put_all(2 * PAGE, 512);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 2 * PAGE, buf, PAGE), 512);
	ck_assert_uint_eq(media_of(ino, 2 * PAGE), at);
	ck_assert_int_eq(dxf_persist_zero(x.region, at + 512, 512,
					  DXF_PERSIST_RECOVERY), 0);
	memset(want + 2 * PAGE + 512, 0, 512);
	finish(LEN);
}
END_TEST

/* Behind the end of file nothing has to be kept. */
START_TEST(test_rescue_of_the_last_block_by_its_bytes)
{
	uint64_t off, size;

	setup(_i);
	off = page_at(8 * PAGE);
	size = off + block_size() / 2;
	set_size(&x, ino, size);
	poison_at(off);
	put_all(off, block_size() / 2);
	check_bytes(size);
	/* Longer again: zeros. */
	set_size(&x, ino, size + 100);
	memset(want + size, 0, 100);
	finish(size + 100);
}
END_TEST

START_TEST(test_rescue_by_append)
{
	uint64_t size;
	dxf_off_t at;

	setup(_i);
	size = 8 * PAGE + 100;
	set_size(&x, ino, size);
	at = media_of(ino, 8 * PAGE);
	dxf_region_add_bad(x.region, at + 512, 512);
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	put_all(size, 2 * PAGE);
	ck_assert(dxf_fault_disarm());
	finish(size + 2 * PAGE);
}
END_TEST

START_TEST(test_rescue_by_zeroing_and_punching)
{
	uint64_t off;

	setup(_i);
	off = page_at(4 * PAGE);
	poison_at(off);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, FALLOC_FL_ZERO_RANGE,
					  off - 10, PAGE + 20, false,
					  &fsx_root), 0);
	memset(want + off - 10, 0, PAGE + 20);
	check_bytes(LEN);
	off = page_at(10 * PAGE);
	poison_at(off);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, FALLOC_FL_PUNCH_HOLE |
					  FALLOC_FL_KEEP_SIZE, off - 10,
					  PAGE + 20, false, &fsx_root), 0);
	memset(want + off - 10, 0, PAGE + 20);
	finish(LEN);
}
END_TEST

START_TEST(test_rescue_by_copy)
{
	uint64_t off, other_off;
	dxf_ino_t other;

	setup(_i);
	other = fsx_create(&x, DXF_ROOT_INO, "g");
	ck_assert_int_eq(dxf_fs_write(x.fs, other, 0, fresh, LEN, 0,
				      &fsx_root), LEN);
	off = page_at(4 * PAGE);
	poison_at(off);
	ck_assert_int_eq(dxf_fs_copy_range(x.fs, other, 0, ino, 0, LEN, 0,
					   &fsx_root), LEN);
	memcpy(want, fresh, LEN);
	check_bytes(LEN);
	/* A bad source is an error, and the target as good as before. */
	for (other_off = 4 * PAGE; media_of(other, other_off) % PAGE != 0; )
		other_off += block_size();
	poison_add(x.region, media_of(other, other_off));
	ck_assert_int_eq(dxf_fs_copy_range(x.fs, other, other_off, ino, 0,
					   PAGE, 0, &fsx_root), -EIO);
	finish(LEN);
}
END_TEST

START_TEST(test_rescue_of_unwritten_blocks)
{
	uint64_t off = 4 * PAGE;

	setup(_i);
	if (!(fsx_attr(&x, ino).flags & 0x80000)) {
		fsx_finish(&x);
		return;
	}
	/* Where its blocks were, its blocks are unwritten now. */
	for (int i = 0; i < 2; i++) {
		poison_at(off);
		ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino,
			FALLOC_FL_ZERO_RANGE, off, PAGE, false, &fsx_root), 0);
		off += PAGE;
	}
	memset(want + 4 * PAGE, 0, 2 * PAGE);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, FALLOC_FL_KEEP_SIZE, LEN,
					  4 * PAGE, false, &fsx_root), 0);
	set_size(&x, ino, LEN + 2 * PAGE);
	set_size(&x, ino, LEN);
	finish(LEN);
}
END_TEST

/* A preallocated file whose blocks are bad, and a byte written to each. */
START_TEST(test_rescue_of_preallocated_bad_blocks)
{
	dxf_off_t at;
	char c = 'p';

	setup(_i);
	if (!(fsx_attr(&x, ino).flags & 0x80000)) {
		fsx_finish(&x);
		return;
	}
	at = media_of(ino, 15 * PAGE) + PAGE;
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, 0, LEN, 4 * PAGE, false,
					  &fsx_root), 0);
	/* They follow the others: the window was the file's. */
	poison_add(x.region, at + PAGE);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, LEN + PAGE + 77, &c, 1, 0,
				      &fsx_root), 1);
	ck_assert_uint_ne(media_of(ino, LEN + PAGE), at + PAGE);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, LEN, buf, 4 * PAGE), 4 * PAGE);
	for (size_t i = 0; i < 4 * PAGE; i++)
		ck_assert_int_eq(buf[i], i == PAGE + 77 ? 'p' : 0);
	poison_heal(x.region);
	ck_assert_int_eq(count_retired((at + PAGE) / PAGE), 1);
	fsx_finish(&x);
}
END_TEST

/* Free blocks that turn out to be bad are no concern of a writer. */
START_TEST(test_rescue_new_blocks_that_are_bad_are_left_out)
{
	dxf_off_t at;

	setup(_i);
	at = dxf_align_up(media_of(ino, LEN - 1) + 1, PAGE);
	for (int i = 0; i < 4; i++)
		poison_add(x.region, at + 2u * (unsigned int)i * PAGE);
	put_all(0, LEN);
	for (int i = 0; i < 6; i++) {
		char name[8];
		dxf_ino_t f;

		snprintf(name, sizeof(name), "n%d", i);
		f = fsx_create(&x, DXF_ROOT_INO, name);
		ck_assert_int_eq(dxf_fs_write(x.fs, f, 0, fresh, LEN, 0,
					      &fsx_root), LEN);
		ck_assert_int_eq(dxf_fs_read(x.fs, f, 0, buf, LEN), LEN);
		ck_assert_int_eq(memcmp(buf, fresh, LEN), 0);
	}
	finish(LEN);
}
END_TEST

START_TEST(test_rescue_without_room_is_enospc)
{
	uint64_t off;
	dxf_ino_t fill;

	setup(_i);
	off = page_at(4 * PAGE);
	fill = fsx_create(&x, DXF_ROOT_INO, "fill");
	for (uint64_t pos = 0; ; pos += LEN) {
		ssize_t n = dxf_fs_write(x.fs, fill, pos, fresh, LEN, 0,
					 &fsx_root);

		if (n < LEN)
			break;
	}
	while (dxf_fs_write(x.fs, fill, fsx_attr(&x, fill).size, fresh, 512, 0,
			    &fsx_root) > 0)
		;
	poison_at(off);
	ck_assert_int_eq(put(off, PAGE), -ENOSPC);
	poison_heal(x.region);
	finish(LEN);
}
END_TEST

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
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_rescue_full_overwrite_moves_to_a_fresh_block);
	EACH(test_rescue_of_unknown_poison_works_at_once);
	EACH(test_rescue_of_a_part_is_eio_and_changes_nothing);
	EACH(test_rescue_in_place_when_the_driver_clears);
	EACH(test_rescue_keeps_the_rest_of_the_block);
	EACH(test_rescue_is_not_for_the_good_part);
	EACH(test_rescue_of_the_last_block_by_its_bytes);
	EACH(test_rescue_by_append);
	EACH(test_rescue_by_zeroing_and_punching);
	EACH(test_rescue_by_copy);
	EACH(test_rescue_of_unwritten_blocks);
	EACH(test_rescue_of_preallocated_bad_blocks);
	EACH(test_rescue_new_blocks_that_are_bad_are_left_out);
	EACH(test_rescue_without_room_is_enospc);
	EACH(test_rescue_of_many_blocks_fills_the_list);
	EACH(test_rescue_with_a_hostile_list_is_eio);
	tcase_add_loop_test(tc, test_rescue_forgets_what_was_deferred, 1,
			    fsx_nimages);
	tcase_add_loop_test(tc, test_rescue_under_faults_leaves_old_or_new, 0,
			    DXF_ARRAY_SIZE(kinds));
}

int main(void)
{
	return run_tests("rescue", add);
}
