/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_mknod.c - fifos, sockets, devices.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "suite.h"
#include "util.h"

CASE(mknod_fifo_passes_data)
{
	char buf[16];
	int fd;

	ASSERT_OK(mkfifo("p", 0644));
	fd = ASSERT_OK(open("p", O_RDWR));
	ASSERT_EQ(write(fd, "through", 7), 7);
	ASSERT_EQ(read(fd, buf, sizeof(buf)), 7);
	ASSERT(!memcmp(buf, "through", 7));
	ASSERT_EQ(lst("p").st_size, 0);
}

static void write_fifo(void *arg)
{
	int fd = ASSERT_OK(open("p", O_WRONLY));

	ASSERT_EQ(write(fd, "from a child", 12), 12);
}

CASE(mknod_fifo_joins_processes)
{
	char buf[16];
	int fd, pid;

	ASSERT_OK(mkfifo("p", 0644));
	pid = suite_spawn(write_fifo, NULL);
	fd = ASSERT_OK(open("p", O_RDONLY));
	ASSERT_EQ(read(fd, buf, sizeof(buf)), 12);
	ASSERT_EQ(read(fd, buf, sizeof(buf)), 0);
	suite_join(pid);
}

static int unix_socket(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s", path);
	return ASSERT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
}

CASE(mknod_socket_bind_and_connect)
{
	struct sockaddr_un sun;
	int s = unix_socket(&sun, "s"), c, a;
	char buf[4];

	ASSERT_OK(bind(s, (struct sockaddr *)&sun, sizeof(sun)));
	ASSERT(S_ISSOCK(lst("s").st_mode));
	ASSERT_OK(listen(s, 1));
	c = unix_socket(&sun, "s");
	ASSERT_OK(connect(c, (struct sockaddr *)&sun, sizeof(sun)));
	a = ASSERT_OK(accept(s, NULL, NULL));
	ASSERT_EQ(write(c, "hey", 3), 3);
	ASSERT_EQ(read(a, buf, sizeof(buf)), 3);
	close(s);
	ASSERT_ERR(ECONNREFUSED, connect(unix_socket(&sun, "s"),
			(struct sockaddr *)&sun, sizeof(sun)));
	ASSERT_ERR(EADDRINUSE, bind(unix_socket(&sun, "s"),
			(struct sockaddr *)&sun, sizeof(sun)));
	ASSERT_OK(unlink("s"));
}

/* Up to 255:255 in the old encoding, above in the new one, 12 + 20 bits. */
static const struct {
	const char *name;
	unsigned int major, minor;
} devs[] = {
	{ "0:0", 0, 0 },
	{ "1:3", 1, 3 },
	{ "255:255", 255, 255 },
	{ "8:256", 8, 256 },
	{ "256:0", 256, 0 },
	{ "300:70000", 300, 70000 },
	{ "4095:1048575", 4095, 1048575 },
};

static const char *dev_name(int i)
{
	return devs[i].name;
}

CASE_EACH(mknod_device_number, 7, dev_name)
{
	int i = suite_param();
	dev_t dev = makedev(devs[i].major, devs[i].minor);

	ASSERT_OK(mknod("c", S_IFCHR | 0600, dev));
	ASSERT_OK(mknod("b", S_IFBLK | 0600, dev));
	ASSERT_EQ(lst("c").st_rdev, dev);
	ASSERT_EQ(lst("b").st_rdev, dev);
	drop_caches();
	ASSERT_EQ(lst("c").st_rdev, dev);
	ASSERT_EQ(lst("b").st_rdev, dev);
	ASSERT(S_ISCHR(lst("c").st_mode));
	ASSERT(S_ISBLK(lst("b").st_mode));
	ASSERT_EQ(lst("c").st_size, 0);
	ASSERT_EQ(lst("c").st_blocks, 0);
}

CASE(mknod_device_works)
{
	char buf[4] = "xxx";
	int fd;

	ASSERT_OK(mknod("zero", S_IFCHR | 0600, makedev(1, 5)));
	fd = open("zero", O_RDWR);
	if (fd < 0 && errno == EACCES)
		suite_skip("mounted nodev");
	ASSERT_OK(fd);
	ASSERT_EQ(read(fd, buf, 3), 3);
	ASSERT(!buf[0] && !buf[1] && !buf[2]);
	ASSERT_EQ(write(fd, buf, 3), 3);
	ASSERT_EQ(lst("zero").st_size, 0);
}

CASE(mknod_by_user)
{
	ASSERT_OK(chmod(".", 0777));
	ASSERT_ERR(EPERM, AS_A(mknod("c", S_IFCHR | 0600, makedev(1, 3))));
	ASSERT_ERR(EPERM, AS_A(mknod("b", S_IFBLK | 0600, makedev(1, 3))));
	ASSERT_OK(AS_A(mknod("p", S_IFIFO | 0600, 0)));
	ASSERT_OK(AS_A(mknod("s", S_IFSOCK | 0600, 0)));
	ASSERT_OK(AS_A(mknod("f", S_IFREG | 0600, 0)));
	ASSERT_EQ(lst("p").st_uid, USER_A);
	ASSERT_EQ(lst("s").st_gid, GROUP_A);
	ASSERT_EQ(count_names("."), 3);
}

CASE(mknod_regular_file)
{
	ASSERT_OK(mknod("f", S_IFREG | 0640, 0));
	ASSERT(S_ISREG(lst("f").st_mode));
	ASSERT_OK(mknod("g", 0640, 0));
	ASSERT(S_ISREG(lst("g").st_mode));
	put_text("g", "usable");
	expect_text("g", "usable");
}

CASE(mknod_directory_eperm)
{
	ASSERT_ERR(EPERM, mknod("d", S_IFDIR | 0755, 0));
	ASSERT_ERR(EINVAL, mknod("x", S_IFLNK | 0755, 0));
	ASSERT_ERR(EINVAL, mknod("x", 0130000 | 0755, 0));
	ASSERT_EQ(count_names("."), 0);
}

CASE(mknod_mode_is_masked_and_times_move)
{
	struct times t = times_snap(".");

	umask(027);
	ASSERT_OK(mkfifo("p", 0777));
	ASSERT_EQ(MODE_OF("p"), 0750);
	TIMES_CHANGED(&t, T_M | T_C);
	ASSERT(ts_before(t.st.st_ctim, lst("p").st_ctim));
	ASSERT_EQ(lst("p").st_nlink, 1);
}

CASE(mknod_in_setgid_dir_takes_group)
{
	make_dir_of("d", 02777, USER_A, GROUP_EXTRA);
	ASSERT_OK(AS_B(mkfifo("d/p", 0644)));
	ASSERT_EQ(lst("d/p").st_gid, GROUP_EXTRA);
}

CASE(mknod_fifo_permissions)
{
	ASSERT_OK(mkfifo("p", 0600));
	ASSERT_ERR(EACCES, AS_A(try_open("p", O_RDONLY | O_NONBLOCK)));
	ASSERT_OK(chmod("p", 0604));
	ASSERT_OK(AS_A(try_open("p", O_RDONLY | O_NONBLOCK)));
}
