/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes and names that find room for some of what they need, or none but
 * root's reserve.
 */
#include <linux/falloc.h>

#include "file_model.h"

static struct fsx x;
static uint8_t buf[8192], got[8192];

static ssize_t put(dxf_ino_t ino, uint64_t off, size_t len)
{
	memset(buf, 'n', sizeof(buf));
	return dxf_fs_write(x.fs, ino, off, buf, len, 0, &fsx_root);
}

/*
 * The hole before a double-indirect block that is mapped: there is room for the
 * hole's block, none for the map's.
 */
START_TEST(test_write_without_room_for_the_map_changes_nothing)
{
	static const struct fsx_image small = {
		"small", "-t ext2 -b 1024 -m 0 -N 64", 2
	};
	const uint64_t at = (12 + 256) * 1024;
	dxf_ino_t ino, filler, last;
	uint64_t off = 0;

	fsx_make(&x, &small);
	fsx_mount(&x);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, at, 'o', 4096);
	last = fsx_create(&x, DXF_ROOT_INO, "last");
	fsx_write(&x, last, 0, 'l', 1024);
	filler = fsx_create(&x, DXF_ROOT_INO, "filler");
	while (put(filler, off, 1024) == 1024)
		off += 1024;
	while (fsx_free_blocks(&x) > 0)
		fsx_write(&x, fsx_create(&x, DXF_ROOT_INO,
					 fsx_free_blocks(&x) % 2 ? "a" : "b"),
			  0, 'x', 1024);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "last"), 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), 1);
	ck_assert_int_eq(put(ino, at - 1024, 5 * 1024), -ENOSPC);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, at, got, 4096), 4096);
	for (int j = 0; j < 4096; j++)
		ck_assert_int_eq(got[j], 'o');
	ck_assert_uint_eq(fsx_free_blocks(&x), 1);
	fsx_finish(&x);
}
END_TEST

/* All blocks but the reserved ones are taken, and @dir's only block is full. */
static dxf_ino_t fill_but_reserved(dxf_ino_t *file)
{
	static const struct fsx_image small = {
		"small", "-t ext2 -b 1024 -m 5 -N 64", 2
	};
	const struct dxf_cred user = { .uid = 1000, .gid = 1000 };
	char name[128];
	dxf_ino_t dir, filler;
	uint64_t off = 0;

	fsx_make(&x, &small);
	fsx_mount(&x);
	dir = fsx_mkdir(&x, DXF_ROOT_INO, "dir");
	*file = fsx_create(&x, DXF_ROOT_INO, "f");
	filler = fsx_create(&x, DXF_ROOT_INO, "filler");
	memset(name, 'n', sizeof(name));
	name[100] = '\0';
	for (name[0] = 'a'; name[0] < 'a' + 9; name[0]++)
		fsx_create(&x, dir, name);
	ck_assert_uint_eq(fsx_attr(&x, dir).size, 1024);
	while (dxf_fs_write(x.fs, filler, off, buf, 1024, 0, &user) == 1024)
		off += 1024;
	ck_assert_uint_gt(fsx_free_blocks(&x), 0);
	return dir;
}

START_TEST(test_link_grows_a_directory_into_reserved_blocks_for_root_only)
{
	const struct dxf_cred user = { .uid = 1000, .gid = 1000 };
	char name[101];
	struct dxf_attr a;
	dxf_ino_t f, dir = fill_but_reserved(&f);

	memset(name, 'l', 100);
	name[100] = '\0';
	ck_assert_int_eq(dxf_fs_link(x.fs, &user, f, dir, name, &a), -ENOSPC);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, dir, name, &a), 0);
	dxf_fs_forget(x.fs, f, 1);
	ck_assert_uint_eq(fsx_attr(&x, dir).size, 2048);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_grows_a_directory_into_reserved_blocks_for_root_only)
{
	const struct dxf_cred user = { .uid = 1000, .gid = 1000 };
	char name[101];
	dxf_ino_t f, dir = fill_but_reserved(&f);

	memset(name, 'r', 100);
	name[100] = '\0';
	ck_assert_int_eq(dxf_fs_rename(x.fs, &user, DXF_AT(DXF_ROOT_INO, "f"),
				       DXF_AT(dir, name), 0), -ENOSPC);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root,
				       DXF_AT(DXF_ROOT_INO, "f"),
				       DXF_AT(dir, name), 0), 0);
	ck_assert_uint_eq(fsx_lookup(&x, dir, name), f);
	ck_assert_uint_eq(fsx_attr(&x, dir).size, 2048);
	fsx_finish(&x);
}
END_TEST

/*
 * Four extents fill the inode: a hole in one of them needs a block for the tree,
 * which is not there.
 */
START_TEST(test_punch_without_room_for_the_map_zeroes)
{
	static const struct fsx_image small = {
		"small",
		"-t ext4 -O ^has_journal -b 1024 -m 0 -N 64", 2
	};
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	uint64_t before, off = 0;
	dxf_ino_t ino, filler;

	fsx_make(&x, &small);
	fsx_mount(&x);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	for (int i = 0; i < 4; i++)
		fsx_write(&x, ino, (uint64_t)i * 8192, 'o', 4096);
	filler = fsx_create(&x, DXF_ROOT_INO, "filler");
	while (put(filler, off, 1024) == 1024)
		off += 1024;
	ck_assert_uint_eq(fsx_free_blocks(&x), 0);
	before = fsx_attr(&x, ino).blocks;
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, mode, 1000, 2100, false,
					  &fsx_root), 0);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, got, 4096), 4096);
	for (int j = 0; j < 4096; j++)
		ck_assert_int_eq(got[j], j < 1000 || j >= 3100 ? 'o' : 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).blocks, before);

	/* with room they go */
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "filler"), 0);
	dxf_fs_forget(x.fs, filler, 1);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, mode, 1000, 2100, false,
					  &fsx_root), 0);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, got, 4096), 4096);
	for (int j = 0; j < 4096; j++)
		ck_assert_int_eq(got[j], j < 1000 || j >= 3100 ? 'o' : 0);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, test_punch_without_room_for_the_map_zeroes);
	tcase_add_test(tc,
		test_link_grows_a_directory_into_reserved_blocks_for_root_only);
	tcase_add_test(tc,
		test_rename_grows_a_directory_into_reserved_blocks_for_root_only);
	tcase_add_test(tc,
		       test_write_without_room_for_the_map_changes_nothing);
}

int main(void)
{
	return run_tests("nospc", add);
}
