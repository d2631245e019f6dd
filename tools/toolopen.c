// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * toolopen.c - a region for a tool.
 *
 * umount(8) may return before the lock is released, and a command that follows
 * at once is not to fail for that: what is locked but mounted nowhere is waited
 * for, not long, since somebody's private view looks the same.
 */
#include "toolopen.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "mountinfo.h"

#define STEPS	100
#define STEP_NS	(20 * 1000 * 1000)

static bool is_mounted(const char *source)
{
	DXF_CLEANUP_FREE char *target = dxf_mountinfo_target(0, source);

	return target != NULL;
}

int dxf_tool_open(struct dxf_region **out, const char *path,
		  const struct dxf_region_opts *opts, struct dxf_err *err)
{
	const struct timespec step = { 0, STEP_NS };
	DXF_CLEANUP_FREE char *real = realpath(path, NULL);
	int i, ret;

	assert(path != NULL && opts != NULL);
	for (i = 0;; i++) {
		ret = dxf_region_open(out, path, opts, err);
		if (ret != -EBUSY || i == STEPS || real == NULL ||
		    is_mounted(real))
			return ret;
		nanosleep(&step, NULL);
	}
}
