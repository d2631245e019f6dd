/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view_priv.h - the view as its session and its operations share it.
 */
#ifndef DXF_VIEW_PRIV_H
#define DXF_VIEW_PRIV_H

#include <pthread.h>

#include "fuse_api.h"
#include "view.h"

/* The most that one request reads: a bad place spoils no more than that. */
#define DXF_VIEW_MAX_READ	(128 * 1024)

struct dxf_view {
	struct fuse_session *se;
	struct dxf_region *r;
	struct dxf_view_opts opts;
	struct stat st;			/* of the file that is shown */
	uint8_t *buf;			/* DXF_VIEW_MAX_READ */
	struct fuse_buf req;		/* what was received last */
	char *path;			/* where it is mounted; NULL: private */
	uint64_t mount_id;
	bool over;			/* mounted on the region's own path */

	/* the one long zeroing that may run beside the loop */
	pthread_t zeroer;
	bool zeroing;			/* the loop's: join it */
	bool stop;			/* atomic */

	struct dxf_view_stats stats;	/* atomic */
};

extern const struct fuse_lowlevel_ops dxf_view_ops;

/* Wait for a zeroing that is under way, having told it to end. */
void dxf_view_stop_zeroing(struct dxf_view *v);

static inline void dxf_view_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

#endif
