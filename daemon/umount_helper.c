/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * umount_helper.c - umount.fuse.daxfuse, called by umount(8).
 *
 * The kernel lets go of a FUSE filesystem at once, while its daemon still
 * writes back; a mount or an e2fsck straight after umount(8) would find the
 * image in use.  So: unmount, then wait until the daemon has released the lock
 * on the image, which it does when the superblock is clean.
 *
 * A program of its own, without libfuse and the filesystem.  Must not know
 * anything of daxfuse but that lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "mountinfo.h"
#include "mountns.h"

#define EXIT_USAGE	1
#define EXIT_MOUNT	32

#define WAIT_STEP_NS	(5 * 1000 * 1000)
#define WAIT_SECONDS	600

extern char **environ;

struct request {
	const char *target;
	int flags;		/* umount2's */
	bool verbose;
	const char *ns;		/* NULL: ours */
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "umount.daxfuse: %s: %s\n", what, why);
	return EXIT_MOUNT;
}

/* ---- unmount ---- */

static int run_fusermount(const struct request *r)
{
	const char *lazy = r->flags & MNT_DETACH ? "-uz" : "-u";
	const char *argv[] = { "fusermount3", lazy, "--", r->target, NULL };
	int err, status;
	pid_t pid;

	err = posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environ);
	if (err)
		return complain("fusermount3", strerror(err));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return complain("fusermount3", strerror(errno));
	/* it has said why */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EXIT_MOUNT;
}

static int unmount(const struct request *r)
{
	if (umount2(r->target, r->flags) == 0)
		return 0;
	if (errno == EPERM)
		return run_fusermount(r);
	return complain(r->target, errno == EBUSY ? "target is busy" :
			errno == EINVAL ? "not mounted" : strerror(errno));
}

/* ---- wait for the lock ---- */

/*
 * A daemon that writes holds the lock exclusively; sharing it for a moment
 * tells that it is free.
 */
static bool is_free(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		return errno != EWOULDBLOCK && errno != EINTR;
	flock(fd, LOCK_UN);
	return true;
}

static bool wait_free(const char *source)
{
	const struct timespec step = { 0, WAIT_STEP_NS };
	const long steps = WAIT_SECONDS * (1000000000L / WAIT_STEP_NS);
	DXF_CLEANUP_CLOSE int fd = open(source, O_RDONLY | O_CLOEXEC |
					O_NONBLOCK);
	struct stat st;
	long i;

	/* fsname= may say anything */
	if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode))
		return true;
	for (i = 0; i < steps; i++) {
		if (is_free(fd))
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

/* ---- the command line, umount(8)'s ---- */

static int parse(struct request *r, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "lfnvrit:N:")) != -1) {
		switch (c) {
		case 'l':
			r->flags |= MNT_DETACH;
			break;
		case 'f':
			r->flags |= MNT_FORCE;
			break;
		case 'v':
			r->verbose = true;
			break;
		case 'N':
			r->ns = optarg;
			break;
		case '?':
			return -EINVAL;
		}
	}
	if (argc - optind != 1)
		return -EINVAL;
	r->target = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	DXF_CLEANUP_FREE char *real = NULL, *source = NULL;
	struct request r = { .target = NULL };
	int status;

	if (parse(&r, argc, argv) != 0) {
		fprintf(stderr, "usage: umount.daxfuse [-lfnvr] MOUNTPOINT\n");
		return EXIT_USAGE;
	}
	status = r.ns ? dxf_mountns_enter(r.ns) : 0;
	if (status != 0)
		return complain(r.ns, strerror(-status));
	/* a mount whose daemon is gone has no real path to be found */
	real = realpath(r.target, NULL);
	if (real != NULL)
		r.target = real;
	source = dxf_mountinfo_source(r.target);
	status = unmount(&r);
	if (status != 0)
		return status;
	if (source != NULL && !(r.flags & MNT_DETACH) && !wait_free(source))
		complain(source, "unmounted, but the daemon still writes back");
	if (r.verbose)
		printf("%s unmounted\n", r.target);
	return 0;
}
