/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_acl.c - POSIX ACLs: what they allow, how they follow chmod, how they are
 * inherited.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "acl_xattr.h"
#include "suite.h"
#include "util.h"

#define A "20001"	/* USER_A, GROUP_A */
#define B "20002"
#define X "20003"	/* GROUP_EXTRA */

CASE(acl_is_kept)
{
	static const char acl[] =
		"u::rw- u" A ":r-- u" B ":-wx g::r-- g" X ":rw- m::rwx o::---";

	make_file("f", 0640);
	ASSERT_OK(acl_set("f", ACL_ACCESS, acl));
	ACL_EXPECT("f", ACL_ACCESS, acl);
	drop_caches();
	ACL_EXPECT("f", ACL_ACCESS, acl);
	/* the group bits of the mode show the mask */
	ASSERT_EQ(MODE_OF("f"), 0670);
	ASSERT_OK(removexattr("f", ACL_ACCESS));
	ACL_EXPECT("f", ACL_ACCESS, NULL);
	drop_caches();
	ACL_EXPECT("f", ACL_ACCESS, NULL);
}

/* An ACL that says no more than a mode becomes the mode. */
CASE(acl_minimal_becomes_the_mode)
{
	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS, "u::rwx g::r-x o::--x"));
	ASSERT_EQ(MODE_OF("f"), 0751);
	ACL_EXPECT("f", ACL_ACCESS, NULL);
	drop_caches();
	ASSERT_EQ(MODE_OF("f"), 0751);
}

CASE(acl_minimal_replaces_a_longer_one)
{
	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS,
			  "u::rw- u" A ":rw- g::--- m::rw- o::---"));
	ASSERT_OK(acl_set("f", ACL_ACCESS, "u::rw- g::r-- o::r--"));
	ACL_EXPECT("f", ACL_ACCESS, NULL);
	ASSERT_EQ(MODE_OF("f"), 0644);
	ASSERT_ERR(EACCES, AS_A(try_open("f", O_WRONLY)));
}

CASE(acl_named_user_may_and_may_not)
{
	make_file("f", 0644);
	ASSERT_OK(acl_set("f", ACL_ACCESS,
		"u::rw- u" A ":rw- u" B ":--- g::r-- m::rw- o::r--"));
	ASSERT_OK(AS_A(try_open("f", O_RDWR)));
	/* named with nothing: others' bits do not help */
	ASSERT_ERR(EACCES, AS_B(try_open("f", O_RDONLY)));
	ASSERT_OK(AS_USER(30000, 30000, try_open("f", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_USER(30000, 30000, try_open("f", O_WRONLY)));
}

CASE(acl_named_group)
{
	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS,
		"u::rw- g::--- g" X ":r-- m::r-- o::---"));
	as_user_with_group(USER_A, GROUP_A, GROUP_EXTRA);
	ASSERT_OK(try_open("f", O_RDONLY));
	ASSERT_ERR(EACCES, try_open("f", O_WRONLY));
	as_user(USER_A, GROUP_A);
	ASSERT_ERR(EACCES, try_open("f", O_RDONLY));
	as_user(USER_A, GROUP_EXTRA);
	ASSERT_OK(try_open("f", O_RDONLY));
	as_root();
}

CASE(acl_mask_limits)
{
	make_file_of("f", 0660, 0, GROUP_B);
	ASSERT_OK(acl_set("f", ACL_ACCESS,
		"u::rw- u" A ":rw- g::rw- m::r-- o::---"));
	ASSERT_OK(AS_A(try_open("f", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_A(try_open("f", O_WRONLY)));
	ASSERT_OK(AS_B(try_open("f", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_B(try_open("f", O_WRONLY)));
	ASSERT_EQ(MODE_OF("f"), 0640);
}

CASE(acl_chmod_changes_the_mask)
{
	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS,
		"u::rw- u" A ":rw- g::r-- m::rw- o::---"));
	ASSERT_OK(chmod("f", 0644));
	ACL_EXPECT("f", ACL_ACCESS,
		   "u::rw- u" A ":rw- g::r-- m::r-- o::r--");
	ASSERT_ERR(EACCES, AS_A(try_open("f", O_WRONLY)));
	ASSERT_OK(chmod("f", 0770));
	drop_caches();
	ACL_EXPECT("f", ACL_ACCESS,
		   "u::rwx u" A ":rw- g::r-- m::rwx o::---");
	ASSERT_OK(AS_A(try_open("f", O_RDWR)));
	ASSERT_EQ(MODE_OF("f"), 0770);
}

CASE(acl_chown_keeps_it)
{
	static const char acl[] =
		"u::rw- u" A ":rw- g::r-- m::rw- o::---";

	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS, acl));
	ASSERT_OK(chown("f", USER_B, GROUP_B));
	ACL_EXPECT("f", ACL_ACCESS, acl);
	ASSERT_EQ(MODE_OF("f"), 0660);
	/* B owns it now, A is still named */
	ASSERT_OK(AS_B(try_open("f", O_RDWR)));
	ASSERT_OK(AS_A(try_open("f", O_RDWR)));
}

CASE(acl_changes_ctime_only)
{
	struct times t;

	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS,
			  "u::rw- u" A ":rw- g::--- m::rw- o::---"));
	t = times_snap("f");
	ASSERT_OK(acl_set("f", ACL_ACCESS,
			  "u::rw- u" B ":rw- g::--- m::rw- o::---"));
	TIMES_CHANGED(&t, T_C);
	t = times_snap("f");
	ASSERT_OK(removexattr("f", ACL_ACCESS));
	TIMES_CHANGED(&t, T_C);
}

CASE(acl_set_by_owner_only)
{
	static const char acl[] = "u::rw- u" B ":rw- g::--- m::rw- o::rw-";

	make_file_of("f", 0666, USER_A, GROUP_A);
	ASSERT_ERR(EPERM, AS_B(acl_set("f", ACL_ACCESS, acl)));
	ASSERT_OK(AS_A(acl_set("f", ACL_ACCESS, acl)));
	ASSERT_ERR(EPERM, AS_B(removexattr("f", ACL_ACCESS)));
	/* anybody may look */
	ASSERT_EQ(AS_B(getxattr("f", ACL_ACCESS, NULL, 0)), 44);
}

CASE(acl_bad_values_einval)
{
	char buf[256];
	size_t n;

	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS, "u::rw- g::--- o::---"));
	/* a named user without a mask, entries missing, twice, out of order */
	ASSERT_ERR(EINVAL, acl_set("f", ACL_ACCESS,
				   "u::rw- u" A ":rw- g::--- o::---"));
	ASSERT_ERR(EINVAL, acl_set("f", ACL_ACCESS, "u::rw- g::---"));
	ASSERT_ERR(EINVAL, acl_set("f", ACL_ACCESS,
				   "u::rw- u::rw- g::--- o::---"));
	ASSERT_ERR(EINVAL, acl_set("f", ACL_ACCESS, "g::--- u::rw- o::---"));
	n = acl_pack("u::rw- g::--- o::---", buf, sizeof(buf));
	ASSERT_ERR(EINVAL, setxattr("f", ACL_ACCESS, buf, n - 1, 0));
	buf[0] = 9;
	ASSERT(setxattr("f", ACL_ACCESS, buf, n, 0) < 0);
	ASSERT(errno == EOPNOTSUPP || errno == EINVAL);
	ACL_EXPECT("f", ACL_ACCESS, NULL);
	ASSERT_EQ(MODE_OF("f"), 0600);
}

CASE(acl_default_only_on_directories)
{
	make_file("f", 0600);
	ASSERT_ERR(EACCES, acl_set("f", ACL_DEFAULT, "u::rw- g::--- o::---"));
	ACL_EXPECT("f", ACL_DEFAULT, NULL);
	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_DEFAULT, "u::rwx g::r-x o::---"));
	/* a default ACL stays, however short, and changes no mode */
	ACL_EXPECT("d", ACL_DEFAULT, "u::rwx g::r-x o::---");
	ACL_EXPECT("d", ACL_ACCESS, NULL);
	ASSERT_EQ(MODE_OF("d"), 0755);
	ASSERT_OK(removexattr("d", ACL_DEFAULT));
	ACL_EXPECT("d", ACL_DEFAULT, NULL);
}

CASE(acl_both_kinds_on_a_directory)
{
	static const char acc[] = "u::rwx u" A ":rwx g::--- m::rwx o::---";
	static const char def[] = "u::rwx u" B ":r-x g::--- m::r-x o::---";

	make_dir("d", 0700);
	ASSERT_OK(acl_set("d", ACL_ACCESS, acc));
	ASSERT_OK(acl_set("d", ACL_DEFAULT, def));
	drop_caches();
	ACL_EXPECT("d", ACL_ACCESS, acc);
	ACL_EXPECT("d", ACL_DEFAULT, def);
	ASSERT_OK(AS_A(try_creat("d/f", 0600)));
	ASSERT_ERR(EACCES, AS_B(try_creat("d/g", 0600)));
}

#define DEF "u::rwx u" A ":rwx g::r-x m::rwx o::r-x"

CASE(acl_inherited_by_a_file)
{
	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_DEFAULT, DEF));
	/* the umask does not count where a default ACL rules */
	umask(077);
	ASSERT_OK(try_creat("d/f", 0666));
	ACL_EXPECT("d/f", ACL_ACCESS, "u::rw- u" A ":rwx g::r-x m::rw- o::r--");
	ASSERT_EQ(MODE_OF("d/f"), 0664);
	ACL_EXPECT("d/f", ACL_DEFAULT, NULL);
	ASSERT_OK(try_creat("d/g", 0600));
	drop_caches();
	ACL_EXPECT("d/g", ACL_ACCESS, "u::rw- u" A ":rwx g::r-x m::--- o::---");
	ASSERT_EQ(MODE_OF("d/g"), 0600);
	ASSERT_ERR(EACCES, AS_A(try_open("d/g", O_RDONLY)));
}

CASE(acl_inherited_by_a_directory)
{
	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_DEFAULT, DEF));
	umask(077);
	ASSERT_OK(mkdir("d/e", 0777));
	drop_caches();
	ACL_EXPECT("d/e", ACL_ACCESS, DEF);
	ACL_EXPECT("d/e", ACL_DEFAULT, DEF);
	ASSERT_EQ(MODE_OF("d/e"), 0775);
	ASSERT_OK(mkdir("d/e/h", 0700));
	ACL_EXPECT("d/e/h", ACL_DEFAULT, DEF);
	ASSERT_EQ(MODE_OF("d/e/h"), 0700);
}

CASE(acl_inherited_by_special_files)
{
	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_DEFAULT, DEF));
	umask(077);
	ASSERT_OK(mkfifo("d/p", 0666));
	ACL_EXPECT("d/p", ACL_ACCESS, "u::rw- u" A ":rwx g::r-x m::rw- o::r--");
	ASSERT_OK(mknod("d/c", S_IFCHR | 0666, 0x103));
	ASSERT_EQ(MODE_OF("d/c"), 0664);
	/* a symbolic link takes nothing */
	ASSERT_OK(symlink("x", "d/l"));
	ASSERT_ERR(EOPNOTSUPP, lgetxattr("d/l", ACL_ACCESS, NULL, 0));
}

CASE(acl_inherited_minimal_is_a_mode)
{
	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_DEFAULT, "u::rwx g::r-x o::---"));
	umask(0);
	ASSERT_OK(try_creat("d/f", 0666));
	ASSERT_EQ(MODE_OF("d/f"), 0640);
	ACL_EXPECT("d/f", ACL_ACCESS, NULL);
	ASSERT_OK(mkdir("d/e", 0777));
	ASSERT_EQ(MODE_OF("d/e"), 0750);
	ACL_EXPECT("d/e", ACL_ACCESS, NULL);
	ACL_EXPECT("d/e", ACL_DEFAULT, "u::rwx g::r-x o::---");
}

CASE(acl_inherited_by_tmpfile)
{
	int fd;

	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_DEFAULT, DEF));
	umask(077);
	fd = open("d", O_TMPFILE | O_RDWR, 0666);
	if (fd < 0)
		UNSUPPORTED("tmpfile");
	ASSERT_EQ(fst(fd).st_mode & 07777, 0664);
	ASSERT_OK(linkat(fd, "", AT_FDCWD, "d/f", AT_EMPTY_PATH));
	ACL_EXPECT("d/f", ACL_ACCESS, "u::rw- u" A ":rwx g::r-x m::rw- o::r--");
}

CASE(acl_not_inherited_by_link_and_rename)
{
	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_DEFAULT, DEF));
	make_file("f", 0600);
	make_file("g", 0600);
	ASSERT_OK(link("f", "d/f"));
	ASSERT_OK(rename("g", "d/g"));
	ACL_EXPECT("d/f", ACL_ACCESS, NULL);
	ACL_EXPECT("d/g", ACL_ACCESS, NULL);
	ASSERT_EQ(MODE_OF("d/g"), 0600);
}

CASE(acl_umask_counts_without_default)
{
	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_ACCESS,
			  "u::rwx u" A ":rwx g::--- m::rwx o::---"));
	umask(027);
	ASSERT_OK(try_creat("d/f", 0666));
	ASSERT_EQ(MODE_OF("d/f"), 0640);
	ACL_EXPECT("d/f", ACL_ACCESS, NULL);
}

/* Entries in plenty, in one block with the rest. */
static void long_acl(char *text, size_t size, int n)
{
	size_t len = snprintf(text, size, "u::rwx ");
	int i;

	for (i = 0; i < n; i++)
		len += snprintf(text + len, size - len, "u%d:r-x ", 40000 + i);
	snprintf(text + len, size - len, "g::r-- m::rwx o::---");
}

CASE(acl_with_many_entries)
{
	char text[8192];

	make_file("f", 0600);
	/* 4 + 8 * n bytes on media: fits a block of 1 KiB */
	long_acl(text, sizeof(text), 100);
	ASSERT_OK(acl_set("f", ACL_ACCESS, text));
	drop_caches();
	ACL_EXPECT("f", ACL_ACCESS, text);
	ASSERT_OK(AS_USER(40099, 1, try_open("f", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_USER(40100, 1, try_open("f", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_USER(40099, 1, try_open("f", O_WRONLY)));
}

CASE(acl_larger_than_a_block_fails_whole)
{
	static const char acl[] = "u::rw- u" A ":rw- g::--- m::rw- o::---";
	char text[8192];

	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS, acl));
	long_acl(text, sizeof(text), 600);
	if (!acl_set("f", ACL_ACCESS, text))
		suite_skip("blocks of %zu bytes hold it", fs_bsize());
	/* a page is the most that FUSE passes on */
	ASSERT(errno == ENOSPC || errno == E2BIG);
	drop_caches();
	ACL_EXPECT("f", ACL_ACCESS, acl);
	ASSERT_EQ(MODE_OF("f"), 0660);
}

CASE(acl_and_other_xattrs_side_by_side)
{
	static const char acl[] = "u::rw- u" A ":rw- g::--- m::rw- o::---";
	char buf[100];

	make_file("f", 0600);
	ASSERT_OK(acl_set("f", ACL_ACCESS, acl));
	ASSERT_OK(setxattr("f", "trusted.x", "value", 5, 0));
	ASSERT_OK(chmod("f", 0640));
	drop_caches();
	ASSERT_EQ(getxattr("f", "trusted.x", buf, sizeof(buf)), 5);
	ACL_EXPECT("f", ACL_ACCESS,
		   "u::rw- u" A ":rw- g::--- m::r-- o::---");
	ASSERT_OK(removexattr("f", "trusted.x"));
	ACL_EXPECT("f", ACL_ACCESS,
		   "u::rw- u" A ":rw- g::--- m::r-- o::---");
}

CASE(acl_is_listed)
{
	char buf[256];
	ssize_t n;

	make_dir("d", 0755);
	ASSERT_OK(acl_set("d", ACL_ACCESS,
			  "u::rwx u" A ":rwx g::--- m::rwx o::---"));
	ASSERT_OK(acl_set("d", ACL_DEFAULT, DEF));
	n = ASSERT_OK(listxattr("d", buf, sizeof(buf)));
	ASSERT(memmem(buf, n, ACL_ACCESS, sizeof(ACL_ACCESS)));
	ASSERT(memmem(buf, n, ACL_DEFAULT, sizeof(ACL_DEFAULT)));
}

CASE(acl_directory_search)
{
	make_dir("d", 0700);
	make_file("d/f", 0644);
	ASSERT_ERR(EACCES, AS_A(try_open("d/f", O_RDONLY)));
	ASSERT_OK(acl_set("d", ACL_ACCESS,
			  "u::rwx u" A ":--x g::--- m::--x o::---"));
	ASSERT_OK(AS_A(try_open("d/f", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_A(try_open("d", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_B(try_open("d/f", O_RDONLY)));
}

/* Setting an ACL from outside of the file's group takes setgid away. */
CASE(acl_set_by_stranger_to_the_group_drops_setgid)
{
	make_file_of("f", 02755, USER_A, GROUP_EXTRA);
	ASSERT_OK(AS_A(acl_set("f", ACL_ACCESS,
		"u::rwx u" B ":r-- g::r-x m::r-x o::r--")));
	ASSERT_EQ(MODE_OF("f"), 0754);
	ASSERT_OK(chmod("f", 02755));
	as_user_with_group(USER_A, GROUP_A, GROUP_EXTRA);
	ASSERT_OK(acl_set("f", ACL_ACCESS,
		"u::rwx u" B ":rwx g::r-x m::rwx o::r--"));
	as_root();
	ASSERT_EQ(MODE_OF("f"), 02774);
}
