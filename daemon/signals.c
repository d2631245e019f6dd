/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * signals.c - what a signal means to the daemon.
 *
 * Must not know what is unmounted, or how.
 */
#include "signals.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool hangup_ignored;

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
	sigaddset(&set, SIGUSR1);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -EINVAL;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* A blocked signal is queued even where it is ignored: so it is read, too. */
void dxf_signals_ignore_hangup(void)
{
	hangup_ignored = true;
}

static int next_signal(int fd)
{
	struct signalfd_siginfo si;

	assert(fd >= 0);
	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		assert(si.ssi_signo != 0);
		if (si.ssi_signo != SIGHUP || !hangup_ignored)
			return (int)si.ssi_signo;
	}
	return 0;
}

int dxf_signals_pending(int fd)
{
	int sig;

	/* there is nothing to tell of yet */
	do {
		sig = next_signal(fd);
	} while (sig == SIGUSR1);
	return sig;
}

int dxf_signals_wait(int fd, const struct dxf_signals_wait *w)
{
	struct pollfd p[3] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = w->ended_fd, .events = POLLIN },
		{ .fd = w->mounts_fd, .events = POLLPRI },
	};
	int sig;

	assert(fd >= 0);
	for (;;) {
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[1].revents != 0)
			return DXF_WAIT_ENDED;
		sig = p[0].revents != 0 ? next_signal(fd) : 0;
		if (sig != 0)
			return sig;
		if (p[2].revents != 0)
			return DXF_WAIT_MOUNTS;
	}
}
