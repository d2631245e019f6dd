/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loopdev.c - loop devices over a file, which no lock on the file shows.
 *
 * Owns the reading of /sys/block/loopN.  A device that is merely set up does no
 * harm; the kernel tells whether it, or a partition of it, is used by refusing
 * to open it exclusively.
 */
#include "loopdev.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "mountinfo.h"

/* The file below the device whose attribute @attr is. */
static bool is_over(const char *attr, const struct stat *file)
{
	char path[PATH_MAX];
	struct stat st;
	FILE *f = fopen(attr, "re");
	bool got;

	if (f == NULL)
		return false;
	got = fgets(path, sizeof(path), f) != NULL;
	fclose(f);
	if (!got)
		return false;
	path[strcspn(path, "\n")] = '\0';
	return stat(path, &st) == 0 && st.st_dev == file->st_dev &&
	       st.st_ino == file->st_ino;
}

static bool is_used(const char *loop)
{
	DXF_CLEANUP_FREE char *target = dxf_mountinfo_target(0, loop);
	DXF_CLEANUP_CLOSE int fd = -1;

	if (target != NULL)
		return true;
	fd = open(loop, O_RDONLY | O_EXCL | O_CLOEXEC);
	return fd < 0 && errno == EBUSY;
}

/* "/sys/block/loopN/loop/backing_file" to "/dev/loopN". */
static void device_name(const char *attr, char *loop, size_t len)
{
	static const char dir[] = "/sys/block/";
	const char *name = attr + strlen(dir);

	assert(strncmp(attr, dir, strlen(dir)) == 0);
	snprintf(loop, len, "/dev/%.*s", (int)strcspn(name, "/"), name);
}

bool dxf_loopdev_find_used(const char *path, char *loop, size_t len)
{
	struct stat st;
	bool found = false;
	size_t i;
	glob_t g;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &g) != 0)
		return false;
	for (i = 0; i < g.gl_pathc && !found; i++) {
		if (!is_over(g.gl_pathv[i], &st))
			continue;
		device_name(g.gl_pathv[i], loop, len);
		found = is_used(loop);
	}
	globfree(&g);
	return found;
}
