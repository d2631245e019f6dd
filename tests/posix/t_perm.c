/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_perm.c - chmod, chown, access: who may, and what it leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "suite.h"
#include "util.h"

CASE(chmod_sets_every_bit)
{
	mode_t mode;

	make_file("f", 0644);
	make_dir("d", 0755);
	for (mode = 0; mode < 010000; mode += 0111) {
		ASSERT_OK(chmod("f", mode));
		ASSERT_EQ(MODE_OF("f"), mode);
		ASSERT_OK(chmod("d", mode));
		ASSERT_EQ(MODE_OF("d"), mode);
	}
	ASSERT_OK(chmod("f", 07777));
	drop_caches();
	ASSERT_EQ(MODE_OF("f"), 07777);
	ASSERT(S_ISREG(lst("f").st_mode));
	ASSERT(S_ISDIR(lst("d").st_mode));
}

CASE(chmod_by_owner_and_others)
{
	make_file_of("f", 0644, USER_A, GROUP_A);
	make_dir_of("d", 0755, USER_A, GROUP_A);
	ASSERT_OK(AS_A(chmod("f", 0600)));
	ASSERT_OK(AS_A(chmod("d", 0700)));
	ASSERT_ERR(EPERM, AS_B(chmod("f", 0666)));
	ASSERT_ERR(EPERM, AS_B(chmod("d", 0777)));
	ASSERT_EQ(MODE_OF("f"), 0600);
	/* owner of what he may not even read */
	ASSERT_OK(chmod("f", 0));
	ASSERT_OK(AS_A(chmod("f", 0400)));
}

CASE(chmod_by_descriptor)
{
	int fd = open_new("f"), ro;

	ASSERT_OK(fchmod(fd, 0123));
	ASSERT_EQ(MODE_OF("f"), 0123);
	ro = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_OK(fchmod(ro, 0456));
	ASSERT_EQ(fst(fd).st_mode & 07777, 0456);
}

CASE(chmod_setgid_by_stranger_to_the_group)
{
	make_file_of("f", 0755, USER_A, GROUP_EXTRA);
	make_dir_of("d", 0755, USER_A, GROUP_EXTRA);
	/* silently left out */
	ASSERT_OK(AS_A(chmod("f", 02755)));
	ASSERT_EQ(MODE_OF("f"), 0755);
	ASSERT_OK(AS_A(chmod("d", 02755)));
	ASSERT_EQ(MODE_OF("d"), 0755);
	as_user_with_group(USER_A, GROUP_A, GROUP_EXTRA);
	ASSERT_OK(chmod("f", 02755));
	as_root();
	ASSERT_EQ(MODE_OF("f"), 02755);
}

CASE(chmod_takes_effect_at_once)
{
	int i;

	make_file_of("f", 0600, USER_A, GROUP_A);
	for (i = 0; i < 50; i++) {
		ASSERT_OK(chmod("f", 0604));
		ASSERT_OK(AS_B(try_open("f", O_RDONLY)));
		ASSERT_OK(chmod("f", 0600));
		ASSERT_ERR(EACCES, AS_B(try_open("f", O_RDONLY)));
	}
}

CASE(chown_by_root)
{
	make_file("f", 0644);
	ASSERT_OK(chown("f", USER_A, GROUP_B));
	ASSERT_EQ(lst("f").st_uid, USER_A);
	ASSERT_EQ(lst("f").st_gid, GROUP_B);
	ASSERT_OK(chown("f", -1, GROUP_A));
	ASSERT_EQ(lst("f").st_uid, USER_A);
	ASSERT_EQ(lst("f").st_gid, GROUP_A);
	ASSERT_OK(chown("f", USER_B, -1));
	ASSERT_EQ(lst("f").st_uid, USER_B);
	ASSERT_OK(chown("f", -1, -1));
	drop_caches();
	ASSERT_EQ(lst("f").st_uid, USER_B);
	ASSERT_EQ(lst("f").st_gid, GROUP_A);
}

/* More than 16 bits: the upper halves are kept elsewhere in the inode. */
CASE(chown_large_ids_are_kept)
{
	static const uid_t ids[] = { 65534, 65535, 65536, 100000,
				     0x12345678, 0xfffffffe };
	size_t i;

	make_file("f", 0644);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		ASSERT_OK(chown("f", ids[i], ids[i] - 7));
		drop_caches();
		ASSERT_EQ(lst("f").st_uid, ids[i]);
		ASSERT_EQ(lst("f").st_gid, ids[i] - 7);
	}
}

CASE(chown_by_users)
{
	make_file_of("f", 0644, USER_A, GROUP_A);
	ASSERT_ERR(EPERM, AS_A(chown("f", USER_B, -1)));
	ASSERT_ERR(EPERM, AS_A(chown("f", -1, GROUP_B)));
	ASSERT_ERR(EPERM, AS_B(chown("f", USER_B, GROUP_B)));
	ASSERT_ERR(EPERM, AS_B(chown("f", -1, GROUP_B)));
	ASSERT_OK(AS_A(chown("f", USER_A, GROUP_A)));
	/* the owner may give it to a group he is in */
	as_user_with_group(USER_A, GROUP_A, GROUP_EXTRA);
	ASSERT_OK(chown("f", -1, GROUP_EXTRA));
	as_root();
	ASSERT_EQ(lst("f").st_gid, GROUP_EXTRA);
	ASSERT_EQ(lst("f").st_uid, USER_A);
}

CASE(chown_each_type)
{
	make_dir("d", 0755);
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_OK(mknod("c", S_IFCHR | 0644, makedev(1, 3)));
	ASSERT_OK(chown("d", USER_A, GROUP_B));
	ASSERT_OK(chown("p", USER_A, GROUP_B));
	ASSERT_OK(chown("c", USER_A, GROUP_B));
	drop_caches();
	ASSERT_EQ(lst("d").st_uid, USER_A);
	ASSERT_EQ(lst("p").st_gid, GROUP_B);
	ASSERT_EQ(lst("c").st_uid, USER_A);
	ASSERT_EQ(lst("c").st_rdev, makedev(1, 3));
}

CASE(chown_by_descriptor)
{
	int fd = open_new("f");

	ASSERT_OK(fchown(fd, USER_A, GROUP_A));
	ASSERT_EQ(fst(fd).st_uid, USER_A);
	ASSERT_OK(fchownat(fd, "", USER_B, -1, AT_EMPTY_PATH));
	ASSERT_EQ(lst("f").st_uid, USER_B);
}

CASE(access_is_for_the_real_user)
{
	make_file_of("f", 0600, USER_A, GROUP_A);
	as_user(USER_B, GROUP_B);
	/* real user root, effective USER_B */
	ASSERT_OK(faccessat(AT_FDCWD, "f", R_OK | W_OK, 0));
	ASSERT_ERR(EACCES, faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
	as_root();
}

CASE(access_of_root)
{
	make_file("f", 0);
	ASSERT_OK(access("f", R_OK | W_OK));
	ASSERT_ERR(EACCES, access("f", X_OK));
	ASSERT_OK(chmod("f", 0010));
	ASSERT_OK(access("f", R_OK | W_OK | X_OK));
	make_dir("d", 0);
	ASSERT_OK(access("d", R_OK | W_OK | X_OK));
	ASSERT_ERR(ENOENT, access("x", F_OK));
	ASSERT_ERR(EINVAL, access("f", 99));
}

CASE(directory_read_and_search_are_apart)
{
	make_dir("d", 0755);
	make_file("d/f", 0644);
	ASSERT_OK(chmod("d", 0711));
	ASSERT_ERR(EACCES, AS_A(try_open("d", O_RDONLY)));
	ASSERT_OK(AS_A(try_open("d/f", O_RDONLY)));
	ASSERT_OK(chmod("d", 0744));
	ASSERT_OK(AS_A(try_open("d", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_A(try_open("d/f", O_RDONLY)));
	ASSERT_ERR(EACCES, AS_A(chdir("d")));
}

CASE(directory_write_without_search)
{
	make_dir_of("d", 0722, USER_A, GROUP_A);
	ASSERT_ERR(EACCES, AS_B(try_creat("d/f", 0644)));
	ASSERT_OK(chmod("d", 0733));
	ASSERT_OK(AS_B(try_creat("d/f", 0644)));
	ASSERT_OK(AS_B(unlink("d/f")));
}

CASE(umask_is_each_process_own)
{
	ASSERT_OK(chmod(".", 0777));
	umask(077);
	ASSERT_OK(AS_A(try_creat("a", 0666)));
	umask(0);
	ASSERT_OK(AS_B(try_creat("b", 0666)));
	ASSERT_EQ(MODE_OF("a"), 0600);
	ASSERT_EQ(MODE_OF("b"), 0666);
}

static void alternate(void *arg)
{
	uid_t uid = *(uid_t *)arg;
	char name[32];
	int i;

	as_user(uid, uid);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "%d-%d", (int)uid, i);
		ASSERT_OK(try_creat(name, 0600));
		ASSERT_EQ(lst(name).st_uid, uid);
		ASSERT_EQ(lst(name).st_gid, uid);
	}
}

/* Owners do not mix when users create at the same time. */
CASE(owners_of_files_made_at_once)
{
	uid_t ids[3] = { USER_A, USER_B, 31000 };
	int pids[3], i;

	ASSERT_OK(chmod(".", 0777));
	for (i = 0; i < 3; i++)
		pids[i] = suite_spawn(alternate, &ids[i]);
	for (i = 0; i < 3; i++)
		suite_join(pids[i]);
	ASSERT_EQ(count_names("."), 900);
}
