/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names: what each operation does, returns and leaves behind. */
#include "fs_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "fault.h"

static struct fsx x;

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
}

#define ROOT	DXF_ROOT_INO

START_TEST(test_mount_fresh_image_stays_clean)
{
	setup(_i);
	ck_assert_int_eq(fsx_lookup(&x, ROOT, "."), ROOT);
	ck_assert_int_eq(fsx_lookup(&x, ROOT, ".."), ROOT);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_mknod_each_kind_survives_remount)
{
	const struct { const char *name; mode_t mode; dev_t dev; } k[] = {
		{ "file", S_IFREG | 0644, 0 },
		{ "dir", S_IFDIR | 0750, 0 },
		{ "fifo", S_IFIFO | 0600, 0 },
		{ "sock", S_IFSOCK | 0777, 0 },
		{ "chr", S_IFCHR | 0666, makedev(1, 3) },
		{ "blk", S_IFBLK | 0640, makedev(259, 70000) },
	};
	struct dxf_cred cred = { .uid = 7, .gid = 8, .umask = 0 };
	struct dxf_attr a, b;

	setup(_i);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(k); i++) {
		ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, ROOT, k[i].name,
					      k[i].mode, k[i].dev, &a), 0);
		dxf_fs_forget(x.fs, a.ino, 1);
	}
	fsx_remount(&x);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(k); i++) {
		ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, k[i].name, &b), 0);
		ck_assert_uint_eq(b.mode, k[i].mode);
		ck_assert_uint_eq(b.rdev, k[i].dev);
		ck_assert_uint_eq(b.uid, 7);
		ck_assert_uint_eq(b.gid, 8);
		ck_assert_uint_eq(b.nlink, S_ISDIR(k[i].mode) ? 2 : 1);
		dxf_fs_forget(x.fs, b.ino, 1);
	}
	fsx_finish(&x);
}
END_TEST

START_TEST(test_create_umask_is_applied)
{
	struct dxf_cred cred = { .umask = 027 };
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, ROOT, "f", S_IFREG | 0666,
				      0, &a), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0640);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_create_existing_name_eexist)
{
	struct dxf_attr a;

	setup(_i);
	fsx_create(&x, ROOT, "f");
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "f", S_IFREG, 0,
				      &a), -EEXIST);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, ".", S_IFREG, 0,
				      &a), -EEXIST);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, ROOT, "f", "t", &a),
			 -EEXIST);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_names_bad_are_refused)
{
	char name[300];
	struct dxf_attr a;

	setup(_i);
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, name, &a), -ENAMETOOLONG);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, name, S_IFREG, 0,
				      &a), -ENAMETOOLONG);
	name[255] = '\0';
	fsx_create(&x, ROOT, name);
	ck_assert_int_ne(fsx_lookup(&x, ROOT, name), 0);
	ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, "", &a), -ENOENT);
	ck_assert_int_eq(dxf_fs_lookup(x.fs, ROOT, "a/b", &a), -EINVAL);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_lookup_in_file_enotdir)
{
	struct dxf_attr a;
	dxf_ino_t f;

	setup(_i);
	f = fsx_create(&x, ROOT, "f");
	ck_assert_int_eq(dxf_fs_lookup(x.fs, f, "x", &a), -ENOTDIR);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, f, "x", S_IFREG, 0, &a),
			 -ENOTDIR);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, f, "x"), -ENOTDIR);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, f, "x"), -ENOTDIR);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_unlink_frees_all_it_had)
{
	uint64_t blocks, inodes;
	dxf_ino_t ino;

	setup(_i);
	fsx_create(&x, ROOT, "other");
	blocks = fsx_free_blocks(&x);
	inodes = fsx_free_inodes(&x);
	ino = fsx_create(&x, ROOT, "f");
	fsx_write(&x, ino, 0, 'x', 300000);
	ck_assert_uint_lt(fsx_free_blocks(&x), blocks);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	ck_assert_int_eq(fsx_lookup(&x, ROOT, "f"), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), -ENOENT);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_unlink_directory_eisdir)
{
	setup(_i);
	fsx_mkdir(&x, ROOT, "d");
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "d"), -EISDIR);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "."), -EISDIR);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_mkdir_counts_links)
{
	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d");
	uint32_t root = fsx_attr(&x, ROOT).nlink;

	ck_assert_uint_eq(fsx_attr(&x, d).nlink, 2);
	ck_assert_uint_eq(fsx_lookup(&x, d, ".."), ROOT);
	ck_assert_uint_eq(fsx_lookup(&x, d, "."), d);
	fsx_mkdir(&x, d, "e");
	ck_assert_uint_eq(fsx_attr(&x, d).nlink, 3);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, d, "e"), 0);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "d"), 0);
	ck_assert_uint_eq(fsx_attr(&x, ROOT).nlink, root - 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rmdir_refuses_what_it_must)
{
	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d");

	fsx_create(&x, d, "f");
	fsx_create(&x, ROOT, "file");
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "d"), -ENOTEMPTY);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "file"), -ENOTDIR);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "none"), -ENOENT);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, d, "."), -EINVAL);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, d, ".."), -ENOTEMPTY);
	fsx_finish(&x);
}
END_TEST

static int count_names(void *ctx, const struct dxf_fs_dirent *de)
{
	++*(int *)ctx;
	return 0;
}

START_TEST(test_removed_directory_is_dead)
{
	struct dxf_attr a;
	int n = 0;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "d",
				      S_IFDIR | 0755, 0, &a), 0);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "d"), 0);
	ck_assert_uint_eq(fsx_attr(&x, a.ino).nlink, 0);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 1);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, a.ino, "f", S_IFREG, 0,
				      &a), -ENOENT);
	ck_assert_int_eq(dxf_fs_readdir(x.fs, a.ino, 0, false, count_names,
					&n), 0);
	ck_assert_int_eq(n, 0);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_link_counts_and_limits)
{
	struct dxf_attr a;
	dxf_ino_t f, d;

	setup(_i);
	f = fsx_create(&x, ROOT, "f");
	d = fsx_mkdir(&x, ROOT, "d");
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, d, "g", &a), 0);
	ck_assert_uint_eq(a.ino, f);
	ck_assert_uint_eq(a.nlink, 2);
	dxf_fs_forget(x.fs, f, 1);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, d, "g", &a), -EEXIST);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, d, ROOT, "h",
				     &a), -EPERM);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, d, d, "h", &a), -EPERM);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), 0);
	ck_assert_uint_eq(fsx_attr(&x, f).nlink, 1);
	ck_assert_uint_eq(fsx_lookup(&x, d, "g"), f);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_link_too_many_emlink)
{
	uint32_t max = _i == 2 ? 65000 : 32000;
	struct dxf_attr a;
	dxf_ino_t f, d;
	char name[16];

	setup(_i);
	f = fsx_create(&x, ROOT, "f");
	d = fsx_mkdir(&x, ROOT, "d");
	fsx_hold(&x, f);
	fsx_hold(&x, d);
	for (uint32_t i = 1; i < max; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, d, name,
					     &a), 0);
		dxf_fs_forget(x.fs, f, 1);
	}
	ck_assert_uint_eq(a.nlink, max);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, d, "more",
				     &a), -EMLINK);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_symlink_each_length_reads_back)
{
	char target[4096], buf[4096], name[16];
	size_t bs;

	setup(_i);
	bs = fsx_attr(&x, ROOT).blksize;
	for (size_t len = 1; len < bs; len += len < 70 ? 1 : bs / 7) {
		struct dxf_attr a;

		memset(target, 'a' + (int)(len % 26), len);
		target[len] = '\0';
		snprintf(name, sizeof(name), "l%zu", len);
		ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, ROOT, name,
						target, &a), 0);
		ck_assert_uint_eq(a.mode, S_IFLNK | 0777);
		ck_assert_uint_eq(a.size, len);
		ck_assert_uint_eq(a.blocks, len < 60 ? 0 : bs / 512);
		ck_assert_int_eq(dxf_fs_readlink(x.fs, a.ino, buf,
						 sizeof(buf)), (ssize_t)len);
		ck_assert_mem_eq(buf, target, len);
		ck_assert_int_eq(dxf_fs_readlink(x.fs, a.ino, buf, 1), 1);
		dxf_fs_forget(x.fs, a.ino, 1);
	}
	fsx_finish(&x);
}
END_TEST

START_TEST(test_symlink_too_long_or_empty)
{
	char target[5000];
	struct dxf_attr a;
	size_t bs;

	setup(_i);
	bs = fsx_attr(&x, ROOT).blksize;
	memset(target, 't', sizeof(target));
	target[bs] = '\0';
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, ROOT, "l", target,
					&a), -ENAMETOOLONG);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, ROOT, "l", "", &a),
			 -ENOENT);
	ck_assert_int_eq(dxf_fs_readlink(x.fs, ROOT, target, 10), -EINVAL);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_symlink_unlinked_frees_block)
{
	char target[200];
	uint64_t blocks;
	struct dxf_attr a;

	setup(_i);
	memset(target, 't', sizeof(target));
	target[199] = '\0';
	blocks = fsx_free_blocks(&x);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, ROOT, "l", target,
					&a), 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks - 1);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "l"), 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	fsx_finish(&x);
}
END_TEST

static bool in_12(const struct dxf_cred *c, gid_t gid)
{
	return gid == 12;
}

START_TEST(test_setgid_directory_gives_group)
{
	struct dxf_cred cred = { .uid = 5, .gid = 6, .umask = 022 };
	struct dxf_setattr sa = {
		.valid = DXF_SET_MODE | DXF_SET_GID, .mode = 02777, .gid = 12,
	};
	struct dxf_attr a;
	dxf_ino_t d;

	setup(_i);
	d = fsx_mkdir(&x, ROOT, "d");
	ck_assert_int_eq(dxf_fs_setattr(x.fs, d, &sa, &fsx_root, &a), 0);
	ck_assert_uint_eq(a.mode, S_IFDIR | 02777);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, d, "dir", S_IFDIR | 0777, 0,
				      &a), 0);
	ck_assert_uint_eq(a.gid, 12);
	ck_assert_uint_eq(a.mode, S_IFDIR | 02755);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, d, "exe", S_IFREG | 02777,
				      0, &a), 0);
	ck_assert_uint_eq(a.gid, 12);
	ck_assert_uint_eq(a.mode, S_IFREG | 0755);
	cred.in_group = in_12;
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, d, "exe2", S_IFREG | 02777,
				      0, &a), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 02755);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_times_of_directory_follow_changes)
{
	struct dxf_setattr old = {
		.valid = DXF_SET_ATIME | DXF_SET_MTIME,
		.atime = { 1000, 0 }, .mtime = { 1000, 0 },
	};
	struct dxf_attr a;
	dxf_ino_t d;

	setup(_i);
	d = fsx_mkdir(&x, ROOT, "d");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(dxf_fs_setattr(x.fs, d, &old, &fsx_root, &a),
				 0);
		ck_assert_int_eq(a.mtime.tv_sec, 1000);
		if (i == 0)
			fsx_create(&x, d, "f");
		else if (i == 1)
			ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root,
						       DXF_AT(d, "f"),
						       DXF_AT(d, "g"), 0),
					 0);
		else
			ck_assert_int_eq(dxf_fs_unlink(x.fs, d, "g"), 0);
		a = fsx_attr(&x, d);
		ck_assert_int_gt(a.mtime.tv_sec, 1000);
		ck_assert_int_eq(a.mtime.tv_sec, a.ctime.tv_sec);
		ck_assert_int_eq(a.atime.tv_sec, 1000);
	}
	fsx_finish(&x);
}
END_TEST

/* ---- readdir ---- */

struct names {
	int n, stop_at;
	uint64_t next;
	bool plus;
	char seen[64][16];
};

static int collect(void *ctx, const struct dxf_fs_dirent *de)
{
	struct names *s = ctx;

	if (s->n == s->stop_at)
		return 1;
	ck_assert_int_lt(s->n, 64);
	ck_assert_int_eq(de->attr_valid, s->plus && de->name[0] != '.');
	memcpy(s->seen[s->n], de->name, de->name_len);
	s->seen[s->n++][de->name_len] = '\0';
	s->next = de->next;
	if (de->attr_valid)
		ck_assert_uint_eq(de->attr.ino, de->ino);
	return 0;
}

START_TEST(test_readdir_in_pieces_sees_each_once)
{
	struct names s = { .stop_at = 3 };
	char name[8];

	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d");

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		fsx_create(&x, d, name);
	}
	for (int before = -1; s.n != before; s.stop_at += 3) {
		before = s.n;
		ck_assert_int_eq(dxf_fs_readdir(x.fs, d, s.next, false,
						collect, &s), 0);
	}
	ck_assert_int_eq(s.n, 42);
	for (int i = 0; i < s.n; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(s.seen[i], s.seen[j]);
	fsx_finish(&x);
}
END_TEST

/* Whether fewer, as many or more are expected than are taken. */
START_TEST(test_readdirplus_counts_lookups)
{
	static const unsigned int expected[] = { 1, 5, 7, 100 };
	char name[8];

	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d");

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		fsx_create(&x, d, name);
	}
	ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 1);
	for (size_t k = 0; k < DXF_ARRAY_SIZE(expected); k++) {
		struct names s = { .stop_at = 6, .plus = true };

		ck_assert_int_eq(dxf_fs_readdir(x.fs, d, 0, expected[k],
						collect, &s), 0);
		/* ".", "..", and four names; those that were refused have none. */
		ck_assert_int_eq(s.n, 6);
		ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 5);
		for (int i = 2; i < s.n; i++)
			dxf_fs_forget(x.fs, fsx_lookup(&x, d, s.seen[i]), 1);
		ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 1);
	}
	fsx_finish(&x);
}
END_TEST

START_TEST(test_readdirplus_counts_each_link)
{
	struct names s = { .stop_at = 64, .plus = true };
	struct dxf_attr a;
	char name[8];

	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d"), f = fsx_create(&x, d, "f");

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, d, name, &a),
				 0);
		dxf_fs_forget(x.fs, f, 1);
	}
	ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 1);
	ck_assert_int_eq(dxf_fs_readdir(x.fs, d, 0, 64, collect, &s), 0);
	ck_assert_int_eq(s.n, 43);
	dxf_fs_forget(x.fs, f, 40);
	ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 2);
	dxf_fs_forget(x.fs, f, 1);
	ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_readdir_of_file_enotdir)
{
	struct names s = { .stop_at = 64 };

	setup(_i);
	ck_assert_int_eq(dxf_fs_readdir(x.fs, fsx_create(&x, ROOT, "f"), 0,
					false, collect, &s), -ENOTDIR);
	fsx_finish(&x);
}
END_TEST

/* ---- flags ---- */

#define FL_APPEND	0x20u
#define FL_IMMUTABLE	0x10u
#define FL_EXTENTS	0x80000u
#define FL_DAX		0x02000000u

static void add_flag(dxf_ino_t ino, uint32_t flag)
{
	uint32_t f;

	ck_assert_int_eq(dxf_fs_getflags(x.fs, ino, &f), 0);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, f | flag, &fsx_root), 0);
}

START_TEST(test_immutable_directory_refuses_names)
{
	struct dxf_attr a;

	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d"), f = fsx_create(&x, d, "f");

	fsx_create(&x, ROOT, "other");
	add_flag(d, FL_IMMUTABLE);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, d, "g", S_IFREG, 0, &a),
			 -EPERM);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, d, "f"), -EPERM);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, d, "g", &a), -EPERM);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(d, "f"),
				       DXF_AT(ROOT, "g"), 0), -EPERM);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(ROOT, "other"),
				       DXF_AT(d, "g"), 0), -EPERM);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "d"), -EPERM);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(ROOT, "d"),
				       DXF_AT(ROOT, "e"), 0), -EPERM);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_append_only_directory_only_gains_names)
{
	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d");

	add_flag(d, FL_APPEND);
	fsx_create(&x, d, "f");
	ck_assert_int_eq(dxf_fs_unlink(x.fs, d, "f"), -EPERM);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(d, "f"),
				       DXF_AT(ROOT, "f"), 0), -EPERM);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_protected_victim_stays)
{
	struct dxf_attr a;

	setup(_i);
	dxf_ino_t f = fsx_create(&x, ROOT, "f");

	fsx_create(&x, ROOT, "g");
	add_flag(f, _i % 2 ? FL_APPEND : FL_IMMUTABLE);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), -EPERM);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(ROOT, "f"),
				       DXF_AT(ROOT, "h"), 0), -EPERM);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(ROOT, "g"),
				       DXF_AT(ROOT, "f"), 0), -EPERM);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, ROOT, "l",
				     &a), -EPERM);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_setflags_rules)
{
	struct dxf_cred owner = { .uid = 7, .gid = 7 }, other = { .uid = 8 };
	struct dxf_attr a;
	uint32_t f;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &owner, ROOT, "f", S_IFREG | 0644,
				      0, &a), 0);
	ck_assert_int_eq(dxf_fs_getflags(x.fs, a.ino, &f), 0);
	ck_assert_uint_eq(f & FL_EXTENTS, _i == 2 ? FL_EXTENTS : 0);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, a.ino, f | 0x40, &other),
			 -EPERM);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, a.ino, f | FL_APPEND, &owner),
			 -EPERM);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, a.ino, f ^ FL_EXTENTS, &owner),
			 -EOPNOTSUPP);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, a.ino, f | 0x40, &owner), 0);
	ck_assert_uint_eq(fsx_attr(&x, a.ino).flags, f | 0x40);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, a.ino, f | 0x50, &fsx_root), 0);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, a.ino, f | 0x10, &fsx_root),
			 -EPERM);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_dax_flag_latched_while_open)
{
	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d"), f;

	add_flag(d, FL_DAX);
	f = fsx_create(&x, d, "f");
	ck_assert(dxf_fs_is_dax(x.fs, f));
	ck_assert_int_eq(dxf_fs_open_file(x.fs, f, O_RDWR, false), 0);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, f, fsx_attr(&x, f).flags &
					 ~FL_DAX, &fsx_root), 0);
	ck_assert(dxf_fs_is_dax(x.fs, f));
	dxf_fs_release(x.fs, f);
	ck_assert(!dxf_fs_is_dax(x.fs, f));
	fsx_finish(&x);
}
END_TEST

START_TEST(test_first_open_with_o_direct_says_it_for_all)
{
	dxf_ino_t f;

	setup(_i);
	f = fsx_create(&x, ROOT, "f");
	ck_assert_int_eq(dxf_fs_open_file(x.fs, f, O_RDWR | O_DIRECT, false),
			 0);
	ck_assert(dxf_fs_is_dax(x.fs, f));
	ck_assert_int_eq(dxf_fs_open_file(x.fs, f, O_RDWR, false), 0);
	dxf_fs_release(x.fs, f);
	ck_assert(dxf_fs_is_dax(x.fs, f));
	dxf_fs_release(x.fs, f);
	ck_assert(!dxf_fs_is_dax(x.fs, f));

	ck_assert_int_eq(dxf_fs_open_file(x.fs, f, O_RDWR, false), 0);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, f, O_RDWR | O_DIRECT, false),
			 0);
	ck_assert(!dxf_fs_is_dax(x.fs, f));
	dxf_fs_release(x.fs, f);
	dxf_fs_release(x.fs, f);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_setversion_not_with_checksums)
{
	setup(_i);
	dxf_ino_t f = fsx_create(&x, ROOT, "f");

	if (_i == 2) {
		ck_assert_int_eq(dxf_fs_setversion(x.fs, f, 77, &fsx_root),
				 -EOPNOTSUPP);
	} else {
		ck_assert_int_eq(dxf_fs_setversion(x.fs, f, 77, &fsx_root), 0);
		ck_assert_uint_eq(fsx_attr(&x, f).generation, 77);
	}
	fsx_finish(&x);
}
END_TEST

/* ---- many ---- */

START_TEST(test_many_names_come_and_go)
{
	char name[32];

	setup(_i);
	dxf_ino_t d = fsx_mkdir(&x, ROOT, "d");
	uint64_t inodes = fsx_free_inodes(&x);
	int n = (int)DXF_MIN(inodes, 2500);

	fsx_hold(&x, d);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "a-longer-name-%d", i);
		fsx_create(&x, d, name);
	}
	fsx_remount(&x);
	fsx_hold(&x, d);
	for (int i = 0; i < n; i += 2) {
		snprintf(name, sizeof(name), "a-longer-name-%d", i);
		ck_assert_int_eq(dxf_fs_unlink(x.fs, d, name), 0);
	}
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "a-longer-name-%d", i);
		ck_assert_int_eq(fsx_lookup(&x, d, name) != 0, i % 2);
	}
	fsx_finish(&x);
}
END_TEST

START_TEST(test_no_inode_left_enospc)
{
	struct dxf_attr a;
	char name[16];
	int err = 0;

	setup(_i);
	for (int i = 0; err == 0; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		err = dxf_fs_mknod(x.fs, &fsx_root, ROOT, name, S_IFREG, 0, &a);
		if (err == 0)
			dxf_fs_forget(x.fs, a.ino, 1);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_uint_eq(fsx_free_inodes(&x), 0);
	ck_assert_int_eq(fsx_lookup(&x, ROOT, name), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f0"), 0);
	fsx_create(&x, ROOT, name);
	fsx_finish(&x);
}
END_TEST

/*
 * More subdirectories than a link count can say: it is 1, and right again as
 * soon as it can be, also when the filesystem was mounted anew in between.
 */
START_TEST(test_subdirectories_beyond_the_link_count)
{
	static const struct fsx_image img = {
		"many", "-t ext4 -O ^has_journal -b 1024 -N 70000", 160,
	};
	enum { LIMIT = 64998, MORE = 8 };
	char name[16];
	dxf_ino_t d, other;

	fsx_make(&x, &img);
	fsx_mount(&x);
	d = fsx_mkdir(&x, ROOT, "d");
	other = fsx_mkdir(&x, ROOT, "other");
	fsx_mkdir(&x, other, "moves");
	fsx_hold(&x, d);
	for (int i = 0; i < LIMIT + MORE; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_uint_eq(fsx_attr(&x, d).nlink,
				  i <= LIMIT ? 2 + i : 1);
		fsx_mkdir(&x, d, name);
	}
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(other, "moves"),
				       DXF_AT(d, "moves"), 0), 0);
	if (_i == 0)
		fsx_remount(&x);
	ck_assert_uint_eq(fsx_attr(&x, d).nlink, 1);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(d, "moves"),
				       DXF_AT(other, "moves"), 0), 0);
	fsx_hold(&x, d);
	for (int i = LIMIT + MORE - 1; i > LIMIT - MORE; i--) {
		ck_assert_uint_eq(fsx_attr(&x, d).nlink,
				  i >= LIMIT ? 1 : 2 + i + 1);
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(dxf_fs_rmdir(x.fs, d, name), 0);
		if (i == LIMIT + 2) {
			fsx_umount(&x);
			fsx_check(&x);
			fsx_mount(&x);
			fsx_hold(&x, d);
		}
	}
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
	tcase_set_timeout(t, 120);
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_mount_fresh_image_stays_clean);
	EACH(test_mknod_each_kind_survives_remount);
	EACH(test_create_umask_is_applied);
	EACH(test_create_existing_name_eexist);
	EACH(test_names_bad_are_refused);
	EACH(test_lookup_in_file_enotdir);
	EACH(test_unlink_frees_all_it_had);
	EACH(test_unlink_directory_eisdir);
	EACH(test_mkdir_counts_links);
	EACH(test_rmdir_refuses_what_it_must);
	EACH(test_removed_directory_is_dead);
	EACH(test_link_counts_and_limits);
	EACH(test_link_too_many_emlink);
	EACH(test_symlink_each_length_reads_back);
	EACH(test_symlink_too_long_or_empty);
	EACH(test_symlink_unlinked_frees_block);
	EACH(test_setgid_directory_gives_group);
	EACH(test_times_of_directory_follow_changes);
	EACH(test_readdir_in_pieces_sees_each_once);
	EACH(test_readdirplus_counts_lookups);
	EACH(test_readdirplus_counts_each_link);
	EACH(test_readdir_of_file_enotdir);
	EACH(test_immutable_directory_refuses_names);
	EACH(test_append_only_directory_only_gains_names);
	EACH(test_protected_victim_stays);
	EACH(test_setflags_rules);
	EACH(test_dax_flag_latched_while_open);
	EACH(test_first_open_with_o_direct_says_it_for_all);
	EACH(test_setversion_not_with_checksums);
	EACH(test_many_names_come_and_go);
	EACH(test_no_inode_left_enospc);
	tcase_add_loop_test(t, test_subdirectories_beyond_the_link_count, 0, 2);
}

int main(void)
{
	return run_tests("names", add);
}
