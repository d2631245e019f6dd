/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_open.c - open(2) and creat(2): what is made, what is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "suite.h"
#include "util.h"

CASE(open_creat_mode_is_masked)
{
	umask(027);
	ASSERT_OK(try_creat("a", 0777));
	ASSERT_EQ(MODE_OF("a"), 0750);
	umask(0);
	ASSERT_OK(try_creat("b", 0777));
	ASSERT_EQ(MODE_OF("b"), 0777);
	ASSERT_OK(try_creat("c", 0));
	ASSERT_EQ(MODE_OF("c"), 0);
	umask(0777);
	ASSERT_OK(try_creat("d", 0777));
	ASSERT_EQ(MODE_OF("d"), 0);
}

CASE(open_creat_keeps_special_bits)
{
	umask(0);
	ASSERT_OK(try_creat("a", 07777));
	ASSERT_EQ(MODE_OF("a"), 07777);
	drop_caches();
	ASSERT_EQ(MODE_OF("a"), 07777);
}

CASE(open_creat_is_an_empty_file_of_the_caller)
{
	struct stat st;

	ASSERT_OK(chmod(".", 0777));
	ASSERT_OK(AS_USER(USER_A, GROUP_B, try_creat("a", 0644)));
	st = lst("a");
	ASSERT(S_ISREG(st.st_mode));
	ASSERT_EQ(st.st_uid, USER_A);
	ASSERT_EQ(st.st_gid, GROUP_B);
	ASSERT_EQ(st.st_size, 0);
	ASSERT_EQ(st.st_blocks, 0);
	ASSERT_EQ(st.st_nlink, 1);
}

CASE(open_creat_updates_parent_times)
{
	struct times t = times_snap(".");

	make_file("a", 0644);
	TIMES_CHANGED(&t, T_M | T_C);
	t = times_snap(".");
	/* it is there already: nothing changes */
	ASSERT_OK(try_open("a", O_WRONLY | O_CREAT));
	TIMES_CHANGED(&t, 0);
}

CASE(open_creat_takes_the_time)
{
	struct timespec before = lst(".").st_ctim;
	struct stat st;

	tick();
	make_file("a", 0644);
	st = lst("a");
	ASSERT(ts_before(before, st.st_atim));
	ASSERT(ts_before(before, st.st_mtim));
	ASSERT(ts_before(before, st.st_ctim));
}

CASE(open_excl_existing_eexist)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL;

	make_file("file", 0644);
	make_dir("dir", 0755);
	ASSERT_OK(mkfifo("fifo", 0644));
	ASSERT_OK(symlink("file", "link"));
	ASSERT_OK(symlink("nowhere", "dangling"));
	ASSERT_ERR(EEXIST, try_open("file", flags));
	ASSERT_ERR(EEXIST, try_open("dir", flags));
	ASSERT_ERR(EEXIST, try_open("fifo", flags));
	ASSERT_ERR(EEXIST, try_open("link", flags));
	ASSERT_ERR(EEXIST, try_open("dangling", flags));
	ASSERT(!exists("nowhere"));
}

CASE(open_excl_race_has_one_winner)
{
	int i, j, status, won;

	for (i = 0; i < 50; i++) {
		for (j = 0; j < 4; j++) {
			if (!ASSERT_OK(fork()))
				_exit(try_creat("race", 0644) ? 1 : 0);
		}
		for (j = won = 0; j < 4; j++) {
			ASSERT_OK(wait(&status));
			won += !status;
		}
		ASSERT_EQ(won, 1);
		ASSERT_OK(unlink("race"));
	}
}

CASE(open_creat_through_dangling_symlink)
{
	ASSERT_OK(symlink("made", "link"));
	put_text("link", "text");
	ASSERT(S_ISLNK(lst("link").st_mode));
	expect_text("made", "text");
}

CASE(open_trunc_empties_and_takes_the_time)
{
	struct times t;

	put_text("a", "some text");
	t = times_snap("a");
	ASSERT_OK(try_open("a", O_WRONLY | O_TRUNC));
	TIMES_CHANGED(&t, T_M | T_C);
	ASSERT_EQ(lst("a").st_size, 0);
	drop_caches();
	ASSERT_EQ(lst("a").st_blocks, 0);
}

CASE(open_trunc_of_empty_file_takes_the_time)
{
	struct times t;

	make_file("a", 0644);
	t = times_snap("a");
	ASSERT_OK(try_open("a", O_WRONLY | O_TRUNC));
	TIMES_CHANGED(&t, T_M | T_C);
}

CASE(open_for_writing_changes_no_time)
{
	struct times t;

	put_text("a", "some text");
	t = times_snap("a");
	ASSERT_OK(try_open("a", O_RDWR));
	TIMES_CHANGED(&t, 0);
}

CASE(open_trunc_and_append)
{
	int fd;

	put_text("a", "old text");
	fd = ASSERT_OK(open("a", O_WRONLY | O_TRUNC | O_APPEND));
	ASSERT_EQ(write(fd, "new", 3), 3);
	expect_text("a", "new");
}

CASE(open_dir_for_writing_eisdir)
{
	make_dir("d", 0755);
	ASSERT_ERR(EISDIR, try_open("d", O_WRONLY));
	ASSERT_ERR(EISDIR, try_open("d", O_RDWR));
	ASSERT_ERR(EISDIR, try_open("d", O_RDONLY | O_TRUNC));
	ASSERT_ERR(EISDIR, try_open("d", O_WRONLY | O_CREAT));
	ASSERT_OK(try_open("d", O_RDONLY));
}

CASE(open_directory_flag_on_file_enotdir)
{
	make_file("a", 0644);
	ASSERT_ERR(ENOTDIR, try_open("a", O_RDONLY | O_DIRECTORY));
	make_dir("d", 0755);
	ASSERT_OK(try_open("d", O_RDONLY | O_DIRECTORY));
}

CASE(open_nofollow_symlink_eloop)
{
	make_file("a", 0644);
	ASSERT_OK(symlink("a", "link"));
	ASSERT_ERR(ELOOP, try_open("link", O_RDONLY | O_NOFOLLOW));
	ASSERT_OK(try_open("a", O_RDONLY | O_NOFOLLOW));
}

CASE(open_symlink_to_itself_eloop)
{
	ASSERT_OK(symlink("link", "link"));
	ASSERT_ERR(ELOOP, try_open("link", O_RDONLY));
	ASSERT_ERR(ELOOP, try_open("link", O_WRONLY | O_CREAT));
}

CASE(open_fifo_without_reader_enxio)
{
	ASSERT_OK(mkfifo("fifo", 0644));
	ASSERT_ERR(ENXIO, try_open("fifo", O_WRONLY | O_NONBLOCK));
	ASSERT_OK(try_open("fifo", O_RDONLY | O_NONBLOCK));
}

CASE(open_socket_enxio)
{
	ASSERT_OK(mknod("sock", S_IFSOCK | 0644, 0));
	ASSERT_ERR(ENXIO, try_open("sock", O_RDONLY));
	ASSERT_ERR(ENXIO, try_open("sock", O_WRONLY));
}

CASE(open_device_without_driver_enxio)
{
	ASSERT_OK(mknod("dev", S_IFCHR | 0644, makedev(4000, 77)));
	ASSERT_ERR(ENXIO, try_open("dev", O_RDONLY));
}

/* mode bits of one class, and what they allow */
static void check_class(uid_t uid, gid_t gid, int shift)
{
	mode_t bits;

	for (bits = 0; bits < 8; bits++) {
		/* the other classes are given what this one is not */
		ASSERT_OK(chmod("f", (bits << shift) |
				(~bits & 7) << ((shift + 3) % 9) |
				(~bits & 7) << ((shift + 6) % 9)));
		as_user(uid, gid);
		ASSERT_EQ(try_open("f", O_RDONLY), bits & 4 ? 0 : -1);
		ASSERT_EQ(try_open("f", O_WRONLY), bits & 2 ? 0 : -1);
		ASSERT_EQ(try_open("f", O_RDWR), (bits & 6) == 6 ? 0 : -1);
		ASSERT_EQ(eaccess("f", X_OK), bits & 1 ? 0 : -1);
		ASSERT_EQ(eaccess("f", W_OK), bits & 2 ? 0 : -1);
		as_root();
	}
}

CASE(open_owner_class)
{
	make_file_of("f", 0, USER_A, GROUP_A);
	check_class(USER_A, GROUP_B, 6);
	/* the owner's bits even if the group's would allow more */
	check_class(USER_A, GROUP_A, 6);
}

CASE(open_group_class)
{
	make_file_of("f", 0, USER_A, GROUP_A);
	check_class(USER_B, GROUP_A, 3);
}

CASE(open_other_class)
{
	make_file_of("f", 0, USER_A, GROUP_A);
	check_class(USER_B, GROUP_B, 0);
}

CASE(open_supplementary_group)
{
	make_file_of("f", 0640, USER_A, GROUP_EXTRA);
	as_user_with_group(USER_B, GROUP_B, GROUP_EXTRA);
	ASSERT_OK(try_open("f", O_RDONLY));
	ASSERT_ERR(EACCES, try_open("f", O_WRONLY));
	as_user(USER_B, GROUP_B);
	ASSERT_ERR(EACCES, try_open("f", O_RDONLY));
	as_root();
}

CASE(open_trunc_needs_write_permission)
{
	put_text("f", "text");
	ASSERT_ERR(EACCES, AS_A(try_open("f", O_RDONLY | O_TRUNC)));
	expect_text("f", "text");
}

CASE(open_creat_mode_does_not_bind_its_maker)
{
	int fd;

	ASSERT_OK(chmod(".", 0777));
	as_user(USER_A, GROUP_A);
	fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0));
	write_all(fd, "text", 4, 0);
	ASSERT_ERR(EACCES, try_open("f", O_RDONLY));
	as_root();
	expect_text("f", "text");
}

CASE(open_noatime_by_others_eperm)
{
	make_file_of("f", 0666, USER_A, GROUP_A);
	ASSERT_ERR(EPERM, AS_B(try_open("f", O_RDONLY | O_NOATIME)));
	ASSERT_OK(AS_A(try_open("f", O_RDONLY | O_NOATIME)));
	ASSERT_OK(try_open("f", O_RDONLY | O_NOATIME));
}

CASE(open_path_fd_reads_nothing)
{
	struct stat st;
	char c;
	int fd;

	put_text("f", "text");
	fd = ASSERT_OK(open("f", O_PATH));
	ASSERT_ERR(EBADF, read(fd, &c, 1));
	ASSERT_OK(fstat(fd, &st));
	ASSERT_EQ(st.st_size, 4);
}

CASE(open_wrong_direction_ebadf)
{
	char c = 0;
	int fd;

	put_text("f", "text");
	fd = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_ERR(EBADF, write(fd, &c, 1));
	ASSERT_ERR(EINVAL, ftruncate(fd, 0));
	close(fd);
	fd = ASSERT_OK(open("f", O_WRONLY));
	ASSERT_ERR(EBADF, read(fd, &c, 1));
}

CASE(open_creat_in_setgid_dir_takes_group)
{
	make_dir_of("d", 02777, USER_A, GROUP_EXTRA);
	ASSERT_OK(AS_B(try_creat("d/f", 0644)));
	ASSERT_EQ(lst("d/f").st_gid, GROUP_EXTRA);
	ASSERT_EQ(lst("d/f").st_uid, USER_B);
	ASSERT_EQ(MODE_OF("d/f"), 0644);
}

/* A user who is not in the group may not get a setgid file of it. */
CASE(open_creat_in_setgid_dir_drops_setgid_of_strangers)
{
	umask(0);
	make_dir_of("d", 02777, USER_A, GROUP_EXTRA);
	ASSERT_OK(AS_B(try_creat("d/f", 02775)));
	ASSERT_EQ(lst("d/f").st_gid, GROUP_EXTRA);
	ASSERT_EQ(MODE_OF("d/f"), 0775);
	ASSERT_OK(try_creat("d/g", 02775));
	ASSERT_EQ(MODE_OF("d/g"), 02775);
}

CASE(open_file_survives_rename_and_chmod)
{
	int fd = open_new("f");

	ASSERT_OK(rename("f", "g"));
	ASSERT_OK(chmod("g", 0));
	write_all(fd, "text", 4, 0);
	ASSERT_OK(close(fd));
	expect_text("g", "text");
}

CASE(open_many_descriptors_of_one_file)
{
	int fds[200], i;
	char c;

	put_text("f", "0");
	for (i = 0; i < 200; i++)
		fds[i] = ASSERT_OK(open("f", O_RDWR));
	for (i = 0; i < 200; i++) {
		c = 'a' + i % 26;
		write_all(fds[i], &c, 1, 0);
		read_all(fds[199 - i], &c, 1, 0);
		ASSERT_EQ(c, 'a' + i % 26);
	}
}
