/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountwatch.c - notice that the kernel made our mount read-only.
 *
 * Invariant: after opening nothing is opened, so that a confined daemon can
 * use it.
 */
#include "mountwatch.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "mountinfo.h"

struct dxf_mountwatch {
	FILE *table;
	uint64_t id;
	int found;		/* as dxf_mountwatch_is_ro() */
};

int dxf_mountwatch_open(struct dxf_mountwatch **out, uint64_t id)
{
	struct dxf_mountwatch *w = dxf_calloc(1, sizeof(*w));
	int err;

	assert(id != 0);
	if (w == NULL)
		return -ENOMEM;
	w->id = id;
	w->table = fopen("/proc/self/mountinfo", "re");
	if (w->table == NULL) {
		err = -errno;
		free(w);
		return err;
	}
	*out = w;
	return 0;
}

void dxf_mountwatch_close(struct dxf_mountwatch *w)
{
	if (w == NULL)
		return;
	fclose(w->table);
	free(w);
}

int dxf_mountwatch_fd(const struct dxf_mountwatch *w)
{
	return w != NULL ? fileno(w->table) : -1;
}

static bool match(void *ctx, const struct dxf_mount *m)
{
	struct dxf_mountwatch *w = ctx;

	if (m->id != w->id)
		return false;
	w->found = m->ro;
	return true;
}

int dxf_mountwatch_is_ro(struct dxf_mountwatch *w)
{
	w->found = -ENOENT;
	rewind(w->table);
	dxf_mountinfo_read(w->table, match, w);
	return w->found;
}
