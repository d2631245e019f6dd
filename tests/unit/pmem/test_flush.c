/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flush and fence: the same tests for libpmem2's and for our own instructions
 * (this file is built with each).
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "flush.h"
#include "pmem_rig.h"

#define LEN	(64 * DXF_KIB)

static char *map;
static int fd;

static void setup(void)
{
	dxf_load_init();
	fd = memfd_create("flush", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, LEN), 0);
	map = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
}

static void teardown(void)
{
	munmap(map, LEN);
	close(fd);
}

static struct dxf_flush *make(bool eadr)
{
	struct dxf_flush *f;

	ck_assert_int_eq(dxf_flush_new(&f, eadr), 0);
	return f;
}

START_TEST(test_flush_of_any_range_works_and_keeps_the_bytes)
{
	struct dxf_flush *f = make(_i);

	memset(map, 'k', LEN);
	for (size_t off = 0; off < 130; off += 13) {
		for (size_t len = 1; len < 300; len += 7)
			ck_assert_int_eq(dxf_flush_range(f, map + off, len),
					 0);
	}
	ck_assert_int_eq(dxf_flush_range(f, map, LEN), 0);
	dxf_flush_drain(f);
	for (size_t i = 0; i < LEN; i++)
		ck_assert_int_eq(map[i], 'k');
	dxf_flush_free(f);
}
END_TEST

START_TEST(test_flush_of_what_is_gone_is_eio)
{
	struct dxf_flush *f = make(false);
	int gone = rig_flush_faults() ? -EIO : 0;

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(dxf_flush_range(f, map, 4096), 0);
	ck_assert_int_eq(dxf_flush_range(f, map + 4095, 2), gone);
	ck_assert_int_eq(dxf_flush_range(f, map + 8192, 1), gone);
	ck_assert_int_eq(dxf_flush_range(f, map + 64, 64), 0);
	dxf_flush_drain(f);
	dxf_flush_free(f);
}
END_TEST

START_TEST(test_flush_of_ranges_one_of_which_is_gone_is_eio)
{
	struct dxf_guard_range range[] = {
		{ map, 1 }, { map + 100, 200 }, { map + 8192, 8 },
	};
	struct dxf_flush *f = make(false);

	ck_assert_int_eq(dxf_flush_ranges(f, range, 3), 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(dxf_flush_ranges(f, range, 2), 0);
	ck_assert_int_eq(dxf_flush_ranges(f, range, 3),
			 rig_flush_faults() ? -EIO : 0);
	dxf_flush_free(f);
}
END_TEST

/* Caches that are persistent are not flushed, so nothing is touched. */
START_TEST(test_flush_with_eadr_touches_nothing)
{
	struct dxf_flush *f = make(true);

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(dxf_flush_range(f, map + 8192, 100), 0);
	dxf_flush_free(f);
}
END_TEST

START_TEST(test_flush_free_leaves_others_alone)
{
	struct dxf_flush *f = make(false);

	dxf_flush_free(make(false));
	dxf_flush_free(make(true));
	dxf_flush_free(NULL);
	ck_assert_int_eq(dxf_flush_range(f, map, LEN), 0);
	dxf_flush_drain(f);
	dxf_flush_free(f);
}
END_TEST

START_TEST(test_flush_new_without_memory_is_enomem)
{
	struct dxf_flush *f = NULL;

	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_int_eq(dxf_flush_new(&f, false), -ENOMEM);
	dxf_fault_disarm();
	ck_assert_ptr_null(f);
}
END_TEST

START_TEST(test_flush_name_says_which)
{
	struct dxf_flush *f = make(false);

	ck_assert_uint_gt(strlen(dxf_flush_name(f)), 0);
	dxf_flush_free(f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flush");
	TCase *tc = tcase_create("flush");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc,
			    test_flush_of_any_range_works_and_keeps_the_bytes,
			    0, 2);
	tcase_add_test(tc, test_flush_of_what_is_gone_is_eio);
	tcase_add_test(tc, test_flush_of_ranges_one_of_which_is_gone_is_eio);
	tcase_add_test(tc, test_flush_with_eadr_touches_nothing);
	tcase_add_test(tc, test_flush_free_leaves_others_alone);
	tcase_add_test(tc, test_flush_new_without_memory_is_enomem);
	tcase_add_test(tc, test_flush_name_says_which);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
