// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image.c - daxfuse-image: show the bytes of a device as a file.
 *
 *	daxfuse-image DEVICE FILE		a mount, until it is unmounted
 *	daxfuse-image --run DEVICE -- PROGRAM	a private one, for one program
 *
 * Owns the command line and the exit statuses.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "fuse_api.h"
#include "imgopts.h"
#include "log.h"
#include "private.h"
#include "subst.h"
#include "toolopen.h"

enum {
	EXIT_OK = 0,
	EXIT_USAGE = 1,
	EXIT_SYSTEM = 2,
	EXIT_MOUNT = 32,
};

static void usage(FILE *to)
{
	fputs("usage: daxfuse-image [-fv] [-o OPTION,...] DEVICE FILE\n"
	      "       daxfuse-image [-v] [-o OPTION,...] --run DEVICE -- "
	      "PROGRAM [ARGUMENT...]\n"
	      "\n"
	      "Shows the bytes of DEVICE as the regular file FILE, or runs "
	      "PROGRAM with {} in its\n"
	      "arguments replaced by the name of such a file.\n"
	      "\n"
	      "  -o ro              read only; also beside a mount\n"
	      "  -o discard         punching holes stores zeros\n"
	      "  -o offset=BYTES,sizelimit=BYTES\n"
	      "  -f                 stay in the foreground\n"
	      "  -v                 at the end say how much was read and "
	      "stored\n"
	      "  -h, -V             this text; the version\n", to);
}

static int fail(const struct dxf_err *err, int status)
{
	fprintf(stderr, "daxfuse-image: %s\n", err->text);
	return status;
}

static void tell(const struct dxf_view *v, const char *path)
{
	struct dxf_view_stats s;

	dxf_view_get_stats(v, &s);
	dxf_log_info("%s: read %llu bytes in %llu requests, written %llu in "
		     "%llu, zeroed %llu, stored %llu", path,
		     (unsigned long long)s.bytes_read,
		     (unsigned long long)s.reads,
		     (unsigned long long)s.bytes_written,
		     (unsigned long long)s.writes,
		     (unsigned long long)s.bytes_zeroed,
		     (unsigned long long)s.bytes_stored);
}

static int open_all(const struct dxf_imgopts *o, struct dxf_region **r,
		    struct dxf_view **v, struct dxf_err *err)
{
	struct dxf_view_opts vopts = { .discard = o->discard };
	int ret = dxf_tool_open(r, o->device, &o->region, err);

	if (ret != 0)
		return ret;
	if (!dxf_region_is_locked(*r))
		fprintf(stderr, "daxfuse-image: warning: %s is being written "
			"by somebody else: what is shown may change, and may "
			"not fit together\n", dxf_region_path(*r));
	vopts.fsname = dxf_region_path(*r);
	ret = dxf_view_open(v, *r, &vopts, err);
	if (ret != 0) {
		dxf_region_close(*r);
		*r = NULL;
	}
	return ret;
}

/* ---- --run ---- */

static int run_private(const struct dxf_imgopts *o, struct dxf_region *r,
		       struct dxf_view *v, struct dxf_err *err)
{
	DXF_CLEANUP_FREE char **argv = NULL;
	int ret = dxf_private_enter(err);

	if (ret == 0)
		ret = dxf_view_mount_over(v, err);
	if (ret != 0)
		return ret;
	argv = dxf_subst(o->program, dxf_region_path(r));
	if (argv == NULL)
		return dxf_err_set(err, ENOMEM, "out of memory");
	ret = dxf_private_run(v, argv);
	return ret >= 0 ? ret :
		dxf_err_set(err, -ret, "%s: the view ended before %s: %s",
			    o->device, argv[0], strerror(-ret));
}

static int run(const struct dxf_imgopts *o)
{
	struct dxf_region *r;
	struct dxf_view *v;
	struct dxf_err err;
	int status;

	assert(o->program != NULL);
	if (open_all(o, &r, &v, &err) != 0)
		return fail(&err, DXF_RUN_FAILED);
	status = run_private(o, r, v, &err);
	if (status < 0)
		status = fail(&err, DXF_RUN_FAILED);
	if (o->verbose)
		tell(v, dxf_region_path(r));
	dxf_view_close(v);
	dxf_region_close(r);
	return status;
}

/* ---- a mount ---- */

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The first signal takes the name away, the second ends it at once. */
static int serve(struct dxf_view *v, int sigfd)
{
	struct signalfd_siginfo si;
	int ret, signals = 0;

	while ((ret = dxf_view_serve(v, sigfd)) > 0) {
		if (read(sigfd, &si, sizeof(si)) != sizeof(si))
			continue;
		if (signals++ > 0)
			return 0;
		ret = dxf_view_detach(v);
		if (ret != 0)
			return ret;
	}
	return ret;
}

static int show(const struct dxf_imgopts *o, struct dxf_region *r,
		struct dxf_view *v)
{
	DXF_CLEANUP_CLOSE int sigfd = open_signals();
	struct dxf_err err;
	int ret;

	if (sigfd < 0) {
		dxf_err_set(&err, errno, "signals: %s", strerror(errno));
		return fail(&err, EXIT_SYSTEM);
	}
	if (dxf_view_mount(v, o->file, &err) != 0)
		return fail(&err, EXIT_MOUNT);
	if (!o->foreground && fuse_daemonize(0) != 0)
		return EXIT_SYSTEM;
	dxf_log_to_syslog(!o->foreground);
	ret = serve(v, sigfd);
	if (ret < 0)
		dxf_log_err("%s: the view ended: %s", dxf_region_path(r),
			    strerror(-ret));
	return ret < 0 ? EXIT_SYSTEM : EXIT_OK;
}

static int mount_view(const struct dxf_imgopts *o)
{
	struct dxf_region *r;
	struct dxf_view *v;
	struct dxf_err err;
	int status;

	assert(o->file != NULL);
	if (open_all(o, &r, &v, &err) != 0)
		return fail(&err, EXIT_MOUNT);
	status = show(o, r, v);
	if (o->verbose)
		tell(v, dxf_region_path(r));
	dxf_view_close(v);
	dxf_region_close(r);
	return status;
}

int main(int argc, char **argv)
{
	struct dxf_imgopts o;
	struct dxf_err err;

	if (dxf_imgopts_parse(&o, argc, argv, &err) != 0)
		return fail(&err, o.program != NULL || o.run ? DXF_RUN_FAILED :
			    EXIT_USAGE);
	if (o.help) {
		usage(stdout);
		return EXIT_OK;
	}
	if (o.version) {
		printf("daxfuse-image %s\n", DXF_VERSION);
		return EXIT_OK;
	}
	return o.run ? run(&o) : mount_view(&o);
}
