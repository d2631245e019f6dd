// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * load.c - guarded loads from a region.
 *
 * Invariant: what is known to be bad is not touched again; each load of
 * poison is a machine check.
 */
#include "load.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "fault.h"
#include "guard.h"
#include "log.h"
#include "region_priv.h"

static _Thread_local bool met_media;

bool dxf_load_met_media(void)
{
	return met_media;
}

static int media_error(void)
{
	met_media = true;
	return -EIO;
}

static int planned_error(void)
{
	met_media = false;
	return -EIO;
}

int dxf_load(struct dxf_region *r, dxf_off_t off, void *buf, size_t len)
{
	struct dxf_bad bad;

	if (!dxf_region_holds(r, off, len))
		return -ERANGE;
	if (dxf_fault(DXF_FAULT_LOAD))
		return planned_error();
	if (dxf_badblock_find(r, off, len, &bad))
		return media_error();
	if (dxf_access_load(buf, r->rd + off, len) == 0)
		return 0;
	dxf_badblock_note_fault(r);
	return media_error();
}

/* Bytes from @addr on that lie before what the last fault said is bad. */
static size_t before_fault(const char *addr, size_t len)
{
	uintptr_t start = dxf_guard_fault.addr;
	uint64_t plen;

	(void)dxf_guard_poison(&start, &plen);
	if (start <= (uintptr_t)addr || start - (uintptr_t)addr >= len)
		return 0;
	return start - (uintptr_t)addr;
}

ssize_t dxf_load_some(struct dxf_region *r, dxf_off_t off, void *buf,
		      size_t len)
{
	struct dxf_bad bad;

	if (!dxf_region_holds(r, off, len))
		return -ERANGE;
	assert(len > 0 && len <= SSIZE_MAX);
	if (dxf_fault(DXF_FAULT_LOAD))
		return planned_error();
	if (dxf_badblock_find(r, off, len, &bad)) {
		if (bad.start <= off)
			return media_error();
		len = bad.start - off;
	}
	if (dxf_access_load(buf, r->rd + off, len) == 0)
		return (ssize_t)len;
	dxf_badblock_note_fault(r);
	len = before_fault(r->rd + off, len);
	if (len == 0 || dxf_access_load(buf, r->rd + off, len) != 0)
		return media_error();
	return (ssize_t)len;
}
