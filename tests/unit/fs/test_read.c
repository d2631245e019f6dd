/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading: by address and by copy, to the end of file, to a bad block; atime.
 */
#include <fcntl.h>
#include <linux/fs.h>

#include "file_model.h"

#define BS	4096u

static struct fsx x;
static struct iovec iov[8];
static uint8_t buf[64 * 1024];

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
}

static ssize_t begin(dxf_ino_t ino, uint64_t off, size_t len, int max_iov,
		     struct dxf_fs_read *r)
{
	*r = (struct dxf_fs_read){ .iov = iov, .max_iov = max_iov };
	return dxf_fs_read_begin(x.fs, ino, off, len, r);
}

START_TEST(test_read_at_and_behind_eof_is_zero)
{
	struct dxf_fs_read r;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 100, buf, 10), 0);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, UINT64_MAX - 5, buf, 10), 0);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 90, buf, 50), 10);
	ck_assert_int_eq(begin(ino, 5000, 10, 8, &r), 0);
	ck_assert_int_eq(r.niov, 0);
	dxf_fs_read_end(x.fs, &r);
	ck_assert_int_eq(begin(ino, 50, SIZE_MAX, 8, &r), 50);
	dxf_fs_read_end(x.fs, &r);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_read_of_no_file_is_refused)
{
	struct dxf_fs_read r;
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(dxf_fs_read(x.fs, DXF_ROOT_INO, 0, buf, 1), -EISDIR);
	ck_assert_int_eq(begin(DXF_ROOT_INO, 0, 1, 8, &r), -EISDIR);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, DXF_ROOT_INO, "s",
					"target", &a), 0);
	ck_assert_int_eq(dxf_fs_read(x.fs, a.ino, 0, buf, 1), -EINVAL);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_int_eq(dxf_fs_read(x.fs, 4000000000u, 0, buf, 1), -ESTALE);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_read_begin_merges_what_lies_together)
{
	struct dxf_fs_read r;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	for (unsigned int i = 0; i < 8; i++)
		fsx_write(&x, ino, i * 1024, 'a' + i, 1024);
	ck_assert_int_eq(begin(ino, 10, 8000, 8, &r), 8000);
	ck_assert_int_eq(r.niov, 1);
	ck_assert_int_eq(((char *)iov[0].iov_base)[0], 'a');
	ck_assert_int_eq(((char *)iov[0].iov_base)[7999], 'h');
	dxf_fs_read_end(x.fs, &r);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_read_begin_hole_is_zeros_in_pieces)
{
	struct dxf_fs_read r;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	set_size(&x, ino, DXF_MIB);
	ck_assert_int_eq(begin(ino, 0, DXF_MIB, 8, &r), 8 * 64 * 1024);
	ck_assert_int_eq(r.niov, 8);
	for (int i = 0; i < 8; i++) {
		ck_assert_uint_eq(iov[i].iov_len, 64 * 1024);
		ck_assert_ptr_eq(iov[i].iov_base, iov[0].iov_base);
	}
	ck_assert_int_eq(((char *)iov[7].iov_base)[65535], 0);
	dxf_fs_read_end(x.fs, &r);
	ck_assert_uint_eq(fsx_attr(&x, ino).blocks, 0);
	fsx_finish(&x);
}
END_TEST

/* Where the byte at @off of a file lies on media. */
static dxf_off_t media_of(dxf_ino_t ino, uint64_t off)
{
	struct dxf_fs_read r;
	const void *base;
	dxf_off_t at;

	ck_assert_int_gt(dxf_region_direct_access(x.region, 0, 1,
						  DXF_ACCESS_READ, &base), 0);
	ck_assert_int_eq(begin(ino, off, 1, 1, &r), 1);
	at = (const char *)iov[0].iov_base - (const char *)base;
	dxf_fs_read_end(x.fs, &r);
	return at;
}

START_TEST(test_read_ends_before_bad_block)
{
	struct dxf_fs_read r;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 4 * BS);
	dxf_region_add_bad(x.region, media_of(ino, 2 * BS + 512), 512);
	ck_assert_int_eq(begin(ino, 100, 3 * BS, 8, &r), 2 * BS + 512 - 100);
	dxf_fs_read_end(x.fs, &r);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 100, buf, 3 * BS),
			 2 * BS + 512 - 100);
	ck_assert_int_eq(begin(ino, 2 * BS + 600, 1, 8, &r), -EIO);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 2 * BS + 512, buf, BS), -EIO);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 2 * BS + 1024, buf, 4 * BS),
			 2 * BS - 1024);
	fsx_umount(&x);
	fsx_remove(&x);
}
END_TEST

/* atime by the rules, from a file whose atime lies behind its other times. */
static bool read_moves_atime(dxf_ino_t ino, time_t atime)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_ATIME,
		.atime = { .tv_sec = atime },
	};
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a), 0);
	ck_assert_int_eq(a.atime.tv_sec, atime);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, 1), 1);
	return fsx_attr(&x, ino).atime.tv_sec != atime;
}

START_TEST(test_read_atime_follows_mount_rules)
{
	time_t now = time(NULL);
	dxf_ino_t ino;

	for (int mode = 0; mode < 3; mode++) {
		setup(_i);
		fsx_umount(&x);
		x.opts.atime = (enum dxf_atime)mode;
		fsx_mount(&x);
		ino = fsx_create(&x, DXF_ROOT_INO, "f");
		fsx_write(&x, ino, 0, 'a', 1);
		/* Older than mtime and ctime. */
		ck_assert_int_eq(read_moves_atime(ino, now - 100),
				 mode != DXF_ATIME_NONE);
		/* Newer than both: read since the change. */
		ck_assert_int_eq(read_moves_atime(ino, now + 1000),
				 mode == DXF_ATIME_STRICT);
		ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, FS_NOATIME_FL |
				 (fsx_attr(&x, ino).flags & FS_EXTENT_FL),
				 &fsx_root), 0);
		ck_assert_int_eq(read_moves_atime(ino, now - 100), false);
		fsx_finish(&x);
	}
}
END_TEST

START_TEST(test_open_for_reading_is_an_access)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_ATIME,
		.atime = { .tv_sec = 1000 },
	};
	struct dxf_attr a;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a), 0);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_WRONLY, false), 0);
	dxf_fs_release(x.fs, ino);
	ck_assert_int_eq(fsx_attr(&x, ino).atime.tv_sec, 1000);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDONLY, false), 0);
	dxf_fs_release(x.fs, ino);
	ck_assert_int_gt(fsx_attr(&x, ino).atime.tv_sec, 1000);
	fsx_finish(&x);
}
END_TEST

static time_t atime_of(dxf_ino_t ino)
{
	return fsx_attr(&x, ino).atime.tv_sec;
}

/* A file with an old access time that nobody has read since it is known. */
static dxf_ino_t unread_file(void)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_ATIME,
		.atime = { .tv_sec = 1000 },
	};
	dxf_ino_t ino = fsx_create(&x, DXF_ROOT_INO, "f");
	struct dxf_attr a;

	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a), 0);
	fsx_remount(&x);
	fsx_hold(&x, ino);
	return ino;
}

START_TEST(test_open_of_unread_file_is_an_access_when_it_is_read)
{
	dxf_ino_t ino;

	setup(_i);
	ino = unread_file();
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDONLY, false), 0);
	ck_assert_int_eq(atime_of(ino), 1000);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, 10), 10);
	ck_assert_int_gt(atime_of(ino), 1000);
	dxf_fs_release(x.fs, ino);
	dxf_fs_forget(x.fs, ino, 1);
	fsx_finish(&x);
}
END_TEST

/* Read by one who does not count, or filled by a writer: then unseen. */
START_TEST(test_open_beside_another_is_an_access)
{
	static const int second[] = {
		O_RDONLY, O_RDWR, O_WRONLY, O_RDONLY | O_NOATIME,
	};

	for (size_t i = 0; i < DXF_ARRAY_SIZE(second); i++) {
		dxf_ino_t ino;

		setup(_i);
		ino = unread_file();
		ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDONLY, false),
				 0);
		ck_assert_int_eq(atime_of(ino), 1000);
		ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, second[i], false),
				 0);
		ck_assert_int_gt(atime_of(ino), 1000);
		dxf_fs_release(x.fs, ino);
		dxf_fs_release(x.fs, ino);
		dxf_fs_forget(x.fs, ino, 1);
		fsx_finish(&x);
	}
}
END_TEST

START_TEST(test_open_after_unseen_reads_is_an_access)
{
	dxf_ino_t ino;

	setup(_i);
	ino = unread_file();
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDONLY | O_NOATIME,
					  false), 0);
	ck_assert_int_eq(dxf_fs_read_noatime(x.fs, ino, 0, buf, 10), 10);
	dxf_fs_release(x.fs, ino);
	ck_assert_int_eq(atime_of(ino), 1000);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDONLY, false), 0);
	ck_assert_int_gt(atime_of(ino), 1000);
	dxf_fs_release(x.fs, ino);
	dxf_fs_forget(x.fs, ino, 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_read_only_mount_changes_nothing)
{
	struct fsx_snap before;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 5000);
	fsx_umount(&x);
	fsx_snap(&x, &before);
	x.opts.ro = true;
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDONLY, false), 0);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDWR, false), -EROFS);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, 5000), 5000);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 10, 0, &fsx_root),
			 -EROFS);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 9000, buf, 10, 0, &fsx_root),
			 -EROFS);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, 0, 0, 9000, false,
					  &fsx_root), -EROFS);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	dxf_fs_release(x.fs, ino);
	fsx_umount(&x);
	fsx_watch(&x);
	fsx_same(&x, &before);
	fsx_snap_free(&before);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_read_at_and_behind_eof_is_zero);
	EACH(test_read_of_no_file_is_refused);
	EACH(test_read_begin_merges_what_lies_together);
	EACH(test_read_begin_hole_is_zeros_in_pieces);
	EACH(test_read_ends_before_bad_block);
	EACH(test_read_atime_follows_mount_rules);
	EACH(test_open_of_unread_file_is_an_access_when_it_is_read);
	EACH(test_open_beside_another_is_an_access);
	EACH(test_open_after_unseen_reads_is_an_access);
	EACH(test_open_for_reading_is_an_access);
	EACH(test_read_only_mount_changes_nothing);
}

int main(void)
{
	return run_tests("read", add);
}
