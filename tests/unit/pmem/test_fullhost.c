/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sparse image of 64 MiB on a tmpfs of 16 MiB: a full host is -ENOSPC, never
 * SIGBUS, and changes nothing.  Needs root, for the mount.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "pmem_rig.h"

#define HOST	(16 * DXF_MIB)
#define IMAGE	(64 * DXF_MIB)

static struct dxf_region *r;
static const char *image;

static void setup(void)
{
	rig_setup();
	ck_assert_int_eq(mount("tmpfs", rig_shm, "tmpfs", 0, "size=16m"), 0);
	image = rig_image(rig_shm, IMAGE, false);
	r = rig_open(image, false, (enum dxf_granularity)
		     DXF_GRANULARITY_AUTO);
}

static void teardown(void)
{
	dxf_region_close(r);
	ck_assert_int_eq(umount(rig_shm), 0);
	rig_teardown();
}

static uint64_t host_free(void)
{
	struct statvfs fs;

	ck_assert_int_eq(statvfs(rig_shm, &fs), 0);
	return (uint64_t)fs.f_bfree * fs.f_bsize;
}

/* Populate MiB by MiB until the host is full.  Returns: how many. */
static uint64_t fill_host(void)
{
	uint64_t n = 0;
	int ret;

	while ((ret = dxf_region_populate(r, n * DXF_MIB, DXF_MIB)) == 0)
		n++;
	ck_assert_int_eq(ret, -ENOSPC);
	return n;
}

START_TEST(test_populate_on_full_host_is_enospc)
{
	ck_assert_uint_eq(fill_host(), HOST / DXF_MIB);
	/* Again and again, and what is populated stays usable. */
	ck_assert_int_eq(dxf_region_populate(r, 40 * DXF_MIB, 1), -ENOSPC);
	ck_assert_int_eq(dxf_region_populate(r, 0, HOST), 0);
	ck_assert_int_eq(dxf_persist_zero(r, 0, HOST, 0), 0);
}
END_TEST

START_TEST(test_stores_on_full_host_are_enospc_and_store_nothing)
{
	char buf[8192], got[4096];
	uint64_t edge = fill_host() * DXF_MIB;

	memset(buf, 'n', sizeof(buf));
	memset(got, 'o', sizeof(got));
	ck_assert_int_eq(dxf_persist_copy(r, edge - 4096, got, 4096, 0), 0);
	/* Half of the range is there, half is not. */
	ck_assert_int_eq(dxf_persist_copy(r, edge - 4096, buf, 8192, 0),
			 -ENOSPC);
	ck_assert_int_eq(dxf_persist_zero(r, edge - 4096, 8192, 0), -ENOSPC);
	ck_assert_int_eq(dxf_persist_move(r, edge - 4096, 0, 8192, 0),
			 -ENOSPC);
	ck_assert_int_eq(dxf_load(r, edge - 4096, buf, 4096), 0);
	ck_assert_int_eq(memcmp(buf, got, 4096), 0);
}
END_TEST

/* Less than a step is left, but enough for what is asked for. */
START_TEST(test_populate_takes_the_last_pages)
{
	const char *filler = rig_image(rig_shm, HOST - 3 * 4096, true);

	ck_assert_uint_eq(host_free(), 3 * 4096);
	ck_assert_int_eq(dxf_region_populate(r, 5000, 4096), 0);
	ck_assert_uint_eq(host_free(), 4096);
	ck_assert_int_eq(dxf_persist_copy(r, 5000, rig_shm, 1, 0), 0);
	ck_assert_int_eq(dxf_region_populate(r, 5000, 16384), -ENOSPC);
	ck_assert_uint_eq(host_free(), 4096);
	ck_assert_int_eq(unlink(filler), 0);
	ck_assert_int_eq(dxf_region_populate(r, 5000, 16384), 0);
}
END_TEST

/* Loads of holes allocate pages of a tmpfs: on a full one they fail. */
START_TEST(test_load_of_hole_on_full_host_is_zeros_or_eio)
{
	char buf[4096], zero[4096] = { 0 };
	int ret;

	fill_host();
	ret = dxf_load(r, 50 * DXF_MIB, buf, sizeof(buf));
	ck_assert(ret == -EIO ||
		  (ret == 0 && memcmp(buf, zero, sizeof(buf)) == 0));
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tc;

	if (getuid() != 0)
		return rig_skip("needs root");
	/* A mount namespace of our own: nothing is left if a test dies. */
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return rig_skip("needs root that may mount");
	suite = suite_create("fullhost");
	tc = tcase_create("fullhost");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_populate_on_full_host_is_enospc);
	tcase_add_test(tc,
		       test_stores_on_full_host_are_enospc_and_store_nothing);
	tcase_add_test(tc, test_populate_takes_the_last_pages);
	tcase_add_test(tc, test_load_of_hole_on_full_host_is_zeros_or_eio);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
