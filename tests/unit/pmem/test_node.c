/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be wrong with a path, and who may use an image together. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pmem_rig.h"
#include "region_priv.h"

static struct dxf_err err;

static int try(const char *path, bool ro)
{
	struct dxf_region_opts opts = { .ro = ro };
	struct dxf_region *r;
	int ret = dxf_region_open(&r, path, &opts, &err);

	if (ret == 0)
		dxf_region_close(r);
	return ret;
}

static void says(const char *what)
{
	ck_assert_msg(strstr(err.text, what) != NULL, "\"%s\" not in \"%s\"",
		      what, err.text);
}

START_TEST(test_open_of_nothing_is_enoent)
{
	ck_assert_int_eq(try("/nonexistent/image", false), -ENOENT);
	says("/nonexistent/image");
}
END_TEST

START_TEST(test_open_of_directory_is_refused)
{
	ck_assert_int_eq(try(rig_disk, _i), -EISDIR);
	says("directory");
	says(rig_disk);
}
END_TEST

START_TEST(test_open_of_empty_file_is_refused)
{
	ck_assert_int_eq(try(rig_image(rig_disk, 0, false), false), -EINVAL);
	says("empty");
}
END_TEST

START_TEST(test_open_of_other_character_device_is_refused)
{
	ck_assert_int_eq(try("/dev/zero", _i), -EINVAL);
	says("not a dax device");
}
END_TEST

START_TEST(test_open_of_fifo_is_refused_at_once)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/fifo", rig_disk);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(try(path, true), -EINVAL);
	says("neither a file nor a device");
}
END_TEST

START_TEST(test_open_of_loop_of_links_is_eloop)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/loop", rig_disk);
	ck_assert_int_eq(symlink(path, path), 0);
	ck_assert_int_eq(try(path, false), -ELOOP);
	says(path);
}
END_TEST

START_TEST(test_open_without_err_is_allowed)
{
	struct dxf_region_opts opts = { 0 };
	struct dxf_region *r;

	ck_assert_int_eq(dxf_region_open(&r, rig_disk, &opts, NULL), -EISDIR);
}
END_TEST

/* In a child, as nobody if we are root.  Returns: what @fn returned. */
static int as_nobody(int (*fn)(const char *path), const char *path)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (getuid() == 0 && (setgroups(0, NULL) != 0 ||
				      setgid(65534) != 0 ||
				      setuid(65534) != 0))
			_exit(99);
		_exit(fn(path));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int want_hint(const char *path)
{
	if (try(path, false) != -EACCES)
		return 1;
	return strstr(err.text, "try `-o ro`") != NULL ? 0 : 2;
}

static int want_ro(const char *path)
{
	return try(path, true) == 0 ? 0 : 1;
}

static int want_no_hint(const char *path)
{
	if (try(path, false) != -EACCES || try(path, true) != -EACCES)
		return 1;
	return strstr(err.text, "-o ro") == NULL ? 0 : 2;
}

START_TEST(test_open_rw_of_0444_names_the_way_out)
{
	const char *image = rig_image(rig_disk, RIG_SIZE, false);

	ck_assert_int_eq(chmod(rig_disk, 0755), 0);
	ck_assert_int_eq(chmod(image, 0444), 0);
	ck_assert_int_eq(as_nobody(want_hint, image), 0);
}
END_TEST

START_TEST(test_open_ro_of_0444_works_for_others)
{
	const char *image = rig_image(rig_disk, RIG_SIZE, false);

	ck_assert_int_eq(chmod(rig_disk, 0755), 0);
	ck_assert_int_eq(chmod(image, 0444), 0);
	ck_assert_int_eq(as_nobody(want_ro, image), 0);
}
END_TEST

START_TEST(test_open_of_0000_has_no_way_out)
{
	const char *image = rig_image(rig_disk, RIG_SIZE, false);

	ck_assert_int_eq(chmod(rig_disk, 0755), 0);
	ck_assert_int_eq(chmod(image, 0000), 0);
	ck_assert_int_eq(as_nobody(want_no_hint, image), 0);
}
END_TEST

/* who is in: ro or rw; who comes: ro or rw */
START_TEST(test_second_open_conflicts_unless_both_are_ro)
{
	bool first_ro = _i & 1, second_ro = _i & 2;
	const char *image = rig_image(rig_shm, RIG_SIZE, false);
	struct dxf_region *r = rig_open(image, first_ro, DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(try(image, second_ro),
			 first_ro && second_ro ? 0 : -EBUSY);
	dxf_region_close(r);
	ck_assert_int_eq(try(image, second_ro), 0);
}
END_TEST

START_TEST(test_open_beside_a_writer_goes_on_without_the_lock)
{
	const char *image = rig_image(rig_shm, RIG_SIZE, true);
	const struct dxf_region_opts opts = { .ro = true, .beside = true };
	struct dxf_region *r, *writer = rig_open(image, false,
						 DXF_GRANULARITY_AUTO);

	ck_assert_int_eq(dxf_region_open(&r, image, &opts, &err), 0);
	ck_assert(!dxf_region_is_locked(r));
	ck_assert(dxf_region_is_locked(writer));
	dxf_region_close(r);
	dxf_region_close(writer);

	/* With no writer it is a reader like others. */
	ck_assert_int_eq(dxf_region_open(&r, image, &opts, &err), 0);
	ck_assert(dxf_region_is_locked(r));
	ck_assert_int_eq(try(image, true), 0);
	ck_assert_int_eq(try(image, false), -EBUSY);
	dxf_region_close(r);
}
END_TEST

START_TEST(test_open_of_busy_image_names_the_process)
{
	const char *image = rig_image(rig_shm, RIG_SIZE, false);
	struct dxf_region *r = rig_open(image, false, DXF_GRANULARITY_AUTO);
	char want[64];

	ck_assert_int_eq(try(image, false), -EBUSY);
	snprintf(want, sizeof(want), "in use by process %d (", (int)getpid());
	says(want);
	says(image);
	dxf_region_close(r);
}
END_TEST

/*
 * A daemon locks, forks and lives on in the child: /proc/locks knows the dead
 * parent only.
 */
static pid_t daemon_with_lock(const char *image)
{
	int up[2], down[2];
	pid_t pid;

	ck_assert_int_eq(pipe(up), 0);
	ck_assert_int_eq(pipe(down), 0);
	if (fork() == 0) {
		int fd = open(image, O_RDWR);

		if (fd < 0 || flock(fd, LOCK_EX) != 0)
			_exit(1);
		pid = fork();
		if (pid != 0) {
			if (write(up[1], &pid, sizeof(pid)) < 0)
				_exit(1);
			_exit(0);
		}
		/* Until the test is over. */
		close(down[1]);
		close(up[1]);
		if (read(down[0], &pid, 1) < 0)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(read(up[0], &pid, sizeof(pid)), sizeof(pid));
	wait(NULL);
	close(up[0]);
	close(up[1]);
	close(down[0]);
	/* down[1] stays open to the end of this process. */
	return pid;
}

START_TEST(test_open_of_image_of_a_daemon_names_its_child)
{
	const char *image = rig_image(rig_shm, RIG_SIZE, false);
	pid_t pid = daemon_with_lock(image);
	char want[64];

	ck_assert_int_eq(try(image, false), -EBUSY);
	snprintf(want, sizeof(want), "in use by process %d (", (int)pid);
	says(want);
}
END_TEST

START_TEST(test_type_name_knows_each_kind)
{
	struct dxf_node node = { .kind = DXF_REGION_DEVDAX };

	ck_assert_str_eq(dxf_node_type_name(&node), "device-dax");
	node.kind = DXF_REGION_BLOCK;
	ck_assert_str_eq(dxf_node_type_name(&node), "block device");
	node.kind = DXF_REGION_FILE;
	node.fs_type = 0x01021994;
	ck_assert_str_eq(dxf_node_type_name(&node), "tmpfs");
	ck_assert(dxf_node_in_memory(&node));
	node.fs_type = 0x12345;
	ck_assert_str_eq(dxf_node_type_name(&node), "regular");
	ck_assert(!dxf_node_in_memory(&node));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node");
	TCase *tc = tcase_create("open");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_open_of_nothing_is_enoent);
	tcase_add_loop_test(tc, test_open_of_directory_is_refused, 0, 2);
	tcase_add_test(tc, test_open_of_empty_file_is_refused);
	tcase_add_loop_test(tc, test_open_of_other_character_device_is_refused,
			    0, 2);
	tcase_add_test(tc, test_open_of_fifo_is_refused_at_once);
	tcase_add_test(tc, test_open_of_loop_of_links_is_eloop);
	tcase_add_test(tc, test_open_without_err_is_allowed);
	tcase_add_test(tc, test_open_rw_of_0444_names_the_way_out);
	tcase_add_test(tc, test_open_ro_of_0444_works_for_others);
	tcase_add_test(tc, test_open_of_0000_has_no_way_out);
	tcase_add_loop_test(tc, test_second_open_conflicts_unless_both_are_ro,
			    0, 4);
	tcase_add_test(tc,
		       test_open_beside_a_writer_goes_on_without_the_lock);
	tcase_add_test(tc, test_open_of_busy_image_names_the_process);
	tcase_add_test(tc, test_open_of_image_of_a_daemon_names_its_child);
	tcase_add_test(tc, test_type_name_knows_each_kind);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
