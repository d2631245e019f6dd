/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of bad blocks, and where the kernel's lists are found. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fault.h"
#include "pmem_rig.h"
#include "region_priv.h"

#define SECTORS	(RIG_SIZE / DXF_SECTOR)

static struct dxf_region *r;

static void setup(void)
{
	rig_setup();
	r = rig_anon(RIG_SIZE, false);
}

static void teardown(void)
{
	dxf_region_close(r);
	rig_teardown();
}

static bool is_bad(dxf_off_t off)
{
	struct dxf_bad b;

	return dxf_badblock_find(r, off, 1, &b);
}

START_TEST(test_badblock_add_keeps_whole_sectors)
{
	dxf_region_add_bad(r, 1000, 30);
	ck_assert(!is_bad(511));
	ck_assert(is_bad(512));
	ck_assert(is_bad(1535));
	ck_assert(!is_bad(1536));
}
END_TEST

START_TEST(test_badblock_add_outside_adds_nothing)
{
	dxf_region_add_bad(r, RIG_SIZE, 512);
	dxf_region_add_bad(r, UINT64_MAX, UINT64_MAX);
	dxf_region_add_bad(r, 0, 0);
	ck_assert_uint_eq(r->nbad, 0);
	dxf_region_add_bad(r, RIG_SIZE - 1, UINT64_MAX);
	ck_assert_uint_eq(r->nbad, 1);
	ck_assert_uint_eq(r->bad[0].end, RIG_SIZE);
}
END_TEST

START_TEST(test_badblock_add_merges_what_touches)
{
	dxf_region_add_bad(r, 0, 512);
	dxf_region_add_bad(r, 1024, 512);
	ck_assert_uint_eq(r->nbad, 2);
	dxf_region_add_bad(r, 512, 512);
	ck_assert_uint_eq(r->nbad, 1);
	ck_assert_uint_eq(r->bad[0].end, 1536);
}
END_TEST

START_TEST(test_badblock_find_gives_the_first_that_meets)
{
	struct dxf_bad b;

	dxf_region_add_bad(r, 4096, 512);
	dxf_region_add_bad(r, 8192, 512);
	ck_assert(dxf_badblock_find(r, 0, RIG_SIZE, &b));
	ck_assert_uint_eq(b.start, 4096);
	ck_assert(!dxf_badblock_find(r, 0, 4096, &b));
	ck_assert(dxf_badblock_find(r, 0, 4097, &b));
	ck_assert(dxf_badblock_find(r, 4607, 100000, &b));
	ck_assert_uint_eq(b.start, 4096);
	ck_assert(dxf_badblock_find(r, 4608, 100000, &b));
	ck_assert_uint_eq(b.start, 8192);
	ck_assert(!dxf_badblock_find(r, 8704, 100000, &b));
}
END_TEST

/* The same random adds and clears on an array of sectors. */
START_TEST(test_badblock_random_changes_equal_model)
{
	bool model[SECTORS] = { false };

	srandom((unsigned int)_i);
	for (int n = 0; n < 400; n++) {
		uint64_t s = (uint64_t)random() % 300;
		uint64_t len = 1 + (uint64_t)random() % 20;
		bool bad = random() % 3 != 0;

		if (bad)
			dxf_region_add_bad(r, s * 512, len * 512);
		else
			dxf_badblock_clear(r, s * 512, len * 512);
		for (uint64_t i = s; i < s + len; i++)
			model[i] = bad;
		for (uint64_t i = 0; i < 330; i++)
			ck_assert_int_eq(is_bad(i * 512 + 100), model[i]);
	}
}
END_TEST

START_TEST(test_badblock_clear_of_part_of_a_sector_keeps_it)
{
	dxf_region_add_bad(r, 4096, 512);
	dxf_badblock_clear(r, 4097, 511);
	dxf_badblock_clear(r, 4096, 511);
	ck_assert(is_bad(4096));
	dxf_badblock_clear(r, 4096, 512);
	ck_assert(!is_bad(4096));
}
END_TEST

START_TEST(test_badblock_clear_of_cut_sector_at_the_end_works)
{
	struct dxf_region *odd = rig_anon(1000, false);

	dxf_region_add_bad(odd, 600, 1);
	ck_assert_uint_eq(odd->nbad, 1);
	dxf_badblock_clear(odd, 512, 488);
	ck_assert_uint_eq(odd->nbad, 0);
	dxf_region_close(odd);
}
END_TEST

START_TEST(test_badblock_add_without_memory_says_so)
{
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	dxf_region_add_bad(r, 4096, 512);
	dxf_fault_disarm();
	ck_assert(!is_bad(4096));
	ck_assert_ptr_nonnull(strstr(rig_log, "not remembered"));
}
END_TEST

/* ---- the kernel's lists, in a made-up sysfs ---- */

/* A region on a scratch file that pretends to be of @kind. */
static struct dxf_region *pretend(enum dxf_region_kind kind)
{
	struct dxf_region *f = rig_open(rig_image(rig_shm, RIG_SIZE, true),
					false, DXF_GRANULARITY_AUTO);

	f->node.kind = kind;
	return f;
}

static void clean_up(struct dxf_region *f)
{
	f->node.kind = DXF_REGION_FILE;
	dxf_region_close(f);
}

/* "dev/TYPE/MAJ:MIN" for what st_rdev or st_dev of the file is. */
static void link_device(const struct dxf_region *f, const char *type,
			bool of_fs, const char *target)
{
	struct stat st;
	char name[100];
	dev_t dev;

	ck_assert_int_eq(fstat(f->node.fd, &st), 0);
	dev = of_fs ? st.st_dev : st.st_rdev;
	snprintf(name, sizeof(name), "dev/%s/%u:%u", type, major(dev),
		 minor(dev));
	rig_link(rig_disk, name, target);
}

START_TEST(test_scan_of_devdax_counts_from_the_nvdimm_region)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);

	rig_write(rig_disk, "d/region0/resource", "0x100000000\n");
	rig_write(rig_disk, "d/region0/badblocks", "4 1\n4104 2\n90000 1\n");
	rig_write(rig_disk, "d/region0/dax0.1/dax0.0/resource",
		  "0x100200000\n");
	link_device(f, "char", false, "../../d/region0/dax0.1/dax0.0");
	f->offset = 512;
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	ck_assert_uint_eq(f->nbad, 1);
	/* 4104 sectors less 2 MiB less the window's offset */
	ck_assert_uint_eq(f->bad[0].start, 4104 * 512 - 2097152 - 512);
	ck_assert_uint_eq(f->bad[0].end, f->bad[0].start + 1024);
	ck_assert_ptr_nonnull(strstr(rig_log, "1 bad ranges"));
	clean_up(f);
}
END_TEST

/* What is no regular file there cannot be read, not even by root. */
START_TEST(test_scan_of_list_that_cannot_be_read_is_one_line)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);

	rig_write(rig_disk, "d/region0/badblocks", "4104 2\n");
	rig_write(rig_disk, "d/region0/dax0.0/resource/x", "");
	link_device(f, "char", false, "../../d/region0/dax0.0");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	ck_assert_uint_eq(f->nbad, 0);
	ck_assert_int_eq(rig_nlog, 1);
	ck_assert_ptr_nonnull(strstr(rig_log, "cannot be read"));
	clean_up(f);
}
END_TEST

/* Memory that is no NVDIMM has no list, which is worth no line. */
START_TEST(test_scan_of_devdax_without_list_is_silent)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);

	rig_write(rig_disk, "d/region0/dax0.0/resource", "0x100200000\n");
	link_device(f, "char", false, "../../d/region0/dax0.0");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	ck_assert_int_eq(rig_nlog, 0);
	clean_up(f);
}
END_TEST

/*
 * A store into the mapping does not change the kernel's list: what stays on it
 * would be bad again at the next mount.
 */
START_TEST(test_recovery_counts_when_the_kernel_forgot_it)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);
	char sector[512];
	struct dxf_bad b;

	memset(sector, 'r', sizeof(sector));
	rig_write(rig_disk, "d/region0/resource", "0x100000000\n");
	rig_write(rig_disk, "d/region0/badblocks", "16 1\n");
	rig_write(rig_disk, "d/region0/dax0.0/resource", "0x100000000\n");
	link_device(f, "char", false, "../../d/region0/dax0.0");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	ck_assert_int_eq(dxf_persist_copy(f, 8192, sector, 512,
					  DXF_PERSIST_RECOVERY), -EIO);
	ck_assert(dxf_badblock_find(f, 8192, 1, &b));
	rig_write(rig_disk, "d/region0/badblocks", "15 1\n17 1\n");
	ck_assert_int_eq(dxf_persist_copy(f, 8192, sector, 512,
					  DXF_PERSIST_RECOVERY), 0);
	ck_assert(!dxf_badblock_find(f, 8192, 1, &b));
	clean_up(f);
}
END_TEST

/* A DAX filesystem does not map what the kernel came to know as bad. */
START_TEST(test_fault_on_pmem_has_the_list_read_again)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);
	char buf[512];

	rig_write(rig_disk, "d/region0/resource", "0x100000000\n");
	rig_write(rig_disk, "d/region0/badblocks", "");
	rig_write(rig_disk, "d/region0/dax0.0/resource", "0x100000000\n");
	link_device(f, "char", false, "../../d/region0/dax0.0");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	rig_write(rig_disk, "d/region0/badblocks", "16 1\n");
	ck_assert_int_eq(ftruncate(f->node.fd, 8192), 0);
	ck_assert_int_eq(dxf_load(f, 12288, buf, 8), -EIO);
	ck_assert_uint_eq(f->nbad, 1);
	ck_assert_uint_eq(f->bad[0].start, 8192);
	ck_assert_int_eq(rig_nlog, 1);
	/* Nothing new is worth no line. */
	ck_assert_int_eq(dxf_load(f, 12288, buf, 8), -EIO);
	ck_assert_int_eq(rig_nlog, 1);
	clean_up(f);
}
END_TEST

/* A dax device names the huge page, the kernel's list the sector in it. */
START_TEST(test_poison_in_a_huge_page_is_where_the_list_says)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);

	rig_write(rig_disk, "d/region0/resource", "0x100000000\n");
	rig_write(rig_disk, "d/region0/badblocks", "");
	rig_write(rig_disk, "d/region0/dax0.0/resource", "0x100000000\n");
	link_device(f, "char", false, "../../d/region0/dax0.0");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	rig_write(rig_disk, "d/region0/badblocks", "16 1\n");
	dxf_badblock_note(f, f->rd, (uintptr_t)f->rd, 2 * DXF_MIB);
	ck_assert_uint_eq(f->nbad, 1);
	ck_assert_uint_eq(f->bad[0].start, 8192);
	ck_assert_uint_eq(f->bad[0].end, 8192 + 512);
	/* Told again, though known: nothing is added. */
	dxf_badblock_note(f, f->rd, (uintptr_t)f->rd, 2 * DXF_MIB);
	ck_assert_uint_eq(f->bad[0].end, 8192 + 512);
	clean_up(f);
}
END_TEST

/* Without a list all that the kernel names is taken for bad. */
START_TEST(test_poison_in_a_huge_page_without_list_is_all_of_it)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);

	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	dxf_badblock_note(f, f->rd, (uintptr_t)f->rd - 4096, DXF_MIB);
	ck_assert_uint_eq(f->nbad, 1);
	ck_assert_uint_eq(f->bad[0].start, 0);
	ck_assert_uint_eq(f->bad[0].end, DXF_MIB - 4096);
	clean_up(f);
}
END_TEST

START_TEST(test_scan_of_devdax_in_pieces_is_left_out)
{
	struct dxf_region *f = pretend(DXF_REGION_DEVDAX);

	rig_write(rig_disk, "d/region0/resource", "0x100000000\n");
	rig_write(rig_disk, "d/region0/badblocks", "4104 2\n");
	rig_write(rig_disk, "d/region0/dax0.0/resource", "0x100200000\n");
	rig_write(rig_disk, "d/region0/dax0.0/mapping1/start", "0x1\n");
	link_device(f, "char", false, "../../d/region0/dax0.0");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	ck_assert_uint_eq(f->nbad, 0);
	clean_up(f);
}
END_TEST

START_TEST(test_scan_without_sysfs_finds_nothing)
{
	struct dxf_region *f = pretend((enum dxf_region_kind)_i);

	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	ck_assert_uint_eq(f->nbad, 0);
	clean_up(f);
}
END_TEST

START_TEST(test_scan_of_partition_counts_from_its_start)
{
	struct dxf_region *f = pretend(DXF_REGION_BLOCK);

	rig_write(rig_disk, "d/pmem0/badblocks", "99 2\n108 1\n5000000 1\n");
	rig_write(rig_disk, "d/pmem0/pmem0p1/start", "100\n");
	link_device(f, "block", false, "../../d/pmem0/pmem0p1");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	/* The first lies across the start. */
	ck_assert_uint_eq(f->nbad, 2);
	ck_assert_uint_eq(f->bad[0].start, 0);
	ck_assert_uint_eq(f->bad[0].end, 512);
	ck_assert_uint_eq(f->bad[1].start, 8 * 512);
	clean_up(f);
}
END_TEST

static const char *const nonsense[] = {
	"", "x\n", "1\n", "18446744073709551615 1\n",
	"1 18446744073709551615\n", "4096 0\n", "-5 1\n",
};

START_TEST(test_scan_of_nonsense_finds_nothing)
{
	struct dxf_region *f = pretend(DXF_REGION_BLOCK);

	rig_write(rig_disk, "d/pmem0/badblocks", nonsense[_i]);
	link_device(f, "block", false, "../../d/pmem0");
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), 0);
	ck_assert_uint_eq(f->nbad, 0);
	clean_up(f);
}
END_TEST

START_TEST(test_scan_without_memory_is_enomem)
{
	struct dxf_region *f = pretend(DXF_REGION_BLOCK);

	rig_write(rig_disk, "d/pmem0/badblocks", "8 1\n");
	link_device(f, "block", false, "../../d/pmem0");
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_int_eq(dxf_badblock_init(f, rig_disk), -ENOMEM);
	dxf_fault_disarm();
	clean_up(f);
}
END_TEST

static TCase *scans(void)
{
	TCase *tc = tcase_create("scan");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_scan_of_devdax_counts_from_the_nvdimm_region);
	tcase_add_test(tc, test_scan_of_devdax_in_pieces_is_left_out);
	tcase_add_test(tc, test_scan_of_list_that_cannot_be_read_is_one_line);
	tcase_add_test(tc, test_scan_of_devdax_without_list_is_silent);
	tcase_add_test(tc, test_recovery_counts_when_the_kernel_forgot_it);
	tcase_add_test(tc, test_fault_on_pmem_has_the_list_read_again);
	tcase_add_test(tc, test_poison_in_a_huge_page_is_where_the_list_says);
	tcase_add_test(tc,
		test_poison_in_a_huge_page_without_list_is_all_of_it);
	tcase_add_loop_test(tc, test_scan_without_sysfs_finds_nothing,
			    DXF_REGION_FILE, DXF_REGION_ANON + 1);
	tcase_add_test(tc, test_scan_of_partition_counts_from_its_start);
	tcase_add_loop_test(tc, test_scan_of_nonsense_finds_nothing, 0,
			    DXF_ARRAY_SIZE(nonsense));
	tcase_add_test(tc, test_scan_without_memory_is_enomem);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("badblock");
	TCase *tc = tcase_create("list");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_badblock_add_keeps_whole_sectors);
	tcase_add_test(tc, test_badblock_add_outside_adds_nothing);
	tcase_add_test(tc, test_badblock_add_merges_what_touches);
	tcase_add_test(tc, test_badblock_find_gives_the_first_that_meets);
	tcase_add_loop_test(tc, test_badblock_random_changes_equal_model, 1,
			    9);
	tcase_add_test(tc,
		       test_badblock_clear_of_part_of_a_sector_keeps_it);
	tcase_add_test(tc,
		       test_badblock_clear_of_cut_sector_at_the_end_works);
	tcase_add_test(tc, test_badblock_add_without_memory_says_so);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, scans());
	return rig_run(suite);
}
