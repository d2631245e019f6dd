/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_flags.c - chattr's flags: immutable and append-only as walls, the others
 * as bits that are kept and inherited; versions and project attributes.
 */
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "suite.h"
#include "util.h"

/* The flags that a test here sets or looks at: layout bits do not count. */
#define OURS (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | \
	      FS_SYNC_FL | FS_DIRSYNC_FL | FS_TOPDIR_FL)

static int flags_of(const char *path)
{
	int flags;

	if (get_flags(path, &flags))
		UNSUPPORTED("setflags");
	return flags & OURS;
}

/* Add to what is there: the layout bits have to be given as they are. */
static int chattr(const char *path, int add)
{
	int flags;

	if (get_flags(path, &flags))
		UNSUPPORTED("setflags");
	return set_flags(path, (flags & ~OURS) | add);
}

static void immutable_file(void)
{
	put_text("f", "text");
	ASSERT_OK(chattr("f", FS_IMMUTABLE_FL));
	ASSERT_EQ(flags_of("f"), FS_IMMUTABLE_FL);
}

CASE(immutable_file_is_not_written)
{
	immutable_file();
	ASSERT_ERR(EPERM, try_open("f", O_WRONLY));
	ASSERT_ERR(EPERM, try_open("f", O_RDWR | O_APPEND));
	ASSERT_ERR(EPERM, try_open("f", O_RDONLY | O_TRUNC));
	ASSERT_ERR(EPERM, truncate("f", 0));
	drop_caches();
	ASSERT_ERR(EPERM, try_open("f", O_WRONLY));
	expect_text("f", "text");
}

CASE(immutable_file_keeps_its_attributes)
{
	struct timespec ts[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };
	struct times t;

	immutable_file();
	t = times_snap("f");
	ASSERT_ERR(EPERM, chmod("f", 0600));
	ASSERT_ERR(EPERM, chown("f", USER_A, -1));
	ASSERT_ERR(EPERM, utimensat(AT_FDCWD, "f", ts, 0));
	ASSERT_ERR(EPERM, utimensat(AT_FDCWD, "f", NULL, 0));
	ASSERT_ERR(EPERM, setxattr("f", "user.n", "v", 1, 0));
	TIMES_CHANGED(&t, 0);
	ASSERT_EQ(MODE_OF("f"), 0644);
}

CASE(immutable_file_keeps_its_names)
{
	immutable_file();
	put_text("g", "other");
	ASSERT_ERR(EPERM, unlink("f"));
	ASSERT_ERR(EPERM, rename("f", "h"));
	ASSERT_ERR(EPERM, rename("g", "f"));
	ASSERT_ERR(EPERM, link("f", "h"));
	expect_text("f", "text");
	expect_text("g", "other");
}

CASE(immutable_file_freed_again)
{
	immutable_file();
	ASSERT_OK(chattr("f", 0));
	put_text("f", "new");
	ASSERT_OK(link("f", "g"));
	ASSERT_OK(unlink("f"));
	expect_text("g", "new");
}

CASE(immutable_directory_keeps_its_names)
{
	make_dir("d", 0755);
	put_text("d/f", "text");
	make_file("g", 0644);
	ASSERT_OK(chattr("d", FS_IMMUTABLE_FL));
	ASSERT_ERR(EPERM, try_creat("d/x", 0644));
	ASSERT_ERR(EPERM, mkdir("d/x", 0755));
	ASSERT_ERR(EPERM, symlink("y", "d/x"));
	ASSERT_ERR(EPERM, mkfifo("d/x", 0644));
	ASSERT_ERR(EPERM, link("g", "d/x"));
	ASSERT_ERR(EPERM, rename("g", "d/x"));
	ASSERT_ERR(EPERM, unlink("d/f"));
	ASSERT_ERR(EPERM, rename("d/f", "x"));
	ASSERT_ERR(EPERM, rename("d", "e"));
	ASSERT_ERR(EPERM, rmdir("d"));
	/* what is in it may be written */
	put_text("d/f", "changed");
	expect_text("d/f", "changed");
	ASSERT_EQ(count_names("d"), 1);
}

CASE(append_only_file_grows_only)
{
	int fd;

	put_text("f", "text");
	ASSERT_OK(chattr("f", FS_APPEND_FL));
	ASSERT_ERR(EPERM, try_open("f", O_WRONLY));
	ASSERT_ERR(EPERM, try_open("f", O_RDWR));
	ASSERT_ERR(EPERM, try_open("f", O_WRONLY | O_APPEND | O_TRUNC));
	ASSERT_ERR(EPERM, truncate("f", 0));
	ASSERT_ERR(EPERM, truncate("f", 100));
	fd = ASSERT_OK(open("f", O_WRONLY | O_APPEND));
	ASSERT_EQ(write(fd, "more", 4), 4);
	ASSERT_ERR(EPERM, ftruncate(fd, 0));
	/* FUSE's inodes do not tell the kernel: then the write is refused */
	if (!fcntl(fd, F_SETFL, 0))
		ASSERT_ERR(EPERM, pwrite(fd, "x", 1, 0));
	else
		ASSERT_EQ(errno, EPERM);
	ASSERT_OK(close(fd));
	drop_caches();
	fd = ASSERT_OK(open("f", O_WRONLY | O_APPEND));
	ASSERT_EQ(write(fd, "!", 1), 1);
	expect_text("f", "textmore!");
}

CASE(append_only_file_keeps_name_and_attributes)
{
	put_text("f", "text");
	put_text("g", "other");
	ASSERT_OK(chattr("f", FS_APPEND_FL));
	ASSERT_ERR(EPERM, unlink("f"));
	ASSERT_ERR(EPERM, rename("f", "h"));
	ASSERT_ERR(EPERM, rename("g", "f"));
	ASSERT_ERR(EPERM, link("f", "h"));
	ASSERT_ERR(EPERM, chmod("f", 0600));
	ASSERT_ERR(EPERM, chown("f", USER_A, -1));
	/* to now is allowed: it only moves forward */
	ASSERT_OK(utimensat(AT_FDCWD, "f", NULL, 0));
	expect_text("f", "text");
}

CASE(append_only_file_is_not_punched)
{
	int fd;

	put_text("f", "text");
	ASSERT_OK(chattr("f", FS_APPEND_FL));
	fd = ASSERT_OK(open("f", O_WRONLY | O_APPEND));
	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2))
		suite_fail(__FILE__, __LINE__, "punched");
	ASSERT(errno == EPERM || errno == EOPNOTSUPP);
	expect_text("f", "text");
}

CASE(append_only_directory_takes_new_names_only)
{
	make_dir("d", 0755);
	ASSERT_OK(chattr("d", FS_APPEND_FL));
	make_file("d/f", 0644);
	ASSERT_OK(mkdir("d/e", 0755));
	ASSERT_ERR(EPERM, unlink("d/f"));
	ASSERT_ERR(EPERM, rmdir("d/e"));
	ASSERT_ERR(EPERM, rename("d/f", "d/g"));
	ASSERT_ERR(EPERM, rename("d/f", "f"));
	ASSERT_EQ(count_names("d"), 2);
}

CASE(flags_by_users)
{
	make_file_of("f", 0666, USER_A, GROUP_A);
	flags_of("f");
	ASSERT_ERR(EPERM, AS_A(chattr("f", FS_IMMUTABLE_FL)));
	ASSERT_ERR(EPERM, AS_A(chattr("f", FS_APPEND_FL)));
	ASSERT_OK(AS_A(chattr("f", FS_NODUMP_FL)));
	ASSERT_EQ(flags_of("f"), FS_NODUMP_FL);
	/* not the owner */
	ASSERT(AS_B(chattr("f", 0)) < 0);
	ASSERT(errno == EACCES || errno == EPERM);
	ASSERT_OK(chattr("f", FS_APPEND_FL));
	ASSERT_ERR(EPERM, AS_A(chattr("f", 0)));
	ASSERT_EQ(flags_of("f"), FS_APPEND_FL);
}

CASE(flags_are_kept)
{
	static const int each[] = { FS_NODUMP_FL, FS_NOATIME_FL, FS_SYNC_FL,
				    FS_APPEND_FL, FS_IMMUTABLE_FL };
	size_t i;

	put_text("f", "text");
	for (i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		ASSERT_OK(chattr("f", each[i]));
		drop_caches();
		ASSERT_EQ(flags_of("f"), each[i]);
	}
	make_dir("d", 0755);
	ASSERT_OK(chattr("d", FS_DIRSYNC_FL | FS_TOPDIR_FL));
	drop_caches();
	ASSERT_EQ(flags_of("d"), FS_DIRSYNC_FL | FS_TOPDIR_FL);
	expect_text("f", "text");
}

CASE(flags_change_ctime)
{
	struct times t;

	make_file("f", 0644);
	t = times_snap("f");
	ASSERT_OK(chattr("f", FS_NODUMP_FL));
	TIMES_CHANGED(&t, T_C);
}

CASE(flags_inherited_from_the_directory)
{
	make_dir("d", 0755);
	ASSERT_OK(chattr("d", FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL |
			 FS_DIRSYNC_FL | FS_TOPDIR_FL));
	make_file("d/f", 0644);
	make_dir("d/e", 0755);
	drop_caches();
	/* a file takes no dirsync; topdir and append-only stay behind */
	ASSERT_EQ(flags_of("d/f"),
		  FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL);
	ASSERT_EQ(flags_of("d/e"), FS_NODUMP_FL | FS_NOATIME_FL |
		  FS_SYNC_FL | FS_DIRSYNC_FL);
}

CASE(flags_append_only_is_not_inherited)
{
	make_dir("d", 0755);
	ASSERT_OK(chattr("d", FS_APPEND_FL));
	make_file("d/f", 0644);
	ASSERT_EQ(flags_of("d/f"), 0);
}

CASE(flags_noatime_stops_atime)
{
	struct timespec ts[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	char c;
	int fd;

	put_text("f", "text");
	ASSERT_OK(chattr("f", FS_NOATIME_FL));
	ASSERT_OK(utimensat(AT_FDCWD, "f", ts, 0));
	fd = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(close(fd));
	drop_caches();
	ASSERT_EQ(lst("f").st_atim.tv_sec, 1000);
}

CASE(flags_unknown_eopnotsupp)
{
	make_file("f", 0644);
	flags_of("f");
	ASSERT_ERR(EOPNOTSUPP, chattr("f", 1 << 31));
	ASSERT_EQ(flags_of("f"), 0);
}

CASE(flags_of_a_device_enotty)
{
	int flags, fd;

	make_file("f", 0644);
	flags_of("f");
	/* the ioctl goes to the driver, not to the filesystem */
	ASSERT_OK(mknod("null", S_IFCHR | 0666, 0x103));
	fd = open("null", O_RDONLY);
	if (fd < 0)
		suite_skip("mounted nodev");
	ASSERT_ERR(ENOTTY, ioctl(fd, FS_IOC_GETFLAGS, &flags));
}

CASE(version_is_told_and_set)
{
	int fd = open_new("f"), v = 0, w = 0;

	if (ioctl(fd, FS_IOC_GETVERSION, &v))
		UNSUPPORTED("setversion");
	v = 12345;
	if (ioctl(fd, FS_IOC_SETVERSION, &v))
		UNSUPPORTED("setversion");
	ASSERT_OK(close(fd));
	drop_caches();
	fd = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_OK(ioctl(fd, FS_IOC_GETVERSION, &w));
	ASSERT_EQ(w, 12345);
}

CASE(version_differs_between_files)
{
	int a = open_new("a"), b = open_new("b"), va, vb;

	if (ioctl(a, FS_IOC_GETVERSION, &va))
		UNSUPPORTED("setversion");
	ASSERT_OK(ioctl(b, FS_IOC_GETVERSION, &vb));
	ASSERT(va != vb);
}

CASE(fsxattr_shows_and_sets_flags)
{
	struct fsxattr fx;
	int fd = open_new("f");

	if (ioctl(fd, FS_IOC_FSGETXATTR, &fx))
		UNSUPPORTED("fsxattr");
	ASSERT_OK(chattr("f", FS_NODUMP_FL));
	ASSERT_OK(ioctl(fd, FS_IOC_FSGETXATTR, &fx));
	ASSERT_EQ(fx.fsx_xflags & FS_XFLAG_NODUMP, FS_XFLAG_NODUMP);
	ASSERT_EQ(fx.fsx_projid, 0);
	fx.fsx_xflags = (fx.fsx_xflags & ~FS_XFLAG_NODUMP) |
		FS_XFLAG_NOATIME;
	ASSERT_OK(ioctl(fd, FS_IOC_FSSETXATTR, &fx));
	ASSERT_EQ(flags_of("f"), FS_NOATIME_FL);
}
