/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inproc_locks.c - which locks an operation takes, and how long it holds the
 * metadata lock.
 *
 * First a table: for each operation how many locks of each kind it takes, "-" in
 * a build with NDEBUG, which does not count them; and of
 * the metadata lock the median, what 99 of 100 times are below, and the longest,
 * in us.  Then the histogram of all operations together.
 */
#include "inproc.h"

#include <stdio.h>
#include <string.h>

#include "lockstat.h"

static const struct {
	enum dxf_rank rank;
	const char *name;
} kinds[] = {
	{ DXF_RANK_INODE, "inode" }, { DXF_RANK_ICACHE, "icache" },
	{ DXF_RANK_META, "meta" }, { DXF_RANK_ALLOC, "alloc" },
	{ DXF_RANK_ATTR, "attr" }, { DXF_RANK_DIRTY, "dirty" },
	{ DXF_RANK_REGION, "region" }, { DXF_RANK_LEAF, "leaf" },
};

#define NKINDS	DXF_ARRAY_SIZE(kinds)

static uint64_t sum_of(const uint64_t n[DXF_HELD_BUCKETS])
{
	uint64_t sum = 0;

	for (int i = 0; i < DXF_HELD_BUCKETS; i++)
		sum += n[i];
	return sum;
}

/* What @percent of the times are below, in us. */
static double below(const uint64_t n[DXF_HELD_BUCKETS], unsigned int percent)
{
	uint64_t want = (sum_of(n) * percent + 99) / 100, seen = 0;

	for (unsigned int i = 0; i < DXF_HELD_BUCKETS - 1; i++) {
		seen += n[i];
		if (seen >= want)
			return (double)dxf_lock_held_ns(i + 1) / 1e3;
	}
	return (double)dxf_lock_held_ns(DXF_HELD_BUCKETS - 1) / 1e3;
}

static int one_row(struct inproc *b, const struct inproc_row *r,
		   uint64_t all[DXF_HELD_BUCKETS])
{
	uint64_t taken[NKINDS], n[DXF_HELD_BUCKETS], longest;
	int err = 0;

	for (size_t k = 0; k < NKINDS; k++)
		taken[k] = dxf_lock_taken(kinds[k].rank);
	dxf_lock_time(DXF_RANK_META);
	for (unsigned int i = 0; i < INPROC_OPS && err == 0; i++)
		err = r->one(b, i);
	longest = dxf_lock_held(n);
	dxf_lock_time(0);
	printf("%-20s", r->name);
	for (size_t k = 0; k < NKINDS; k++) {
		uint64_t now = dxf_lock_taken(kinds[k].rank);

		if (DXF_LOCK_COUNTS)
			printf(" %7.2f", (double)(now - taken[k]) / INPROC_OPS);
		else
			printf(" %7s", "-");
	}
	if (sum_of(n) > 0)
		printf(" %8.2f %8.2f %8.1f", below(n, 50), below(n, 99),
		       (double)longest / 1e3);
	putchar('\n');
	for (int i = 0; i < DXF_HELD_BUCKETS; i++)
		all[i] += n[i];
	return err == 0 && r->tidy != NULL ? r->tidy(b) : err;
}

static void print_histogram(const uint64_t n[DXF_HELD_BUCKETS])
{
	uint64_t sum = sum_of(n), seen = 0;

	printf("\nmetadata lock held, all operations\n"
	       "%10s %10s %8s\n", "us, below", "times", "of all");
	for (unsigned int i = 0; i < DXF_HELD_BUCKETS - 1; i++) {
		seen += n[i];
		if (n[i] != 0)
			printf("%10.3f %10llu %7.2f%%\n",
			       (double)dxf_lock_held_ns(i + 1) / 1e3,
			       (unsigned long long)n[i],
			       100.0 * (double)seen / (double)sum);
	}
}

int inproc_locks(struct inproc *b)
{
	static uint64_t all[DXF_HELD_BUCKETS];
	int err = 0;

	printf("%-20s", "locks, an operation");
	for (size_t k = 0; k < NKINDS; k++)
		printf(" %7s", kinds[k].name);
	printf(" %8s %8s %8s\n", "median", "99 %", "longest");
	for (int i = 0; inproc_rows[i].name != NULL && err == 0; i++)
		err = one_row(b, &inproc_rows[i], all);
	if (err == 0)
		print_histogram(all);
	return err;
}
