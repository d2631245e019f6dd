/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transport.c - by what the kernel's requests come: /dev/fuse, or io_uring.
 *
 * Owns the choice, and the sentence where it cannot be as asked.
 */
#include "transport.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "abi.h"
#include "log.h"
#include "ring.h"

#define PARAMETER	"/sys/module/fuse/parameters/enable_uring"

/* Returns: 0; -errno with a sentence in @err. */
static int check_kernel(struct dxf_err *err)
{
	FILE *f = fopen(PARAMETER, "re");
	int c;

	if (f == NULL)
		return dxf_err_set(err, EOPNOTSUPP, "the kernel has no FUSE "
			"over io_uring (" PARAMETER " is missing; Linux 6.14 "
			"and later can have it)");
	c = fgetc(f);
	fclose(f);
	if (c != 'Y' && c != '1')
		return dxf_err_set(err, EOPNOTSUPP, "the kernel does not allow "
			"FUSE over io_uring: write Y to " PARAMETER ", or boot "
			"with fuse.enable_uring=1");
	return 0;
}

/*
 * It is the faster one where requests do not wait for a disk, but only whoever
 * runs the machine can have allowed it.
 */
static bool is_wanted(const struct dxf_session *s)
{
	if (s->opt->io_uring != DXF_TRI_UNSET)
		return s->opt->io_uring == DXF_TRI_YES;
	return s->region != NULL &&
	       dxf_region_media(s->region) != DXF_MEDIA_PAGE;
}

void dxf_transport_prepare(struct dxf_session *s)
{
	struct dxf_err err;
	int ret;

	assert(s->se != NULL && s->ring == NULL);
	if (!is_wanted(s))
		return;
	ret = check_kernel(&err);
	if (ret == 0)
		ret = dxf_ring_open(&s->ring, s, &err);
	if (ret && s->opt->io_uring == DXF_TRI_YES)
		dxf_log_warn("io_uring: %s; mounted over /dev/fuse", err.text);
}

void dxf_transport_settle(struct dxf_session *s)
{
	if (s->ring == NULL || (s->init_flags & DXF_INIT_OVER_IO_URING))
		return;
	dxf_ring_stop(s->ring);
	s->ring = NULL;
	if (s->opt->io_uring == DXF_TRI_YES)
		dxf_log_warn("io_uring: the kernel does not offer it; "
			     "mounted over /dev/fuse");
}

const char *dxf_transport_describe(const struct dxf_session *s)
{
	return __atomic_load_n(&s->ring, __ATOMIC_RELAXED) != NULL ?
		"io_uring" : "/dev/fuse, read and writev";
}
