/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"

void *dxf_malloc(size_t len)
{
	return dxf_fault(DXF_FAULT_ALLOC) ? NULL : malloc(len);
}

void *dxf_calloc(size_t n, size_t len)
{
	return dxf_fault(DXF_FAULT_ALLOC) ? NULL : calloc(n, len);
}

void *dxf_realloc(void *p, size_t len)
{
	return dxf_fault(DXF_FAULT_ALLOC) ? NULL : realloc(p, len);
}

void *dxf_aligned_alloc(size_t align, size_t len)
{
	void *p;

	if (dxf_fault(DXF_FAULT_ALLOC))
		return NULL;
	return posix_memalign(&p, align, len) == 0 ? p : NULL;
}

char *dxf_strdup(const char *s)
{
	return dxf_fault(DXF_FAULT_ALLOC) ? NULL : strdup(s);
}
