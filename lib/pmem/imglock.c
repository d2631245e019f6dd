// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * imglock.c - one writer or many readers: the lock on an image or device.
 *
 * Must not know regions.
 *
 * The lock is flock(2) on the open file.  flock is per inode and a device may
 * have several nodes, so for devices the attribute /sys/dev/.../MAJ:MIN/dev is
 * locked as well: every node of the device leads to that one file.  A lock
 * lives as long as its open file description, so it passes to a daemon's
 * child and ends with the last of them.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "region_priv.h"

/* How long udev may hold a block device while it probes it. */
#define UDEV_STEPS	50
#define UDEV_STEP_NS	(10 * 1000 * 1000)

/* -EACCES: that is another user's affair. */
static int has_open(pid_t pid, const struct stat *want)
{
	char path[64];
	struct dirent *de;
	struct stat st;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while (!found && (de = readdir(dir)) != NULL)
		found = fstatat(dirfd(dir), de->d_name, &st, 0) == 0 &&
			st.st_ino == want->st_ino && st.st_dev == want->st_dev;
	closedir(dir);
	return found;
}

static bool may_have_open(pid_t pid, const struct stat *st)
{
	int ret = has_open(pid, st);

	return ret > 0 || ret == -EACCES;
}

/*
 * The holder as /proc/locks has it, 0: unknown.  It names who took the lock,
 * who may be dead by now and the number somebody else's.
 */
static pid_t holder_by_lock(const struct stat *st)
{
	unsigned int maj, min;
	unsigned long ino;
	char line[256];
	long pid, found = 0;
	FILE *f = fopen("/proc/locks", "re");

	if (f == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*s FLOCK %*s %*s %ld %x:%x:%lu", &pid, &maj,
			   &min, &ino) == 4 &&
		    ino == st->st_ino && makedev(maj, min) == st->st_dev)
			found = pid;
	}
	fclose(f);
	return may_have_open((pid_t)found, st) ? (pid_t)found : 0;
}

/*
 * Some other process that has the file open: a daemon that went to the
 * background has inherited the lock of a parent that is gone.
 */
static pid_t holder_by_open_file(const struct stat *st)
{
	struct dirent *de;
	pid_t pid, found = 0;
	DIR *proc = opendir("/proc");

	if (proc == NULL)
		return 0;
	while (found == 0 && (de = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		pid = (pid_t)strtol(de->d_name, NULL, 10);
		if (pid != getpid() && has_open(pid, st) > 0)
			found = pid;
	}
	closedir(proc);
	return found;
}

static void process_name(pid_t pid, char *buf, size_t len)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL || fgets(buf, (int)len, f) == NULL)
		snprintf(buf, len, "?");
	if (f != NULL)
		fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
}

static pid_t holder(const struct stat *st)
{
	pid_t pid = holder_by_lock(st);

	return pid != 0 ? pid : holder_by_open_file(st);
}

int dxf_imglock_busy(int fd, const char *path, struct dxf_err *err)
{
	char name[64];
	struct stat st;
	pid_t pid = 0;

	if (fstat(fd, &st) == 0)
		pid = holder(&st);
	if (pid == 0)
		return dxf_err_set(err, EBUSY, "%s is in use by another "
				   "process", path);
	process_name(pid, name, sizeof(name));
	return dxf_err_set(err, EBUSY, "%s is in use by process %d (%s)", path,
			   (int)pid, name);
}

static int lock_fd(int fd, int op, bool patient)
{
	const struct timespec step = { 0, UDEV_STEP_NS };

	for (int i = 0;; i++) {
		if (flock(fd, op | LOCK_NB) == 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || !patient || i == UDEV_STEPS)
			return -errno;
		nanosleep(&step, NULL);
	}
}

/* The file that all nodes of the device share, or -1. */
static int open_dev_name(const struct stat *st)
{
	char path[64];

	if (!S_ISCHR(st->st_mode) && !S_ISBLK(st->st_mode))
		return -1;
	snprintf(path, sizeof(path), "/sys/dev/%s/%u:%u/dev",
		 S_ISCHR(st->st_mode) ? "char" : "block", major(st->st_rdev),
		 minor(st->st_rdev));
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int lock_failed(int fd, int ret, const char *path, struct dxf_err *err)
{
	if (ret == -EWOULDBLOCK)
		return dxf_imglock_busy(fd, path, err);
	return dxf_err_set(err, -ret, "cannot lock %s: %s", path,
			   strerror(-ret));
}

int dxf_imglock_take(int fd, bool ro, const char *path, int *dev_fd,
		     struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int dev = -1;
	int op = ro ? LOCK_SH : LOCK_EX;
	struct stat st;
	int ret;

	if (fstat(fd, &st) != 0)
		return dxf_err_set(err, errno, "cannot stat %s: %s", path,
				   strerror(errno));
	ret = lock_fd(fd, op, S_ISBLK(st.st_mode));
	if (ret != 0)
		return lock_failed(fd, ret, path, err);
	/* Without sysfs there is the lock on this node alone. */
	dev = open_dev_name(&st);
	ret = dev >= 0 ? lock_fd(dev, op, false) : 0;
	if (ret != 0)
		return lock_failed(dev, ret, path, err);
	*dev_fd = DXF_STEAL_FD(dev);
	return 0;
}

pid_t dxf_region_holder(const char *path)
{
	DXF_CLEANUP_CLOSE int dev = -1;
	struct stat st, dev_st;
	pid_t pid;

	if (stat(path, &st) != 0)
		return 0;
	pid = holder_by_lock(&st);
	if (pid != 0)
		return pid;
	dev = open_dev_name(&st);
	if (dev >= 0 && fstat(dev, &dev_st) == 0)
		return holder(&dev_st);
	return holder_by_open_file(&st);
}
