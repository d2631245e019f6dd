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
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "mountinfo.h"
#include "units.h"

/* What the attribute @attr, a loop device's backing_file, says. */
static bool read_attr(const char *attr, char *file, size_t len)
{
	FILE *f = fopen(attr, "re");
	bool got;

	if (f == NULL)
		return false;
	got = fgets(file, (int)len, f) != NULL;
	fclose(f);
	if (got)
		file[strcspn(file, "\n")] = '\0';
	return got;
}

static bool is_over(const char *attr, const struct stat *file)
{
	char path[PATH_MAX];
	struct stat st;

	return read_attr(attr, path, sizeof(path)) && stat(path, &st) == 0 &&
	       st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

bool dxf_loopdev_backing(const char *path, char *file, size_t len)
{
	static const char *const attrs[] = {
		"loop/backing_file", "../loop/backing_file",
	};
	char attr[128];
	struct stat st;
	size_t i;

	if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
		return false;
	for (i = 0; i < DXF_ARRAY_SIZE(attrs); i++) {
		snprintf(attr, sizeof(attr), "/sys/dev/block/%u:%u/%s",
			 major(st.st_rdev), minor(st.st_rdev), attrs[i]);
		if (read_attr(attr, file, len))
			return true;
	}
	return false;
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
