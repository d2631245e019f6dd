/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block devices as regions, on a loop device.  Needs root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pmem_rig.h"

static char dev[64];
static const char *image;
static struct dxf_err err;

/* Bind a free loop device.  Returns: its fd, or -1. */
static int bind_loop(int backing)
{
	int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int n, fd = -1;

	/* Others may be faster. */
	for (int i = 0; ctl >= 0 && i < 20; i++) {
		n = ioctl(ctl, LOOP_CTL_GET_FREE);
		snprintf(dev, sizeof(dev), "/dev/loop%d", n);
		fd = open(dev, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_SET_FD, backing) == 0)
			break;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (ctl >= 0)
		close(ctl);
	return fd;
}

static void setup(void)
{
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
	int backing, fd;

	rig_setup();
	image = rig_image(rig_disk, RIG_SIZE, true);
	backing = open(image, O_RDWR | O_CLOEXEC);
	fd = bind_loop(backing);
	ck_assert_int_ge(fd, 0);
	/* It goes with its last user, however this test ends. */
	ck_assert_int_eq(ioctl(fd, LOOP_SET_STATUS64, &info), 0);
	close(backing);
	/* fd stays open to the end of this process. */
}

static int try(const char *path, bool ro)
{
	struct dxf_region_opts opts = { .ro = ro };
	struct dxf_region *r;
	int ret = dxf_region_open(&r, path, &opts, &err);

	if (ret == 0)
		dxf_region_close(r);
	return ret;
}

START_TEST(test_block_device_is_page_media_and_stores_reach_it)
{
	struct dxf_region *r = rig_open(dev, false, DXF_GRANULARITY_AUTO);
	char got[4];
	int fd;

	ck_assert_int_eq(dxf_region_kind(r), DXF_REGION_BLOCK);
	ck_assert_int_eq(dxf_region_media(r), DXF_MEDIA_PAGE);
	ck_assert_uint_eq(dxf_region_size(r), RIG_SIZE);
	ck_assert_str_eq(dxf_region_describe(r), "block device, page");
	ck_assert_int_eq(dxf_persist_copy(r, 8190, "data", 4, 0), 0);
	ck_assert_int_eq(dxf_persist_msync_start(r, 8190, 4), 0);
	ck_assert_int_eq(dxf_persist_msync(r, 8190, 4), 0);
	fd = open(image, O_RDONLY);
	ck_assert_int_eq(pread(fd, got, 4, 8190), 4);
	ck_assert_int_eq(memcmp(got, "data", 4), 0);
	close(fd);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_block_device_second_open_conflicts_unless_both_are_ro)
{
	bool first_ro = _i & 1, second_ro = _i & 2;
	struct dxf_region *r = rig_open(dev, first_ro, DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(try(dev, second_ro),
			 first_ro && second_ro ? 0 : -EBUSY);
	dxf_region_close(r);
	ck_assert_int_eq(try(dev, second_ro), 0);
}
END_TEST

/* Another node of the same device is the same device. */
START_TEST(test_block_device_by_another_node_conflicts)
{
	bool first_ro = _i & 1, second_ro = _i & 2;
	struct dxf_region *r = rig_open(dev, first_ro, DXF_GRANULARITY_AUTO);
	struct stat st;
	char node[100];
	int ret;

	ck_assert_int_eq(stat(dev, &st), 0);
	snprintf(node, sizeof(node), "%s/node", rig_shm);
	ck_assert_int_eq(mknod(node, S_IFBLK | 0600, st.st_rdev), 0);
	ret = try(node, second_ro);
	/* On a nodev mount it cannot be opened at all. */
	if (ret != -EACCES)
		ck_assert_int_eq(ret, first_ro && second_ro ? 0 : -EBUSY);
	dxf_region_close(r);
}
END_TEST

/* Mounted filesystems hold their device like this. */
START_TEST(test_block_device_in_use_otherwise_is_busy)
{
	int fd = open(dev, O_RDONLY | O_EXCL);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(try(dev, _i), -EBUSY);
	ck_assert_msg(strstr(err.text, "in use") != NULL, "%s", err.text);
	close(fd);
	ck_assert_int_eq(try(dev, _i), 0);
}
END_TEST

START_TEST(test_block_device_keeps_others_from_exclusive_use)
{
	struct dxf_region *r = rig_open(dev, _i, DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(open(dev, O_RDONLY | O_EXCL), -1);
	ck_assert_int_eq(errno, EBUSY);
	dxf_region_close(r);
}
END_TEST

/* udev holds a shared lock for the moment that it probes a new device. */
START_TEST(test_block_device_that_udev_probes_is_waited_for)
{
	int fd = open(dev, O_RDONLY);

	ck_assert_int_eq(flock(fd, LOCK_SH), 0);
	if (fork() == 0) {
		usleep(50 * 1000);
		_exit(flock(fd, LOCK_UN));
	}
	ck_assert_int_eq(try(dev, false), 0);
	close(fd);
}
END_TEST

START_TEST(test_block_device_that_stays_locked_is_busy)
{
	int fd = open(dev, O_RDONLY);

	ck_assert_int_eq(flock(fd, LOCK_SH), 0);
	ck_assert_int_eq(try(dev, false), -EBUSY);
	ck_assert_msg(strstr(err.text, "in use by process") != NULL, "%s",
		      err.text);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tc;
	int ctl;

	if (getuid() != 0)
		return rig_skip("needs root");
	ctl = open("/dev/loop-control", O_RDWR);
	if (ctl < 0 || ioctl(ctl, LOOP_CTL_GET_FREE) < 0)
		return rig_skip("needs loop devices");
	close(ctl);
	suite = suite_create("blockdev");
	tc = tcase_create("loop");
	tcase_add_checked_fixture(tc, setup, rig_teardown);
	tcase_add_test(tc,
		       test_block_device_is_page_media_and_stores_reach_it);
	tcase_add_loop_test(tc,
		test_block_device_second_open_conflicts_unless_both_are_ro,
		0, 4);
	tcase_add_loop_test(tc, test_block_device_by_another_node_conflicts,
			    0, 4);
	tcase_add_loop_test(tc, test_block_device_in_use_otherwise_is_busy, 0,
			    2);
	tcase_add_loop_test(tc,
			    test_block_device_keeps_others_from_exclusive_use,
			    0, 2);
	tcase_add_test(tc, test_block_device_that_udev_probes_is_waited_for);
	tcase_add_test(tc, test_block_device_that_stays_locked_is_busy);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
