/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountpoint.c - the directory, and unmounting it.
 *
 * Must not know what is mounted.
 */
#include "mountpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

extern char **environ;

bool dxf_mountpoint_is_fd(const char *path)
{
	return strncmp(path, "/dev/fd/", 8) == 0;
}

int dxf_mountpoint_resolve(const char *path, char **real, struct dxf_err *err)
{
	DXF_CLEANUP_FREE char *name = realpath(path, NULL);
	struct stat st;

	if (name == NULL || stat(name, &st) != 0)
		return dxf_err_set(err, errno, "mount point %s: %s%s", path,
				   strerror(errno), errno != ENOTCONN ? "" :
				   " (something is mounted there that no "
				   "longer runs; umount it)");
	if (!S_ISDIR(st.st_mode))
		return dxf_err_set(err, ENOTDIR,
				   "mount point %s is not a directory", path);
	*real = DXF_STEAL(name);
	return 0;
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
