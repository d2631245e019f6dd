/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_statfs.c - what statvfs(3) tells, and that it follows what happens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include "suite.h"
#include "util.h"

CASE(statfs_figures_fit_together)
{
	struct statvfs sv = fs_stat();

	ASSERT(sv.f_bsize >= 1024 && sv.f_bsize <= 65536);
	ASSERT_EQ(sv.f_bsize & (sv.f_bsize - 1), 0);
	ASSERT(sv.f_blocks > 0);
	ASSERT(sv.f_bfree <= sv.f_blocks);
	ASSERT(sv.f_bavail <= sv.f_bfree);
	ASSERT(sv.f_ffree <= sv.f_files);
	ASSERT_EQ(sv.f_namemax, 255);
}

CASE(statfs_same_by_path_and_descriptor)
{
	struct statfs a, b;
	int fd = open_new("f");

	ASSERT_OK(statfs("f", &a));
	ASSERT_OK(fstatfs(fd, &b));
	ASSERT_EQ(a.f_type, b.f_type);
	ASSERT_EQ(a.f_bsize, b.f_bsize);
	ASSERT_EQ(a.f_blocks, b.f_blocks);
	ASSERT_EQ(a.f_files, b.f_files);
}

CASE(statfs_works_for_users)
{
	struct statvfs sv;

	ASSERT_OK(AS_A(statvfs(".", &sv)));
	ASSERT(sv.f_blocks > 0);
}

CASE_FLAGS(statfs_counts_inodes, SUITE_SERIAL)
{
	struct statvfs before;
	char name[16];
	int i;

	drop_caches();
	before = fs_stat();
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make_file(name, 0644);
	}
	ASSERT_EQ(fs_stat().f_ffree, before.f_ffree - 100);
	ASSERT_EQ(fs_stat().f_files, before.f_files);
	make_dir("d", 0755);
	ASSERT_EQ(fs_stat().f_ffree, before.f_ffree - 101);
}

CASE_FLAGS(statfs_counts_blocks, SUITE_SERIAL)
{
	struct statvfs before;
	char *buf = calloc(1, 1 << 20);
	fsblkcnt_t used;
	int fd;

	drop_caches();
	before = fs_stat();
	fd = open_new("f");
	write_all(fd, buf, 1 << 20, 0);
	ASSERT_OK(fsync(fd));
	used = before.f_bfree - fs_stat().f_bfree;
	ASSERT_EQ(used * before.f_frsize, fst(fd).st_blocks * 512);
	ASSERT_EQ(before.f_bavail - fs_stat().f_bavail, used);
	ASSERT_EQ(fs_stat().f_blocks, before.f_blocks);
}

CASE(stat_sizes_of_a_file)
{
	char buf[10000] = "";
	int fd = open_new("f");
	struct stat st;

	ASSERT_EQ(fst(fd).st_blocks, 0);
	write_all(fd, buf, sizeof(buf), 0);
	ASSERT_OK(fsync(fd));
	st = fst(fd);
	ASSERT_EQ(st.st_size, 10000);
	ASSERT(st.st_blocks * 512 >= 10000);
	ASSERT(st.st_blocks * 512 <= 10000 + 2 * (long)fs_bsize());
	ASSERT(st.st_blksize >= 512);
	drop_caches();
	ASSERT_EQ(fst(fd).st_blocks, st.st_blocks);
}

CASE(stat_inode_numbers_differ_and_stay)
{
	ino_t inos[100];
	char name[16];
	int i, j;

	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make_file(name, 0644);
		inos[i] = lst(name).st_ino;
		for (j = 0; j < i; j++)
			ASSERT(inos[j] != inos[i]);
	}
	drop_caches();
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		ASSERT_EQ(lst(name).st_ino, inos[i]);
	}
}

CASE(stat_device_is_one)
{
	make_file("f", 0644);
	make_dir("d", 0755);
	ASSERT_EQ(lst("f").st_dev, lst(".").st_dev);
	ASSERT_EQ(lst("d").st_dev, lst(".").st_dev);
}

CASE(statx_agrees_with_stat)
{
	struct statx sx;
	struct stat st;

	put_text("f", "text");
	st = lst("f");
	ASSERT_OK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
	ASSERT_EQ(sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	ASSERT_EQ(sx.stx_ino, st.st_ino);
	ASSERT_EQ(sx.stx_size, st.st_size);
	ASSERT_EQ(sx.stx_mode, st.st_mode);
	ASSERT_EQ(sx.stx_nlink, st.st_nlink);
	ASSERT_EQ(sx.stx_blocks, st.st_blocks);
	ASSERT_EQ(sx.stx_mtime.tv_sec, st.st_mtim.tv_sec);
	ASSERT_EQ(sx.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
}
