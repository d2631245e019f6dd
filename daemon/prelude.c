/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prelude.c - what is settled before anything is opened or forked.
 *
 * Owns what a helper of mount(8) must do for it, and the change of user.  Must
 * not know the filesystem.
 */
#include "prelude.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "mountinfo.h"
#include "mountns.h"

int dxf_prelude_enter_namespace(const struct dxf_options *o,
				struct dxf_err *err)
{
	int ret = o->ns ? dxf_mountns_enter(o->ns) : 0;

	if (ret)
		return dxf_err_set(err, -ret, "the mount namespace %s: %s",
				   o->ns, strerror(-ret));
	return 0;
}

/* ---- nothing to do ---- */

/* The parent of process @pid, and its name, which may hold anything. */
static bool read_stat(pid_t pid, char name[static 17], pid_t *parent)
{
	char path[64], line[512], *open, *close;
	FILE *f;
	bool got;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	got = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	if (!got)
		return false;
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (open == NULL || close == NULL || close < open || close - open > 17)
		return false;
	*close = '\0';
	snprintf(name, 17, "%s", open + 1);
	return sscanf(close + 1, " %*c %d", parent) == 1;
}

/* By its helper's name; or through mount.fuse3, which runs a shell. */
static bool is_called_by_mount(const struct dxf_options *o)
{
	pid_t pid = getppid(), parent = 0;
	char name[17];

	if (o->helper)
		return true;
	if (!read_stat(pid, name, &parent))
		return false;
	if (strcmp(name, "sh") == 0 && !read_stat(parent, name, &parent))
		return false;
	return strcmp(name, "mount") == 0;
}

static bool is_mounted_there(const struct dxf_options *o)
{
	DXF_CLEANUP_FREE char *target = realpath(o->mountpoint, NULL);
	DXF_CLEANUP_FREE char *source = realpath(o->source, NULL);
	DXF_CLEANUP_FREE char *mounted = NULL;
	const char *shown = o->fsname ? o->fsname : source;
	struct stat st;

	/* a dead mount has no real path, or cannot be asked for attributes */
	if (target == NULL || shown == NULL || stat(target, &st) != 0)
		return false;
	mounted = dxf_mountinfo_source(target);
	return mounted != NULL && strcmp(mounted, shown) == 0;
}

static bool is_missing(const char *source)
{
	struct stat st;

	return stat(source, &st) != 0 && errno == ENOENT;
}

bool dxf_prelude_is_done(const struct dxf_options *o)
{
	assert(o->source != NULL && o->mountpoint != NULL);
	if (o->fake)
		return true;
	if (o->helper && o->nofail && is_missing(o->source))
		return true;
	return !o->helper && is_called_by_mount(o) && is_mounted_there(o);
}

/* ---- another user ---- */

static int set_ids(const struct passwd *pw)
{
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return -errno;
	return 0;
}

int dxf_prelude_become_user(const struct dxf_options *o, struct dxf_err *err)
{
	const struct passwd *pw;
	int ret;

	if (o->setuid == NULL)
		return 0;
	errno = 0;
	pw = getpwnam(o->setuid);
	if (pw == NULL)
		return dxf_err_set(err, errno ? errno : EINVAL,
				   "setuid=%s: there is no such user",
				   o->setuid);
	/* of a user who is that user already, the groups are the right ones */
	if (geteuid() != 0 && pw->pw_uid == getuid() && geteuid() == getuid())
		return 0;
	ret = set_ids(pw);
	if (ret)
		return dxf_err_set(err, -ret, "setuid=%s: %s", o->setuid,
				   ret == -EPERM ?
				   "only root can become another user" :
				   strerror(-ret));
	assert(getuid() == pw->pw_uid && geteuid() == pw->pw_uid);
	return 0;
}
