/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Poisoned memory.  The kernel takes the pages out of use until the next boot,
 * so this runs only with DAXFUSE_TEST_POISON=1 (in a guest) and as root.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "pmem_rig.h"

#define BAD	(64 * DXF_KIB)

static struct dxf_region *r;
static const char *base;

static void setup(void)
{
	char full[4096];

	rig_setup();
	r = rig_anon(RIG_SIZE, false);
	memset(full, 'f', sizeof(full));
	ck_assert_int_eq(dxf_persist_copy(r, BAD, full, sizeof(full), 0), 0);
	ck_assert_int_gt(dxf_region_direct_access(r, 0, 1, DXF_ACCESS_READ,
			 (const void **)&base), 0);
}

static void teardown(void)
{
	dxf_region_close(r);
	rig_teardown();
}

static void poison(void)
{
	ck_assert_int_eq(madvise((char *)base + BAD, 4096, MADV_HWPOISON), 0);
}

START_TEST(test_poison_hits_its_readers_only)
{
	char buf[8192];

	poison();
	ck_assert_int_eq(dxf_load(r, BAD, buf, 64), -EIO);
	ck_assert_msg(strstr(rig_log, "media error") != NULL, "%s", rig_log);
	/* Remembered: it is not touched again, and said once. */
	ck_assert_int_eq(dxf_load(r, BAD + 4088, buf, 8), -EIO);
	ck_assert_int_eq(dxf_load(r, BAD - 1, buf, 2), -EIO);
	ck_assert_int_eq(rig_nlog, 1);
	ck_assert_int_eq(dxf_load(r, BAD - 4096, buf, 4096), 0);
	ck_assert_int_eq(dxf_load(r, BAD + 4096, buf, 4096), 0);
}
END_TEST

START_TEST(test_poison_is_an_error_for_stores_too)
{
	char buf[64] = { 0 };

	poison();
	ck_assert_int_eq(dxf_persist_copy(r, BAD, buf, 3, 0), -EIO);
	ck_assert_int_eq(dxf_persist_zero(r, BAD - 4096, 12288, 0), -EIO);
	ck_assert_int_eq(dxf_persist_move(r, 0, BAD, 64, 0), -EIO);
}
END_TEST

/* The kernel tells at once, with the other kind of SIGBUS. */
START_TEST(test_poison_that_is_announced_is_known_before_it_is_read)
{
	const void *addr;

	ck_assert_int_eq(prctl(PR_MCE_KILL, PR_MCE_KILL_SET,
			       PR_MCE_KILL_EARLY, 0, 0), 0);
	poison();
	ck_assert_int_eq(dxf_region_direct_access(r, BAD - 8192, 65536,
			 DXF_ACCESS_READ, &addr), 8192);
	ck_assert_int_eq(rig_nlog, 1);
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tc;

	if (getenv("DAXFUSE_TEST_POISON") == NULL || getuid() != 0)
		return rig_skip("needs a guest (DAXFUSE_TEST_POISON)");
	suite = suite_create("poison");
	tc = tcase_create("poison");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_poison_hits_its_readers_only);
	tcase_add_test(tc, test_poison_is_an_error_for_stores_too);
	tcase_add_test(tc,
		test_poison_that_is_announced_is_known_before_it_is_read);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
