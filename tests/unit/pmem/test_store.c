/* SPDX-License-Identifier: GPL-2.0-or-later */
/* persist: which bytes a store touches, and bad blocks in its way. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pmem_rig.h"

#define AREA	640		/* offsets to 200, lengths to 300, a margin */

static struct dxf_region *r;

static void setup(void)
{
	rig_setup();
	r = rig_anon(RIG_SIZE, true);
}

static void teardown(void)
{
	dxf_region_close(r);
	rig_teardown();
}

static void must_read(dxf_off_t off, const void *want, size_t len)
{
	char *got = malloc(len);

	ck_assert_int_eq(dxf_load(r, off, got, len), 0);
	ck_assert_int_eq(memcmp(got, want, len), 0);
	free(got);
}

/* Store by @how at all lengths: the range is as memcpy has it, all else not
 * touched.  @how: flags, and ZERO or MOVE for the other two calls;
 * ALIKE: from an address that is aligned as the target's. */
enum { ZERO = 1 << 8, MOVE = 1 << 9, ALIKE = 1 << 10 };

static const unsigned int ways[] = {
	DXF_PERSIST_DATA, DXF_PERSIST_TEMPORAL, DXF_PERSIST_NOFLUSH,
	DXF_PERSIST_TEMPORAL | DXF_PERSIST_NOFLUSH,
	ZERO, ZERO | DXF_PERSIST_TEMPORAL, MOVE, MOVE | ALIKE,
	DXF_PERSIST_RECOVERY,
};

static int store(dxf_off_t off, const unsigned char *src, size_t len,
		 unsigned int how)
{
	dxf_off_t from = how & ALIKE ? 65536 + off % 64 : 65539;
	unsigned int flags = how & 0xff;

	if (how & ZERO)
		return dxf_persist_zero(r, off, len, flags);
	if (!(how & MOVE))
		return dxf_persist_copy(r, off, src, len, flags);
	ck_assert_int_eq(dxf_persist_copy(r, from, src, len, 0), 0);
	return dxf_persist_move(r, off, from, len, flags);
}

static void sweep(size_t off, unsigned int how)
{
	unsigned char before[AREA], src[AREA], want[AREA];

	rig_pattern(before, AREA, 1);
	rig_pattern(src, AREA, 2);
	for (size_t len = 0; len <= 300; len++) {
		ck_assert_int_eq(dxf_persist_copy(r, 0, before, AREA, 0), 0);
		memcpy(want, before, AREA);
		if (how & ZERO)
			memset(want + off, 0, len);
		else
			memcpy(want + off, src + 3, len);
		ck_assert_int_eq(store(off, src + 3, len, how), 0);
		must_read(0, want, AREA);
	}
}

START_TEST(test_store_of_any_range_touches_it_alone)
{
	for (size_t i = 0; i < DXF_ARRAY_SIZE(ways); i++)
		sweep((size_t)_i, ways[i]);
}
END_TEST

/* Large ranges with odd ends: more than one piece of zeros and of a move. */
START_TEST(test_store_of_large_range_touches_it_alone)
{
	size_t len = 3 * 8192 + (size_t)_i * 61, off = 1000 - (size_t)_i * 7;
	unsigned char *src = malloc(len), edge[64];

	for (size_t i = 0; i < DXF_ARRAY_SIZE(ways); i++) {
		rig_pattern(src, len, 5);
		rig_pattern(edge, sizeof(edge), 3);
		ck_assert_int_eq(dxf_persist_copy(r, off - 64, edge, 64, 0),
				 0);
		ck_assert_int_eq(dxf_persist_copy(r, off + len, edge, 64, 0),
				 0);
		ck_assert_int_eq(store(off, src, len, ways[i]), 0);
		if (ways[i] & ZERO)
			memset(src, 0, len);
		must_read(off - 64, edge, 64);
		must_read(off, src, len);
		must_read(off + len, edge, 64);
	}
	free(src);
}
END_TEST

/* ---- bad blocks ---- */

START_TEST(test_store_to_bad_block_without_recovery_is_eio)
{
	char buf[8192] = { 0 };

	dxf_region_add_bad(r, 4096, 512);
	ck_assert_int_eq(dxf_persist_copy(r, 0, buf, 8192, 0), -EIO);
	ck_assert_int_eq(dxf_persist_zero(r, 4607, 1, 0), -EIO);
	ck_assert_int_eq(dxf_persist_move(r, 4096, 65536, 512, 0), -EIO);
	ck_assert_int_eq(dxf_persist_move(r, 65536, 4096, 512, 0), -EIO);
	ck_assert_int_eq(dxf_persist_copy(r, 4608, buf, 512, 0), 0);
}
END_TEST

START_TEST(test_recovery_of_whole_sectors_makes_them_good)
{
	char buf[8192];

	rig_pattern(buf, sizeof(buf), 9);
	dxf_region_add_bad(r, 4096, 1024);
	switch (_i) {
	case 0:
		ck_assert_int_eq(dxf_persist_copy(r, 4096, buf, 512,
						  DXF_PERSIST_RECOVERY), 0);
		break;
	case 1:
		memset(buf, 0, sizeof(buf));
		ck_assert_int_eq(dxf_persist_zero(r, 4096, 512,
						  DXF_PERSIST_RECOVERY), 0);
		break;
	default:
		ck_assert_int_eq(dxf_persist_copy(r, 65536, buf, 512, 0), 0);
		ck_assert_int_eq(dxf_persist_move(r, 4096, 65536, 512,
						  DXF_PERSIST_RECOVERY), 0);
	}
	must_read(4096, buf, 512);
	ck_assert_int_eq(dxf_load(r, 4608, buf, 1), -EIO);
}
END_TEST

START_TEST(test_recovery_of_part_of_a_sector_is_eio)
{
	char buf[1024] = { 0 };

	dxf_region_add_bad(r, 4096, 1024);
	ck_assert_int_eq(dxf_persist_copy(r, 4100, buf, 508,
					  DXF_PERSIST_RECOVERY), -EIO);
	ck_assert_int_eq(dxf_persist_copy(r, 4096, buf, 511,
					  DXF_PERSIST_RECOVERY), -EIO);
	ck_assert_int_eq(dxf_persist_copy(r, 4095, buf, 513,
					  DXF_PERSIST_RECOVERY), 0);
	ck_assert_int_eq(dxf_load(r, 4096, buf, 512), 0);
	ck_assert_int_eq(dxf_load(r, 4608, buf, 512), -EIO);
}
END_TEST

START_TEST(test_recovery_of_move_with_odd_source_makes_all_good)
{
	size_t len = 40960;
	char *buf = malloc(len);

	rig_pattern(buf, len, 4);
	ck_assert_int_eq(dxf_persist_copy(r, 200001, buf, len, 0), 0);
	dxf_region_add_bad(r, 512, len);
	ck_assert_int_eq(dxf_persist_move(r, 512, 200001, len,
					  DXF_PERSIST_RECOVERY), 0);
	must_read(512, buf, len);
	free(buf);
}
END_TEST

START_TEST(test_recovery_in_a_file_goes_through_the_host)
{
	struct dxf_region *f = rig_open(rig_image(rig_shm, RIG_SIZE, false),
					false, (enum dxf_granularity)_i);
	char buf[512], got[512];

	rig_pattern(buf, sizeof(buf), 8);
	dxf_region_add_bad(f, 4096, 8192);
	ck_assert_int_eq(dxf_persist_copy(f, 4096, buf, 512,
					  DXF_PERSIST_RECOVERY), 0);
	ck_assert_int_eq(dxf_persist_zero(f, 4608, 7680,
					  DXF_PERSIST_RECOVERY), 0);
	ck_assert_int_eq(dxf_load(f, 4096, got, 512), 0);
	ck_assert_int_eq(memcmp(got, buf, 512), 0);
	ck_assert_int_eq(dxf_load(f, 12287, got, 1), 0);
	ck_assert_int_eq(got[0], 0);
	dxf_region_close(f);
}
END_TEST

/* Pages that are there are mapped many at a time, not one by one. */
START_TEST(test_store_in_memory_maps_pages_together)
{
	const char *path = rig_image(rig_shm, RIG_SIZE, false);
	char *buf = calloc(1, RIG_SIZE);
	int fd = open(path, O_WRONLY);
	struct rusage before, after;
	struct dxf_region *f;

	ck_assert(buf != NULL && rig_has_tmpfs());
	ck_assert_int_eq(pwrite(fd, buf, RIG_SIZE, 0), RIG_SIZE);
	close(fd);
	f = rig_open(path, false, DXF_GRANULARITY_AUTO);
	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &before), 0);
	ck_assert_int_eq(dxf_persist_zero(f, 0, RIG_SIZE, DXF_PERSIST_DATA),
			 0);
	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &after), 0);
	ck_assert_int_lt(after.ru_minflt - before.ru_minflt,
			 RIG_SIZE / 4096 / 2);
	dxf_region_close(f);
	free(buf);
}
END_TEST

static TCase *bad_blocks(void)
{
	TCase *tc = tcase_create("bad blocks");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_store_to_bad_block_without_recovery_is_eio);
	tcase_add_loop_test(tc, test_recovery_of_whole_sectors_makes_them_good,
			    0, 3);
	tcase_add_test(tc, test_recovery_of_part_of_a_sector_is_eio);
	tcase_add_test(tc,
		       test_recovery_of_move_with_odd_source_makes_all_good);
	tcase_add_loop_test(tc, test_recovery_in_a_file_goes_through_the_host,
			    DXF_GRANULARITY_CACHELINE,
			    DXF_GRANULARITY_PAGE + 1);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("stores");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_store_of_any_range_touches_it_alone, 0,
			    201);
	tcase_add_loop_test(tc, test_store_of_large_range_touches_it_alone, 0,
			    20);
	if (rig_has_tmpfs())
		tcase_add_test(tc, test_store_in_memory_maps_pages_together);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, bad_blocks());
	return rig_run(suite);
}
