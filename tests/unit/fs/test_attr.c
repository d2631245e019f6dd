/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes: setattr's rules, what follows from it, lazy and explicit times.
 */
#include <fcntl.h>
#include <linux/fs.h>

#include "file_model.h"

static struct fsx x;
static struct dxf_attr a;
static uint8_t buf[4096];

static dxf_ino_t setup(int i)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "f",
				      S_IFREG | 0644, 0, &a), 0);
	ck_assert_int_eq(dxf_fs_write(x.fs, a.ino, 0, buf, 4096, 0, &fsx_root),
			 4096);
	return a.ino;
}

static void teardown(dxf_ino_t ino)
{
	dxf_fs_forget(x.fs, ino, 1);
	fsx_finish(&x);
}

static int set_by(dxf_ino_t ino, struct dxf_setattr sa,
		  const struct dxf_cred *cred)
{
	return dxf_fs_setattr(x.fs, ino, &sa, cred, &a);
}

static int set(dxf_ino_t ino, struct dxf_setattr sa)
{
	return set_by(ino, sa, &fsx_root);
}

static int set_mode(dxf_ino_t ino, mode_t mode)
{
	return set(ino, (struct dxf_setattr){ .valid = DXF_SET_MODE,
					      .mode = mode });
}

static int set_uid(dxf_ino_t ino, uid_t uid)
{
	return set(ino, (struct dxf_setattr){ .valid = DXF_SET_UID,
					      .uid = uid });
}

START_TEST(test_setattr_persists)
{
	dxf_ino_t ino = setup(_i);
	struct dxf_setattr sa = {
		.valid = DXF_SET_MODE | DXF_SET_UID | DXF_SET_GID |
			 DXF_SET_ATIME | DXF_SET_MTIME | DXF_SET_SIZE,
		.mode = 01712, .uid = 70000, .gid = 80000, .size = 12345,
		.atime = { 1111, 0 }, .mtime = { 2222, 0 },
	};

	txn_delta(&x);
	ck_assert_int_eq(set(ino, sa), 0);
	ck_assert_uint_eq(txn_delta(&x), 1);
	dxf_fs_forget(x.fs, ino, 1);
	fsx_remount(&x);
	a = fsx_attr(&x, ino);
	ck_assert_int_eq(a.mode, S_IFREG | 01712);
	ck_assert_uint_eq(a.uid, 70000);
	ck_assert_uint_eq(a.gid, 80000);
	ck_assert_uint_eq(a.size, 12345);
	ck_assert_int_eq(a.atime.tv_sec, 1111);
	ck_assert_int_eq(a.mtime.tv_sec, 2222);
	ck_assert_int_gt(a.ctime.tv_sec, 2222);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_chown_strips_privileges_of_files)
{
	static const char cap[] = "security.capability";
	dxf_ino_t ino = setup(_i), dir;

	ck_assert_int_eq(set_mode(ino, 06755), 0);
	ck_assert_int_eq(dxf_fs_setxattr(x.fs, ino, cap, "0123", 4, 0, false,
					 &fsx_root), 0);
	ck_assert_int_eq(set_uid(ino, 5), 0);
	ck_assert_int_eq(a.mode & 07777, 0755);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, ino, cap, NULL, 0), -ENODATA);
	/* Without group execution setgid is no privilege. */
	ck_assert_int_eq(set_mode(ino, 06745), 0);
	ck_assert_int_eq(set_uid(ino, 5), 0);
	ck_assert_int_eq(a.mode & 07777, 02745);
	dir = fsx_mkdir(&x, DXF_ROOT_INO, "d");
	ck_assert_int_eq(set_mode(dir, 06755), 0);
	ck_assert_int_eq(set_uid(dir, 5), 0);
	ck_assert_int_eq(a.mode & 07777, 06755);
	teardown(ino);
}
END_TEST

static bool in_group_9(const struct dxf_cred *c, gid_t gid)
{
	return gid == 9;
}

START_TEST(test_chmod_gives_setgid_to_members_only)
{
	const struct dxf_cred user = {
		.uid = 5, .gid = 5, .in_group = in_group_9,
	};
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 02755 };
	dxf_ino_t ino = setup(_i);

	ck_assert_int_eq(set(ino, (struct dxf_setattr){
		.valid = DXF_SET_UID | DXF_SET_GID, .uid = 5, .gid = 8 }), 0);
	ck_assert_int_eq(set_by(ino, sa, &user), 0);
	ck_assert_int_eq(a.mode & 07777, 0755);
	ck_assert_int_eq(set(ino, (struct dxf_setattr){
		.valid = DXF_SET_GID, .gid = 9 }), 0);
	ck_assert_int_eq(set_by(ino, sa, &user), 0);
	ck_assert_int_eq(a.mode & 07777, 02755);
	teardown(ino);
}
END_TEST

/* u::rw- u:7:rwx g::r-- m::rwx o::--- as the kernel hands it over. */
static const uint8_t acl[] = {
	2, 0, 0, 0,
	1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,
	2, 0, 7, 0, 7, 0, 0, 0,
	4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
	0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
};

START_TEST(test_chmod_follows_into_the_acl)
{
	static const char name[] = "system.posix_acl_access";
	dxf_ino_t ino = setup(_i);
	uint8_t now[sizeof(acl)];

	ck_assert_int_eq(dxf_fs_setxattr(x.fs, ino, name, acl, sizeof(acl), 0,
					 false, &fsx_root), 0);
	ck_assert_int_eq(fsx_attr(&x, ino).mode & 07777, 0670);
	txn_delta(&x);
	ck_assert_int_eq(set_mode(ino, 0451), 0);
	ck_assert_uint_eq(txn_delta(&x), 1);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, ino, name, now, sizeof(now)),
			 (ssize_t)sizeof(acl));
	ck_assert_uint_eq(now[6], 4);		/* the owner */
	ck_assert_uint_eq(now[14], 7);		/* the named user stays */
	ck_assert_uint_eq(now[22], 4);		/* so does the group */
	ck_assert_uint_eq(now[30], 5);		/* the mask is the mode's */
	ck_assert_uint_eq(now[38], 1);		/* others */
	teardown(ino);
}
END_TEST

START_TEST(test_setattr_protected_eperm)
{
	dxf_ino_t ino = setup(_i);
	uint32_t ext = a.flags & FS_EXTENT_FL;
	struct dxf_setattr then = { .valid = DXF_SET_MTIME };
	struct dxf_setattr now = {
		.valid = DXF_SET_ATIME | DXF_SET_ATIME_NOW |
			 DXF_SET_MTIME | DXF_SET_MTIME_NOW,
	};
	struct dxf_setattr kept = {
		.valid = DXF_SET_MTIME | DXF_SET_CTIME | DXF_SET_CACHE,
		.mtime = { 3000, 0 }, .ctime = { 4000, 0 },
	};

	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext | FS_APPEND_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(set_mode(ino, 0600), -EPERM);
	ck_assert_int_eq(set_uid(ino, 1), -EPERM);
	ck_assert_int_eq(set(ino, then), -EPERM);
	ck_assert_int_eq(set(ino, now), 0);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext | FS_IMMUTABLE_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(set_mode(ino, 0600), -EPERM);
	ck_assert_int_eq(set(ino, then), -EPERM);
	ck_assert_int_eq(set(ino, now), -EPERM);
	ck_assert_int_eq(set(ino, kept), 0);
	ck_assert_int_eq(a.mtime.tv_sec, 3000);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext, &fsx_root), 0);
	ck_assert_int_eq(set(ino, then), 0);
	teardown(ino);
}
END_TEST

START_TEST(test_times_explicit_beats_earlier_touch)
{
	dxf_ino_t ino = setup(_i);
	struct dxf_setattr past = {
		.valid = DXF_SET_MTIME | DXF_SET_ATIME,
		.mtime = { 1000, 0 }, .atime = { 2000, 0 },
	};

	/* Lazy times are pending for all three. */
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 10, 0, &fsx_root), 10);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, 10), 10);
	ck_assert_int_eq(set(ino, past), 0);
	ck_assert_int_eq(a.mtime.tv_sec, 1000);
	dxf_fs_forget(x.fs, ino, 1);
	fsx_remount(&x);
	a = fsx_attr(&x, ino);
	ck_assert_int_eq(a.mtime.tv_sec, 1000);
	ck_assert_int_eq(a.atime.tv_sec, 2000);
	/* And a touch after it wins. */
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 10, 0, &fsx_root), 10);
	fsx_remount(&x);
	ck_assert_int_gt(fsx_attr(&x, ino).mtime.tv_sec, 1000);
	fsx_finish(&x);
}
END_TEST

static void read_some(dxf_ino_t ino)
{
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, 10), 10);
}

/*
 * Within one tick of the clock, too: what was touched before the explicit time
 * says nothing of what comes after it.
 */
START_TEST(test_times_touch_beats_earlier_explicit)
{
	const time_t old = 1000000000;
	dxf_ino_t ino = setup(_i);

	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 4096, 0,
					      &fsx_root), 4096);
		read_some(ino);
		read_some(ino);
		ck_assert_int_eq(set(ino, (struct dxf_setattr){
			.valid = DXF_SET_MTIME | DXF_SET_ATIME,
			.mtime.tv_sec = old, .atime.tv_sec = old }), 0);
		ck_assert_int_eq(a.atime.tv_sec, old);
		read_some(ino);
		a = fsx_attr(&x, ino);
		ck_assert_int_gt(a.atime.tv_sec, old);
		ck_assert_int_eq(a.mtime.tv_sec, old);
		ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 4096, 0,
					      &fsx_root), 4096);
		a = fsx_attr(&x, ino);
		ck_assert_int_gt(a.mtime.tv_sec, old);
	}
	teardown(ino);
}
END_TEST

/* relatime: the first read after a write, also when reads are frequent. */
START_TEST(test_times_read_after_write_moves_atime)
{
	const time_t old = 1000000000;
	dxf_ino_t ino = setup(_i);
	struct dxf_attr before;

	ck_assert_int_eq(set(ino, (struct dxf_setattr){
		.valid = DXF_SET_ATIME, .atime.tv_sec = old }), 0);
	read_some(ino);
	before = fsx_attr(&x, ino);
	ck_assert_int_gt(before.atime.tv_sec, old);
	/* until the clock has ticked */
	do {
		ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 10, 0,
					      &fsx_root), 10);
		a = fsx_attr(&x, ino);
	} while (a.mtime.tv_nsec == before.atime.tv_nsec);
	read_some(ino);
	a = fsx_attr(&x, ino);
	ck_assert(a.atime.tv_sec > before.atime.tv_sec ||
		  a.atime.tv_nsec > before.atime.tv_nsec);
	teardown(ino);
}
END_TEST

START_TEST(test_times_are_clamped_to_the_slot)
{
	dxf_ino_t ino = setup(_i);
	struct dxf_setattr sa = {
		.valid = DXF_SET_MTIME,
		.mtime = { (time_t)1 << 40, 999999999 },
	};
	bool small = _i % fsx_nimages == 0;

	ck_assert_int_eq(set(ino, sa), 0);
	/* Seconds to 2038 in 128 bytes, to 2446 in more. */
	ck_assert_int_eq(a.mtime.tv_sec, small ? INT32_MAX : 0x37fffffffLL);
	sa.mtime = (struct timespec){ 5000000000LL, 123456789 };
	ck_assert_int_eq(set(ino, sa), 0);
	if (!small) {
		dxf_fs_forget(x.fs, ino, 1);
		fsx_remount(&x);
		a = fsx_attr(&x, ino);
		ck_assert_int_eq(a.mtime.tv_sec, 5000000000LL);
		ck_assert_int_eq(a.mtime.tv_nsec, 123456789);
		fsx_finish(&x);
		return;
	}
	teardown(ino);
}
END_TEST

START_TEST(test_times_lazy_are_written_by_fsync)
{
	dxf_ino_t ino = setup(_i);
	struct dxf_setattr past = {
		.valid = DXF_SET_MTIME, .mtime = { 1000, 0 },
	};

	ck_assert_int_eq(set(ino, past), 0);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 10, 0, &fsx_root), 10);
	txn_delta(&x);
	/* fdatasync(2) leaves pure times alone. */
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), 0);
	ck_assert_uint_eq(txn_delta(&x), 0);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	ck_assert_uint_eq(txn_delta(&x), 1);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	ck_assert_uint_eq(txn_delta(&x), 0);
	teardown(ino);
}
END_TEST

START_TEST(test_setattr_of_nothing_moves_ctime)
{
	dxf_ino_t ino = setup(_i);
	struct dxf_setattr old = {
		.valid = DXF_SET_CTIME, .ctime = { 1000, 0 },
	};

	ck_assert_int_eq(set(ino, old), 0);
	ck_assert_int_eq(a.ctime.tv_sec, 1000);
	ck_assert_int_eq(set_mode(ino, a.mode), 0);
	ck_assert_int_gt(a.ctime.tv_sec, 1000);
	teardown(ino);
}
END_TEST

START_TEST(test_getattr_of_a_device)
{
	dev_t dev = (dev_t)0x12345;
	struct dxf_attr d;
	dxf_ino_t ino = setup(_i);

	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "c",
				      S_IFCHR | 0600, dev, &d), 0);
	dxf_fs_forget(x.fs, d.ino, 1);
	d = fsx_attr(&x, d.ino);
	ck_assert_uint_eq(d.rdev, dev);
	ck_assert_uint_eq(d.size, 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).rdev, 0);
	ck_assert_int_eq(dxf_fs_getattr(x.fs, 1, &d), -ESTALE);
	teardown(ino);
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_setattr_persists);
	EACH(test_chown_strips_privileges_of_files);
	EACH(test_chmod_gives_setgid_to_members_only);
	EACH(test_chmod_follows_into_the_acl);
	EACH(test_setattr_protected_eperm);
	EACH(test_times_explicit_beats_earlier_touch);
	EACH(test_times_touch_beats_earlier_explicit);
	/* where times have a fraction */
	tcase_add_loop_test(tc, test_times_read_after_write_moves_atime, 1,
			    fsx_nimages);
	EACH(test_times_are_clamped_to_the_slot);
	EACH(test_times_lazy_are_written_by_fsync);
	EACH(test_setattr_of_nothing_moves_ctime);
	EACH(test_getattr_of_a_device);
}

int main(void)
{
	return run_tests("attr", add);
}
