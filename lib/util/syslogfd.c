/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syslogfd.c - messages to the system's log through a socket that is open.
 *
 * Owns the line as syslog(3) writes it: "<PRI>Mmm dd hh:mm:ss name[pid]: text".
 */
#include "syslogfd.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static int log_fd = -1;
static struct sockaddr_un log_addr = { .sun_family = AF_UNIX };

int dxf_syslogfd_open(const char *path)
{
	assert(strlen(path) < sizeof(log_addr.sun_path));
	strcpy(log_addr.sun_path, path);
	tzset();
	if (log_fd >= 0)
		return 0;
	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return log_fd < 0 ? -errno : 0;
}

void dxf_syslogfd_send(int priority, const char *text)
{
	char line[1200], when[32];
	time_t now = time(NULL);
	struct tm tm;
	int len;

	assert((priority & ~LOG_PRIMASK) == 0);
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	len = snprintf(line, sizeof(line), "<%d>%s daxfuse[%d]: %s",
		       LOG_DAEMON | priority, when, (int)getpid(), text);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	sendto(log_fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL,
	       (const struct sockaddr *)&log_addr, sizeof(log_addr));
}
