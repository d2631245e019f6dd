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
#include <inttypes.h>

#include "fault.h"
#include "guard.h"
#include "log.h"
#include "region_priv.h"

/* Remember poison; a truncated file is not bad media. */
static void note_poison(struct dxf_region *r)
{
	uintptr_t addr;
	uint64_t len;

	if (dxf_guard_poison(&addr, &len))
		dxf_badblock_note(r, r->rd, addr, len);
}

int dxf_load(struct dxf_region *r, dxf_off_t off, void *buf, size_t len)
{
	struct dxf_bad bad;

	if (!dxf_region_holds(r, off, len))
		return -ERANGE;
	if (dxf_fault(DXF_FAULT_LOAD) || dxf_badblock_find(r, off, len, &bad))
		return -EIO;
	if (dxf_access_load(buf, r->rd + off, len) == 0)
		return 0;
	note_poison(r);
	return -EIO;
}
