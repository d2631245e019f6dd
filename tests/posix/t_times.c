/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_times.c - times: set, kept, and moved by what a file goes through.
 *
 * With inodes of 128 bytes (--lacks ns-times) a time is a signed 32-bit
 * number of seconds; what does not fit is clamped.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "suite.h"
#include "util.h"

static int set_times(const char *path, struct timespec at,
		     struct timespec mt)
{
	struct timespec ts[2] = { at, mt };

	return utimensat(AT_FDCWD, path, ts, AT_SYMLINK_NOFOLLOW);
}

static struct timespec T(time_t sec, long nsec)
{
	return (struct timespec){ .tv_sec = sec, .tv_nsec = nsec };
}

/* Years by their first second, and the ends of what 32 and 34 bits hold. */
static const struct {
	const char *name;
	int64_t sec;
} years[] = {
	{ "1901-second-second", -2147483647LL },
	{ "1938", -1009843200LL },
	{ "1969-last-second", -1 },
	{ "1970", 0 },
	{ "2001", 1000000000LL },
	{ "2038-last-of-32-bits", 2147483647LL },
	{ "2038-one-more", 2147483648LL },
	{ "2106-last-unsigned", 4294967295LL },
	{ "2106-one-more", 4294967296LL },
	{ "2242", 8589934592LL - 2147483649LL },
	{ "2310", 10737418240LL },
	{ "2446-last-but-one", 15032385534LL },
};

static const char *year_name(int i)
{
	return years[i].name;
}

CASE_EACH(times_of_year, 12, year_name)
{
	int64_t sec = years[suite_param()].sec, want = sec;
	long ns = suite_lacks("ns-times") ? 0 : 999999999;

	if (suite_lacks("ns-times") && want > INT32_MAX)
		want = INT32_MAX;
	make_file("f", 0644);
	ASSERT_OK(set_times("f", T(sec, 999999999), T(sec, 1)));
	ASSERT_EQ(lst("f").st_mtim.tv_sec, want);
	drop_caches();
	ASSERT_EQ(lst("f").st_atim.tv_sec, want);
	ASSERT_EQ(lst("f").st_mtim.tv_sec, want);
	ASSERT_EQ(lst("f").st_atim.tv_nsec, ns);
	ASSERT_EQ(lst("f").st_mtim.tv_nsec, ns ? 1 : 0);
}

/* Outside of what the format holds: clamped, never wrapped. */
CASE(times_out_of_range_are_clamped)
{
	int64_t max = suite_lacks("ns-times") ? INT32_MAX : 15032385535LL;

	make_file("f", 0644);
	ASSERT_OK(set_times("f", T(max + 1, 0), T(100000000000LL, 0)));
	drop_caches();
	ASSERT_EQ(lst("f").st_atim.tv_sec, max);
	ASSERT_EQ(lst("f").st_mtim.tv_sec, max);
	ASSERT_OK(set_times("f", T(INT32_MIN - 1LL, 0), T(-100000000000LL, 0)));
	drop_caches();
	ASSERT_EQ(lst("f").st_atim.tv_sec, INT32_MIN);
	ASSERT_EQ(lst("f").st_mtim.tv_sec, INT32_MIN);
}

CASE(times_nanoseconds_are_kept)
{
	make_file("f", 0644);
	ASSERT_OK(set_times("f", T(1000, 123456789), T(2000, 987654321)));
	drop_caches();
	ASSERT_EQ(lst("f").st_atim.tv_sec, 1000);
	ASSERT_EQ(lst("f").st_mtim.tv_sec, 2000);
	if (suite_lacks("ns-times")) {
		ASSERT_EQ(lst("f").st_atim.tv_nsec, 0);
		ASSERT_EQ(lst("f").st_mtim.tv_nsec, 0);
		return;
	}
	ASSERT_EQ(lst("f").st_atim.tv_nsec, 123456789);
	ASSERT_EQ(lst("f").st_mtim.tv_nsec, 987654321);
}

CASE(utimens_now_and_omit)
{
	struct timespec before, old = T(1000, 0);

	make_file("f", 0644);
	ASSERT_OK(set_times("f", old, old));
	before = lst("f").st_ctim;
	tick();
	ASSERT_OK(set_times("f", T(0, UTIME_NOW), T(0, UTIME_OMIT)));
	ASSERT(ts_before(before, lst("f").st_atim));
	ASSERT(ts_equal(lst("f").st_mtim, old));
	ASSERT(ts_before(before, lst("f").st_ctim));
	ASSERT_OK(set_times("f", T(5, UTIME_OMIT), T(7, UTIME_NOW)));
	ASSERT(ts_before(before, lst("f").st_mtim));
	ASSERT_OK(set_times("f", T(3000, 0), T(0, UTIME_OMIT)));
	ASSERT_EQ(lst("f").st_atim.tv_sec, 3000);
	ASSERT(ts_before(before, lst("f").st_mtim));
}

CASE(utimens_both_omitted_changes_nothing)
{
	struct times t;

	make_file("f", 0644);
	t = times_snap("f");
	ASSERT_OK(set_times("f", T(0, UTIME_OMIT), T(0, UTIME_OMIT)));
	TIMES_CHANGED(&t, 0);
	ASSERT(ts_equal(t.st.st_atim, lst("f").st_atim));
}

CASE(utimens_null_is_now)
{
	struct times t;
	int fd;

	make_file("f", 0644);
	ASSERT_OK(set_times("f", T(1000, 0), T(1000, 0)));
	t = times_snap("f");
	ASSERT_OK(utimensat(AT_FDCWD, "f", NULL, 0));
	TIMES_CHANGED(&t, T_A | T_M | T_C);
	fd = ASSERT_OK(open("f", O_RDONLY));
	t = times_snap("f");
	ASSERT_OK(futimens(fd, NULL));
	TIMES_CHANGED(&t, T_A | T_M | T_C);
}

CASE(utimens_changes_ctime)
{
	struct timespec before;

	make_file("f", 0644);
	before = lst("f").st_ctim;
	tick();
	ASSERT_OK(set_times("f", T(1, 0), T(2, 0)));
	ASSERT(ts_before(before, lst("f").st_ctim));
}

CASE(utimens_bad_nanoseconds_einval)
{
	make_file("f", 0644);
	ASSERT_ERR(EINVAL, set_times("f", T(0, 1000000000), T(0, 0)));
	ASSERT_ERR(EINVAL, set_times("f", T(0, 0), T(0, -1)));
}

CASE(utimens_permissions)
{
	struct timespec now[2] = { T(0, UTIME_NOW), T(0, UTIME_NOW) };

	make_file_of("f", 0444, USER_A, GROUP_A);
	ASSERT_OK(AS_A(set_times("f", T(1, 0), T(2, 0))));
	ASSERT_OK(AS_A(utimensat(AT_FDCWD, "f", NULL, 0)));
	ASSERT_ERR(EACCES, AS_B(utimensat(AT_FDCWD, "f", NULL, 0)));
	ASSERT_ERR(EACCES, AS_B(utimensat(AT_FDCWD, "f", now, 0)));
	ASSERT_ERR(EPERM, AS_B(set_times("f", T(1, 0), T(2, 0))));
	ASSERT_OK(chmod("f", 0446));
	/* who may write may set to now, both, and nothing else */
	ASSERT_OK(AS_B(utimensat(AT_FDCWD, "f", now, 0)));
	ASSERT_ERR(EPERM, AS_B(set_times("f", T(1, 0), T(2, 0))));
	ASSERT_ERR(EPERM, AS_B(set_times("f", T(0, UTIME_NOW),
					 T(0, UTIME_OMIT))));
	ASSERT_OK(AS_B(set_times("f", T(0, UTIME_OMIT), T(0, UTIME_OMIT))));
}

CASE(times_of_each_type)
{
	make_dir("d", 0755);
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_OK(mknod("c", S_IFCHR | 0644, 0x103));
	ASSERT_OK(symlink("x", "l"));
	ASSERT_OK(set_times("d", T(1, 0), T(2, 0)));
	ASSERT_OK(set_times("p", T(3, 0), T(4, 0)));
	ASSERT_OK(set_times("c", T(5, 0), T(6, 0)));
	ASSERT_OK(set_times("l", T(7, 0), T(8, 0)));
	drop_caches();
	ASSERT_EQ(lst("d").st_mtim.tv_sec, 2);
	ASSERT_EQ(lst("p").st_atim.tv_sec, 3);
	ASSERT_EQ(lst("c").st_mtim.tv_sec, 6);
	ASSERT_EQ(lst("l").st_mtim.tv_sec, 8);
}

/* relatime: an access counts when the old one is not after the change. */
CASE(atime_moves_when_older_than_mtime)
{
	char c;
	int fd;

	put_text("f", "text");
	ASSERT_OK(set_times("f", T(1000, 0), T(2000, 0)));
	fd = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(close(fd));
	ASSERT(lst("f").st_atim.tv_sec > 2000);
	ASSERT_EQ(lst("f").st_mtim.tv_sec, 2000);
	drop_caches();
	ASSERT(lst("f").st_atim.tv_sec > 2000);
}

CASE(atime_stays_with_o_noatime)
{
	char c;
	int fd;

	put_text("f", "text");
	ASSERT_OK(set_times("f", T(1000, 0), T(2000, 0)));
	fd = ASSERT_OK(open("f", O_RDONLY | O_NOATIME));
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(close(fd));
	ASSERT_EQ(lst("f").st_atim.tv_sec, 1000);
	drop_caches();
	ASSERT_EQ(lst("f").st_atim.tv_sec, 1000);
}

CASE(atime_of_a_directory_moves_when_read)
{
	make_dir("d", 0755);
	make_file("d/f", 0644);
	ASSERT_OK(set_times("d", T(1000, 0), T(2000, 0)));
	ASSERT_EQ(count_names("d"), 1);
	drop_caches();
	ASSERT(lst("d").st_atim.tv_sec > 2000);
}

CASE(atime_changes_no_ctime)
{
	struct times t;
	char c;
	int fd;

	put_text("f", "text");
	ASSERT_OK(set_times("f", T(1000, 0), T(2000, 0)));
	t = times_snap("f");
	fd = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(close(fd));
	TIMES_CHANGED(&t, 0);
}

CASE(times_last_through_drop_caches)
{
	struct stat st;
	int fd;

	put_text("f", "text");
	tick();
	fd = ASSERT_OK(open("f", O_WRONLY));
	write_all(fd, "more", 4, 4);
	ASSERT_OK(close(fd));
	st = lst("f");
	drop_caches();
	ASSERT(ts_equal(st.st_mtim, lst("f").st_mtim));
	ASSERT(ts_equal(st.st_ctim, lst("f").st_ctim));
	st = lst(".");
	drop_caches();
	ASSERT(ts_equal(st.st_mtim, lst(".").st_mtim));
}

/* An open file that was written tells the time of the write by every way. */
CASE(times_agree_between_stat_and_fstat)
{
	int fd = open_new("f"), i;

	for (i = 0; i < 10; i++) {
		write_all(fd, "x", 1, i);
		ASSERT(ts_equal(fst(fd).st_mtim, lst("f").st_mtim));
		ASSERT_OK(fchmod(fd, 0600 + i));
		ASSERT(ts_equal(fst(fd).st_ctim, lst("f").st_ctim));
	}
}

CASE(times_set_after_write_stay)
{
	int fd = open_new("f");

	/* as cp -p and tar do: the close must not move them */
	write_all(fd, "text", 4, 0);
	ASSERT_OK(futimens(fd, (struct timespec[2]){ T(1000, 0), T(2000, 0) }));
	ASSERT_OK(close(fd));
	drop_caches();
	ASSERT_EQ(lst("f").st_atim.tv_sec, 1000);
	ASSERT_EQ(lst("f").st_mtim.tv_sec, 2000);
	ASSERT_OK(rename("f", "g"));
	ASSERT_EQ(lst("g").st_mtim.tv_sec, 2000);
}

CASE(ctime_follows_chmod_and_chown)
{
	struct times t;

	make_file("f", 0644);
	t = times_snap("f");
	ASSERT_OK(chmod("f", 0600));
	TIMES_CHANGED(&t, T_C);
	t = times_snap("f");
	ASSERT_OK(chmod("f", 0600));
	TIMES_CHANGED(&t, T_C);
	t = times_snap("f");
	ASSERT_OK(chown("f", USER_A, GROUP_A));
	TIMES_CHANGED(&t, T_C);
	t = times_snap("f");
	ASSERT_ERR(EPERM, AS_B(chmod("f", 0600)));
	ASSERT_ERR(EPERM, AS_B(chown("f", USER_B, -1)));
	TIMES_CHANGED(&t, 0);
}

CASE(btime_is_the_time_of_creation)
{
	struct timespec before = lst(".").st_ctim;
	struct statx a, b;

	tick();
	put_text("f", "text");
	ASSERT_OK(statx(AT_FDCWD, "f", 0, STATX_BTIME | STATX_BASIC_STATS,
			&a));
	if (!(a.stx_mask & STATX_BTIME))
		UNSUPPORTED("btime");
	ASSERT(a.stx_btime.tv_sec >= before.tv_sec);
	tick();
	put_text("f", "more text");
	ASSERT_OK(set_times("f", T(1, 0), T(2, 0)));
	ASSERT_OK(rename("f", "g"));
	drop_caches();
	ASSERT_OK(statx(AT_FDCWD, "g", 0, STATX_BTIME | STATX_BASIC_STATS,
			&b));
	ASSERT_EQ(a.stx_btime.tv_sec, b.stx_btime.tv_sec);
	ASSERT_EQ(a.stx_btime.tv_nsec, b.stx_btime.tv_nsec);
}
