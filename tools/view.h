/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - the raw view: a region's bytes as an ordinary file.
 *
 * A FUSE mount on a regular file.  One process serves it from a loop of its
 * own; it must never touch the view itself, since a request of its own that
 * waits for it cannot even be killed.
 *
 *	dxf_view_open - dxf_view_mount or dxf_view_mount_fd -
 *	dxf_view_serve ... - dxf_view_close
 */
#ifndef DXF_VIEW_H
#define DXF_VIEW_H

#include "region.h"
#include "txn.h"

struct dxf_view;

struct dxf_view_opts {
	bool discard;		/* punching holes stores zeros */
	/* Reads go through it, so that what a log holds is laid over them. */
	struct dxf_txnmgr *overlay;
	const char *fsname;	/* what mountinfo shows as the source */
};

/* What went through a view. */
struct dxf_view_stats {
	uint64_t reads, bytes_read;
	uint64_t writes, bytes_written;		/* asked for */
	uint64_t bytes_zeroed;			/* asked for */
	uint64_t bytes_stored;			/* really stored */
};

/*
 * Ownership: *@out is the caller's; the region stays the caller's and must
 * outlive it.
 * Returns: 0; -ENOMEM; -EINVAL libfuse refused (@err says what it said).
 */
int dxf_view_open(struct dxf_view **out, struct dxf_region *r,
		  const struct dxf_view_opts *opts, struct dxf_err *err);

/*
 * Mount on the regular file @path for all to see, with fusermount3(1) where
 * mount(2) is not allowed.
 * Returns: 0; -EINVAL @path is no regular file; -EIO.
 */
int dxf_view_mount(struct dxf_view *v, const char *path, struct dxf_err *err);

/*
 * Mount on the region's own file or device node, in a mount namespace that is
 * this process's own: there it has the bytes that the memory holds.
 * Returns: 0; -errno.
 */
int dxf_view_mount_over(struct dxf_view *v, struct dxf_err *err);

/*
 * Serve requests until @wake_fd can be read or the view is unmounted.
 * Returns: 1 @wake_fd can be read; 0 unmounted; -errno the connection broke.
 */
int dxf_view_serve(struct dxf_view *v, int wake_fd);

/* Unmount it, lazily: who has it open is served on.  Returns: 0, -errno. */
int dxf_view_detach(struct dxf_view *v);

void dxf_view_get_stats(const struct dxf_view *v, struct dxf_view_stats *out);

/*
 * End the connection: whoever still has the view open gets errors.  NULL is
 * allowed.
 * Durability: on DAX media all that was written is durable, on page media
 * what was fsynced.
 */
void dxf_view_close(struct dxf_view *v);

#endif
