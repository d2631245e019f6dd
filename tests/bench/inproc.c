/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inproc.c - benchinproc: what the library's operations cost by themselves.
 *
 *	benchinproc [-cl] [-n ROUNDS] [-N NAMES] IMAGE RAWFILE
 *	benchinproc -x
 *
 * IMAGE is a fresh filesystem, RAWFILE a file on the same host for raw copies.
 * Each round goes through all rows.  The time is this thread's CPU time, the
 * best of the rounds: what else runs on the machine is not in it.  Prints a
 * line for each row, fields apart by tabs: name, microseconds of the best and
 * of the median round, bytes persisted, fences, lines flushed for an operation,
 * the bar or "-" (-c: that of an image with metadata_csum); and, of one more
 * round by the wall clock, what 99 of 100 operations stay below: no lock is
 * held longer than its operation takes.  -l prints the locks instead
 * (inproc_locks.c), -x what ways to store cost by size (inproc_store.c).
 */
#include "inproc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "persist.h"

#define MAX_ROUNDS	64
#define MAX_ROWS	40

static struct {
	double us[MAX_ROUNDS];
	double bytes, fences, lines;	/* of the last round */
	double p99;			/* microseconds of one operation */
} results[MAX_ROWS];

static void die(const char *what, int err)
{
	fprintf(stderr, "benchinproc: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void must(int err, const char *what)
{
	if (err)
		die(what, err);
}

/* ---- what is there before the first row ---- */

static void open_fs(struct inproc *b, const char *image)
{
	struct dxf_region_opts ropts = { .ro = false };
	struct dxf_fs_opts fopts;
	struct dxf_err err;

	dxf_fs_default_opts(&fopts);
	if (dxf_region_open(&b->region, image, &ropts, &err) != 0 ||
	    dxf_fs_open(&b->fs, b->region, &fopts, &err) != 0) {
		fprintf(stderr, "benchinproc: %s\n", err.text);
		exit(1);
	}
}

static void map_raw(struct inproc *b, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, RAW_SIZE) != 0)
		die(path, errno ? -errno : -ENOSPC);
	b->raw = mmap(NULL, RAW_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, fd, 0);
	if (b->raw == MAP_FAILED)
		die(path, -errno);
	memset(b->raw, 1, RAW_SIZE);
	close(fd);
}

static dxf_ino_t make(struct inproc *b, const char *name, mode_t mode)
{
	struct dxf_cred cred = { .uid = 0 };
	struct dxf_attr a;

	must(dxf_fs_mknod(b->fs, &cred, 2, name, mode, 0, &a), name);
	return a.ino;
}

static void fill(struct inproc *b)
{
	struct dxf_cred cred = { .uid = 0 };
	struct dxf_attr a;
	unsigned int i;
	char name[32];
	uint64_t off;

	for (off = 0; off < RAW_SIZE; off += DXF_MIB)
		if (dxf_fs_write(b->fs, b->file, off, b->buf, DXF_MIB, 0,
				 &cred) != DXF_MIB)
			die("no room for the file", -ENOSPC);
	for (i = 0; i < b->names; i++) {
		snprintf(name, sizeof(name), "b%u", i);
		must(dxf_fs_mknod(b->fs, &cred, b->many, name, S_IFREG | 0644,
				  0, &a), name);
		dxf_fs_forget(b->fs, a.ino, 1);
	}
}

static void setup(struct inproc *b, const char *image, const char *raw)
{
	unsigned int i;

	open_fs(b, image);
	map_raw(b, raw);
	b->buf = aligned_alloc(4096, DXF_MIB);
	if (b->buf == NULL)
		die("memory", -ENOMEM);
	memset(b->buf, 0x5a, DXF_MIB);
	b->state = 1;
	b->file = make(b, "file", S_IFREG | 0644);
	b->grown = make(b, "grown", S_IFREG | 0644);
	b->dir = make(b, "dir", S_IFDIR | 0755);
	b->many = make(b, "many", S_IFDIR | 0755);
	for (i = 0; i < INPROC_OPS; i++) {
		snprintf(b->new[i], sizeof(b->new[i]), "n%u", i);
		snprintf(b->renamed[i], sizeof(b->renamed[i]), "r%u", i);
		snprintf(b->none[i], sizeof(b->none[i]), "x%u", i);
	}
	fill(b);
}

/* ---- measuring ---- */

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void measure(struct inproc *b, int row, int round)
{
	const struct inproc_row *r = &inproc_rows[row];
	struct dxf_persist_stats before, after;
	double start, ops = INPROC_OPS;
	unsigned int i;

	dxf_persist_get_stats(b->region, &before);
	start = cpu_us();
	for (i = 0; i < INPROC_OPS; i++)
		must(r->one(b, i), r->name);
	results[row].us[round] = (cpu_us() - start) / ops;
	dxf_persist_get_stats(b->region, &after);
	results[row].bytes = (double)(after.bytes_stored -
				      before.bytes_stored) / ops;
	results[row].fences = (double)(
		after.calls[DXF_PERSIST_OP_FENCE] -
		before.calls[DXF_PERSIST_OP_FENCE]) / ops;
	results[row].lines = (double)(after.lines_flushed -
				      before.lines_flushed) / ops;
	if (r->tidy != NULL)
		must(r->tidy(b), r->name);
}

static double wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* One more round, operation by operation. */
static void measure_each(struct inproc *b, int row)
{
	const struct inproc_row *r = &inproc_rows[row];
	static double us[INPROC_OPS];
	double before = wall_us(), now;
	unsigned int i;

	for (i = 0; i < INPROC_OPS; i++) {
		must(r->one(b, i), r->name);
		now = wall_us();
		us[i] = now - before;
		before = now;
	}
	if (r->tidy != NULL)
		must(r->tidy(b), r->name);
	qsort(us, INPROC_OPS, sizeof(us[0]), compare);
	results[row].p99 = us[INPROC_OPS * 99 / 100];
}

static double best_of(const char *name)
{
	int i;

	for (i = 0; inproc_rows[i].name != NULL; i++)
		if (strcmp(inproc_rows[i].name, name) == 0)
			return results[i].us[0];
	assert(!"a row of that name");
	return 0;
}

static void print_row(int i, int rounds, bool csum)
{
	const struct inproc_row *r = &inproc_rows[i];
	double bar = csum && r->us_csum > 0 ? r->us_csum : r->us;

	if (r->against != NULL)
		bar += best_of(r->against);
	printf("%s\t%.3f\t%.3f\t%.1f\t%.2f\t%.2f\t", r->name,
	       results[i].us[0], results[i].us[rounds / 2], results[i].bytes,
	       results[i].fences, results[i].lines);
	if (bar > 0)
		printf("%.3f", bar);
	else
		putchar('-');
	printf("\t%.2f\n", results[i].p99);
}

static void print(int rounds, bool csum)
{
	int i;

	for (i = 0; inproc_rows[i].name != NULL; i++)
		qsort(results[i].us, (size_t)rounds, sizeof(double), compare);
	for (i = 0; inproc_rows[i].name != NULL; i++)
		print_row(i, rounds, csum);
}

static int usage(void)
{
	fputs("usage: benchinproc [-cl] [-n ROUNDS] [-N NAMES] IMAGE RAWFILE\n"
	      "       benchinproc -x\n", stderr);
	return 1;
}

static void measure_all(struct inproc *b, int rounds, bool csum)
{
	int i, k;

	for (k = 0; k < rounds; k++)
		for (i = 0; inproc_rows[i].name != NULL; i++)
			measure(b, i, k);
	for (i = 0; inproc_rows[i].name != NULL; i++)
		measure_each(b, i);
	print(rounds, csum);
}

int main(int argc, char **argv)
{
	static struct inproc b = { .names = 1000 };
	bool csum = false, locks = false;
	int rounds = 5, c;

	while ((c = getopt(argc, argv, "cln:N:x")) != -1) {
		if (c == 'n')
			rounds = atoi(optarg);
		else if (c == 'N')
			b.names = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'c')
			csum = true;
		else if (c == 'l')
			locks = true;
		else if (c == 'x')
			return inproc_stores() != 0;
		else
			return usage();
	}
	if (argc - optind != 2 || rounds < 1 || rounds > MAX_ROUNDS ||
	    b.names == 0)
		return usage();
	setup(&b, argv[optind], argv[optind + 1]);
	if (locks)
		must(inproc_locks(&b), "locks");
	else
		measure_all(&b, rounds, csum);
	must(dxf_fs_close(b.fs), "unmount");
	dxf_region_close(b.region);
	return 0;
}
