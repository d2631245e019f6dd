/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_symlink.c - symbolic links, stored in the inode (to 59 bytes) or in a
 * block.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "suite.h"
#include "util.h"

static const int lengths[] = { 1, 2, 58, 59, 60, 61, 255, 1022, 1023, 4094,
			       4095 };

static const char *length_name(int i)
{
	static char buf[16];

	snprintf(buf, sizeof(buf), "%d", lengths[i]);
	return buf;
}

static void fill_target(char *buf, int len)
{
	int i;

	for (i = 0; i < len; i++)
		buf[i] = "abcdefgh/"[i % 9];
	buf[len] = '\0';
}

CASE_EACH(symlink_target_of_length, 11, length_name)
{
	char target[PATH_MAX], got[PATH_MAX + 1];
	int len = lengths[suite_param()];

	fill_target(target, len);
	if (len + 1 > (int)fs_bsize()) {
		/* no target longer than a block */
		ASSERT_ERR(ENAMETOOLONG, symlink(target, "l"));
		ASSERT(!exists("l"));
		return;
	}
	ASSERT_OK(symlink(target, "l"));
	ASSERT_EQ(lst("l").st_size, len);
	ASSERT_EQ(readlink("l", got, sizeof(got)), len);
	ASSERT(!memcmp(got, target, len));
	drop_caches();
	ASSERT_EQ(readlink("l", got, sizeof(got)), len);
	ASSERT(!memcmp(got, target, len));
	ASSERT_EQ(lst("l").st_size, len);
	if (len < 60)
		ASSERT_EQ(lst("l").st_blocks, 0);
	else
		ASSERT(lst("l").st_blocks > 0);
	ASSERT_OK(unlink("l"));
}

CASE(symlink_target_too_long_enametoolong)
{
	char target[PATH_MAX + 1];

	fill_target(target, PATH_MAX);
	ASSERT_ERR(ENAMETOOLONG, symlink(target, "l"));
}

CASE(symlink_target_empty_enoent)
{
	ASSERT_ERR(ENOENT, symlink("", "l"));
}

CASE(symlink_target_is_any_bytes)
{
	static const char target[] = "\xff\xfe \n\\//..//\x01";
	char got[64];

	ASSERT_OK(symlink(target, "l"));
	drop_caches();
	ASSERT_EQ(readlink("l", got, sizeof(got)), sizeof(target) - 1);
	ASSERT(!memcmp(got, target, sizeof(target) - 1));
}

CASE(symlink_attributes)
{
	struct stat st;

	ASSERT_OK(chmod(".", 0777));
	umask(0777);
	ASSERT_OK(AS_A(symlink("target", "l")));
	st = lst("l");
	ASSERT(S_ISLNK(st.st_mode));
	ASSERT_EQ(st.st_mode & 0777, 0777);
	ASSERT_EQ(st.st_uid, USER_A);
	ASSERT_EQ(st.st_gid, GROUP_A);
	ASSERT_EQ(st.st_nlink, 1);
}

CASE(symlink_updates_parent_times)
{
	struct times t = times_snap(".");

	ASSERT_OK(symlink("x", "l"));
	TIMES_CHANGED(&t, T_M | T_C);
	t = times_snap(".");
	ASSERT_OK(unlink("l"));
	TIMES_CHANGED(&t, T_M | T_C);
}

CASE(symlink_is_followed)
{
	make_dir("d", 0755);
	ASSERT_OK(symlink("d", "l"));
	put_text("l/f", "text");
	expect_text("d/f", "text");
	ASSERT_OK(symlink("../d/f", "d/up"));
	expect_text("l/up", "text");
	ASSERT_OK(chmod("d/up", 0600));
	ASSERT_EQ(MODE_OF("d/f"), 0600);
}

CASE(symlink_itself_is_unlinked_renamed)
{
	put_text("f", "text");
	ASSERT_OK(symlink("f", "l"));
	ASSERT_OK(rename("l", "m"));
	ASSERT(S_ISLNK(lst("m").st_mode));
	ASSERT_OK(unlink("m"));
	expect_text("f", "text");
}

CASE(readlink_of_others_einval)
{
	char buf[8];

	make_file("f", 0644);
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_ERR(EINVAL, readlink("f", buf, sizeof(buf)));
	ASSERT_ERR(EINVAL, readlink(".", buf, sizeof(buf)));
	ASSERT_ERR(EINVAL, readlink("p", buf, sizeof(buf)));
}

CASE(readlink_cuts_silently)
{
	char buf[8] = "zzzzzzz";

	ASSERT_OK(symlink("123456789", "l"));
	ASSERT_EQ(readlink("l", buf, 4), 4);
	ASSERT(!memcmp(buf, "1234zzz", 7));
	ASSERT_ERR(EINVAL, readlink("l", buf, 0));
}

CASE(symlink_lchown_leaves_target)
{
	struct times t;

	make_file("f", 0644);
	ASSERT_OK(symlink("f", "l"));
	t = times_snap("l");
	ASSERT_OK(lchown("l", USER_A, GROUP_B));
	TIMES_CHANGED(&t, T_C);
	ASSERT_EQ(lst("l").st_uid, USER_A);
	ASSERT_EQ(lst("f").st_uid, 0);
	ASSERT_OK(chown("l", USER_B, -1));
	ASSERT_EQ(lst("l").st_uid, USER_A);
	ASSERT_EQ(lst("f").st_uid, USER_B);
	drop_caches();
	ASSERT_EQ(lst("l").st_gid, GROUP_B);
}

CASE(symlink_own_times)
{
	struct timespec ts[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };

	put_text("f", "x");
	ASSERT_OK(symlink("f", "l"));
	ASSERT_OK(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	drop_caches();
	ASSERT_EQ(lst("l").st_mtim.tv_sec, 2000);
	ASSERT(lst("f").st_mtim.tv_sec > 2000);
}

CASE(symlink_user_xattr_eperm)
{
	ASSERT_OK(symlink("f", "l"));
	ASSERT_ERR(EPERM, lsetxattr("l", "user.x", "v", 1, 0));
	if (lsetxattr("l", "trusted.x", "v", 1, 0) && errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	ASSERT_EQ(lgetxattr("l", "trusted.x", NULL, 0), 1);
}

CASE(symlink_with_block_and_xattr)
{
	char target[200], got[256];

	fill_target(target, 199);
	ASSERT_OK(symlink(target, "l"));
	if (lsetxattr("l", "trusted.x", "value", 5, 0) && errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	drop_caches();
	ASSERT_EQ(readlink("l", got, sizeof(got)), 199);
	ASSERT(!memcmp(got, target, 199));
	ASSERT_EQ(lgetxattr("l", "trusted.x", got, sizeof(got)), 5);
}

/* A short target in the inode although the inode has a block of xattrs. */
CASE(symlink_in_inode_and_big_xattr)
{
	char value[600], got[600];

	fill_pattern(value, sizeof(value), 3);
	ASSERT_OK(symlink("short", "l"));
	if (lsetxattr("l", "trusted.x", value, sizeof(value), 0) &&
	    errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	drop_caches();
	ASSERT_EQ(readlink("l", got, sizeof(got)), 5);
	ASSERT(!memcmp(got, "short", 5));
	ASSERT_EQ(lgetxattr("l", "trusted.x", got, sizeof(got)),
		  sizeof(value));
	ASSERT(!memcmp(got, value, sizeof(value)));
}

CASE(symlink_many_are_all_right)
{
	char name[32], got[64];
	int i;

	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		ASSERT_OK(symlink(name + 1, name));
	}
	drop_caches();
	for (i = 0; i < 500; i++) {
		ssize_t n;

		snprintf(name, sizeof(name), "l%d", i);
		n = ASSERT_OK(readlink(name, got, sizeof(got)));
		got[n] = '\0';
		ASSERT(!strcmp(got, name + 1));
	}
}
