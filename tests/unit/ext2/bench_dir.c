// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_dir.c - what lookup, insert and remove cost in directories of 1,000 to
 * 1,000,000 names, and what their index takes.
 *
 * CPU time: nothing here waits, and other programs do not count.
 *
 *	bench_dir [NAMES [MKE2FS-OPTIONS]]
 */
#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "dir_rig.h"

static struct rig r;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* ck_assert() writes a message each time it passes. */
static void must(bool ok)
{
	if (!ok)
		ck_abort_msg("an operation failed");
}

static void insert(uint32_t i)
{
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;
	char name[256];
	size_t len = rig_name(&r, i, name);

	must(dxf_dir_lookup(&r.dir, name, len, &de) == -ENOENT);
	must(!dxf_txn_begin(r.mgr, 0, &t));
	di = r.dir.di;
	must(!dxf_dir_insert(&r.dir, &di, t, name, len,
			     r.file[i % RIG_FILES], DT_REG));
	must(!rig_commit(&r, t, &di));
	r.nlink[i % RIG_FILES]++;
}

static void erase(uint32_t i)
{
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;
	char name[256];
	size_t len = rig_name(&r, i, name);

	must(!dxf_dir_lookup(&r.dir, name, len, &de));
	must(!dxf_txn_begin(r.mgr, 0, &t));
	di = r.dir.di;
	must(!dxf_dir_remove(&r.dir, &di, t, &de));
	must(!rig_commit(&r, t, &di));
	r.nlink[i % RIG_FILES]--;
}

static void lookups(uint32_t from, uint32_t to, uint32_t n, int want)
{
	struct dxf_dirent de;
	char name[256];

	for (uint32_t i = 0; i < n; i++) {
		size_t len = rig_name(&r, from + rig_random(&r, to - from),
				      name);

		must(dxf_dir_lookup(&r.dir, name, len, &de) == want);
	}
}

static void run(uint32_t count, const char *opts)
{
	uint32_t n = DXF_MIN(count, 100000u);
	double t0, t1, t2, t3, t4, t5, t6;

	rig_open(&r, opts, 512, count + n);
	t0 = now();
	for (uint32_t i = 0; i < count; i++)
		insert(i);
	t1 = now();
	lookups(0, count, n, 0);
	t2 = now();
	lookups(count, count + n, n, -ENOENT);
	t3 = now();
	for (uint32_t i = 0; i < n; i++)
		insert(count + i);
	t4 = now();
	for (uint32_t i = 0; i < n; i++)
		erase(count + i);
	t5 = now();
	printf("%8u names, %.1f MiB, index %.1f bytes/name\n", count,
	       r.dir.di.size / 1048576.0,
	       (double)dxf_dir_index_bytes(r.e2) / count);
	rig_forget(&r);
	t6 = now();
	lookups(0, count, 1, 0);
	printf("  ns each: fill %.0f, hit %.0f, miss %.0f, insert %.0f, remove %.0f; build %.1f ms\n",
	       (t1 - t0) / count, (t2 - t1) / n, (t3 - t2) / n, (t4 - t3) / n,
	       (t5 - t4) / n, (now() - t6) / 1e6);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}

static uint32_t names;
static const char *options = "-t ext2 -b 4096 -N 2000";

START_TEST(bench)
{
	static const uint32_t sizes[] = { 1000, 100000, 1000000 };

	if (names)
		run(names, options);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(sizes) && !names; i++)
		run(sizes[i], options);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s = suite_create("bench");
	TCase *tc = tcase_create("dir");
	SRunner *sr = srunner_create(s);
	int failed;

	if (argc > 1)
		names = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		options = argv[2];
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, bench);
	suite_add_tcase(s, tc);
	srunner_set_fork_status(sr, CK_NOFORK);
	srunner_run_all(sr, CK_SILENT);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
