/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_suid.c - set-user-ID, set-group-ID and file capabilities are lost when
 * somebody without the right changes the file.
 *
 * Each way to change a file is a row; the same cases run for all of them.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "suite.h"
#include "util.h"

static int way_write(int fd)
{
	return pwrite(fd, "x", 1, 0);
}

static int way_write_behind_the_end(int fd)
{
	return pwrite(fd, "x", 1, 50000);
}

static int way_append(int fd)
{
	return fcntl(fd, F_SETFL, O_APPEND) ? -1 : write(fd, "x", 1);
}

static int way_direct(int fd)
{
	static char buf[4096] __attribute__((aligned(4096)));

	if (fcntl(fd, F_SETFL, O_DIRECT))
		UNSUPPORTED("direct-io");
	return pwrite(fd, buf, sizeof(buf), 0);
}

static int way_ftruncate(int fd)
{
	return ftruncate(fd, 10);
}

static int way_ftruncate_same_size(int fd)
{
	return ftruncate(fd, 4);
}

static int way_truncate(int fd)
{
	return truncate("f", 3);
}

static int way_o_trunc(int fd)
{
	return try_open("f", O_WRONLY | O_TRUNC);
}

static int way_fallocate(int fd)
{
	int ret = fallocate(fd, 0, 0, 100);

	if (ret && errno == EOPNOTSUPP)
		UNSUPPORTED("fallocate");
	return ret;
}

static int way_punch_hole(int fd)
{
	int ret = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    0, 100);

	if (ret && errno == EOPNOTSUPP)
		UNSUPPORTED("punch-hole");
	return ret;
}

static int way_copy(int fd)
{
	int src = open("src", O_RDONLY);

	return copy_file_range(src, NULL, fd, NULL, 4, 0);
}

static int way_sendfile(int fd)
{
	int src = open("src", O_RDONLY);

	return sendfile(fd, src, NULL, 4);
}

static const struct way {
	const char *name;
	int (*fn)(int fd);
} ways[] = {
	{ "write", way_write },
	{ "write-behind-the-end", way_write_behind_the_end },
	{ "append", way_append },
	{ "direct", way_direct },
	{ "ftruncate", way_ftruncate },
	{ "ftruncate-same-size", way_ftruncate_same_size },
	{ "truncate", way_truncate },
	{ "o-trunc", way_o_trunc },
	{ "fallocate", way_fallocate },
	{ "punch-hole", way_punch_hole },
	{ "copy-file-range", way_copy },
	{ "sendfile", way_sendfile },
};
#define N_WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

static const char *way_name(int i)
{
	return ways[i].name;
}

/* security.capability: version 2, cap_net_raw permitted */
static int set_capability(const char *path)
{
	uint32_t cap[5] = { htole32(0x02000000), htole32(1 << 13), 0, 0, 0 };

	return setxattr(path, "security.capability", cap, sizeof(cap), 0);
}

static void change(uid_t uid, mode_t mode)
{
	int fd;

	put_text("f", "text");
	put_text("src", "four");
	ASSERT_OK(chmod("f", mode));
	as_user(uid, uid);
	fd = ASSERT_OK(open("f", O_RDWR));
	ASSERT_OK(ways[suite_param()].fn(fd));
	as_root();
	ASSERT_OK(close(fd));
}

CASE_EACH(suid_lost_by_others, N_WAYS, way_name)
{
	change(USER_A, 06777);
	ASSERT_EQ(MODE_OF("f"), 0777);
	drop_caches();
	ASSERT_EQ(MODE_OF("f"), 0777);
}

CASE_EACH(suid_kept_by_root, N_WAYS, way_name)
{
	change(0, 06777);
	ASSERT_EQ(MODE_OF("f"), 06777);
}

/* The second change must be seen although nothing was to do at the first. */
CASE_EACH(suid_set_between_two_changes_is_lost, N_WAYS, way_name)
{
	int fd;

	put_text("f", "text");
	put_text("src", "four");
	ASSERT_OK(chmod("f", 0777));
	fd = ASSERT_OK(AS_A(open("f", O_RDWR)));
	ASSERT_OK(AS_A(ways[suite_param()].fn(fd)));
	ASSERT_OK(chmod("f", 04777));
	ASSERT_OK(truncate("f", 4));
	ASSERT_EQ(MODE_OF("f"), 04777);
	ASSERT_OK(AS_A(ways[suite_param()].fn(fd)));
	ASSERT_EQ(MODE_OF("f"), 0777);
}

CASE_EACH(capability_lost, N_WAYS, way_name)
{
	int fd;

	put_text("f", "text");
	put_text("src", "four");
	ASSERT_OK(chmod("f", 0777));
	if (set_capability("f") && errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	ASSERT_EQ(getxattr("f", "security.capability", NULL, 0), 20);
	fd = ASSERT_OK(AS_A(open("f", O_RDWR)));
	ASSERT_OK(AS_A(ways[suite_param()].fn(fd)));
	ASSERT_ERR(ENODATA, getxattr("f", "security.capability", NULL, 0));
}

/* setgid without group execution is no privilege: a member's write keeps it. */
CASE(sgid_without_group_exec_kept_by_members)
{
	int fd;

	put_text("f", "text");
	ASSERT_OK(chown("f", USER_A, GROUP_A));
	ASSERT_OK(chmod("f", 02666));
	fd = ASSERT_OK(AS_A(open("f", O_WRONLY)));
	ASSERT_OK(AS_A(pwrite(fd, "x", 1, 0)));
	ASSERT_EQ(MODE_OF("f"), 02666);
}

CASE(suid_lost_by_chown)
{
	make_file_of("f", 06755, USER_A, GROUP_A);
	as_user_with_group(USER_A, GROUP_A, GROUP_EXTRA);
	ASSERT_OK(chown("f", -1, GROUP_EXTRA));
	as_root();
	ASSERT_EQ(MODE_OF("f"), 0755);
	ASSERT_OK(chmod("f", 06755));
	/* Linux: by root too */
	ASSERT_OK(chown("f", USER_B, GROUP_B));
	ASSERT_EQ(MODE_OF("f"), 0755);
	drop_caches();
	ASSERT_EQ(MODE_OF("f"), 0755);
}

CASE(suid_of_directory_kept_by_chown)
{
	make_dir("d", 06755);
	ASSERT_OK(chown("d", USER_A, GROUP_A));
	ASSERT_EQ(MODE_OF("d"), 06755);
}

CASE(capability_lost_by_chown)
{
	make_file("f", 0755);
	if (set_capability("f") && errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	ASSERT_OK(chown("f", USER_A, GROUP_A));
	ASSERT_ERR(ENODATA, getxattr("f", "security.capability", NULL, 0));
	drop_caches();
	ASSERT_ERR(ENODATA, getxattr("f", "security.capability", NULL, 0));
	ASSERT_EQ(lst("f").st_uid, USER_A);
}

CASE(capability_kept_by_rename_and_chmod)
{
	make_file("f", 0755);
	if (set_capability("f") && errno == EOPNOTSUPP)
		UNSUPPORTED("user-xattr");
	ASSERT_OK(chmod("f", 0700));
	ASSERT_OK(rename("f", "g"));
	ASSERT_OK(link("g", "h"));
	drop_caches();
	ASSERT_EQ(getxattr("h", "security.capability", NULL, 0), 20);
}

CASE(suid_kept_by_reading_and_linking)
{
	char buf[4];
	int fd;

	put_text("f", "text");
	ASSERT_OK(chmod("f", 06777));
	fd = ASSERT_OK(AS_A(open("f", O_RDWR)));
	as_user(USER_A, GROUP_A);
	read_all(fd, buf, 4, 0);
	ASSERT_EQ(pwrite(fd, buf, 0, 0), 0);
	as_root();
	ASSERT_OK(link("f", "g"));
	ASSERT_EQ(MODE_OF("g"), 06777);
}
