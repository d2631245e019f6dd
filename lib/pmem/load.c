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

#include "count.h"
#include "fault.h"
#include "guard.h"
#include "log.h"
#include "region_priv.h"

/* New poison that one load may meet before it gives up. */
#define MAX_TRIES	4

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
	if (dxf_access_load(buf, r->rd + off, len) == 0) {
		dxf_count(DXF_COUNT_LOADED, len);
		return 0;
	}
	dxf_badblock_note_fault(r);
	return media_error();
}

void dxf_load_ahead(const struct dxf_region *r, dxf_off_t off, size_t len)
{
	const char *p = r->rd + off, *end = p + len;

	assert(dxf_region_holds(r, off, len));
	if (__atomic_load_n(&r->nbad, __ATOMIC_RELAXED) != 0)
		return;
	for (p -= (uintptr_t)p % DXF_CACHELINE; p < end; p += DXF_CACHELINE)
		__builtin_prefetch(p);
}

void dxf_load_map_ahead(const struct dxf_region *r, dxf_off_t off, size_t len)
{
	const char *p = r->wr + off, *end = p + len;
	char c;

	assert(r->wr != NULL && dxf_region_holds(r, off, len));
	if (!dxf_node_in_memory(&r->node))
		return;
	/* what cannot be loaded, the store will find */
	for (; p < end; p += DXF_MAP_AROUND - (uintptr_t)p % DXF_MAP_AROUND)
		if (dxf_access_load(&c, p, 1) != 0)
			return;
}

/* Bytes before what the last fault touched. */
static size_t before_fault(const char *addr, size_t len)
{
	uintptr_t at = dxf_guard_fault.addr;

	if (at <= (uintptr_t)addr || at - (uintptr_t)addr >= len)
		return 0;
	return at - (uintptr_t)addr;
}

ssize_t dxf_load_some(struct dxf_region *r, dxf_off_t off, void *buf,
		      size_t len)
{
	uintptr_t addr;
	struct dxf_bad bad;
	uint64_t plen;

	if (!dxf_region_holds(r, off, len))
		return -ERANGE;
	assert(len > 0 && len <= SSIZE_MAX);
	if (dxf_fault(DXF_FAULT_LOAD))
		return planned_error();
	for (int tries = 0; tries < MAX_TRIES && len > 0; tries++) {
		if (dxf_badblock_find(r, off, len, &bad)) {
			if (bad.start <= off)
				break;
			len = bad.start - off;
		}
		if (dxf_access_load(buf, r->rd + off, len) == 0) {
			dxf_count(DXF_COUNT_LOADED, len);
			return (ssize_t)len;
		}
		dxf_badblock_note_fault(r);
		/* Poison is in the list now, what was cut off never is. */
		if (!dxf_guard_poison(&addr, &plen))
			len = before_fault(r->rd + off, len);
	}
	return media_error();
}
