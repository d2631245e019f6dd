/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.c - tell a service manager how far we are.
 *
 * Owns the socket.  Must not know what is told.
 */
#include "notify.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

static int notify_fd = -1;

/* An absolute path, or with "@" a name that is in no filesystem. */
static int connect_to(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd, err;

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof(a.sun_path))
		return -EINVAL;
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				len)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void dxf_notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	assert(notify_fd < 0);
	if (name == NULL)
		return;
	notify_fd = connect_to(name);
	if (notify_fd < 0)
		dxf_log_warn("the service manager cannot be told: %s",
			     strerror(-notify_fd));
	unsetenv("NOTIFY_SOCKET");
}

void dxf_notify(const char *lines)
{
	assert(lines[0] != '\0');
	if (notify_fd >= 0 &&
	    send(notify_fd, lines, strlen(lines), MSG_NOSIGNAL) < 0)
		dxf_log_warn("the service manager cannot be told: %s",
			     strerror(errno));
}
