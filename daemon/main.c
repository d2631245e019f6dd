/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - the program: parse, open, mount, serve, unmount, close.
 *
 * Owns the exit statuses, mount(8)'s: 1 the command line, 2 the system, 8
 * interrupted, 32 the mount.  A failure is one sentence on standard error,
 * before anything goes to the background.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi.h"
#include "confine.h"
#include "daemonize.h"
#include "fuse_api.h"
#include "keeper.h"
#include "log.h"
#include "notify.h"
#include "mountwatch.h"
#include "options.h"
#include "place.h"
#include "prelude.h"
#include "process.h"
#include "remount.h"
#include "session.h"
#include "signals.h"
#include "source.h"
#include "statinfo.h"
#include "transport.h"
#include "worker.h"

static int fail(const struct dxf_err *err, int status)
{
	fprintf(stderr, "daxfuse: %s\n", err->text);
	return status;
}

static void print_version(void)
{
	printf("daxfuse %s\nlibfuse %s\n", DXF_VERSION, fuse_pkgversion());
}

/*
 * Serve until the kernel or a signal ends it.  A first signal is a request,
 * which a mount in use refuses; a second one is an order.
 */
static void serve(struct dxf_session *s, struct dxf_workers *w, int sigfd)
{
	const struct dxf_signals_wait on = {
		.ended_fd = dxf_workers_fd(w),
		.mounts_fd = dxf_mountwatch_fd(s->watch),
	};
	bool asked = false, gone = false;
	int what;

	/* once it is gone the workers end by themselves, having served what
	 * the unmount still wrote */
	while ((what = dxf_signals_wait(sigfd, &on)) != DXF_WAIT_ENDED) {
		if (what == SIGUSR1)
			dxf_statinfo_log(s);
		if (what == DXF_WAIT_MOUNTS)
			dxf_session_follow_mounts(s);
		if (what == SIGUSR1 || what == DXF_WAIT_MOUNTS || gone)
			continue;
		gone = dxf_session_unmount(s, asked);
		if (!gone && asked)
			return;
		asked = true;
	}
}

/*
 * A kernel that cannot do it all is no reason not to mount, unless that was
 * asked for.
 */
static int confine(struct dxf_session *s, struct dxf_err *err)
{
	int ret;

	if (s->opt->noconfine)
		return 0;
	dxf_keeper_confine(s->keeper);
	ret = dxf_confine_daemon(s->opt->debug, s->ring != NULL,
				 dxf_place_needs_nice(), err);
	if (ret && s->opt->drop_privileges)
		return ret;
	if (ret)
		dxf_log_warn("%s", err->text);
	else
		dxf_log_debug("%s", dxf_confine_describe());
	return 0;
}

/* A mount of which nothing was asked has nothing to say. */
static void say_transport(const struct dxf_session *s)
{
	if (s->opt->io_uring == DXF_TRI_YES && s->ring != NULL)
		dxf_log_info("%s: requests come by %s", s->opt->mountpoint,
			     dxf_transport_describe(s));
	else
		dxf_log_debug("%s: requests come by %s", s->opt->mountpoint,
			      dxf_transport_describe(s));
}

static void say_mounted(const struct dxf_session *s)
{
	if (!s->opt->verbose)
		return;
	printf("daxfuse: %s mounted on %s\n", dxf_region_path(s->region),
	       s->opt->mountpoint);
	fflush(stdout);
}

/* What was asked for, and this kernel has a part of only. */
static void say_what_lacks(const struct dxf_session *s)
{
	assert(s->inited);
	if (s->opt->dax == DXF_DAX_ALWAYS &&
	    !(s->init_flags & DXF_INIT_DIRECT_IO_MMAP))
		dxf_log_info("dax=always: files cannot be mapped shared on "
			     "this kernel (ENODEV; Linux 6.6 can)");
}

/*
 * The workers run: give up what only mounting needed, then tell the world.
 */
static int announce(struct dxf_session *s, int ready_fd, int sigfd,
		    struct dxf_err *err)
{
	int null = 0, ret;

	dxf_session_note_mount(s);
	if (dxf_signals_pending(sigfd) != 0)
		return dxf_err_set(err, EINTR, "interrupted");
	if (ready_fd >= 0) {
		dxf_signals_ignore_hangup();
		null = dxf_daemonize_leave();
	}
	dxf_notify_open();
	ret = null < 0 ? 0 : confine(s, err);
	if (ret)
		return ret;
	say_transport(s);
	say_what_lacks(s);
	say_mounted(s);
	ret = null;
	if (ret >= 0 && ready_fd >= 0)
		ret = dxf_daemonize_ready(ready_fd, null);
	if (ret < 0)
		return dxf_err_set(err, -ret, "going to the background: %s",
				   strerror(-ret));
	/* FUSE_INIT was answered, and the workers run */
	dxf_notify("READY=1\nSTATUS=mounted");
	return 0;
}

static int run_mounted(struct dxf_session *s, int ready_fd, int sigfd)
{
	unsigned int n = s->opt->workers;
	struct dxf_workers *w;
	struct dxf_err err;
	int ret, status = DXF_EXIT_OK;

	assert(n <= DXF_WORKERS_MAX && sigfd >= 0);
	s->nworkers = n ? n : dxf_workers_default();
	ret = dxf_workers_start(&w, s, s->nworkers);
	if (ret) {
		dxf_err_set(&err, -ret, "starting threads: %s", strerror(-ret));
		dxf_session_detach(s);
		return fail(&err, DXF_EXIT_SYSTEM);
	}
	ret = announce(s, ready_fd, sigfd, &err);
	if (ret)
		status = fail(&err, ret == -EINTR ? DXF_EXIT_INTERRUPTED :
			      DXF_EXIT_SYSTEM);
	else
		serve(s, w, sigfd);
	dxf_notify("STOPPING=1\nSTATUS=writing back");
	dxf_workers_stop(w);
	dxf_worker_drain(s);
	dxf_session_detach(s);
	return status;
}

static int mount_and_serve(struct dxf_session *s, int ready_fd, int sigfd)
{
	struct dxf_err err;

	if (dxf_session_mount(s, &err) != 0)
		return fail(&err, DXF_EXIT_MOUNT);
	return run_mounted(s, ready_fd, sigfd);
}

static int run(const struct dxf_options *o, struct dxf_keeper *keeper,
	       int ready_fd, int sigfd)
{
	struct dxf_session s;
	struct dxf_err err;
	int ret, status;

	ret = dxf_session_open(&s, o, keeper, sigfd, &err);
	if (ret != 0)
		return fail(&err, ret == -EINTR ? DXF_EXIT_INTERRUPTED :
			    DXF_EXIT_MOUNT);
	status = mount_and_serve(&s, ready_fd, sigfd);
	if (dxf_session_close(&s) != 0 && status == DXF_EXIT_OK)
		status = DXF_EXIT_SYSTEM;
	return status;
}

static int start(const struct dxf_options *o)
{
	int ready_fd = -1, sigfd, ret, status;
	struct dxf_keeper *keeper;
	struct dxf_err err;

	sigfd = dxf_signals_open();
	if (sigfd < 0) {
		dxf_err_set(&err, -sigfd, "signals: %s", strerror(-sigfd));
		return fail(&err, DXF_EXIT_SYSTEM);
	}
	if (!o->foreground) {
		ready_fd = dxf_daemonize_begin(sigfd);
		if (ready_fd < 0) {
			dxf_err_set(&err, -ready_fd, "fork: %s",
				    strerror(-ready_fd));
			return fail(&err, DXF_EXIT_SYSTEM);
		}
	}
	dxf_process_settle(o->debug);
	ret = dxf_keeper_start(&keeper);
	if (ret) {
		dxf_err_set(&err, -ret, "fork: %s", strerror(-ret));
		return fail(&err, DXF_EXIT_SYSTEM);
	}
	umask(0);
	status = run(o, keeper, ready_fd, sigfd);
	dxf_keeper_stop(keeper);
	return status;
}

static int remount(const struct dxf_options *o)
{
	struct dxf_err err;

	return dxf_remount(o, &err) != 0 ? fail(&err, DXF_EXIT_MOUNT) :
		DXF_EXIT_OK;
}

/* Returns: the exit status. */
static int go(struct dxf_options *o)
{
	struct dxf_err err;

	if (dxf_prelude_enter_namespace(o, &err) != 0)
		return fail(&err, DXF_EXIT_SYSTEM);
	if (dxf_source_resolve(&o->source, &err) != 0)
		return o->nofail || o->fake ? DXF_EXIT_OK :
			fail(&err, DXF_EXIT_MOUNT);
	if (o->debug || o->debug_modules != NULL)
		dxf_log_set_level(DXF_LOG_DEBUG);
	if (dxf_log_set_modules(o->debug_modules) != 0) {
		dxf_err_set(&err, EINVAL, "option debug_modules=%s: util, pmem, "
			    "txn, ext2, fs, daemon are known, with colons "
			    "between them", o->debug_modules);
		return fail(&err, DXF_EXIT_USAGE);
	}
	dxf_log_detect_journal();
	if (o->remount)
		return o->fake ? DXF_EXIT_OK : remount(o);
	if (dxf_prelude_become_user(o, &err) != 0)
		return fail(&err, DXF_EXIT_USAGE);
	return dxf_prelude_is_done(o) ? DXF_EXIT_OK : start(o);
}

int main(int argc, char **argv)
{
	struct dxf_options o;
	struct dxf_err err;
	int status = DXF_EXIT_OK;

	if (dxf_options_parse(&o, argc, argv, &err) != 0) {
		status = fail(&err, DXF_EXIT_USAGE);
	} else if (o.help) {
		dxf_options_help();
	} else if (o.version) {
		print_version();
	} else {
		status = go(&o);
	}
	dxf_options_free(&o);
	return status;
}
