/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * utab.c - let umount(8) know that it has a helper to call.
 *
 * The table is libmount's: mount(8) itself writes it, told not to mount.
 */
#include "utab.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "mountinfo.h"

#define TABLE	"/run/mount/utab"

extern char **environ;

/* Does the word @key=... of @line, which is cut up, say @value? */
static bool says(const char *line, const char *key, const char *value)
{
	DXF_CLEANUP_FREE char *copy = strdup(line);
	char *save = NULL, *word;
	size_t len = strlen(key);

	for (word = copy ? strtok_r(copy, " \n", &save) : NULL; word != NULL;
	     word = strtok_r(NULL, " \n", &save)) {
		if (strncmp(word, key, len) != 0)
			continue;
		dxf_mountinfo_unescape(word);
		return strcmp(word + len, value) == 0;
	}
	return false;
}

static bool is_there(const char *source, const char *target)
{
	DXF_CLEANUP_FREE char *line = NULL;
	FILE *f = fopen(TABLE, "re");
	bool found = false;
	size_t room = 0;

	if (f == NULL)
		return false;
	while (!found && getline(&line, &room, f) > 0)
		found = says(line, "SRC=", source) &&
			says(line, "TARGET=", target);
	fclose(f);
	return found;
}

static int run_quietly(const char *const argv[])
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int err, status;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null",
					 O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	err = posix_spawnp(&pid, argv[0], &files, &attr, (char **)argv,
			   environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

void dxf_utab_enter(const char *source, const char *target,
		    const char *subtype)
{
	char type[128], helper[160];
	const char *argv[] = { "mount", "--no-canonicalize", "-i", "-f", "-t",
			       type, "-o", "x-daxfuse.umount", "--", source,
			       target, NULL };
	int ret;

	assert(target[0] == '/');
	snprintf(type, sizeof(type), "fuse.%s", subtype);
	snprintf(helper, sizeof(helper), "/sbin/umount.%s", type);
	if (geteuid() != 0 || access(helper, X_OK) != 0 ||
	    is_there(source, target))
		return;
	ret = run_quietly(argv);
	if (ret)
		dxf_log_debug(TABLE ": %s", strerror(-ret));
}
