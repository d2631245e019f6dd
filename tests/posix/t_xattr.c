/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_xattr.c - extended attributes: user, trusted, security.
 */
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "suite.h"
#include "util.h"

/* setxattr(), or the end of the case where there are none. */
static int set(const char *path, const char *name, const char *value)
{
	int ret = lsetxattr(path, name, value, strlen(value), 0);

	if (ret && errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	return ret;
}

static void expect(const char *path, const char *name, const char *value)
{
	char buf[256];
	ssize_t n;

	n = ASSERT_OK(lgetxattr(path, name, buf, sizeof(buf)));
	ASSERT_EQ(n, strlen(value));
	ASSERT(!memcmp(buf, value, n));
}

CASE(xattr_set_get_remove)
{
	make_file("f", 0644);
	ASSERT_OK(set("f", "user.name", "value"));
	expect("f", "user.name", "value");
	drop_caches();
	expect("f", "user.name", "value");
	ASSERT_OK(set("f", "user.name", "another"));
	expect("f", "user.name", "another");
	ASSERT_OK(removexattr("f", "user.name"));
	ASSERT_ERR(ENODATA, getxattr("f", "user.name", NULL, 0));
	ASSERT_ERR(ENODATA, removexattr("f", "user.name"));
	drop_caches();
	ASSERT_EQ(listxattr("f", NULL, 0), 0);
}

CASE(xattr_namespaces)
{
	make_file("f", 0644);
	ASSERT_OK(set("f", "user.n", "1"));
	ASSERT_OK(set("f", "trusted.n", "2"));
	ASSERT_OK(set("f", "security.n", "3"));
	drop_caches();
	expect("f", "user.n", "1");
	expect("f", "trusted.n", "2");
	expect("f", "security.n", "3");
	ASSERT_ERR(EOPNOTSUPP, lsetxattr("f", "nonsense.n", "x", 1, 0));
	ASSERT_ERR(EOPNOTSUPP, lsetxattr("f", "name", "x", 1, 0));
	ASSERT_ERR(EOPNOTSUPP, lgetxattr("f", "nonsense.n", NULL, 0));
}

CASE(xattr_name_of_prefix_only_einval)
{
	make_file("f", 0644);
	ASSERT_OK(set("f", "user.n", "1"));
	ASSERT_ERR(EINVAL, lsetxattr("f", "user.", "x", 1, 0));
	ASSERT_ERR(EINVAL, lsetxattr("f", "trusted.", "x", 1, 0));
	ASSERT_ERR(ERANGE, lsetxattr("f", "", "x", 1, 0));
}

CASE(xattr_create_and_replace)
{
	make_file("f", 0644);
	ASSERT_OK(set("f", "user.a", "one"));
	ASSERT_ERR(EEXIST, setxattr("f", "user.a", "x", 1, XATTR_CREATE));
	ASSERT_ERR(ENODATA, setxattr("f", "user.b", "x", 1, XATTR_REPLACE));
	ASSERT_OK(setxattr("f", "user.a", "two", 3, XATTR_REPLACE));
	ASSERT_OK(setxattr("f", "user.b", "new", 3, XATTR_CREATE));
	expect("f", "user.a", "two");
	expect("f", "user.b", "new");
	ASSERT_ERR(EINVAL, setxattr("f", "user.c", "x", 1, 8));
}

CASE(xattr_sizes_are_told)
{
	char buf[16];

	make_file("f", 0644);
	ASSERT_OK(set("f", "user.name", "0123456789"));
	ASSERT_EQ(getxattr("f", "user.name", NULL, 0), 10);
	ASSERT_ERR(ERANGE, getxattr("f", "user.name", buf, 9));
	ASSERT_EQ(getxattr("f", "user.name", buf, 10), 10);
	ASSERT_EQ(listxattr("f", NULL, 0), 10);
	ASSERT_ERR(ERANGE, listxattr("f", buf, 9));
	ASSERT_EQ(listxattr("f", buf, 10), 10);
	ASSERT(!memcmp(buf, "user.name", 10));
}

CASE(xattr_empty_and_binary_values)
{
	char value[256], buf[256];
	int i;

	make_file("f", 0644);
	for (i = 0; i < 256; i++)
		value[i] = i;
	ASSERT_OK(set("f", "user.empty", ""));
	ASSERT_OK(setxattr("f", "user.binary", value, 256, 0));
	drop_caches();
	ASSERT_EQ(getxattr("f", "user.empty", buf, sizeof(buf)), 0);
	ASSERT_EQ(getxattr("f", "user.binary", buf, sizeof(buf)), 256);
	ASSERT(!memcmp(value, buf, 256));
}

CASE(xattr_name_length_limit)
{
	char name[XATTR_NAME_MAX + 2], buf[4];

	make_file("f", 0644);
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[XATTR_NAME_MAX] = '\0';
	ASSERT_OK(set("f", name, "abc"));
	drop_caches();
	ASSERT_EQ(getxattr("f", name, buf, sizeof(buf)), 3);
	name[XATTR_NAME_MAX] = 'n';
	name[XATTR_NAME_MAX + 1] = '\0';
	ASSERT_ERR(ERANGE, setxattr("f", name, "abc", 3, 0));
}

CASE(xattr_name_of_any_bytes)
{
	make_file("f", 0644);
	ASSERT_OK(set("f", "user.\xff\x80 \n./", "odd"));
	ASSERT_OK(set("f", "user.a.b.c", "dots"));
	drop_caches();
	expect("f", "user.\xff\x80 \n./", "odd");
	expect("f", "user.a.b.c", "dots");
}

/*
 * ext2 keeps all of them in one block: one that does not fit is ENOSPC (E2BIG
 * above 64 KiB), and the old value stays.
 */
CASE(xattr_too_big_keeps_the_old_value)
{
	char *big = calloc(1, 70000);
	size_t bs = fs_bsize();

	make_file("f", 0644);
	ASSERT_OK(set("f", "user.x", "old"));
	ASSERT_ERR(E2BIG, setxattr("f", "user.x", big, 65537, 0));
	ASSERT(setxattr("f", "user.x", big, bs + 1, 0) < 0);
	ASSERT(errno == ENOSPC || errno == E2BIG);
	ASSERT(setxattr("f", "user.new", big, 65536, 0) < 0);
	ASSERT(errno == ENOSPC || errno == E2BIG);
	expect("f", "user.x", "old");
	drop_caches();
	expect("f", "user.x", "old");
	ASSERT_ERR(ENODATA, getxattr("f", "user.new", NULL, 0));
}

CASE(xattr_value_of_nearly_a_block)
{
	size_t len = fs_bsize() - 100;
	char *value = malloc(len), *got = malloc(len);

	fill_pattern(value, len, 4);
	make_file("f", 0644);
	ASSERT_OK(set("f", "user.small", "beside it"));
	if (setxattr("f", "user.big", value, len, 0) && errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	drop_caches();
	ASSERT_EQ(getxattr("f", "user.big", got, len), len);
	ASSERT(!memcmp(value, got, len));
	expect("f", "user.small", "beside it");
	/* room again after it shrank */
	ASSERT_OK(setxattr("f", "user.big", value, 10, 0));
	ASSERT_OK(setxattr("f", "user.other", value, len - 300, 0));
}

CASE(xattr_many_small_ones)
{
	char name[32];
	int i, n;

	make_file("f", 0644);
	for (n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "user.n%03d", n);
		if (set("f", name, name + 5))
			break;
	}
	ASSERT_EQ(errno, ENOSPC);
	ASSERT(n >= 30);
	drop_caches();
	ASSERT_EQ(listxattr("f", NULL, 0), n * 10);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "user.n%03d", i);
		expect("f", name, name + 5);
		if (i % 2)
			ASSERT_OK(removexattr("f", name));
	}
	ASSERT_EQ(listxattr("f", NULL, 0), (n + 1) / 2 * 10);
}

/* 26 names, set, replaced by other sizes and removed, against a table. */
CASE(xattr_random_changes_match_a_table)
{
	char want[26][200], name[] = "user._", buf[256];
	int len[26], i, k, round;
	uint64_t seed = 17;

	make_file("f", 0644);
	ASSERT_OK(set("f", "user.a", ""));
	ASSERT_OK(removexattr("f", "user.a"));
	for (i = 0; i < 26; i++)
		len[i] = -1;
	for (round = 0; round < 1500; round++) {
		int n = rnd(&seed) % (rnd(&seed) % 5 ? 20 : 180);

		k = rnd(&seed) % 26;
		name[5] = 'a' + k;
		if (rnd(&seed) % 3 == 0) {
			ASSERT_EQ(removexattr("f", name), len[k] < 0 ? -1 : 0);
			len[k] = -1;
		} else {
			fill_pattern(buf, n, round);
			if (setxattr("f", name, buf, n, 0)) {
				ASSERT_EQ(errno, ENOSPC);
			} else {
				memcpy(want[k], buf, n);
				len[k] = n;
			}
		}
		if (round % 100 == 0)
			drop_caches();
		if (round % 10)
			continue;
		for (i = 0; i < 26; i++) {
			name[5] = 'a' + i;
			ASSERT_EQ(getxattr("f", name, buf, sizeof(buf)),
				  len[i]);
			ASSERT(len[i] < 0 || !memcmp(buf, want[i], len[i]));
		}
	}
}

/* Blocks of equal content may be shared: a change must part them. */
CASE(xattr_equal_on_many_files_stay_apart)
{
	char name[16], value[500];
	int i;

	memset(value, 'v', sizeof(value));
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make_file(name, 0644);
		if (setxattr(name, "trusted.same", value, sizeof(value), 0) &&
		    errno == EOPNOTSUPP)
			UNSUPPORTED("user-xattr");
	}
	drop_caches();
	ASSERT_OK(set("f50", "trusted.same", "changed"));
	ASSERT_OK(removexattr("f51", "trusted.same"));
	ASSERT_OK(unlink("f52"));
	drop_caches();
	expect("f50", "trusted.same", "changed");
	ASSERT_ERR(ENODATA, getxattr("f51", "trusted.same", NULL, 0));
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		if (i < 50 || i > 52)
			ASSERT_EQ(getxattr(name, "trusted.same", value, 500),
				  500);
	}
}

CASE(xattr_changes_ctime_only)
{
	struct times t;

	make_file("f", 0644);
	ASSERT_OK(set("f", "user.a", "1"));
	t = times_snap("f");
	ASSERT_OK(set("f", "user.a", "2"));
	TIMES_CHANGED(&t, T_C);
	t = times_snap("f");
	ASSERT_OK(removexattr("f", "user.a"));
	TIMES_CHANGED(&t, T_C);
	t = times_snap("f");
	ASSERT_ERR(ENODATA, removexattr("f", "user.a"));
	ASSERT_EQ(listxattr("f", NULL, 0), 0);
	TIMES_CHANGED(&t, 0);
}

CASE(xattr_user_needs_file_permissions)
{
	make_file_of("f", 0644, USER_A, GROUP_A);
	ASSERT_OK(set("f", "user.n", "v"));
	ASSERT_EQ(AS_B(getxattr("f", "user.n", NULL, 0)), 1);
	ASSERT_ERR(EACCES, AS_B(setxattr("f", "user.n", "x", 1, 0)));
	ASSERT_ERR(EACCES, AS_B(removexattr("f", "user.n")));
	ASSERT_OK(AS_A(setxattr("f", "user.n", "x", 1, 0)));
	ASSERT_OK(chmod("f", 0600));
	ASSERT_ERR(EACCES, AS_B(getxattr("f", "user.n", NULL, 0)));
	/* the names may be listed by anybody who finds the file */
	ASSERT_EQ(AS_B(listxattr("f", NULL, 0)), 7);
	ASSERT_OK(chmod("f", 0666));
	ASSERT_OK(AS_B(setxattr("f", "user.n", "y", 1, 0)));
}

CASE(xattr_user_only_on_files_and_directories)
{
	make_dir("d", 0755);
	ASSERT_OK(set("d", "user.n", "v"));
	expect("d", "user.n", "v");
	ASSERT_OK(mkfifo("p", 0666));
	ASSERT_OK(mknod("c", S_IFCHR | 0666, makedev(1, 3)));
	ASSERT_OK(mknod("s", S_IFSOCK | 0666, 0));
	ASSERT_ERR(EPERM, setxattr("p", "user.n", "v", 1, 0));
	ASSERT_ERR(EPERM, setxattr("c", "user.n", "v", 1, 0));
	ASSERT_ERR(EPERM, setxattr("s", "user.n", "v", 1, 0));
	ASSERT_OK(set("p", "trusted.n", "v"));
	ASSERT_OK(set("c", "security.n", "v"));
	drop_caches();
	expect("p", "trusted.n", "v");
	expect("c", "security.n", "v");
	ASSERT_EQ(lst("c").st_rdev, makedev(1, 3));
}

CASE(xattr_user_in_sticky_directory)
{
	make_dir_of("d", 01777, USER_A, GROUP_A);
	ASSERT_OK(set("d", "user.n", "v"));
	ASSERT_ERR(EPERM, AS_B(setxattr("d", "user.n", "x", 1, 0)));
	ASSERT_OK(AS_A(setxattr("d", "user.n", "x", 1, 0)));
}

CASE(xattr_trusted_is_roots)
{
	char buf[64];

	make_file_of("f", 0666, USER_A, GROUP_A);
	ASSERT_OK(set("f", "trusted.n", "secret"));
	ASSERT_OK(set("f", "user.n", "open"));
	ASSERT_ERR(EPERM, AS_A(setxattr("f", "trusted.n", "x", 1, 0)));
	ASSERT_ERR(ENODATA, AS_A(getxattr("f", "trusted.n", NULL, 0)));
	/* nor is it listed */
	ASSERT_EQ(AS_A(listxattr("f", buf, sizeof(buf))), 7);
	ASSERT(!memcmp(buf, "user.n", 7));
	ASSERT_EQ(listxattr("f", buf, sizeof(buf)), 17);
	ASSERT_ERR(EPERM, AS_A(setxattr("f", "security.n", "x", 1, 0)));
}

CASE(xattr_by_descriptor)
{
	char buf[8];
	int fd = open_new("f");

	ASSERT_OK(set("f", "user.a", "1"));
	ASSERT_OK(fsetxattr(fd, "user.b", "2", 1, 0));
	ASSERT_EQ(fgetxattr(fd, "user.a", buf, sizeof(buf)), 1);
	ASSERT_EQ(flistxattr(fd, NULL, 0), 14);
	ASSERT_OK(unlink("f"));
	ASSERT_OK(fsetxattr(fd, "user.c", "3", 1, 0));
	ASSERT_OK(fremovexattr(fd, "user.a"));
	ASSERT_EQ(flistxattr(fd, NULL, 0), 14);
}

CASE(xattr_moves_with_the_file)
{
	make_file("f", 0644);
	ASSERT_OK(set("f", "user.n", "v"));
	ASSERT_OK(link("f", "g"));
	ASSERT_OK(rename("f", "h"));
	expect("g", "user.n", "v");
	expect("h", "user.n", "v");
	/* a new file under the old name has none */
	make_file("f", 0644);
	ASSERT_EQ(listxattr("f", NULL, 0), 0);
}

CASE_FLAGS(xattr_block_is_freed_with_the_file, SUITE_SERIAL)
{
	struct timespec t = { .tv_nsec = 20 * 1000 * 1000 };
	char value[700];
	fsblkcnt_t before;
	int i;

	memset(value, 'v', sizeof(value));
	drop_caches();
	before = fs_stat().f_bfree;
	make_file("f", 0644);
	if (setxattr("f", "trusted.n", value, sizeof(value), 0) &&
	    errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	ASSERT_EQ(fs_stat().f_bfree, before - 1);
	ASSERT_EQ(lst("f").st_blocks * 512, fs_bsize());
	ASSERT_OK(removexattr("f", "trusted.n"));
	ASSERT_EQ(fs_stat().f_bfree, before);
	ASSERT_OK(setxattr("f", "trusted.n", value, sizeof(value), 0));
	ASSERT_OK(unlink("f"));
	for (i = 0; i < 250 && fs_stat().f_bfree != before; i++)
		nanosleep(&t, NULL);
	ASSERT_EQ(fs_stat().f_bfree, before);
}
