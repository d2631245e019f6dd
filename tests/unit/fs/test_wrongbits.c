/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bitmaps that call blocks free which are in use, and media that change under
 * the mount: an error of the filesystem, and no harm to the process.
 */
#include "file_model.h"

#include <stdio.h>

#include "fs_priv.h"
#include "persist.h"

static struct fsx x;
static dxf_ino_t from, to;

static dxf_blk_t first_block(dxf_ino_t ino)
{
	struct dxf_inode *inode;
	struct dxf_run run;

	ck_assert_int_eq(dxf_icache_get(x.fs, ino, &inode), 0);
	ck_assert_int_eq(dxf_bmap_lookup(&inode->node, &inode->node.di, 0, 1,
					 &run), 0);
	dxf_icache_put(x.fs, inode);
	ck_assert_uint_ne(run.pblk, 0);
	return run.pblk;
}

/* The map of the filler needs blocks too: the last ones go to small files. */
static void fill_up(void)
{
	dxf_ino_t ino = fsx_create(&x, DXF_ROOT_INO, "filler");
	static const uint8_t buf[1024];
	uint64_t off = 0;

	while (dxf_fs_write(x.fs, ino, off, buf, 1024, 0, &fsx_root) == 1024)
		off += 1024;
	for (char name[2] = "A"; fsx_free_blocks(&x) > 0; name[0]++)
		fsx_write(&x, fsx_create(&x, DXF_ROOT_INO, name), 0, 'x',
			  1024);
}

/*
 * No block is free but, by a bit that is wrong, the one of "from", in which
 * "f" is; the only block of "to" is full.
 */
static void setup(void)
{
	static const struct fsx_image small = {
		"small", "-t ext2 -b 1024 -m 0 -N 64", 2
	};
	char name[101], request[64];

	fsx_make(&x, &small);
	fsx_mount(&x);
	from = fsx_mkdir(&x, DXF_ROOT_INO, "from");
	to = fsx_mkdir(&x, DXF_ROOT_INO, "to");
	fsx_create(&x, from, "e");
	fsx_create(&x, from, "f");
	memset(name, 'n', 100);
	name[100] = '\0';
	for (name[0] = 'a'; name[0] < 'a' + 9; name[0]++)
		fsx_create(&x, to, name);
	fill_up();
	ck_assert_uint_eq(fsx_free_blocks(&x), 0);
	snprintf(request, sizeof(request), "freeb %llu",
		 (unsigned long long)first_block(from));
	fsx_umount(&x);
	fsx_debugfs(&x, request);
	fsx_debugfs(&x, "set_block_group 0 free_blocks_count 1");
	fsx_mount(&x);
	ck_assert_uint_eq(fsx_free_blocks(&x), 1);
}

/*
 * The name goes from "from", whose block is changed, and "to" has to grow: by
 * the very same block.
 */
START_TEST(test_wrongbits_block_with_a_change_in_it_is_not_allocated)
{
	char name[101];

	setup();
	memset(name, 'r', 100);
	name[100] = '\0';
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(from, "f"),
				       DXF_AT(to, name), 0), -EUCLEAN);
	ck_assert_uint_ne(fsx_lookup(&x, from, "f"), 0);
	ck_assert_uint_eq(fsx_attr(&x, to).size, 1024);
	fsx_drop(&x);
	fsx_remove(&x);
}
END_TEST

/* Another program writes to the image, whatever the lock says. */
START_TEST(test_wrongbits_superblock_that_goes_is_an_error)
{
	static const uint8_t zeros[1024];

	fsx_make(&x, &fsx_images[_i]);
	fsx_mount(&x);
	fsx_create(&x, DXF_ROOT_INO, "f");
	ck_assert_int_eq(dxf_persist_copy(x.region, 1024, zeros, 1024, 0), 0);
	/* The orphan list begins in the superblock. */
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "f"), -EUCLEAN);
	ck_assert_uint_ne(fsx_lookup(&x, DXF_ROOT_INO, "f"), 0);
	ck_assert_int_ne(fsx_drop(&x), 0);
	fsx_remove(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_wrongbits_superblock_that_goes_is_an_error,
			    0, fsx_nimages);
	tcase_add_test(tc,
		test_wrongbits_block_with_a_change_in_it_is_not_allocated);
}

int main(void)
{
	return run_tests("wrongbits", add);
}
