/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_falloc2.c - what changes a file's size or map, by chance and at the
 * limits.
 *
 * The random case keeps its own copy of the file; it uses of the fallocate
 * modes those that exist.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "suite.h"
#include "util.h"

enum { MAX = 400000 };

struct model {
	int fd;
	char *bytes;
	off_t size;
	uint64_t seed;
	bool no_punch, no_zero, no_alloc;
};

static void model_write(struct model *m, off_t off, off_t len)
{
	fill_pattern(m->bytes + off, len, rnd(&m->seed));
	write_all(m->fd, m->bytes + off, len, off);
	if (off + len > m->size)
		m->size = off + len;
}

static void model_truncate(struct model *m, off_t size)
{
	ASSERT_OK(ftruncate(m->fd, size));
	if (size < m->size)
		memset(m->bytes + size, 0, m->size - size);
	m->size = size;
}

static void model_punch(struct model *m, off_t off, off_t len)
{
	if (m->no_punch)
		return;
	if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
		      len)) {
		ASSERT_EQ(errno, EOPNOTSUPP);
		m->no_punch = true;
		return;
	}
	memset(m->bytes + off, 0, len);
}

static void model_zero(struct model *m, off_t off, off_t len, bool keep)
{
	int mode = FALLOC_FL_ZERO_RANGE | (keep ? FALLOC_FL_KEEP_SIZE : 0);

	if (m->no_zero)
		return;
	if (fallocate(m->fd, mode, off, len)) {
		ASSERT_EQ(errno, EOPNOTSUPP);
		m->no_zero = true;
		return;
	}
	memset(m->bytes + off, 0, len);
	if (!keep && off + len > m->size)
		m->size = off + len;
}

static void model_alloc(struct model *m, off_t off, off_t len, bool keep)
{
	if (m->no_alloc)
		return;
	if (fallocate(m->fd, keep ? FALLOC_FL_KEEP_SIZE : 0, off, len)) {
		ASSERT_EQ(errno, EOPNOTSUPP);
		m->no_alloc = true;
		return;
	}
	if (!keep && off + len > m->size)
		m->size = off + len;
}

static void model_check(struct model *m)
{
	char *got = malloc(MAX);
	off_t i;

	ASSERT_EQ(fst(m->fd).st_size, m->size);
	read_all(m->fd, got, m->size, 0);
	for (i = 0; i < m->size; i++) {
		if (got[i] != m->bytes[i])
			suite_fail(__FILE__, __LINE__,
				   "byte %lld of %lld is %d, not %d",
				   (long long)i, (long long)m->size, got[i],
				   m->bytes[i]);
	}
	ASSERT_EQ(pread(m->fd, got, 1, m->size), 0);
	free(got);
}

/* An offset and a length, mostly not aligned, sometimes to blocks. */
static off_t model_range(struct model *m, off_t *len)
{
	off_t off = rnd(&m->seed) % MAX, bs = fs_bsize();

	*len = 1 + rnd(&m->seed) % (rnd(&m->seed) % 8 ? 20000 : 150000);
	if (rnd(&m->seed) % 4 == 0) {
		off = off / bs * bs;
		*len = (*len + bs - 1) / bs * bs;
	}
	if (*len > MAX - off)
		*len = MAX - off;
	return off;
}

static void model_step(struct model *m)
{
	off_t len, off = model_range(m, &len);
	bool keep = rnd(&m->seed) % 2;

	switch (rnd(&m->seed) % 8) {
	case 0:
		model_truncate(m, off);
		break;
	case 1:
	case 2:
		model_punch(m, off, len);
		break;
	case 3:
		model_zero(m, off, len, keep);
		break;
	case 4:
		model_alloc(m, off, len, keep);
		break;
	default:
		model_write(m, off, len);
	}
}

static const char *seed_name(int i)
{
	static char buf[16];

	snprintf(buf, sizeof(buf), "seed%d", i + 1);
	return buf;
}

CASE_EACH(file_random_changes_match_a_copy, 6, seed_name)
{
	struct model m = {
		.fd = open_new("f"),
		.bytes = calloc(1, MAX),
		.seed = suite_param() * 7919 + 1,
	};
	int i;

	for (i = 0; i < 400; i++) {
		model_step(&m);
		if (i % 10 == 0)
			model_check(&m);
		if (i % 100 == 0)
			drop_caches();
	}
	model_check(&m);
	ASSERT_OK(ftruncate(m.fd, 0));
	ASSERT_OK(fsync(m.fd));
	ASSERT_EQ(fst(m.fd).st_blocks, 0);
}

CASE(truncate_changes_times)
{
	struct times t;

	put_text("f", "text");
	t = times_snap("f");
	ASSERT_OK(truncate("f", 2));
	TIMES_CHANGED(&t, T_M | T_C);
	t = times_snap("f");
	ASSERT_OK(truncate("f", 2000));
	TIMES_CHANGED(&t, T_M | T_C);
}

CASE(ftruncate_changes_times)
{
	struct times t;
	int fd = open_new("f");

	t = times_snap("f");
	ASSERT_OK(ftruncate(fd, 100));
	TIMES_CHANGED(&t, T_M | T_C);
	t = times_snap("f");
	/* to the same size too */
	ASSERT_OK(ftruncate(fd, 100));
	TIMES_CHANGED(&t, T_M | T_C);
}

CASE(truncate_errors)
{
	make_dir("d", 0755);
	make_file_of("f", 0444, USER_A, GROUP_A);
	ASSERT_OK(mkfifo("p", 0666));
	ASSERT_ERR(EISDIR, truncate("d", 0));
	ASSERT_ERR(EINVAL, truncate("f", -1));
	ASSERT_ERR(EINVAL, truncate("p", 0));
	ASSERT_ERR(ENOENT, truncate("x", 0));
	ASSERT_ERR(EACCES, AS_A(truncate("f", 0)));
	ASSERT_OK(truncate("f", 10));
	ASSERT_EQ(lst("f").st_size, 10);
}

CASE(truncate_failed_changes_no_times)
{
	struct times t;

	make_file("f", 0644);
	t = times_snap("f");
	ASSERT_ERR(EACCES, AS_A(truncate("f", 10)));
	TIMES_CHANGED(&t, 0);
}

CASE(truncate_of_big_file_frees_blocks)
{
	char *buf = malloc(1 << 20);
	int fd = open_new("f"), i;

	fill_pattern(buf, 1 << 20, 3);
	for (i = 0; i < 24; i++)
		write_all(fd, buf, 1 << 20, (off_t)i << 20);
	ASSERT_OK(ftruncate(fd, (5 << 20) + 17));
	ASSERT_OK(fsync(fd));
	ASSERT(fst(fd).st_blocks * 512 < 6 << 20);
	drop_caches();
	ASSERT_EQ(fst(fd).st_size, (5 << 20) + 17);
	ASSERT_EQ(pread(fd, buf, 100, 5 << 20), 17);
	ASSERT_OK(ftruncate(fd, 0));
	ASSERT_OK(fsync(fd));
	ASSERT_EQ(fst(fd).st_blocks, 0);
}

/* The largest size: found by halving, the same for truncate and write. */
static off_t largest_size(int fd)
{
	off_t lo = (off_t)1 << 30, hi = INT64_MAX, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2 + 1;
		if (!ftruncate(fd, mid)) {
			lo = mid;
			continue;
		}
		ASSERT_EQ(errno, EFBIG);
		hi = mid - 1;
	}
	return lo;
}

CASE(file_size_limit_efbig)
{
	int fd = open_new("f");
	off_t max = largest_size(fd);
	char buf[100] = "end of the world";

	ASSERT(max >= (off_t)16 << 30);
	ASSERT_OK(ftruncate(fd, 0));
	ASSERT_ERR(EFBIG, pwrite(fd, buf, 1, max));
	ASSERT_ERR(EFBIG, pwrite(fd, buf, 1, INT64_MAX - 4096));
	ASSERT_ERR(EFBIG, fallocate(fd, 0, max, 4096) ?
		   (errno = errno == EOPNOTSUPP ? EFBIG : errno, -1) : 0);
	ASSERT_EQ(fst(fd).st_size, 0);
	write_all(fd, buf, 1, max - 1);
	ASSERT_EQ(fst(fd).st_size, max);
	/* a write over the limit is cut there */
	ASSERT_EQ(pwrite(fd, buf, sizeof(buf), max - 10), 10);
	drop_caches();
	ASSERT_EQ(fst(fd).st_size, max);
	memset(buf, 'x', 10);
	read_all(fd, buf, 10, max - 10);
	ASSERT(!memcmp(buf, "end of the", 10));
}

CASE(file_size_rlimit_efbig)
{
	struct rlimit rl = { .rlim_cur = 10000, .rlim_max = RLIM_INFINITY };
	char buf[4096] = "";
	int fd = open_new("f");

	signal(SIGXFSZ, SIG_IGN);
	ASSERT_OK(setrlimit(RLIMIT_FSIZE, &rl));
	write_all(fd, buf, 4096, 0);
	ASSERT_EQ(pwrite(fd, buf, 4096, 8192), 10000 - 8192);
	ASSERT_ERR(EFBIG, pwrite(fd, buf, 1, 10000));
	ASSERT_ERR(EFBIG, ftruncate(fd, 10001));
	ASSERT_ERR(EFBIG, truncate("f", 10001));
	ASSERT_EQ(fst(fd).st_size, 10000);
}

/* More than there is: an error, and nothing of it stays. */
CASE_FLAGS(fallocate_too_much_enospc, SUITE_SERIAL)
{
	struct timespec t = { .tv_nsec = 20 * 1000 * 1000 };
	struct statvfs before;
	int fd = open_new("f"), i;

	drop_caches();
	before = fs_stat();
	if (fallocate(fd, 0, 0, (before.f_bfree + 100) * before.f_frsize) &&
	    errno == EOPNOTSUPP)
		UNSUPPORTED("fallocate");
	ASSERT_ERR(ENOSPC, fallocate(fd, 0, 0, (before.f_bfree + 100) *
				     before.f_frsize));
	ASSERT_OK(ftruncate(fd, 0));
	for (i = 0; i < 250 && fs_stat().f_bfree != before.f_bfree; i++)
		nanosleep(&t, NULL);
	ASSERT_EQ(fs_stat().f_bfree, before.f_bfree);
}
