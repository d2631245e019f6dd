/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_link.c - hard links, unlink, and files that live on without a name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "suite.h"
#include "util.h"

CASE(link_is_the_same_file)
{
	struct stat a, b;

	put_text("a", "text");
	ASSERT_OK(link("a", "b"));
	a = lst("a");
	b = lst("b");
	ASSERT_EQ(a.st_ino, b.st_ino);
	ASSERT_EQ(a.st_nlink, 2);
	ASSERT_EQ(b.st_nlink, 2);
	put_text("b", "other");
	expect_text("a", "other");
	ASSERT_OK(chmod("b", 0600));
	ASSERT_EQ(MODE_OF("a"), 0600);
	drop_caches();
	ASSERT_EQ(lst("a").st_ino, lst("b").st_ino);
	ASSERT_OK(unlink("a"));
	ASSERT_EQ(lst("b").st_nlink, 1);
	expect_text("b", "other");
}

CASE(link_updates_times_of_file_and_parent)
{
	struct times file, dir;

	make_file("a", 0644);
	make_dir("d", 0755);
	file = times_snap("a");
	dir = times_snap("d");
	ASSERT_OK(link("a", "d/b"));
	TIMES_CHANGED(&file, T_C);
	TIMES_CHANGED(&dir, T_M | T_C);
	file = times_snap("a");
	dir = times_snap("d");
	ASSERT_OK(unlink("d/b"));
	TIMES_CHANGED(&file, T_C);
	TIMES_CHANGED(&dir, T_M | T_C);
}

CASE(link_of_each_type)
{
	static const char *const names[] = { "f", "p", "s", "c", "b", "l" };
	char to[8];
	size_t i;

	make_file("f", 0644);
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_OK(mknod("s", S_IFSOCK | 0644, 0));
	ASSERT_OK(mknod("c", S_IFCHR | 0644, makedev(1, 3)));
	ASSERT_OK(mknod("b", S_IFBLK | 0644, makedev(1, 3)));
	ASSERT_OK(symlink("f", "l"));
	for (i = 0; i < 6; i++) {
		snprintf(to, sizeof(to), "%s2", names[i]);
		ASSERT_OK(link(names[i], to));
		ASSERT_EQ(lst(to).st_ino, lst(names[i]).st_ino);
		ASSERT_EQ(lst(to).st_mode, lst(names[i]).st_mode);
		ASSERT_EQ(lst(to).st_nlink, 2);
		ASSERT_OK(unlink(names[i]));
		ASSERT_EQ(lst(to).st_nlink, 1);
	}
}

CASE(link_directory_eperm)
{
	make_dir("d", 0755);
	ASSERT_ERR(EPERM, link("d", "e"));
	ASSERT_ERR(EPERM, link(".", "e"));
	ASSERT(!exists("e"));
	ASSERT_EQ(lst("d").st_nlink, 2);
}

CASE(link_follows_symlink_only_if_asked)
{
	make_file("f", 0644);
	ASSERT_OK(symlink("f", "l"));
	ASSERT_OK(linkat(AT_FDCWD, "l", AT_FDCWD, "a", 0));
	ASSERT(S_ISLNK(lst("a").st_mode));
	ASSERT_OK(linkat(AT_FDCWD, "l", AT_FDCWD, "b", AT_SYMLINK_FOLLOW));
	ASSERT_EQ(lst("b").st_ino, lst("f").st_ino);
}

CASE(link_across_filesystems_exdev)
{
	make_file("f", 0644);
	if (lst("/tmp").st_dev == lst(".").st_dev)
		suite_skip("no other filesystem");
	ASSERT_ERR(EXDEV, link("f", "/tmp/no-such-file-yet"));
	ASSERT_ERR(EXDEV, rename("f", "/tmp/no-such-file-yet"));
	ASSERT_ERR(EXDEV, link("/proc/version", "v"));
	ASSERT(exists("f"));
}

CASE(link_of_removed_file_enoent)
{
	char path[64];
	int fd = open_new("f");

	ASSERT_OK(unlink("f"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_ERR(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "g",
				  AT_SYMLINK_FOLLOW));
	ASSERT_ERR(ENOENT, linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH));
	ASSERT(!exists("g"));
}

/* ext2: 32000, the suite's other filesystems at least 65000 or no limit */
CASE(link_limit_emlink)
{
	char name[16];
	int i, n;

	make_file("f", 0644);
	for (n = 1; n < 66000; n++) {
		snprintf(name, sizeof(name), "%d", n);
		if (link("f", name))
			break;
	}
	if (n < 66000) {
		ASSERT_EQ(errno, EMLINK);
		ASSERT(n >= 32000);
		ASSERT(!exists(name));
		ASSERT_ERR(EMLINK, rename("f", "f") ? -1 : link("f", "g"));
	}
	ASSERT_EQ(lst("f").st_nlink, n);
	ASSERT_OK(unlink("1"));
	ASSERT_OK(link("f", "1"));
	for (i = 1; i < n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_OK(unlink(name));
	}
	ASSERT_EQ(lst("f").st_nlink, 1);
}

CASE(link_race_leaves_right_count)
{
	char name[16];
	int i, j, pids[4];

	make_file("f", 0644);
	for (i = 0; i < 4; i++) {
		pids[i] = ASSERT_OK(fork());
		if (pids[i])
			continue;
		for (j = 0; j < 200; j++) {
			snprintf(name, sizeof(name), "%d-%d", i, j);
			ASSERT_OK(link("f", name));
			if (j % 2)
				ASSERT_OK(unlink(name));
		}
		_exit(0);
	}
	for (i = 0; i < 4; i++)
		suite_join(pids[i]);
	ASSERT_EQ(lst("f").st_nlink, 401);
	drop_caches();
	ASSERT_EQ(lst("f").st_nlink, 401);
	ASSERT_EQ(count_names("."), 401);
}

CASE(unlink_directory_eisdir)
{
	make_dir("d", 0755);
	ASSERT_ERR(EISDIR, unlink("d"));
	ASSERT(exists("d"));
}

CASE(unlink_of_each_type)
{
	ASSERT_OK(mkfifo("p", 0644));
	ASSERT_OK(mknod("s", S_IFSOCK | 0644, 0));
	ASSERT_OK(mknod("c", S_IFCHR | 0644, makedev(1, 3)));
	ASSERT_OK(mknod("b", S_IFBLK | 0644, makedev(1, 3)));
	ASSERT_OK(symlink("nowhere", "l"));
	ASSERT_OK(unlink("p"));
	ASSERT_OK(unlink("s"));
	ASSERT_OK(unlink("c"));
	ASSERT_OK(unlink("b"));
	ASSERT_OK(unlink("l"));
	ASSERT_EQ(count_names("."), 0);
	ASSERT_ERR(ENOENT, unlink("p"));
}

CASE(unlink_failed_changes_no_times)
{
	struct times t, f;

	make_dir_of("d", 0755, USER_A, GROUP_A);
	make_file("d/f", 0644);
	t = times_snap("d");
	f = times_snap("d/f");
	ASSERT_ERR(EACCES, AS_B(unlink("d/f")));
	ASSERT_ERR(ENOENT, unlink("d/g"));
	TIMES_CHANGED(&t, 0);
	TIMES_CHANGED(&f, 0);
}

CASE(unlinked_open_file_is_usable)
{
	char buf[16];
	int fd;

	put_text("f", "before");
	fd = ASSERT_OK(open("f", O_RDWR));
	ASSERT_OK(unlink("f"));
	ASSERT_EQ(fst(fd).st_nlink, 0);
	read_all(fd, buf, 6, 0);
	ASSERT(!memcmp(buf, "before", 6));
	write_all(fd, "after", 5, 10000);
	read_all(fd, buf, 5, 10000);
	ASSERT(!memcmp(buf, "after", 5));
	ASSERT_EQ(fst(fd).st_size, 10005);
	ASSERT_OK(ftruncate(fd, 3));
	ASSERT_EQ(fst(fd).st_size, 3);
	ASSERT_OK(fchmod(fd, 0600));
	ASSERT_OK(fchown(fd, USER_A, GROUP_A));
	ASSERT_EQ(fst(fd).st_uid, USER_A);
	ASSERT_OK(futimens(fd, NULL));
	ASSERT_OK(fsync(fd));
	ASSERT(!exists("f"));
	/* the name is free for another file */
	put_text("f", "another");
	read_all(fd, buf, 3, 0);
	ASSERT(!memcmp(buf, "bef", 3));
	ASSERT_OK(close(fd));
	expect_text("f", "another");
}

CASE(unlinked_open_file_survives_drop_caches)
{
	char buf[8];
	int fd, dir;

	put_text("f", "content");
	fd = ASSERT_OK(open("f", O_RDWR));
	ASSERT_OK(unlink("f"));
	for (dir = 0; dir < 100; dir++) {
		/* whoever takes the inode number now is wrong */
		make_file("other", 0644);
		ASSERT(lst("other").st_ino != fst(fd).st_ino);
		ASSERT_OK(unlink("other"));
	}
	drop_caches();
	read_all(fd, buf, 7, 0);
	ASSERT(!memcmp(buf, "content", 7));
}

CASE(unlinked_reopened_by_proc)
{
	char path[64], buf[8];
	int fd, again;

	put_text("f", "content");
	fd = ASSERT_OK(open("f", O_RDONLY));
	ASSERT_OK(unlink("f"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = ASSERT_OK(open(path, O_RDWR));
	ASSERT_OK(close(fd));
	write_all(again, "C", 1, 0);
	read_all(again, buf, 7, 0);
	ASSERT(!memcmp(buf, "Content", 7));
}

CASE(unlinked_mapped_file_lives_until_unmapped)
{
	char *p;
	int fd;

	put_text("f", "content");
	fd = ASSERT_OK(open("f", O_RDONLY));
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT(p != MAP_FAILED);
	ASSERT_OK(unlink("f"));
	ASSERT_OK(close(fd));
	drop_caches();
	ASSERT(!memcmp(p, "content", 7));
	ASSERT_OK(munmap(p, 4096));
}

CASE(unlinked_many_are_kept_apart)
{
	int i, fds[50];

	/* many at once: each is on the list of orphans */
	for (i = 0; i < 50; i++) {
		fds[i] = open_new("f");
		write_all(fds[i], &i, sizeof(i), 0);
		ASSERT_OK(unlink("f"));
	}
	for (i = 0; i < 50; i += 3)
		ASSERT_OK(close(fds[i]));
	for (i = 0; i < 50; i++) {
		int got;

		if (i % 3 == 0)
			continue;
		read_all(fds[i], &got, sizeof(got), 0);
		ASSERT_EQ(got, i);
		ASSERT_OK(close(fds[i]));
	}
}

/* Blocks and inodes of the removed come back (over FUSE a little later). */
static void wait_free(fsblkcnt_t blocks, fsfilcnt_t files)
{
	struct timespec t = { .tv_nsec = 20 * 1000 * 1000 };
	struct statvfs sv = fs_stat();
	int i, fd = ASSERT_OK(open(".", O_RDONLY));

	for (i = 0; i < 250; i++) {
		sv = fs_stat();
		if (sv.f_bfree == blocks && sv.f_ffree == files)
			break;
		ASSERT_OK(syncfs(fd));
		nanosleep(&t, NULL);
	}
	ASSERT_EQ(sv.f_bfree, blocks);
	ASSERT_EQ(sv.f_ffree, files);
	ASSERT_OK(close(fd));
}

CASE_FLAGS(unlink_gives_space_back, SUITE_SERIAL)
{
	struct statvfs before;
	char *buf = calloc(1, 1 << 20);
	int fd, i;

	drop_caches();
	before = fs_stat();
	fd = open_new("f");
	for (i = 0; i < 8; i++)
		write_all(fd, buf, 1 << 20, (off_t)i << 20);
	ASSERT_OK(fsync(fd));
	ASSERT(fs_stat().f_bfree * before.f_frsize <=
	       before.f_bfree * before.f_frsize - (8 << 20));
	ASSERT_EQ(fs_stat().f_ffree, before.f_ffree - 1);
	ASSERT_OK(close(fd));
	ASSERT_OK(unlink("f"));
	wait_free(before.f_bfree, before.f_ffree);
}

CASE_FLAGS(unlinked_open_file_keeps_space, SUITE_SERIAL)
{
	struct statvfs before;
	char *buf = calloc(1, 1 << 20);
	int fd;

	drop_caches();
	before = fs_stat();
	fd = open_new("f");
	write_all(fd, buf, 1 << 20, 0);
	ASSERT_OK(fsync(fd));
	ASSERT_OK(unlink("f"));
	drop_caches();
	ASSERT(fs_stat().f_bfree < before.f_bfree);
	ASSERT_EQ(fs_stat().f_ffree, before.f_ffree - 1);
	ASSERT_OK(close(fd));
	wait_free(before.f_bfree, before.f_ffree);
}

CASE_FLAGS(link_keeps_space_until_last_name, SUITE_SERIAL)
{
	struct statvfs before;
	char *buf = calloc(1, 1 << 20);
	int fd;

	drop_caches();
	before = fs_stat();
	fd = open_new("f");
	write_all(fd, buf, 1 << 20, 0);
	ASSERT_OK(close(fd));
	ASSERT_OK(link("f", "g"));
	ASSERT_OK(unlink("f"));
	drop_caches();
	ASSERT(fs_stat().f_bfree < before.f_bfree);
	ASSERT_OK(unlink("g"));
	wait_free(before.f_bfree, before.f_ffree);
}
