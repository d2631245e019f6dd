/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inuse.c - opening the image, and who else has it.
 *
 * Owns the waiting for a daemon that is on its way out, and the sentence that
 * says who has the image and where.  The lock itself is lib/pmem's.
 *
 * A lock holder is on its way out if it is a daxfuse, or not to be seen, and
 * has no mount of the image in its own namespace.  One that is still mounting
 * looks the same: it is waited for until its mount shows up.
 */
#include "inuse.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "detect.h"
#include "loopdev.h"
#include "mountinfo.h"
#include "mountpoint.h"

#define PATIENCE_NS	UINT64_C(10000000000)
#define STEP_MS		10
#define DYING_STEPS	100

/* ---- who holds the lock ---- */

static bool is_daxfuse(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return true;		/* gone just now */
	if (fgets(name, sizeof(name), f) == NULL)
		name[0] = '\0';
	fclose(f);
	return strcmp(name, "daxfuse\n") == 0;
}

/* ---- what no lock shows ---- */

struct scan {
	const char *real;
	struct stat st;
	char *target;
	char type[64];
};

static bool same_node(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) || S_ISCHR(a->st_mode))
		return (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT) &&
		       a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * A mount whose daemon is gone hurts nobody: it held the lock we have now.  One
 * that was served over io_uring dies a moment after its daemon.
 */
static bool is_dead(const struct dxf_mount *m)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	int i;

	for (i = 0; i < DYING_STEPS; i++) {
		if (dxf_mountpoint_is_dead(m->target))
			return true;
		if (strncmp(m->type, "fuse.", 5) != 0)
			return false;
		nanosleep(&step, NULL);
	}
	return false;
}

static bool match_mount(void *ctx, const struct dxf_mount *m)
{
	struct scan *s = ctx;
	struct stat st;

	if (m->source[0] != '/')
		return false;
	if (strcmp(m->source, s->real) != 0 &&
	    (stat(m->source, &st) != 0 || !same_node(&st, &s->st)))
		return false;
	if (is_dead(m))
		return false;
	snprintf(s->type, sizeof(s->type), "%s", m->type);
	s->target = strdup(m->target);
	return true;
}

static int mounted_there(const char *real, const char *target,
			 const char *type, struct dxf_err *err)
{
	return dxf_err_set(err, EBUSY, "%s is in use: mounted on %s%s%s; "
			   "`umount %s` first", real, target,
			   type != NULL ? ", type " : "",
			   type != NULL ? type : "", target);
}

static int check_mounts(const char *real, struct dxf_err *err)
{
	struct scan s = { .real = real };
	int ret;

	if (stat(real, &s.st) != 0)
		return 0;
	dxf_mountinfo_each(0, match_mount, &s);
	if (s.target == NULL)
		return 0;
	ret = mounted_there(real, s.target, s.type, err);
	free(s.target);
	return ret;
}

/* What mke2fs and e2fsck would say of it. */
static int check_as_mke2fs(const char *real, struct dxf_err *err)
{
	char target[256] = "";

	switch (dxf_ext2_in_use(real, target, sizeof(target))) {
	case DXF_USE_MOUNTED:
		if (dxf_mountpoint_is_dead(target))
			return 0;
		return mounted_there(real, target, NULL, err);
	case DXF_USE_SWAP:
		return dxf_err_set(err, EBUSY, "%s is in use: the kernel swaps "
				   "on it (see `swapon`)", real);
	case DXF_USE_NONE:
		break;
	}
	return 0;
}

static int check_loops(const char *real, struct dxf_err *err)
{
	DXF_CLEANUP_FREE char *target = NULL;
	char loop[64];

	if (!dxf_loopdev_find_used(real, loop, sizeof(loop)))
		return 0;
	target = dxf_mountinfo_target(0, loop);
	if (target != NULL)
		return dxf_err_set(err, EBUSY, "%s is in use: mounted on %s "
				   "through %s; `umount %s` first", real,
				   target, loop, target);
	return dxf_err_set(err, EBUSY, "%s is in use through %s (`lsblk %s` "
			   "shows by what)", real, loop, loop);
}

static int check_unseen(const char *real, struct dxf_err *err)
{
	int ret = check_mounts(real, err);

	/* the more exact sentences come first */
	if (ret == 0)
		ret = check_loops(real, err);
	if (ret == 0)
		ret = check_as_mke2fs(real, err);
	return ret;
}

/* ---- opening ---- */

/*
 * The lock is held, or the kernel has the device: complete the sentence that
 * says so.  Returns: may the holder be on its way out?
 */
static bool may_end_soon(const char *real, struct dxf_err *err)
{
	pid_t pid = dxf_region_holder(real);
	DXF_CLEANUP_FREE char *here = dxf_mountinfo_target(0, real);
	DXF_CLEANUP_FREE char *there = pid > 0 ?
		dxf_mountinfo_target(pid, real) : NULL;
	const char *at = here != NULL ? here : there;
	struct dxf_err said = *err;

	if (pid == 0 && check_unseen(real, err) != 0)
		return false;
	if (at == NULL || dxf_mountpoint_is_dead(at))
		return pid == 0 || is_daxfuse(pid);
	dxf_err_set(err, EBUSY, "%s, mounted on %s%s", said.text, at,
		    here != NULL ? "" : " (in another mount namespace)");
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Returns: 0: time has passed; -EINTR a signal came. */
static int pause_for(int sigfd, int ms)
{
	struct pollfd p = { .fd = sigfd, .events = POLLIN };

	return poll(&p, 1, ms) > 0 ? -EINTR : 0;
}

/*
 * The lock on a loop device is none on the file below it: whoever has that may
 * not be written beside.  Who comes by the file finds the device in use.
 * Returns: 0; -EBUSY the file, in @file, is locked.
 */
static int check_backing(const char *path, bool ro, char *file, size_t len,
			 struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = -1;

	if (!dxf_loopdev_backing(path, file, len))
		return 0;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	/* where it cannot be opened it cannot be asked */
	if (fd < 0 || flock(fd, (ro ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 ||
	    errno != EWOULDBLOCK)
		return 0;
	return dxf_err_set(err, EBUSY, "%s below %s is in use by process %d",
			   file, path, (int)dxf_region_holder(file));
}

/* @real: the name of what is locked, if something is. */
static int open_once(struct dxf_region **out, const char *path,
		     const struct dxf_region_opts *opts, char **real,
		     struct dxf_err *err)
{
	char file[PATH_MAX];
	int ret = check_backing(path, opts->ro, file, sizeof(file), err);

	*real = ret != 0 ? strdup(file) : realpath(path, NULL);
	return ret != 0 ? ret : dxf_region_open(out, path, opts, err);
}

static int open_patiently(struct dxf_region **out, const char *path,
			  const struct dxf_region_opts *opts, int sigfd,
			  struct dxf_err *err)
{
	uint64_t end = now_ns() + PATIENCE_NS;
	int ret;

	for (;;) {
		DXF_CLEANUP_FREE char *real = NULL;

		ret = open_once(out, path, opts, &real, err);
		if (ret != -EBUSY)
			return ret;
		if (real == NULL || !may_end_soon(real, err) ||
		    now_ns() >= end)
			return ret;
		if (pause_for(sigfd, STEP_MS) != 0)
			return dxf_err_set(err, EINTR, "interrupted");
	}
}

int dxf_inuse_open(struct dxf_region **out, const char *path,
		   const struct dxf_region_opts *opts, int sigfd,
		   struct dxf_err *err)
{
	struct dxf_region *r;
	int ret = open_patiently(&r, path, opts, sigfd, err);

	if (ret != 0)
		return ret;
	assert(r != NULL);
	if (!opts->ro)
		ret = check_unseen(dxf_region_path(r), err);
	if (ret != 0) {
		dxf_region_close(r);
		return ret;
	}
	*out = r;
	return 0;
}
