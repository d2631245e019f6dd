/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fusemount.c - whether FUSE can be used here, and the mount itself.
 *
 * Owns the sentences about /dev/fuse and fusermount3.  libfuse would say less,
 * and only after the image was opened and recovered.
 */
#include "fuse_api.h"
#include "fusemount.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "session.h"

#define DEVICE		"/dev/fuse"
/* Where libfuse looks first, before PATH. */
#define FUSERMOUNT	"/usr/bin/fusermount3"
#define PROFILE		"/etc/apparmor.d/fusermount3"

/* ---- can it be used? ---- */

static int no_device(int e, struct dxf_err *err)
{
	struct stat st = { .st_mode = 0 };

	(void)stat(DEVICE, &st);
	if (e == ENOENT || !S_ISCHR(st.st_mode))
		return dxf_err_set(err, e, DEVICE " is missing: `modprobe fuse` "
			"makes it; a container gets it with `--device "
			DEVICE "`");
	if (e == ENODEV || e == ENXIO)
		return dxf_err_set(err, e, "the kernel has no FUSE: try "
				   "`modprobe fuse`");
	if (e == EACCES)
		return dxf_err_set(err, e, DEVICE " is not open to you (mode "
			"%04o, owner %u:%u): `chmod 666 " DEVICE "` lets users "
			"mount", st.st_mode & 07777, st.st_uid, st.st_gid);
	if (e == EPERM)
		return dxf_err_set(err, e, DEVICE " may not be used here: a "
			"container needs `--device " DEVICE "`");
	return dxf_err_set(err, e, "cannot open " DEVICE ": %s", strerror(e));
}

static int check_device(struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return no_device(errno, err);
	if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode))
		return no_device(ENODEV, err);
	return 0;
}

/* As libfuse does: its own directory, then PATH. */
static bool find_fusermount(char *path, size_t len)
{
	const char *dirs = getenv("PATH");
	DXF_CLEANUP_FREE char *copy = NULL;
	char *dir, *save = NULL;

	snprintf(path, len, "%s", FUSERMOUNT);
	if (access(path, X_OK) == 0)
		return true;
	copy = strdup(dirs != NULL ? dirs : "/bin:/usr/bin");
	if (copy == NULL)
		return false;
	for (dir = strtok_r(copy, ":", &save); dir != NULL;
	     dir = strtok_r(NULL, ":", &save)) {
		snprintf(path, len, "%s/fusermount3", dir);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* setuid root, or with capabilities of its own, where that counts. */
static bool is_privileged(const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) != 0 || statvfs(path, &fs) != 0)
		return false;
	if (fs.f_flag & ST_NOSUID)
		return false;
	return ((st.st_mode & S_ISUID) != 0 && st.st_uid == 0) ||
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

static int check_fusermount(struct dxf_err *err)
{
	char path[PATH_MAX];

	if (!find_fusermount(path, sizeof(path)))
		return dxf_err_set(err, ENOENT, "fusermount3 is missing, which "
			"users need to mount: install the package fuse3");
	if (!is_privileged(path))
		return dxf_err_set(err, EPERM, "%s is not setuid root, so users "
			"cannot mount: install the package fuse3 anew, or "
			"`chown root %s && chmod 4755 %s`", path, path, path);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return dxf_err_set(err, EPERM, "fusermount3 has no effect under "
			"no_new_privs (NoNewPrivileges= of a service, or a "
			"container's no-new-privileges): mount as root, or "
			"without it");
	return 0;
}

int dxf_fusemount_check(struct dxf_err *err)
{
	int ret = check_device(err);

	if (ret == 0 && geteuid() != 0)
		ret = check_fusermount(err);
	return ret;
}

/* ---- what libfuse and fusermount3 say ---- */

static char said[256];

/* Keep one line, without who says it. */
static void keep(const char *line)
{
	const char *colon;

	if (strncmp(line, "fuse: ", 6) == 0)
		line += 6;
	colon = strncmp(line, "fusermount", 10) == 0 ?
		strstr(line, ": ") : NULL;
	if (colon != NULL)
		line = colon + 2;
	/* a line that is too long is cut */
	snprintf(said, sizeof(said), "%s%.*s", colon ? "fusermount3: " : "",
		 (int)(sizeof(said) - sizeof("fusermount3: ")), line);
}

static void log_fuse(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char text[sizeof(said)];
	size_t n;

	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text);
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	if (level < FUSE_LOG_INFO)
		keep(text);
	dxf_log_debug("%s", text);
}

void dxf_fusemount_listen(void)
{
	fuse_set_log_func(log_fuse);
}

int dxf_fusemount_failed(struct dxf_err *err, int ret, const char *what)
{
	return dxf_err_set(err, ret, "%s: %s", what,
			   said[0] != '\0' ? said : "the mount failed");
}

/* Standard error goes to a file in memory.  Returns: what it was; -1. */
static int capture_begin(int *to)
{
	int was;

	*to = memfd_create("daxfuse-said", MFD_CLOEXEC);
	if (*to < 0)
		return -1;
	fflush(stderr);
	was = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (was >= 0 && dup2(*to, STDERR_FILENO) < 0) {
		close(was);
		was = -1;
	}
	return was;
}

/* Undo it.  The first line that was printed is kept. */
static void capture_end(int was, int from)
{
	char text[sizeof(said)];
	ssize_t n;

	fflush(stderr);
	if (was < 0)
		return;
	dup2(was, STDERR_FILENO);
	close(was);
	n = pread(from, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	keep(text);
}

/* ---- the mount ---- */

/* The profile that newer Ubuntus have allows a few places only. */
static const char *apparmor_hint(void)
{
	char on[8] = "";
	FILE *f = fopen("/sys/module/apparmor/parameters/enabled", "re");

	if (f != NULL) {
		if (fgets(on, sizeof(on), f) == NULL)
			on[0] = '\0';
		fclose(f);
	}
	if (geteuid() == 0 || on[0] != 'Y' || access(PROFILE, F_OK) != 0)
		return "";
	return " (AppArmor's profile " PROFILE " lets fusermount3 mount only "
	       "below your home, /mnt, /media, /tmp and /run/user; "
	       "/etc/apparmor.d/local/fusermount3 can add places)";
}

static const char *container_hint(void)
{
	if (geteuid() != 0 || strstr(said, "not permitted") == NULL)
		return "";
	return " (a container needs `--cap-add SYS_ADMIN --security-opt "
	       "apparmor=unconfined`)";
}

int dxf_fusemount_do(struct dxf_session *s, const char *at,
		     struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int to = -1;
	int was = capture_begin(&to), ret;

	assert(s->se != NULL && at[0] == '/');
	said[0] = '\0';
	ret = fuse_session_mount(s->se, at);
	capture_end(was, to);
	if (ret == 0)
		return 0;
	return dxf_err_set(err, EIO, "cannot mount on %s: %s%s%s", at,
			   said[0] != '\0' ? said : "the mount failed",
			   apparmor_hint(), container_hint());
}
