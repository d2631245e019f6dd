/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The largest transaction that cannot be cut fits the smallest log that is
 * accepted: four indexed directories change at once.  On the log's slot is
 * read how large it was.
 */
#include "fs_fixture.h"

#include <linux/fs.h>
#include <stdio.h>

#include "image.h"
#include "load.h"
#include "txlog_fmt.h"

#define ROOT	DXF_ROOT_INO
#define NAMES	700

static struct fsx x;

static const struct fsx_image images[] = {
	{ "csum-1k", "-t ext4 -O ^has_journal,metadata_csum,64bit -b 1024 "
		     "-I 256 -N 8192", 16 },
	{ "ext2-1k", "-t ext2 -O dir_index -b 1024 -N 8192", 16 },
};

/* Long names fill an index of two levels soonest. */
static void fill(dxf_ino_t dir)
{
	char name[256];
	struct dxf_attr at;
	dxf_ino_t file = fsx_create(&x, dir, "first");

	for (int i = 0; i < NAMES; i++) {
		memset(name, 'n', 250);
		snprintf(name + 245, 8, "%05d", i);
		ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, file, dir, name,
					     &at), 0);
		dxf_fs_forget(x.fs, at.ino, 1);
	}
}

/* The records of the transaction that is in the slot, bytes. */
static uint64_t slot_bytes(void)
{
	struct txlog_slot h = { .len = 0 };

	for (uint64_t off = 0; off < dxf_region_size(x.region); off += 1024) {
		ck_assert_int_eq(dxf_load(x.region, off, &h, sizeof(h)), 0);
		if (h.magic == TXLOG_SLOT_MAGIC)
			return h.len;
	}
	ck_abort_msg("no slot");
}

/* Mount with the smallest log that is accepted, which the refusal names. */
static uint64_t mount_with_smallest(void)
{
	struct dxf_err err;
	unsigned long long kib;
	const char *p;

	x.opts.log_size = 1;
	ck_assert_int_eq(fsx_try_mount(&x, &err), -EINVAL);
	p = strstr(err.text, "out of bounds: ");
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sscanf(p, "out of bounds: %llu", &kib), 1);
	x.opts.log_size = kib * 1024;
	fsx_mount(&x);
	return kib * 1024;
}

START_TEST(test_exchange_of_indexed_directories_fits_the_smallest_log)
{
	dxf_ino_t dir[4];
	uint64_t min;

	fsx_make(&x, &images[_i]);
	x.opts.nolog = true;
	fsx_mount(&x);
	dir[0] = fsx_mkdir(&x, ROOT, "a");
	dir[1] = fsx_mkdir(&x, ROOT, "b");
	dir[2] = fsx_mkdir(&x, dir[0], "sub");
	dir[3] = fsx_mkdir(&x, dir[1], "sub");
	for (int i = 0; i < 4; i++)
		fill(dir[i]);
	fsx_umount(&x);
	ck_assert_int_le(image_run(x.region, "e2fsck -fyD \"$IMG\"", true,
				   NULL, 0), 1);
	x.opts.nolog = false;
	min = mount_with_smallest();
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(dir[0], "sub"),
				       DXF_AT(dir[1], "sub"), RENAME_EXCHANGE),
			 0);
	ck_assert_uint_le(slot_bytes(), min - 4096);
	/* It was what it is meant to be. */
	if (_i == 0)
		ck_assert_uint_gt(slot_bytes(), 4 * 4 * 64);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc,
		test_exchange_of_indexed_directories_fits_the_smallest_log,
		0, (int)DXF_ARRAY_SIZE(images));
}

int main(void)
{
	return run_tests("logbound", add);
}
