/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Large files lie in whole huge pages of the mapping: where the bytes of each
 * 2 MiB are is asked of the addresses that a read is answered with.
 */
#include <stdio.h>
#include <sys/uio.h>

#include "file_model.h"

#define PAGE	(2 * DXF_MIB)
#define NPAGES	32u
#define SIZE	(NPAGES * PAGE)

static const struct fsx_image images[] = {
	{ "ext2-4k", "-t ext2 -b 4096 -I 256 -m 1", 256 },
	{ "ext2-1k", "-t ext2 -b 1024 -I 256 -m 1", 128 },
	{ "ext4", "-t ext4 -O ^has_journal -b 4096 -E packed_meta_blocks=1",
	  256 },
};

static struct fsx x;
static uint8_t *buf;

static void setup(const struct fsx_image *img)
{
	buf = malloc(PAGE);
	ck_assert_ptr_nonnull(buf);
	memset(buf, 0xa5, PAGE);
	fsx_make(&x, img);
	fsx_mount(&x);
}

static void teardown(void)
{
	free(buf);
	fsx_finish(&x);
}

/* Is [@off, @off + PAGE) of the file one huge page? */
static bool is_page(dxf_ino_t ino, uint64_t off)
{
	struct iovec iov[64];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 64 };
	bool whole;

	ck_assert_int_gt(dxf_fs_read_begin(x.fs, ino, off, PAGE, &r), 0);
	whole = r.niov == 1 && iov[0].iov_len == PAGE &&
		(uintptr_t)iov[0].iov_base % PAGE == 0;
	dxf_fs_read_end(x.fs, &r);
	return whole;
}

static unsigned int count_pages(dxf_ino_t ino)
{
	unsigned int n = 0;

	for (uint64_t off = 0; off < SIZE; off += PAGE)
		n += is_page(ino, off);
	return n;
}

static void append(dxf_ino_t ino, uint64_t off, size_t len)
{
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, off, buf, len, 0, &fsx_root),
			 (ssize_t)len);
}

/* The first 2 MiB were written when the file was small. */
START_TEST(test_huge_sequential_write_fills_pages)
{
	static const size_t steps[] = { DXF_MIB, 128 * DXF_KIB, 4096, 10000 };
	size_t step = steps[_i % 4];
	dxf_ino_t ino;
	uint64_t off;

	setup(&images[_i / 4]);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_hold(&x, ino);
	for (off = 0; off < SIZE; off += step)
		append(ino, off, DXF_MIN(step, SIZE - off));
	ck_assert_uint_ge(count_pages(ino), NPAGES - 1);
	dxf_fs_forget(x.fs, ino, 1);
	teardown();
}
END_TEST

START_TEST(test_huge_fallocate_fills_pages)
{
	dxf_ino_t ino;

	setup(&images[_i]);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_hold(&x, ino);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, 0, 0, SIZE, false,
					  &fsx_root), 0);
	for (uint64_t off = 0; off < SIZE; off += DXF_MIB)
		append(ino, off, DXF_MIB);
	ck_assert_uint_eq(count_pages(ino), NPAGES);
	dxf_fs_forget(x.fs, ino, 1);
	teardown();
}
END_TEST

/* Two files that grow in turn, and small ones between them. */
START_TEST(test_huge_files_that_grow_together_fill_pages)
{
	dxf_ino_t a, b, small;
	char name[16];

	setup(&images[0]);
	a = fsx_create(&x, DXF_ROOT_INO, "a");
	b = fsx_create(&x, DXF_ROOT_INO, "b");
	fsx_hold(&x, a);
	fsx_hold(&x, b);
	for (unsigned int i = 0; i < SIZE / (64 * DXF_KIB); i++) {
		append(a, i * 64 * DXF_KIB, 64 * DXF_KIB);
		append(b, i * 64 * DXF_KIB, 64 * DXF_KIB);
		snprintf(name, sizeof(name), "s%u", i);
		small = fsx_create(&x, DXF_ROOT_INO, name);
		fsx_write(&x, small, 0, 1, 5000);
	}
	ck_assert_uint_ge(count_pages(a), NPAGES - 2);
	ck_assert_uint_ge(count_pages(b), NPAGES - 2);
	dxf_fs_forget(x.fs, a, 1);
	dxf_fs_forget(x.fs, b, 1);
	teardown();
}
END_TEST

/* Pages are a wish: every block can be had, and pages again once they are free. */
START_TEST(test_huge_without_a_free_page_writes_all_the_same)
{
	dxf_ino_t ino, keep = 0;
	uint64_t off = 0;
	char name[16];
	ssize_t n;

	setup(&images[0]);
	/* one block in use every 1 MiB */
	for (unsigned int i = 0; fsx_free_blocks(&x) > 600; i++) {
		snprintf(name, sizeof(name), "k%u", i);
		keep = fsx_create(&x, DXF_ROOT_INO, name);
		append(keep, 0, 4096);
		snprintf(name, sizeof(name), "g%u", i);
		append(fsx_create(&x, DXF_ROOT_INO, name), 0, DXF_MIB);
	}
	for (unsigned int i = 0; i < 160; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, name), 0);
	}
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_hold(&x, ino);
	while ((n = dxf_fs_write(x.fs, ino, off, buf, DXF_MIB, 0,
				 &fsx_root)) > 0)
		off += (uint64_t)n;
	ck_assert_int_eq(n, -ENOSPC);
	ck_assert_uint_ge(off, 160 * DXF_MIB);
	ck_assert_uint_eq(fsx_free_blocks(&x), 0);
	dxf_fs_forget(x.fs, ino, 1);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "f"), 0);
	for (unsigned int i = 0; i < 160; i++) {
		snprintf(name, sizeof(name), "k%u", i);
		ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, name), 0);
	}
	/* they are free when somebody wants to see it */
	ck_assert_uint_gt(fsx_free_blocks(&x), 160 * (DXF_MIB / 4096));
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_hold(&x, ino);
	for (off = 0; off < SIZE; off += DXF_MIB)
		append(ino, off, DXF_MIB);
	ck_assert_uint_ge(count_pages(ino), NPAGES - 1);
	dxf_fs_forget(x.fs, ino, 1);
	teardown();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_huge_sequential_write_fills_pages, 0,
			    4 * (int)DXF_ARRAY_SIZE(images));
	tcase_add_loop_test(tc, test_huge_fallocate_fills_pages, 0,
			    (int)DXF_ARRAY_SIZE(images));
	tcase_add_test(tc, test_huge_files_that_grow_together_fill_pages);
	tcase_add_test(tc, test_huge_without_a_free_page_writes_all_the_same);
}

int main(void)
{
	return run_tests("huge", add);
}
