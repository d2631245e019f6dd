/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h - one mounted filesystem: the region, the filesystem on it, and
 * the FUSE connection that serves it.
 *
 *	open	region and filesystem; nothing is visible yet
 *	mount	the kernel mounts, and FUSE_INIT is answered
 *	(the workers serve)
 *	unmount	by us if nobody else did
 *	close	everything durable, the superblock clean, the region unlocked
 */
#ifndef DXF_SESSION_H
#define DXF_SESSION_H

#include <stdint.h>

#include "err.h"
#include "options.h"

struct dxf_keeper;
struct dxf_mountwatch;
struct dxf_ring;
struct fuse_session;

struct dxf_session {
	/* constant after open */
	const struct dxf_options *opt;
	struct dxf_region *region;
	struct dxf_fs *fs;
	struct dxf_keeper *keeper;	/* who unmounts */
	bool ro;		/* asked for, or all that the image allows */
	bool copy_reads;	/* mcsafe */
	bool reads_seen;	/* access times are kept */
	uid_t owner;
	int sigfd;		/* a signal there ends waiting; -1: none */

	/* constant after mount */
	struct fuse_session *se;
	struct dxf_ring *ring;	/* NULL: the connection is /dev/fuse */
	char *mountpoint;	/* absolute; NULL: a /dev/fd/N */
	uint64_t init_flags;	/* the INIT flags we asked for ourselves */
	uint32_t caps;		/* and those that libfuse knows */
	uint32_t proto_major, proto_minor;
	uint64_t started_ns;	/* by dxf_opstat_now() */
	unsigned int nworkers;
	bool inited;		/* FUSE_INIT was answered well */
	bool noted;		/* the keeper knows the mount */
	struct dxf_mountwatch *watch;	/* NULL: changes go unnoticed */

	/* the main thread's */
	bool kernel_ro;		/* the kernel lets nobody write (any more) */
};

/*
 * See that FUSE can be used, then open the region and the filesystem - an image
 * that allows no rw is opened ro, with one sentence to the log that says why and
 * the way out.
 * Ownership: dxf_session_close() releases what is in *@s; @opt and @keeper must
 * outlive it.
 * Returns: 0; -errno with a sentence in @err, nothing left behind; -EINTR when
 * @sigfd became readable while the image was waited for.
 */
int dxf_session_open(struct dxf_session *s, const struct dxf_options *opt,
		     struct dxf_keeper *keeper, int sigfd,
		     struct dxf_err *err);

/* Does the kernel get POSIX ACLs to check?  Once open. */
bool dxf_session_has_acl(const struct dxf_session *s);

/*
 * Mount and answer FUSE_INIT.  The caller starts the workers next.
 * Returns: 0; -errno with a sentence in @err, and it is not mounted.
 */
int dxf_session_mount(struct dxf_session *s, struct dxf_err *err);

/* Tell the keeper which mount is ours - when the workers run. */
void dxf_session_note_mount(struct dxf_session *s);

/*
 * The table of mounts has changed: if the kernel made our filesystem read-only
 * write everything back, as far as it can be, and leave the image clean.
 */
void dxf_session_follow_mounts(struct dxf_session *s);

/*
 * Ask the kernel to unmount while the workers still serve: it writes what
 * shared mappings left dirty.  When it is busy one line says so, and with
 * @last, after which the caller detaches it, those pages are written.
 * Returns: true when the mount is gone or going; false: it is busy.
 */
bool dxf_session_unmount(struct dxf_session *s, bool last);

/*
 * Give up the connection - no worker runs any more.  What is still mounted is
 * detached.
 */
void dxf_session_detach(struct dxf_session *s);

/*
 * Close the filesystem and the region.
 * Returns: 0; -errno: not everything is durable, or the superblock is not
 * clean (logged).
 */
int dxf_session_close(struct dxf_session *s);

#endif
