/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing to bad blocks: what clears them, what moves their data, what is
 * refused, and what e2fsck says of it.
 */
#include <linux/falloc.h>
#include <stdio.h>

#include "rescue_rig.h"

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

/* Free, known to be bad: nobody gets it, so it is not free to anybody. */
START_TEST(test_bad_free_blocks_are_not_counted_as_free)
{
	uint64_t off, free0, n;
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE };
	struct dxf_attr a;

	setup(_i);
	off = page_at(4 * PAGE);
	poison_at(off);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, off, buf, 1), -EIO);
	free0 = fsx_free_blocks(&x);
	n = fsx_attr(&x, ino).blocks / (block_size() / 512);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a), 0);
	ck_assert_uint_eq(a.blocks, 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), free0 + n - PAGE / block_size());
	poison_heal(x.region);
	ck_assert_uint_eq(fsx_free_blocks(&x), free0 + n);
	fsx_finish(&x);
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

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_rescue_full_overwrite_moves_to_a_fresh_block);
	EACH(test_bad_free_blocks_are_not_counted_as_free);
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
}

int main(void)
{
	return run_tests("rescue", add);
}
