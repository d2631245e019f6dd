/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring_none.c - a build without liburing: the connection is /dev/fuse.
 */
#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

int dxf_ring_open(struct dxf_ring **out, struct dxf_session *s,
		  struct dxf_err *err)
{
	return dxf_err_set(err, EOPNOTSUPP, "this daxfuse was built without "
			   "liburing");
}

int dxf_ring_start(struct dxf_ring *r)
{
	assert(r == NULL);
	return -EOPNOTSUPP;
}

unsigned int dxf_ring_workers(const struct dxf_ring *r)
{
	return 0;
}

void dxf_ring_stop(struct dxf_ring *r)
{
	assert(r == NULL);
}
