/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * custom_io.c - status 0 if this libfuse lets us carry its replies; run when the
 * build is configured.
 */
#define FUSE_USE_VERSION	35
#include <fuse_lowlevel.h>
#include <unistd.h>

static ssize_t no_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	return -1;
}

static ssize_t no_read(int fd, void *buf, size_t len, void *userdata)
{
	return -1;
}

int main(void)
{
	const struct fuse_custom_io io = {
		.writev = no_writev,
		.read = no_read,
	};
	const struct fuse_lowlevel_ops ops = { .init = NULL };
	char *argv[] = { (char *)"custom_io", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *se;

	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (se == NULL)
		return 2;
	return fuse_session_custom_io(se, &io, dup(STDIN_FILENO)) != 0;
}
