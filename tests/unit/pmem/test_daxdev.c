/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real dax device, which DAXFUSE_TEST_DAX names (a guest with an emulated
 * NVDIMM has one).  What is on it is destroyed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pmem_rig.h"

static const char *dev;
static struct dxf_err err;

static int try(const char *path, const struct dxf_region_opts *opts)
{
	struct dxf_region *r;
	int ret = dxf_region_open(&r, path, opts, &err);

	if (ret == 0)
		dxf_region_close(r);
	return ret;
}

static struct dxf_region *open_dev(bool ro)
{
	return rig_open(dev, ro, DXF_GRANULARITY_AUTO);
}

START_TEST(test_daxdev_is_dax_media_mapped_whole)
{
	struct dxf_region *r = open_dev(false);
	uint64_t size = dxf_region_size(r);
	const void *addr;
	char buf[8];

	ck_assert_int_eq(dxf_region_kind(r), DXF_REGION_DEVDAX);
	ck_assert_int_eq(dxf_region_media(r), DXF_MEDIA_DAX);
	ck_assert_ptr_eq(strstr(dxf_region_describe(r), "device-dax"),
			 dxf_region_describe(r));
	ck_assert_uint_eq(size % (2 * DXF_MIB), 0);
	ck_assert_int_eq(dxf_region_direct_access(r, 0, UINT64_MAX,
			 DXF_ACCESS_READ, &addr), (ssize_t)size);
	ck_assert_uint_eq((uintptr_t)addr % (2 * DXF_MIB), 0);
	ck_assert_int_eq(dxf_load(r, size - 8, buf, 8), 0);
	ck_assert_int_eq(dxf_load(r, size, buf, 1), -ERANGE);
	ck_assert_int_eq(dxf_region_populate(r, 0, size), 0);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_daxdev_keeps_what_was_stored)
{
	char src[10000], got[10000];
	struct dxf_region *r = open_dev(false);

	rig_pattern(src, sizeof(src), (unsigned int)_i);
	ck_assert_int_eq(dxf_persist_copy(r, 12345, src, sizeof(src), 0), 0);
	ck_assert_int_eq(dxf_persist_msync(r, 12345, sizeof(src)), 0);
	dxf_region_close(r);
	r = open_dev(true);
	ck_assert_int_eq(dxf_load(r, 12345, got, sizeof(got)), 0);
	ck_assert_int_eq(memcmp(got, src, sizeof(got)), 0);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_daxdev_window_need_not_be_aligned)
{
	struct dxf_region_opts opts = { .offset = 4096 + 512, .size = 8192 };
	struct dxf_region *r, *all;
	char got[4];

	ck_assert_int_eq(dxf_region_open(&r, dev, &opts, &err), 0);
	ck_assert_uint_eq(dxf_region_size(r), 8192);
	ck_assert_int_eq(dxf_persist_copy(r, 3, "data", 4, 0), 0);
	dxf_region_close(r);
	all = open_dev(true);
	ck_assert_int_eq(dxf_load(all, 4096 + 512 + 3, got, 4), 0);
	ck_assert_int_eq(memcmp(got, "data", 4), 0);
	dxf_region_close(all);
}
END_TEST

START_TEST(test_daxdev_by_another_node_conflicts_unless_both_are_ro)
{
	bool first_ro = _i & 1, second_ro = _i & 2;
	struct dxf_region_opts opts = { .ro = second_ro };
	struct dxf_region *r = open_dev(first_ro);
	char node[64];
	struct stat st;
	int want = first_ro && second_ro ? 0 : -EBUSY;

	ck_assert_int_eq(stat(dev, &st), 0);
	snprintf(node, sizeof(node), "/dev/daxfuse-test-%d", (int)getpid());
	ck_assert_int_eq(mknod(node, S_IFCHR | 0600, st.st_rdev), 0);
	ck_assert_int_eq(try(node, &opts), want);
	ck_assert_int_eq(unlink(node), 0);
	ck_assert_int_eq(try(dev, &opts), want);
	dxf_region_close(r);
	ck_assert_int_eq(try(dev, &opts), 0);
}
END_TEST

START_TEST(test_daxdev_as_page_media_is_refused)
{
	struct dxf_region_opts opts = {
		.granularity = DXF_GRANULARITY_PAGE,
	};

	ck_assert_int_eq(try(dev, &opts), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "page"));
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tc;

	dev = getenv("DAXFUSE_TEST_DAX");
	if (dev == NULL)
		return rig_skip("needs a dax device (DAXFUSE_TEST_DAX)");
	suite = suite_create("daxdev");
	tc = tcase_create("device");
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_daxdev_is_dax_media_mapped_whole);
	tcase_add_loop_test(tc, test_daxdev_keeps_what_was_stored, 0, 2);
	tcase_add_test(tc, test_daxdev_window_need_not_be_aligned);
	tcase_add_loop_test(tc,
		test_daxdev_by_another_node_conflicts_unless_both_are_ro, 0,
		4);
	tcase_add_test(tc, test_daxdev_as_page_media_is_refused);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
