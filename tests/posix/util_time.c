/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util_time.c - clocks and caches for the cases.
 *
 * Invariant: after tick() a new time differs from an old one, whatever the
 * resolution of the filesystem.
 */
#include <stdio.h>

#include "suite.h"
#include "util.h"

bool ts_before(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec :
				      a.tv_nsec < b.tv_nsec;
}

bool ts_equal(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

void tick(void)
{
	/* file times take the coarse clock: up to 10 ms behind */
	struct timespec t = { .tv_nsec = 12 * 1000 * 1000 };
	struct timespec now;

	if (suite_lacks("ns-times")) {
		clock_gettime(CLOCK_REALTIME, &now);
		t.tv_nsec = 1000 * 1000 * 1000L - now.tv_nsec + t.tv_nsec;
		if (t.tv_nsec >= 1000 * 1000 * 1000L) {
			t.tv_sec = 1;
			t.tv_nsec -= 1000 * 1000 * 1000L;
		}
	}
	nanosleep(&t, NULL);
}

void drop_caches(void)
{
	int fd = ASSERT_OK(open(".", O_RDONLY | O_DIRECTORY));

	ASSERT_OK(syncfs(fd));
	ASSERT_OK(close(fd));
	fd = ASSERT_OK(open("/proc/sys/vm/drop_caches", O_WRONLY));
	ASSERT_EQ(write(fd, "3", 1), 1);
	ASSERT_OK(close(fd));
}

struct times times_snap(const char *path)
{
	struct times t = { .path = path, .st = lst(path) };

	tick();
	return t;
}

static void check_one(const char *at, int line, const char *which,
		      struct timespec before, struct timespec after,
		      bool must_move)
{
	if (must_move && !ts_before(before, after))
		suite_fail(at, line, "%s did not move forward", which);
	if (!must_move && !ts_equal(before, after))
		suite_fail(at, line, "%s changed", which);
}

void times_changed(const char *file, int line, const struct times *t,
		   int changed)
{
	struct stat st = lst(t->path);

	if (changed & T_A)
		check_one(file, line, "atime", t->st.st_atim, st.st_atim,
			  true);
	check_one(file, line, "mtime", t->st.st_mtim, st.st_mtim,
		  changed & T_M);
	check_one(file, line, "ctime", t->st.st_ctim, st.st_ctim,
		  changed & T_C);
}
