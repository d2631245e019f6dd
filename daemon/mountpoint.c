/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountpoint.c - the directory: what is on it, and unmounting it.
 *
 * A dead mount answers ENOTCONN, but not always: attributes may still be
 * cached.  statfs(2) is never cached, and O_PATH asks nobody.
 */
#include "mountpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "mountinfo.h"

/* Dead mounts that are stacked: nobody has more. */
#define MAX_DEAD	16

extern char **environ;

bool dxf_mountpoint_is_fd(const char *path)
{
	return strncmp(path, "/dev/fd/", 8) == 0;
}

/* ---- what is on it ---- */

static int not_usable(const char *path, int e, struct dxf_err *err)
{
	if (e == ENOENT)
		return dxf_err_set(err, e, "mount point %s does not exist: "
				   "`mkdir -p %s` makes it", path, path);
	return dxf_err_set(err, e, "mount point %s: %s", path, strerror(e));
}

/* The absolute name of what @fd, opened with O_PATH, refers to. */
static int name_of(int fd, char **name)
{
	char link[64], real[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, sizeof(real) - 1);
	if (n < 0)
		return -errno;
	real[n] = '\0';
	*name = strdup(real);
	return *name != NULL ? 0 : -ENOMEM;
}

static bool fd_is_dead(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) != 0 && errno == ENOTCONN;
}

/* Look once.  Returns: 0, -ENOTCONN: a dead mount is on it (*@real is set). */
static int look(const char *path, char **real, struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	int ret;

	if (fd < 0)
		return not_usable(path, errno, err);
	ret = name_of(fd, real);
	if (ret != 0)
		return not_usable(path, -ret, err);
	if (fd_is_dead(fd))
		return -ENOTCONN;
	if (fstat(fd, &st) != 0)
		return not_usable(path, errno, err);
	if (!S_ISDIR(st.st_mode))
		return dxf_err_set(err, ENOTDIR,
				   "mount point %s is not a directory", path);
	return 0;
}

int dxf_mountpoint_check(const char *path, struct dxf_err *err)
{
	DXF_CLEANUP_FREE char *real = NULL;
	int ret = look(path, &real, err);

	return ret == -ENOTCONN ? 0 : ret;
}

static int detach_dead(const char *real, const char *source,
		       struct dxf_err *err)
{
	DXF_CLEANUP_FREE char *on = dxf_mountinfo_source(real);
	int ret;

	if (on == NULL || strcmp(on, source) != 0)
		return dxf_err_set(err, ENOTCONN, "mount point %s: a mount of "
				   "%s is there whose program is gone: `umount "
				   "-l %s` removes it", real,
				   on != NULL ? on : "something", real);
	ret = dxf_mountpoint_detach(real);
	if (ret != 0)
		return dxf_err_set(err, -ret, "mount point %s: a dead mount of "
				   "%s is there and cannot be detached: %s",
				   real, source, strerror(-ret));
	dxf_log_warn("%s: detached a mount of %s whose daemon is gone", real,
		     source);
	return 0;
}

static int check_stacking(const char *real, const char *source,
			  struct dxf_err *err)
{
	DXF_CLEANUP_FREE char *on = dxf_mountinfo_source(real);

	if (on != NULL && strcmp(on, source) == 0)
		return dxf_err_set(err, EBUSY, "%s is already mounted on %s",
				   source, real);
	return 0;
}

int dxf_mountpoint_prepare(const char *path, const char *source, char **real,
			   struct dxf_err *err)
{
	int i, ret;

	ret = dxf_err_set(err, ENOTCONN, "mount point %s: too many dead mounts",
			  path);
	for (i = 0; ret == -ENOTCONN && i < MAX_DEAD; i++) {
		DXF_CLEANUP_FREE char *name = NULL;

		ret = look(path, &name, err);
		if (ret == -ENOTCONN) {
			if (detach_dead(name, source, err) != 0)
				return -ENOTCONN;
			continue;
		}
		if (ret == 0)
			ret = check_stacking(name, source, err);
		if (ret == 0)
			*real = DXF_STEAL(name);
	}
	assert(ret != 0 || *real != NULL);
	return ret;
}

bool dxf_mountpoint_is_dead(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) != 0 && errno == ENOTCONN;
}

uint64_t dxf_mountpoint_id(const char *path)
{
#ifdef STATX_MNT_ID
	struct statx sx;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_MNT_ID, &sx) == 0 && (sx.stx_mask & STATX_MNT_ID))
		return sx.stx_mnt_id;
#endif
	return 0;
}

/* ---- unmounting ---- */

/* fusermount3 with no signal blocked.  Returns: 0, -errno, -EBUSY. */
static int run_fusermount(const char *path, const char *flags)
{
	const char *argv[] = { "fusermount3", flags, "-q", "--", path, NULL };
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int err, status;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawnp(&pid, argv[0], NULL, &attr, (char **)argv,
			   environ);
	posix_spawnattr_destroy(&attr);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

int dxf_mountpoint_umount(const char *path)
{
	assert(path[0] == '/');
	if (umount2(path, UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	return run_fusermount(path, "-u");
}

int dxf_mountpoint_detach(const char *path)
{
	assert(path[0] == '/');
	if (umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	return run_fusermount(path, "-uz");
}

void dxf_mountpoint_sync(const char *path)
{
	DXF_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY |
					O_CLOEXEC);

	if (fd >= 0)
		syncfs(fd);
}
