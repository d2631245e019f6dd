/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.c - one mounted filesystem, from open to close.
 *
 * Owns the order of things: the region is opened (and locked) before the
 * filesystem, which is mounted only when it is usable; at the end the kernel
 * lets go first, then the workers, then the filesystem is made clean, and the
 * lock is released last.
 */
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fuse_api.h"
#include "fusemount.h"
#include "inuse.h"
#include "keeper.h"
#include "log.h"
#include "mountopts.h"
#include "mountpoint.h"
#include "mountwatch.h"
#include "ops.h"
#include "opstat.h"
#include "rawreq.h"
#include "ring.h"
#include "transport.h"
#include "utab.h"
#include "worker.h"

/* ---- open ---- */

static int open_at(struct dxf_session *s, bool ro, struct dxf_err *err)
{
	struct dxf_region_opts ropts = s->opt->region;
	struct dxf_fs_opts fopts = s->opt->fs;
	int ret;

	ropts.ro = ro;
	fopts.ro = ro;
	ret = dxf_inuse_open(&s->region, s->opt->source, &ropts, s->sigfd,
			     err);
	if (ret)
		return ret;
	ret = dxf_fs_open(&s->fs, s->region, &fopts, err);
	if (ret) {
		dxf_region_close(s->region);
		s->region = NULL;
	}
	s->ro = ro;
	return ret;
}

/*
 * The region opened, but the filesystem on it may not be written (it was not
 * cleanly unmounted, or has features that we only read): better ro than not
 * at all, and the sentence says what to do.
 */
static int open_fallback(struct dxf_session *s, struct dxf_err *err)
{
	struct dxf_err why = *err;
	int ret = open_at(s, true, err);

	if (ret == 0)
		dxf_log_warn("%s; mounted read-only", why.text);
	return ret;
}

/* Can it be opened for writing at all?  Then -EROFS was the filesystem's. */
static bool may_fall_back(const struct dxf_session *s, int ret)
{
	return ret == -EROFS && !s->opt->region.ro &&
	       access(s->opt->source, W_OK) == 0;
}

/* What can be known to fail without touching the image. */
static int check_first(const struct dxf_options *opt, struct dxf_err *err)
{
	int ret;

	if (dxf_mountpoint_is_fd(opt->mountpoint))
		return 0;
	ret = dxf_mountpoint_check(opt->mountpoint, err);
	return ret ? ret : dxf_fusemount_check(err);
}

int dxf_session_open(struct dxf_session *s, const struct dxf_options *opt,
		     struct dxf_keeper *keeper, int sigfd, struct dxf_err *err)
{
	int ret;

	assert(opt->source != NULL && opt->mountpoint != NULL);
	memset(s, 0, sizeof(*s));
	s->opt = opt;
	s->keeper = keeper;
	s->sigfd = sigfd;
	s->owner = getuid();
	ret = check_first(opt, err);
	if (ret)
		return ret;
	ret = open_at(s, opt->region.ro, err);
	if (may_fall_back(s, ret))
		ret = open_fallback(s, err);
	if (ret)
		return ret;
	s->copy_reads = opt->mcsafe == DXF_TRI_UNSET ?
		dxf_region_is_pmem(s->region) :
		opt->mcsafe == DXF_TRI_YES;
	s->started_ns = dxf_opstat_now();
	s->reads_seen = !s->ro && opt->fs.atime != DXF_ATIME_NONE;
	dxf_log_debug("%s: %s", dxf_region_path(s->region),
		      dxf_region_describe(s->region));
	return 0;
}

bool dxf_session_has_acl(const struct dxf_session *s)
{
	return !s->opt->fakeroot && dxf_fs_opts_in_effect(s->fs)->acl == DXF_ON;
}

int dxf_session_close(struct dxf_session *s)
{
	int ret;

	assert(s->fs != NULL && s->se == NULL);
	ret = dxf_fs_close(s->fs);
	if (ret)
		dxf_log_err("%s: not everything could be written back (%s); "
			    "run e2fsck before the next mount",
			    dxf_region_path(s->region), strerror(-ret));
	dxf_region_close(s->region);
	dxf_mountwatch_close(s->watch);
	free(s->mountpoint);
	s->fs = NULL;
	s->region = NULL;
	s->mountpoint = NULL;
	return ret;
}

/* ---- mount ---- */

static int new_session(struct dxf_session *s, struct dxf_err *err)
{
	struct fuse_args args;

	if (dxf_mountopts_build(s, &args) != 0)
		return dxf_err_set(err, ENOMEM, "no memory");
	s->se = fuse_session_new(&args, &dxf_ops, sizeof(dxf_ops), s);
	fuse_opt_free_args(&args);
	if (s->se == NULL)
		return dxf_fusemount_failed(err, EINVAL, "libfuse");
	return 0;
}

static int do_mount(struct dxf_session *s, struct dxf_err *err)
{
	const char *at = s->mountpoint ? s->mountpoint : s->opt->mountpoint;

	int ret = dxf_fusemount_do(s, at, err);

	if (ret)
		return ret;
	ret = fuse_session_custom_io(s->se, &dxf_rawreq_io,
				     fuse_session_fd(s->se));
	if (ret == -ENOTSUP)
		return dxf_err_set(err, ENOTSUP, "libfuse %s was built without "
				   "fuse_session_custom_io(): build daxfuse "
				   "with -Dlibfuse=bundled",
				   fuse_pkgversion());
	if (ret != 0)
		return dxf_fusemount_failed(err, ENOMEM, at);
	return s->mountpoint ? dxf_mountopts_apply(s->opt, at, err) : 0;
}

/*
 * The kernel's first request is FUSE_INIT.  After it everything works, so the
 * mount is told to be done only then.
 */
static int answer_init(struct dxf_session *s, struct dxf_err *err)
{
	int ret;

	dxf_transport_prepare(s);
	do {
		ret = dxf_worker_one(s);
	} while (ret == -EINTR || ret == -EAGAIN);
	if (ret == 0)
		dxf_transport_settle(s);
	if (ret)
		return dxf_err_set(err, -ret, "the kernel closed the "
				   "connection at once: %s", strerror(-ret));
	if (!s->inited || fuse_session_exited(s->se))
		return dxf_fusemount_failed(err, EPROTO, "FUSE_INIT");
	return 0;
}

/* By what the table of mounts knows ours. */
static const char *shown_source(const struct dxf_session *s)
{
	return s->opt->fsname ? s->opt->fsname : dxf_region_path(s->region);
}

static int prepare_mountpoint(struct dxf_session *s, struct dxf_err *err)
{
	const char *given = s->opt->mountpoint;

	if (!dxf_mountpoint_is_fd(given))
		return dxf_mountpoint_prepare(given, shown_source(s),
					      &s->mountpoint, err);
	/* Whoever opened it chose its options; only POSIX ACLs make the kernel
	 * check permissions that nobody asked it to check. */
	if (!dxf_session_has_acl(s))
		return dxf_err_set(err, EINVAL, "%s: without POSIX ACLs "
				   "(noacl, or by the superblock) nobody would "
				   "check permissions on a connection that is "
				   "mounted already; mount it with -o acl",
				   given);
	return 0;
}

int dxf_session_mount(struct dxf_session *s, struct dxf_err *err)
{
	int ret;

	assert(s->fs != NULL && s->se == NULL);
	dxf_fusemount_listen();
	ret = prepare_mountpoint(s, err);
	if (ret)
		return ret;
	ret = new_session(s, err);
	if (ret)
		return ret;
	ret = do_mount(s, err);
	if (ret == 0)
		ret = answer_init(s, err);
	if (ret) {
		if (s->ring != NULL)
			dxf_ring_stop(s->ring);
		s->ring = NULL;
		fuse_session_unmount(s->se);
		fuse_session_destroy(s->se);
		s->se = NULL;
	}
	return ret;
}

void dxf_session_note_mount(struct dxf_session *s)
{
	uint64_t id;

	s->noted = true;
	if (s->mountpoint == NULL)
		return;
	id = dxf_mountpoint_id(s->mountpoint);
	if (id != 0 && !s->ro && dxf_mountwatch_open(&s->watch, id) != 0)
		dxf_log_debug("changes of the mount will not be seen");
	if (dxf_keeper_watch(s->keeper, s->mountpoint, id,
			     s->opt->auto_unmount) != 0)
		dxf_log_warn("%s: the process that unmounts it is gone",
			     s->mountpoint);
	dxf_utab_enter(shown_source(s), s->mountpoint,
		       s->opt->subtype ? s->opt->subtype : "daxfuse");
}

/* `mount -i -o remount,ro` and the like: nobody asked us. */
void dxf_session_follow_mounts(struct dxf_session *s)
{
	int ro = dxf_mountwatch_is_ro(s->watch), err;

	if (s->ro || ro < 0 || s->kernel_ro == (ro > 0))
		return;
	s->kernel_ro = ro > 0;
	dxf_log_debug("%s is %s now", s->mountpoint,
		      ro ? "read-only" : "writable");
	dxf_fs_set_reads_only(s->fs, ro);
	err = ro ? dxf_fs_quiesce(s->fs) : 0;
	/* busy: what is left is done in the background, within seconds */
	if (err != 0 && err != -EBUSY)
		dxf_log_warn("%s: writing back for the change to read-only: %s",
			     s->mountpoint, strerror(-err));
}

/* ---- unmount ---- */

static bool connection_is_over(const struct dxf_session *s)
{
	struct pollfd p = { .fd = fuse_session_fd(s->se) };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

/* Say that it cannot be unmounted; @last: it is detached now. */
static void tell_busy(const struct dxf_session *s, int err, bool last)
{
	const char *at = s->mountpoint != NULL ? s->mountpoint : "the mount";

	if (last)
		dxf_log_warn("%s: still in use, detached", at);
	else if (err == -EBUSY)
		dxf_log_warn("%s: in use (EBUSY), goes on; a second signal "
			     "detaches it", at);
	else
		dxf_log_warn("%s: cannot be unmounted (%s), goes on; a second "
			     "signal detaches it", at, strerror(-err));
}

bool dxf_session_unmount(struct dxf_session *s, bool last)
{
	int err = -EBUSY;

	assert(s->se != NULL);
	if (connection_is_over(s))
		return true;
	err = dxf_keeper_umount(s->keeper);
	/* it may live on under another name or in another namespace */
	if (connection_is_over(s))
		return true;
	tell_busy(s, err, last);
	if (last && err)
		dxf_keeper_sync(s->keeper);
	return false;
}

/* Of a mount that lives on without us, until the process ends. */
static struct fuse_session *volatile left_behind;

void dxf_session_detach(struct dxf_session *s)
{
	if (s->noted && !connection_is_over(s))
		dxf_keeper_detach(s->keeper);
	/* unnoted it is just mounted, and nothing was given up yet */
	if (!s->noted || connection_is_over(s)) {
		/* only releases what it has */
		fuse_session_unmount(s->se);
		fuse_session_destroy(s->se);
	} else {
		/* it would unmount whatever is seen there now */
		left_behind = s->se;
		close(fuse_session_fd(s->se));
	}
	s->se = NULL;
}
