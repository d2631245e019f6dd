/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fallocate(2) and lseek(2): what is allocated, what it costs, what a full
 * filesystem makes of it.
 */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <unistd.h>

#include "file_model.h"

#define KEEP	FALLOC_FL_KEEP_SIZE
#define PUNCH	FALLOC_FL_PUNCH_HOLE
#define ZERO	FALLOC_FL_ZERO_RANGE

static struct fsx x;
static uint8_t buf[256 * 1024];
static struct dxf_attr a;

/* An empty file that stays in the cache until teardown. */
static dxf_ino_t setup(int i)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "f",
				      S_IFREG | 0644, 0, &a), 0);
	return a.ino;
}

static void teardown(dxf_ino_t ino)
{
	dxf_fs_forget(x.fs, ino, 1);
	fsx_finish(&x);
}

static int fall(dxf_ino_t ino, int mode, uint64_t off, uint64_t len)
{
	return dxf_fs_fallocate(x.fs, ino, mode, off, len, false, &fsx_root);
}

static uint64_t sectors(dxf_ino_t ino)
{
	return fsx_attr(&x, ino).blocks;
}

static bool is_zero(dxf_ino_t ino, uint64_t off, size_t len)
{
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, off, buf, len), (ssize_t)len);
	for (size_t i = 0; i < len; i++) {
		if (buf[i])
			return false;
	}
	return true;
}

START_TEST(test_fallocate_other_modes_refused)
{
	dxf_ino_t ino = setup(_i);

	ck_assert_int_eq(fall(ino, PUNCH, 0, 10), -EOPNOTSUPP);
	ck_assert_int_eq(fall(ino, FALLOC_FL_COLLAPSE_RANGE, 0, 10),
			 -EOPNOTSUPP);
	ck_assert_int_eq(fall(ino, FALLOC_FL_INSERT_RANGE, 0, 10),
			 -EOPNOTSUPP);
	ck_assert_int_eq(fall(ino, FALLOC_FL_UNSHARE_RANGE, 0, 10),
			 -EOPNOTSUPP);
	ck_assert_int_eq(fall(ino, PUNCH | ZERO | KEEP, 0, 10), -EOPNOTSUPP);
	ck_assert_int_eq(fall(ino, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(fall(ino, 0, UINT64_MAX, 10), -EFBIG);
	ck_assert_int_eq(fall(ino, 0, 10, INT64_MAX), -EFBIG);
	ck_assert_int_eq(fall(ino, 0, (uint64_t)1 << 50, 10), -EFBIG);
	ck_assert_int_eq(fall(DXF_ROOT_INO, 0, 0, 10), -ENODEV);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 0);
	teardown(ino);
}
END_TEST

START_TEST(test_fallocate_gives_zeros_and_size)
{
	dxf_ino_t ino = setup(_i);

	fill_free_blocks(&x, 0xa5);
	ck_assert_int_eq(fall(ino, 0, 5000, 200000), 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 205000);
	ck_assert_uint_ge(sectors(ino), 200000 / 512);
	ck_assert(is_zero(ino, 0, 205000));
	/* What is allocated costs no more. */
	txn_delta(&x);
	ck_assert_int_eq(fall(ino, 0, 10000, 100000), 0);
	ck_assert_uint_eq(txn_delta(&x), 0);
	teardown(ino);
}
END_TEST

START_TEST(test_fallocate_keep_size_then_write_into_it)
{
	dxf_ino_t ino = setup(_i);
	uint64_t before, n;

	fill_free_blocks(&x, 0xa5);
	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(fall(ino, KEEP, 0, 128 * 1024), 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 100);
	n = sectors(ino);
	ck_assert_uint_ge(n, 256);
	before = fsx_free_blocks(&x);
	fsx_write(&x, ino, 100000, 'b', 1000);
	/* At most a block of the map, for the extents that became more. */
	ck_assert_uint_le(sectors(ino), n + 8);
	ck_assert_uint_ge(fsx_free_blocks(&x) + 1, before);
	ck_assert(is_zero(ino, 100, 99900));
	set_size(&x, ino, 110000);
	ck_assert(is_zero(ino, 101000, 9000));
	teardown(ino);
}
END_TEST

/* The format has no place for them without extents. */
START_TEST(test_fallocate_keep_size_is_trimmed_from_indirect)
{
	dxf_ino_t ino = setup(_i);
	bool ext = fsx_attr(&x, ino).flags & FS_EXTENT_FL;

	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(fall(ino, KEEP, 0, 128 * 1024), 0);
	ck_assert_uint_eq(fsx_stats(&x).zombies, !ext);
	dxf_fs_forget(x.fs, ino, 1);
	fsx_umount(&x);
	fsx_check(&x);
	fsx_mount(&x);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 100);
	if (ext)
		ck_assert_uint_ge(sectors(ino), 256);
	else
		ck_assert_uint_le(sectors(ino), 8);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_fallocate_keep_size_truncate_takes_it_off_the_list)
{
	dxf_ino_t ino = setup(_i);

	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(fall(ino, KEEP, 0, 128 * 1024), 0);
	set_size(&x, ino, 100);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	ck_assert_uint_le(sectors(ino), 8);
	/* And an unlinked one stays on it. */
	ck_assert_int_eq(fall(ino, KEEP, 0, 128 * 1024), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "f"), 0);
	set_size(&x, ino, 100);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 1);
	teardown(ino);
}
END_TEST

START_TEST(test_fallocate_too_much_changes_nothing)
{
	dxf_ino_t ino = setup(_i);
	uint64_t before;

	fsx_write(&x, ino, 0, 'a', 100);
	before = fsx_free_blocks(&x);
	ck_assert_int_eq(fall(ino, 0, 0, 100 * DXF_MIB), -ENOSPC);
	ck_assert_uint_eq(fsx_free_blocks(&x), before);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 100);
	teardown(ino);
}
END_TEST

/* The forecast does not know what the map needs: the last blocks are tight. */
START_TEST(test_fallocate_last_blocks_all_or_clean)
{
	dxf_ino_t ino = setup(_i);
	uint32_t bs = fsx_attr(&x, ino).blksize;
	uint64_t n = fsx_free_blocks(&x);
	int err = fall(ino, 0, 0, n * bs);

	if (fsx_attr(&x, ino).flags & FS_EXTENT_FL) {
		ck_assert(err == 0 || err == -ENOSPC);
	} else {
		ck_assert_int_eq(err, -ENOSPC);
		ck_assert_uint_eq(sectors(ino), 0);
		ck_assert_uint_eq(fsx_free_blocks(&x), n);
		ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	}
	teardown(ino);
}
END_TEST

START_TEST(test_punch_frees_whole_blocks_zeroes_the_rest)
{
	dxf_ino_t ino = setup(_i);
	uint32_t bs = fsx_attr(&x, ino).blksize;
	uint64_t n;

	fsx_write(&x, ino, 0, 'a', 16 * bs);
	n = sectors(ino);
	ck_assert_int_eq(fall(ino, PUNCH | KEEP, bs + 10, 4 * bs), 0);
	/* A map block more or less is the map's affair. */
	ck_assert_uint_le(sectors(ino), n - 3 * bs / 512);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 16 * bs);
	ck_assert(is_zero(ino, bs + 10, 4 * bs));
	ck_assert(!is_zero(ino, bs + 9, 1));
	ck_assert(!is_zero(ino, 5 * bs + 10, 1));
	txn_delta(&x);
	ck_assert_int_eq(fall(ino, PUNCH | KEEP, 100, 200), 0);
	ck_assert_uint_eq(txn_delta(&x), 0);
	ck_assert(is_zero(ino, 100, 200));
	teardown(ino);
}
END_TEST

START_TEST(test_punch_to_eof_frees_the_last_block)
{
	dxf_ino_t ino = setup(_i);

	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(fall(ino, PUNCH | KEEP, 0, 100), 0);
	ck_assert_uint_eq(sectors(ino), 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 100);
	ck_assert(is_zero(ino, 0, 100));
	teardown(ino);
}
END_TEST

START_TEST(test_punch_everything_of_a_sparse_file)
{
	dxf_ino_t ino = setup(_i);
	uint64_t before = fsx_free_blocks(&x);

	for (int i = 0; i < 30; i++)
		fsx_write(&x, ino, (uint64_t)i * 100 * DXF_MIB, 'a', 5000);
	ck_assert_int_eq(fall(ino, PUNCH | KEEP, 0, 4 * DXF_GIB), 0);
	ck_assert_uint_eq(sectors(ino), 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), before);
	teardown(ino);
}
END_TEST

START_TEST(test_zero_range_zeroes_and_allocates)
{
	dxf_ino_t ino = setup(_i);

	fill_free_blocks(&x, 0xa5);
	fsx_write(&x, ino, 0, 'a', 10000);
	fsx_write(&x, ino, 50000, 'a', 10000);
	ck_assert_int_eq(fall(ino, ZERO | KEEP, 5000, 100000), 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 60000);
	ck_assert(is_zero(ino, 5000, 55000));
	ck_assert(!is_zero(ino, 4999, 1));
	ck_assert_uint_ge(sectors(ino), 105000 / 512);
	ck_assert_int_eq(fall(ino, ZERO, 5000, 100000), 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 105000);
	ck_assert(is_zero(ino, 5000, 100000));
	teardown(ino);
}
END_TEST

START_TEST(test_fallocate_protected_and_privileges)
{
	dxf_ino_t ino = setup(_i);
	uint32_t ext = fsx_attr(&x, ino).flags & FS_EXTENT_FL;
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 06755 };

	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext | FS_APPEND_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(fall(ino, PUNCH | KEEP, 0, 10), -EPERM);
	ck_assert_int_eq(fall(ino, 0, 0, 10), 0);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext | FS_IMMUTABLE_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(fall(ino, 0, 0, 10), -EPERM);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext, &fsx_root), 0);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, NULL, &a), 0);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, PUNCH | KEEP, 0, 10, true,
					  &fsx_root), 0);
	ck_assert_int_eq(fsx_attr(&x, ino).mode & 07777, 0755);
	teardown(ino);
}
END_TEST

START_TEST(test_seek_finds_data_and_holes)
{
	dxf_ino_t ino = setup(_i);
	uint64_t off;

	fsx_write(&x, ino, 64 * 1024, 'a', 4096);
	fsx_write(&x, ino, 3 * DXF_GIB, 'a', 4096);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 0, SEEK_DATA, &off), 0);
	ck_assert_uint_eq(off, 64 * 1024);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 0, SEEK_HOLE, &off), 0);
	ck_assert_uint_eq(off, 0);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 65 * 1024, SEEK_HOLE, &off),
			 0);
	ck_assert_uint_eq(off, 68 * 1024);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 68 * 1024, SEEK_DATA, &off),
			 0);
	ck_assert_uint_eq(off, 3 * DXF_GIB);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 3 * DXF_GIB, SEEK_HOLE, &off),
			 0);
	ck_assert_uint_eq(off, 3 * DXF_GIB + 4096);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 3 * DXF_GIB + 4096, SEEK_DATA,
				      &off), -ENXIO);
	set_size(&x, ino, 4 * DXF_GIB);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 3 * DXF_GIB + 4096, SEEK_DATA,
				      &off), -ENXIO);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, ino, 0, SEEK_SET, &off), -EINVAL);
	ck_assert_int_eq(dxf_fs_lseek(x.fs, DXF_ROOT_INO, 0, SEEK_DATA, &off),
			 -EISDIR);
	teardown(ino);
}
END_TEST

START_TEST(test_seek_takes_unwritten_for_a_hole)
{
	dxf_ino_t ino = setup(_i);
	uint64_t off = 0;
	int err;

	ck_assert_int_eq(fall(ino, 0, 0, 100000), 0);
	err = dxf_fs_lseek(x.fs, ino, 0, SEEK_DATA, &off);
	if (fsx_attr(&x, ino).flags & FS_EXTENT_FL)
		ck_assert_int_eq(err, -ENXIO);
	else
		ck_assert(err == 0 && off == 0);
	teardown(ino);
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_fallocate_other_modes_refused);
	EACH(test_fallocate_gives_zeros_and_size);
	EACH(test_fallocate_keep_size_then_write_into_it);
	EACH(test_fallocate_keep_size_is_trimmed_from_indirect);
	EACH(test_fallocate_keep_size_truncate_takes_it_off_the_list);
	EACH(test_fallocate_too_much_changes_nothing);
	EACH(test_fallocate_last_blocks_all_or_clean);
	EACH(test_punch_frees_whole_blocks_zeroes_the_rest);
	EACH(test_punch_to_eof_frees_the_last_block);
	EACH(test_punch_everything_of_a_sparse_file);
	EACH(test_zero_range_zeroes_and_allocates);
	EACH(test_fallocate_protected_and_privileges);
	EACH(test_seek_finds_data_and_holes);
	EACH(test_seek_takes_unwritten_for_a_hole);
}

int main(void)
{
	return run_tests("falloc", add);
}
