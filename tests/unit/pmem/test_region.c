/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regions: the window, the mapping, what is found out, direct access. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "pmem_rig.h"
#include "region_priv.h"

static int open_window(struct dxf_region **r, uint64_t offset, uint64_t size,
		       struct dxf_err *err)
{
	struct dxf_region_opts opts = { .offset = offset, .size = size };

	return dxf_region_open(r, rig_image(rig_shm, RIG_SIZE, true), &opts,
			       err);
}

START_TEST(test_region_of_file_covers_it)
{
	struct dxf_region *r = rig_open(rig_image(rig_disk, 123457, false),
					false, DXF_GRANULARITY_AUTO);

	ck_assert_uint_eq(dxf_region_size(r), 123457);
	ck_assert_int_eq(dxf_region_kind(r), DXF_REGION_FILE);
	ck_assert(!dxf_region_is_ro(r));
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_window_starts_at_offset)
{
	struct dxf_region *r;
	char c = 'x', got = 0;
	int fd;

	ck_assert_int_eq(open_window(&r, 3 * 512, 8192, NULL), 0);
	ck_assert_uint_eq(dxf_region_size(r), 8192);
	ck_assert_int_eq(dxf_persist_copy(r, 5, &c, 1, 0), 0);
	fd = open(dxf_region_path(r), O_RDONLY);
	ck_assert_int_eq(pread(fd, &got, 1, 3 * 512 + 5), 1);
	ck_assert_int_eq(got, 'x');
	close(fd);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_window_to_the_end_without_size)
{
	struct dxf_region *r;

	ck_assert_int_eq(open_window(&r, 512, 0, NULL), 0);
	ck_assert_uint_eq(dxf_region_size(r), RIG_SIZE - 512);
	dxf_region_close(r);
}
END_TEST

static const struct {
	uint64_t offset, size;
	const char *says;
} bad_windows[] = {
	{ 100, 0, "multiple" },
	{ RIG_SIZE, 0, "beyond" },
	{ UINT64_MAX - 511, 0, "beyond" },
	{ 0, RIG_SIZE + 1, "only" },
	{ 4096, RIG_SIZE, "only" },
	{ 4096, UINT64_MAX, "only" },
};

START_TEST(test_region_bad_window_is_refused)
{
	struct dxf_region *r = NULL;
	struct dxf_err err;

	ck_assert_int_eq(open_window(&r, bad_windows[_i].offset,
				     bad_windows[_i].size, &err), -EINVAL);
	ck_assert_ptr_null(r);
	ck_assert_msg(strstr(err.text, bad_windows[_i].says) != NULL, "%s",
		      err.text);
}
END_TEST

START_TEST(test_region_address_is_offset_modulo_huge_page)
{
	static const uint64_t offsets[] = { 0, 512, 4096, 524288 };
	struct dxf_region *r;
	const void *addr;

	ck_assert_int_eq(open_window(&r, offsets[_i], 0, NULL), 0);
	ck_assert_int_gt(dxf_region_direct_access(r, 0, 1, DXF_ACCESS_READ,
						  &addr), 0);
	ck_assert_uint_eq((uintptr_t)addr % DXF_HUGE_PAGE, offsets[_i]);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_path_is_real)
{
	struct dxf_region *r;
	const char *image;
	char link[200];

	image = rig_image(rig_disk, RIG_SIZE, false);
	snprintf(link, sizeof(link), "%s/link", rig_disk);
	ck_assert_int_eq(symlink(image, link), 0);
	r = rig_open(link, false, DXF_GRANULARITY_AUTO);
	ck_assert_str_eq(dxf_region_path(r), image);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_on_tmpfs_is_dax_media)
{
	struct dxf_region *r = rig_open(rig_image(rig_shm, RIG_SIZE, false),
					false, DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(dxf_region_media(r), DXF_MEDIA_DAX);
	ck_assert_int_eq(dxf_region_granularity(r),
			 DXF_GRANULARITY_CACHELINE);
	ck_assert_str_eq(dxf_region_describe(r), "tmpfs file, cacheline");
	ck_assert_int_eq(rig_nlog, 0);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_granularity_overrides_with_a_warning)
{
	static const enum dxf_media media[] = {
		[DXF_GRANULARITY_BYTE] = DXF_MEDIA_DAX,
		[DXF_GRANULARITY_CACHELINE] = DXF_MEDIA_DAX,
		[DXF_GRANULARITY_PAGE] = DXF_MEDIA_PAGE,
	};
	struct dxf_region *r = rig_open(rig_image(rig_shm, RIG_SIZE, false),
					false, (enum dxf_granularity)_i);

	ck_assert_int_eq(dxf_region_granularity(r), _i);
	ck_assert_int_eq(dxf_region_media(r), media[_i]);
	ck_assert_int_eq(rig_nlog, 1);
	ck_assert_ptr_nonnull(strstr(rig_log, "granularity="));
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_ro_changes_nothing_of_the_file)
{
	const char *image = rig_image(rig_disk, RIG_SIZE, true);
	struct stat before, after;
	struct dxf_region *r;
	char buf[4096];

	ck_assert_int_eq(stat(image, &before), 0);
	r = rig_open(image, true, DXF_GRANULARITY_AUTO);
	ck_assert(dxf_region_is_ro(r));
	ck_assert_int_eq(dxf_load(r, 0, buf, sizeof(buf)), 0);
	ck_assert_int_eq(dxf_persist_copy(r, 0, buf, 1, 0), -EROFS);
	ck_assert_int_eq(dxf_persist_zero(r, 0, 1, 0), -EROFS);
	ck_assert_int_eq(dxf_persist_move(r, 0, 4096, 1, 0), -EROFS);
	ck_assert_int_eq(dxf_persist_msync(r, 0, 4096), 0);
	ck_assert_int_eq(dxf_persist_msync_start(r, 0, 4096), 0);
	ck_assert_int_eq(dxf_region_populate(r, 0, RIG_SIZE), 0);
	dxf_region_close(r);
	ck_assert_int_eq(stat(image, &after), 0);
	ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
}
END_TEST

START_TEST(test_region_close_of_null_is_allowed)
{
	dxf_region_close(NULL);
}
END_TEST

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int open_this(struct dxf_region **r, const char *image)
{
	struct dxf_region_opts opts = { 0 };

	return image != NULL ? dxf_region_open(r, image, &opts, NULL) :
			       dxf_region_open_anon(r, RIG_SIZE, true);
}

/* Every allocation on the way fails once: nothing is left behind. */
START_TEST(test_region_open_without_memory_leaves_nothing)
{
	const char *image = _i ? rig_image(rig_shm, RIG_SIZE, false) : NULL;
	struct dxf_region *r = NULL;
	int fds = count_fds();
	bool hit = true;

	for (uint64_t n = 1; hit; n++) {
		int ret;

		dxf_fault_arm(DXF_FAULT_ALLOC, n);
		ret = open_this(&r, image);
		hit = dxf_fault_disarm();
		ck_assert_int_eq(ret, hit ? -ENOMEM : 0);
		ck_assert_int_eq(count_fds() == fds, hit || !image);
		ck_assert_uint_lt(n, 20);
	}
	dxf_region_close(r);
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(test_region_anon_is_zeroed_dax_media)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, _i);
	char buf[4096], zero[4096] = { 0 };

	ck_assert_int_eq(dxf_region_media(r), DXF_MEDIA_DAX);
	ck_assert_int_eq(dxf_region_kind(r), DXF_REGION_ANON);
	ck_assert_uint_eq(dxf_region_size(r), RIG_SIZE);
	ck_assert_str_eq(dxf_region_path(r), "");
	ck_assert_str_eq(dxf_region_describe(r),
			 "anonymous memory, cacheline");
	ck_assert_int_eq(dxf_load(r, RIG_SIZE - 4096, buf, 4096), 0);
	ck_assert_int_eq(memcmp(buf, zero, 4096), 0);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_anon_of_no_or_all_memory_is_enomem)
{
	static const uint64_t sizes[] = { 0, UINT64_MAX, INT64_MAX };
	struct dxf_region *r;

	ck_assert_int_eq(dxf_region_open_anon(&r, sizes[_i], false), -ENOMEM);
}
END_TEST

static void *address(struct dxf_region *r)
{
	const void *addr;

	ck_assert_int_eq(dxf_region_direct_access(r, 0, 1, DXF_ACCESS_READ,
						  &addr), 1);
	return (void *)addr;
}

START_TEST(test_region_guarded_anon_shows_what_persist_stores)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, true);
	volatile char *p = address(r);

	ck_assert_int_eq(dxf_persist_copy(r, 0, "seen", 4, 0), 0);
	ck_assert_int_eq(p[0], 's');
	ck_assert_int_eq(p[3], 'n');
	dxf_region_close(r);
}
END_TEST

START_TEST(test_region_guarded_anon_stray_store_dies)
{
	*(volatile char *)address(rig_anon(RIG_SIZE, true)) = 1;
}
END_TEST

START_TEST(test_direct_access_is_clipped_to_the_region)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, false);
	const void *base = address(r), *addr;

	ck_assert_int_eq(dxf_region_direct_access(r, 4096, RIG_SIZE,
			 DXF_ACCESS_READ, &addr), RIG_SIZE - 4096);
	ck_assert_ptr_eq(addr, (const char *)base + 4096);
	ck_assert_int_eq(dxf_region_direct_access(r, RIG_SIZE - 1, 1,
			 DXF_ACCESS_READ, &addr), 1);
	dxf_region_close(r);
}
END_TEST

static const struct {
	uint64_t off, len;
	int ret;
} bad_access[] = {
	{ 0, 0, -EINVAL },
	{ UINT64_MAX, 2, -EINVAL },
	{ 2, UINT64_MAX, -EINVAL },
	{ RIG_SIZE, 1, -ERANGE },
	{ UINT64_MAX - 1, 1, -ERANGE },
};

START_TEST(test_direct_access_outside_is_refused)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, false);
	const void *addr = r;

	ck_assert_int_eq(dxf_region_direct_access(r, bad_access[_i].off,
			 bad_access[_i].len, DXF_ACCESS_READ, &addr),
			 bad_access[_i].ret);
	ck_assert_ptr_eq(addr, r);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_direct_access_ends_before_a_bad_block)
{
	struct dxf_region *r = rig_anon(RIG_SIZE, false);
	const void *addr;

	dxf_region_add_bad(r, 8192, 512);
	ck_assert_int_eq(dxf_region_direct_access(r, 4096, 8192,
			 DXF_ACCESS_READ, &addr), 4096);
	ck_assert_int_eq(dxf_region_direct_access(r, 8192, 8192,
			 DXF_ACCESS_READ, &addr), -EIO);
	ck_assert_int_eq(dxf_region_direct_access(r, 8703, 1,
			 DXF_ACCESS_READ, &addr), -EIO);
	ck_assert_int_eq(dxf_region_direct_access(r, 8704, 8192,
			 DXF_ACCESS_READ, &addr), 8192);
	ck_assert_int_eq(dxf_region_direct_access(r, 8192, 8192,
			 DXF_ACCESS_RECOVERY_WRITE, &addr), 8192);
	dxf_region_close(r);
}
END_TEST

static TCase *with_files(void)
{
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_region_of_file_covers_it);
	tcase_add_test(tc, test_region_window_starts_at_offset);
	tcase_add_test(tc, test_region_window_to_the_end_without_size);
	tcase_add_loop_test(tc, test_region_bad_window_is_refused, 0,
			    DXF_ARRAY_SIZE(bad_windows));
	tcase_add_loop_test(tc, test_region_address_is_offset_modulo_huge_page,
			    0, 4);
	tcase_add_test(tc, test_region_path_is_real);
	if (rig_has_tmpfs())
		tcase_add_test(tc, test_region_on_tmpfs_is_dax_media);
	tcase_add_loop_test(tc,
			    test_region_granularity_overrides_with_a_warning,
			    DXF_GRANULARITY_BYTE, DXF_GRANULARITY_PAGE + 1);
	tcase_add_test(tc, test_region_ro_changes_nothing_of_the_file);
	tcase_add_test(tc, test_region_close_of_null_is_allowed);
	tcase_add_loop_test(tc, test_region_open_without_memory_leaves_nothing,
			    0, 2);
	return tc;
}

static TCase *with_memory(void)
{
	TCase *tc = tcase_create("memory");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_loop_test(tc, test_region_anon_is_zeroed_dax_media, 0, 2);
	tcase_add_loop_test(tc,
			    test_region_anon_of_no_or_all_memory_is_enomem,
			    0, 3);
	tcase_add_test(tc, test_region_guarded_anon_shows_what_persist_stores);
	tcase_add_test(tc, test_direct_access_is_clipped_to_the_region);
	tcase_add_loop_test(tc, test_direct_access_outside_is_refused, 0,
			    DXF_ARRAY_SIZE(bad_access));
	tcase_add_test(tc, test_direct_access_ends_before_a_bad_block);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("region");
	TCase *deaths = tcase_create("deaths");

	suite_add_tcase(suite, with_files());
	suite_add_tcase(suite, with_memory());
	tcase_add_test_raise_signal(deaths,
				    test_region_guarded_anon_stray_store_dies,
				    SIGSEGV);
	suite_add_tcase(suite, deaths);
	return rig_run(suite);
}
