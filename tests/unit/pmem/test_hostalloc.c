/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host blocks: holes are allocated before stores, and only where needed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "pmem_rig.h"
#include "region_priv.h"

#define STEP	DXF_MIB
#define SIZE	(4 * STEP + 100 * 1024)

static uint64_t allocated(const char *image)
{
	struct stat st;

	ck_assert_int_eq(stat(image, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static uint64_t file_size(const char *image)
{
	struct stat st;

	ck_assert_int_eq(stat(image, &st), 0);
	return (uint64_t)st.st_size;
}

static const char *const *dirs(void)
{
	static const char *const d[] = { rig_shm, rig_disk };

	return d;
}

START_TEST(test_populate_of_a_hole_allocates_its_step)
{
	const char *image = rig_image(dirs()[_i], SIZE, false);
	struct dxf_region *r = rig_open(image, false, DXF_GRANULARITY_AUTO);

	ck_assert_uint_eq(allocated(image), 0);
	ck_assert_int_eq(dxf_region_populate(r, STEP + 5, 1), 0);
	ck_assert_uint_ge(allocated(image), STEP);
	ck_assert_uint_lt(allocated(image), 2 * STEP);
	ck_assert_int_eq(dxf_region_populate(r, STEP - 1, 2), 0);
	ck_assert_uint_ge(allocated(image), 2 * STEP);
	ck_assert_int_eq(dxf_region_populate(r, 0, SIZE), 0);
	ck_assert(r->host_full);
	ck_assert_uint_eq(file_size(image), SIZE);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_store_into_a_hole_allocates_first)
{
	const char *image = rig_image(rig_shm, SIZE, false);
	struct dxf_region *r = rig_open(image, false, DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(dxf_persist_copy(r, 2 * STEP, "x", 1, 0), 0);
	ck_assert_uint_eq(allocated(image), STEP);
	ck_assert_int_eq(dxf_persist_zero(r, 3 * STEP, 1, 0), 0);
	ck_assert_uint_eq(allocated(image), 2 * STEP);
	ck_assert_int_eq(dxf_persist_move(r, 0, 2 * STEP, 1, 0), 0);
	ck_assert_uint_eq(allocated(image), 3 * STEP);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_populate_of_a_full_file_needs_no_map)
{
	const char *image = rig_image(rig_shm, SIZE, true);
	struct dxf_region *r = rig_open(image, false, DXF_GRANULARITY_AUTO);

	ck_assert(r->host_full);
	ck_assert_ptr_null(r->host_map);
	ck_assert_int_eq(dxf_region_populate(r, 0, SIZE), 0);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_populate_keeps_what_is_there)
{
	const char *image = rig_image(dirs()[_i], SIZE, false);
	int fd = open(image, O_WRONLY);
	struct dxf_region *r;
	char buf[4];

	ck_assert_int_eq(pwrite(fd, "kept", 4, 6000), 4);
	close(fd);
	r = rig_open(image, false, DXF_GRANULARITY_AUTO);
	ck_assert_int_eq(dxf_region_populate(r, 0, SIZE), 0);
	ck_assert_int_eq(dxf_load(r, 6000, buf, 4), 0);
	ck_assert_int_eq(memcmp(buf, "kept", 4), 0);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_populate_in_a_window_allocates_there)
{
	const char *image = rig_image(rig_shm, SIZE, false);
	struct dxf_region_opts opts = { .offset = STEP + 512,
					.size = 2 * STEP };
	struct dxf_region *r;

	ck_assert_int_eq(dxf_region_open(&r, image, &opts, NULL), 0);
	ck_assert_int_eq(dxf_region_populate(r, 0, 2 * STEP), 0);
	ck_assert(r->host_full);
	/* The window's bytes and the pages that it shares at both ends. */
	ck_assert_uint_eq(allocated(image), 2 * STEP + 4096);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_populate_outside_is_erange)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, false);

	ck_assert_int_eq(dxf_region_populate(r, RIG_SIZE, 1), -ERANGE);
	ck_assert_int_eq(dxf_region_populate(r, 1, UINT64_MAX), -ERANGE);
	ck_assert_int_eq(dxf_region_populate(r, RIG_SIZE, 0), 0);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_populate_under_plan_is_enospc_also_of_memory)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, false);

	dxf_fault_arm(DXF_FAULT_HOSTALLOC, 2);
	ck_assert_int_eq(dxf_region_populate(r, 0, 1), 0);
	ck_assert_int_eq(dxf_region_populate(r, 0, 1), -ENOSPC);
	ck_assert_int_eq(dxf_region_populate(r, 0, 1), 0);
	/* A store asks nobody: what was populated is there. */
	dxf_fault_arm(DXF_FAULT_HOSTALLOC, 1);
	ck_assert_int_eq(dxf_persist_copy(r, 0, "x", 1, 0), 0);
	ck_assert(!dxf_fault_disarm());
	dxf_region_close(r);
}
END_TEST

START_TEST(test_populate_of_truncated_image_does_not_grow_it)
{
	const char *image = rig_image(dirs()[_i], SIZE, false);
	struct dxf_region *r = rig_open(image, false, DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(truncate(image, 8192), 0);
	ck_assert_int_eq(dxf_region_populate(r, 0, SIZE), 0);
	ck_assert_uint_eq(file_size(image), 8192);
	ck_assert_uint_le(allocated(image), 8192);
	ck_assert_int_eq(dxf_persist_copy(r, 3 * STEP, "x", 1, 0), -EIO);
	ck_assert_uint_eq(file_size(image), 8192);
	dxf_region_close(r);
}
END_TEST

/* Where the host has no fallocate: zeros go into real holes only. */
START_TEST(test_fill_holes_writes_into_holes_alone)
{
	const char *image = rig_image(dirs()[_i], STEP, false);
	int fd = open(image, O_RDWR);
	char buf[4];

	ck_assert_int_eq(pwrite(fd, "kept", 4, 0), 4);
	ck_assert_int_eq(pwrite(fd, "also", 4, 300000), 4);
	ck_assert_int_eq(dxf_hostalloc_fill_holes(fd, 0, STEP), 0);
	ck_assert_uint_ge(allocated(image), STEP);
	ck_assert_uint_eq(file_size(image), STEP);
	ck_assert_int_eq(pread(fd, buf, 4, 0), 4);
	ck_assert_int_eq(memcmp(buf, "kept", 4), 0);
	ck_assert_int_eq(pread(fd, buf, 4, 300000), 4);
	ck_assert_int_eq(memcmp(buf, "also", 4), 0);
	ck_assert_int_eq(pread(fd, buf, 4, 200000), 4);
	ck_assert_int_eq(memcmp(buf, "\0\0\0\0", 4), 0);
	close(fd);
}
END_TEST

START_TEST(test_fill_holes_that_cannot_write_is_an_error)
{
	const char *image = rig_image(rig_shm, STEP, false);
	int fd = open(image, O_RDONLY);

	ck_assert_int_eq(dxf_hostalloc_fill_holes(fd, 0, STEP), -EBADF);
	close(fd);
}
END_TEST

START_TEST(test_thin_store_allocates_what_it_stores_to_alone)
{
	const char *image = rig_image(rig_shm, SIZE, false);
	const struct dxf_region_opts opts = { .thin = true };
	struct dxf_region *r;

	ck_assert_int_eq(dxf_region_open(&r, image, &opts, NULL), 0);
	ck_assert_int_eq(dxf_persist_copy(r, STEP + 4090, "12345678", 8, 0),
			 0);
	ck_assert_uint_eq(allocated(image), 2 * 4096);
	ck_assert_int_eq(dxf_persist_copy(r, STEP + 4090, "12345678", 8, 0),
			 0);
	ck_assert_uint_eq(allocated(image), 2 * 4096);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_find_data_skips_holes)
{
	const char *image = rig_image(rig_shm, SIZE, false);
	const struct dxf_region_opts opts = { .thin = true, .offset = 4096 };
	dxf_off_t start, end;
	struct dxf_region *r;

	ck_assert_int_eq(dxf_region_open(&r, image, &opts, NULL), 0);
	ck_assert(!dxf_region_find_data(r, 0, SIZE, &start, &end));
	ck_assert_int_eq(dxf_persist_copy(r, STEP, "x", 1, 0), 0);
	ck_assert(dxf_region_find_data(r, 0, SIZE, &start, &end));
	ck_assert_uint_eq(start, STEP);
	ck_assert_uint_eq(end, STEP + 4096);
	ck_assert(dxf_region_find_data(r, STEP + 5, 10, &start, &end));
	ck_assert_uint_eq(start, STEP + 5);
	ck_assert_uint_eq(end, STEP + 15);
	ck_assert(!dxf_region_find_data(r, 0, STEP, &start, &end));
	ck_assert(!dxf_region_find_data(r, STEP + 4096, 1, &start, &end));
	ck_assert(!dxf_region_find_data(r, SIZE, 10, &start, &end));
	dxf_region_close(r);
}
END_TEST

START_TEST(test_find_data_of_memory_is_all_of_it)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, false);
	dxf_off_t start, end;

	ck_assert(dxf_region_find_data(r, 5, 2 * RIG_SIZE, &start, &end));
	ck_assert_uint_eq(start, 5);
	ck_assert_uint_eq(end, RIG_SIZE);
	dxf_region_close(r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostalloc");
	TCase *tc = tcase_create("hostalloc");
	/* Sparse files on disk may be counted otherwise: tmpfs where exact. */
	int ndirs = rig_has_tmpfs() ? 2 : 0;

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_loop_test(tc, test_populate_of_a_hole_allocates_its_step, 0,
			    ndirs);
	if (rig_has_tmpfs()) {
		tcase_add_test(tc, test_store_into_a_hole_allocates_first);
		tcase_add_test(tc, test_populate_of_a_full_file_needs_no_map);
		tcase_add_test(tc, test_populate_in_a_window_allocates_there);
		tcase_add_test(tc,
			test_thin_store_allocates_what_it_stores_to_alone);
		tcase_add_test(tc, test_find_data_skips_holes);
	}
	tcase_add_test(tc, test_find_data_of_memory_is_all_of_it);
	tcase_add_loop_test(tc, test_populate_keeps_what_is_there, 0, 2);
	tcase_add_test(tc, test_populate_outside_is_erange);
	tcase_add_test(tc, test_populate_under_plan_is_enospc_also_of_memory);
	tcase_add_loop_test(tc,
			    test_populate_of_truncated_image_does_not_grow_it,
			    0, 2);
	tcase_add_loop_test(tc, test_fill_holes_writes_into_holes_alone, 0, 2);
	tcase_add_test(tc, test_fill_holes_that_cannot_write_is_an_error);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
