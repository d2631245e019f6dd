/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * signals.c - what a signal means to the daemon.
 */
#include "signals.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int dxf_signals_open(void)
{
	sigset_t set;
	int fd;

	/* a reply to a caller that died, the log's pipe: errors, not death */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -EINVAL;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void dxf_signals_ignore_hangup(void)
{
	signal(SIGHUP, SIG_IGN);
}

static int read_signal(int fd)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return 0;
	return (int)si.ssi_signo;
}

int dxf_signals_wait(int fd, int ended_fd)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = ended_fd, .events = POLLIN },
	};
	int sig;

	assert(fd >= 0 && ended_fd >= 0);
	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			return 0;
		sig = p[0].revents != 0 ? read_signal(fd) : 0;
		if (sig != 0)
			return sig;
	}
}
