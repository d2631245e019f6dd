/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemonize.c - the way to the background.
 */
#include "daemonize.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "options.h"
#include "signals.h"
#include "syslogfd.h"

/* The child ended without a word: its status is ours, its message is out. */
static int child_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return DXF_EXIT_SYSTEM;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "daxfuse: died of signal %d while mounting (%s)\n",
		WTERMSIG(status), strsignal(WTERMSIG(status)));
	return DXF_EXIT_SYSTEM;
}

/*
 * Who interrupts the command means the child, and waits until it has given up:
 * its half-made mount must not come up behind a prompt.
 */
static void pass_signal_on(int sigfd, pid_t pid)
{
	int sig = dxf_signals_pending(sigfd);

	if (sig != 0)
		kill(pid, sig);
}

static void parent_wait(int fd, int sigfd, pid_t pid)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = sigfd, .events = POLLIN },
	};
	ssize_t n = -1;
	char word;

	while (n < 0) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			pass_signal_on(sigfd, pid);
		if (p[0].revents != 0)
			n = read(fd, &word, 1);
	}
	_exit(n == 1 ? DXF_EXIT_OK : child_status(pid));
}

int dxf_daemonize_begin(int sigfd)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		int err = -errno;

		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (pid > 0) {
		close(fds[1]);
		parent_wait(fds[0], sigfd, pid);
	}
	close(fds[0]);
	return fds[1];
}

int dxf_daemonize_leave(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	dxf_syslogfd_open(_PATH_LOG);
	setsid();
	if (chdir("/") != 0) {
		close(null);
		return -errno;
	}
	return null;
}

int dxf_daemonize_ready(int fd, int null)
{
	int i, ret = 0;

	assert(fd > 2 && null > 2);
	dxf_log_to_syslog(true);
	for (i = 0; i <= 2 && ret == 0; i++)
		if (dup2(null, i) < 0)
			ret = -errno;
	close(null);
	if (ret == 0 && write(fd, "", 1) != 1)
		dxf_log_warn("nobody waited for the mount");
	close(fd);
	return ret;
}
